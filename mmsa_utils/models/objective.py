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
    """What is minimised: the head's loss and what the config adds to it, on mixed posts or not.

    The losses of each modality's own classifier weigh `config.auxiliary_weight` each, and count
    the posts that have the modality.
    """
    objective = plain_objective if model.auxiliary is None else _with_auxiliary(config)
    return _on_mixed_posts(objective, config.mixup) if config.mixup else objective


def _with_auxiliary(config: Config) -> Objective:
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


# ---- mixup ------------------------------------------------------------------------------


def draw_partners(present: torch.Tensor) -> torch.Tensor:
    """`(B,)`: for each post another one, at random, that has the same modalities.

    So a vector that is there is mixed with no zeros in the place of one that is not. A post that
    is alone in what it has is its own partner, and so is any by chance.

    Args:
        present: `(B, M)` bool, which modalities each post has.
    """
    kinds = (present * 2 ** torch.arange(present.shape[1], device=present.device)).sum(1)  # (B,)
    shuffled = torch.randperm(len(kinds), device=kinds.device)
    partners = torch.empty_like(shuffled)
    partners[kinds.argsort(stable=True)] = shuffled[kinds[shuffled].argsort(stable=True)]
    return partners


def mix(batch: Batch, modalities: Sequence[str], *, partners: torch.Tensor, share: float) -> Batch:
    """A batch whose features are share * own + (1 - share) * partner's.

    Its `label` is `(B, 2)`: own and partner's. `modalities` are all of features `(B, D)`.
    """
    mixed = {m: batch[m].lerp(batch[m][partners], 1 - share) for m in modalities}
    return batch | mixed | {"label": torch.stack([batch["label"], batch["label"][partners]], 1)}


class MixedLoss(nn.Module):
    """The loss of mixed posts: share * loss(own label) + (1 - share) * loss(partner's).

    Args:
        loss_function: of logits `(B, K)` and labels `(B,)`.
        share: of the own label.
    """

    def __init__(self, loss_function: nn.Module, share: float) -> None:
        super().__init__()
        self.loss_function, self.share = loss_function, share

    def forward(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """A scalar from logits `(B, K)` and pairs of labels `(B, 2)`."""
        own, partners = (self.loss_function(logits, column) for column in labels.unbind(1))
        return self.share * own + (1 - self.share) * partners


def _on_mixed_posts(objective: Objective, alpha: float) -> Objective:
    """An objective on posts of which each is mixed with another of its batch.

    Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018; on features, Verma et
    al., "Manifold Mixup", ICML 2019. The share is drawn for a batch from Beta(alpha, alpha).
    """
    law = torch.distributions.Beta(alpha, alpha)

    def mixed(model: Any, batch: Batch, loss_function: nn.Module, /) -> torch.Tensor:
        share = law.sample().item()
        present = torch.stack([batch[f"{m}_present"] for m in model.modalities], 1)
        posts = mix(batch, model.modalities, partners=draw_partners(present), share=share)
        return objective(model, posts, MixedLoss(loss_function, share))

    return mixed
