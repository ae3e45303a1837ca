"""What training minimises: the loss, and what of the model goes into it."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from ..config import LABELS, Config
from .fusion import SentimentModel
from .trainable import Batch


class Objective(Protocol):
    """A function that says how wrong a model is about a batch."""

    # Any: training knows no more of a model than that it can be called with a batch.
    def __call__(self, model: Any, batch: Batch, loss_function: nn.Module, /) -> torch.Tensor:
        """A scalar to be minimised. `loss_function` takes logits `(B, K)` and labels `(B,)`."""


def make_loss(
    labels: np.ndarray, config: Config, classes: Sequence[str] = LABELS
) -> nn.CrossEntropyLoss:
    """Cross-entropy over the training labels' classes, weighted if the config says so.

    Balanced weights are scikit-learn's, n / (classes * count); `root` takes their square root.

    Args:
        labels: `(N,)` ints, of the posts to be trained on.
        config: `class_weights` and `label_smoothing`.
        classes: the names of all classes; one without a post weighs as if it had one.
    """
    weight = None
    if config.class_weights != "none":
        counts = np.bincount(labels, minlength=len(classes)).clip(min=1)
        power = {"balanced": 1.0, "root": 0.5}[config.class_weights]
        balanced = len(labels) / (len(classes) * counts)
        weight = torch.tensor(balanced**power, dtype=torch.float32)
    return nn.CrossEntropyLoss(weight=weight, label_smoothing=config.label_smoothing)


def plain_objective(model: nn.Module, batch: Batch, loss_function: nn.Module, /) -> torch.Tensor:
    """The loss of the model's logits, a scalar."""
    return loss_function(model(batch).float(), batch["label"])


def make_objective(model: SentimentModel, config: Config) -> Objective:
    """What is minimised: the head's loss, and beside it those of each modality's own classifier.

    The latter weigh `config.auxiliary_weight` each, and count the posts that have the modality.
    """
    if model.auxiliary is None:
        return plain_objective

    def objective(model: Any, batch: Batch, loss_function: nn.Module, /) -> torch.Tensor:
        vectors, present = model.embed(batch)
        loss: torch.Tensor = loss_function(model.head(vectors, present).float(), batch["label"])
        own = model.auxiliary(vectors).float()  # (B, M, K)
        for logits, there in zip(own.unbind(1), present.unbind(1), strict=True):
            if there.any():
                own_loss = loss_function(logits[there], batch["label"][there])
                loss = loss + config.auxiliary_weight * own_loss
        return loss

    return objective
