"""The sentiment model of a config as a learner: trained batch by batch, stopped early."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from typing import Self

import numpy as np
import torch

from ..config import Config
from ..devices import pick_device
from ..errors import CourseError
from ..io import Record
from ..models.fusion import SentimentModel, hide
from ..models.objective import make_loss, make_objective
from ..models.trainable import Batch
from ..progress import progress_bar
from .batches import PostSubset, trained_parts
from .learners import FitContext, Nested, PostClassifier, register_learner
from .loop import Batches, Trainer, Validation, predict_logits
from .probe import has_probe, tuning_config


class NetworkClassifier(PostClassifier):
    """Trains `SentimentModel` on the rows of X that are not for validation.

    Validation rows say when to stop. With `epochs` there is no early stopping: so many epochs
    on all rows of X, at the learning rates of the config's whole schedule.

    With `config.probe_first` encoders are trained from a probe's weights, see `probe`. These are
    epoch 0: where no epoch of the fine-tuning has a lower validation loss, they are the result.

    Attributes:
        model_: the trained model, with the best weights.

    Raises:
        CourseError: where a probe, which needs validation rows, is to be trained without any.
    """

    holds_validation_out = True

    def __init__(self, config: Config, epochs: int | None = None) -> None:
        self.config, self.epochs = config, epochs

    def fit(self, X: PostSubset, y: np.ndarray, context: FitContext) -> Self:
        start = self._probe(X, y, context) if has_probe(self.config) else None
        dims = X.data.prepare()
        X = X.data.relabelled(X.indices, y).subset(X.indices)
        torch.manual_seed(context.seed)
        encoders = trained_parts(self.config)
        self.model_ = SentimentModel(
            dims=dims, config=self.config, classes=X.classes, encoders=encoders
        )
        if start is not None:
            self.model_.load_state_dict(self.model_.state_dict() | start)
            self.model_.keep_norms()
        final = self.epochs is not None
        stop = np.zeros(len(X), dtype=bool) if final else context.validation
        state = self._trainer(y[~stop], context).fit(
            self.model_,
            self._train_batches(X[~stop], context.seed),
            None if final else Validation(X.data.eval_batches(X.indices[stop]), y[stop]),
            epochs=self.epochs,
            start_counts=has_probe(self.config),
        )
        self.best_epoch_ = state.best_epoch
        self.history_ = tuple(asdict(log) for log in state.history)
        return self

    def _probe(self, X: PostSubset, y: np.ndarray, context: FitContext) -> dict[str, torch.Tensor]:
        """The weights of the same network, trained on frozen encoders: of all but these."""
        if self.epochs is not None:
            raise CourseError(
                "probe_first=True trains with early stopping only: give validation posts, or set "
                "probe_first=False for a training of so many epochs"
            )
        data = X.data.probe
        # It takes seconds and is the same again: a training that goes on does it anew.
        alone = NetworkClassifier(data.config).fit(
            data.subset(X.indices), y, replace(context, checkpoint=None)
        )
        return alone.model_.state_dict()

    def _trainer(self, y: np.ndarray, context: FitContext) -> Trainer:
        return Trainer(
            config=tuning_config(self.config),
            loss_function=make_loss(y, self.config, self.model_.classes),
            objective=make_objective(self.model_, self.config),
            device=pick_device(self.config.device),
            # The final fit is not resumed: it draws on from the seed of its weights.
            seed=context.seed if self.epochs is None else None,
            checkpoint=context.checkpoint,
        )

    def _train_batches(self, X: PostSubset, seed: int) -> Callable[[int], Batches]:
        batches = X.data.train_batches(X.indices, seed=seed)
        if not self.config.finetune:
            return batches  # an epoch takes a blink
        return lambda epoch: progress_bar(batches(epoch), f"epoch {epoch}")

    def predict_proba(self, X: PostSubset) -> np.ndarray:
        return self._probabilities(X.data.eval_batches(X.indices))

    def _probabilities(self, batches: Iterable[Batch]) -> np.ndarray:
        device = next(self.model_.parameters()).device
        classes = self.model_.classes
        logits = predict_logits(self.model_, batches, device=device, classes=classes)
        return logits.softmax(1).numpy()

    def predict_views(self, X: PostSubset) -> dict[str, np.ndarray]:
        """What a fused network says by one modality alone, the other being hidden.

        Returns:
            `(n, K)` probabilities by "text" and by "image", to which the words in the picture
            belong; empty where the network does not look at both.
        """
        if self.config.mode != "fused":
            return {}
        batches = X.data.eval_batches(X.indices)
        return {
            seen: self._probabilities(hide(batch, hidden) for batch in batches)
            for seen, hidden in (("text", "image"), ("image", "text"))
        }

    def settings(self) -> Record:
        return self.config.to_dict()


@register_learner("network")
def _network(config: Config) -> NetworkClassifier:
    return NetworkClassifier(config)


@register_learner("nested network")
def _nested_network(config: Config) -> Nested:
    return Nested(NetworkClassifier(config), inner_folds=config.inner_folds)
