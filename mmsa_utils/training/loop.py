"""Training and evaluation of any model on any batches. Knows nothing of modalities.

A batch is a dictionary of tensors with `label`; the model turns it into logits. Everything
random in an epoch is seeded by that epoch, so a run that was killed and goes on from its last
epoch draws the same numbers as one that was not.
"""

import copy
import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..config import LABELS, Config
from ..devices import autocast, to_device
from ..errors import CourseError
from ..io import replacing
from ..models.objective import Objective, plain_objective
from ..models.trainable import Batch, Trainable
from .probe import has_probe

CHECKPOINT_SECONDS = 10.0  # at least, from one checkpoint to the next


class Batches(Protocol):
    """One epoch's batches: they can be counted, and gone through."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class Validation:
    """The posts that say when to stop: their batches, and their labels `(n,)` in that order."""

    batches: Iterable[Batch]
    labels: np.ndarray


@dataclass
class EpochLog:
    """What happened in one epoch. Losses are means over posts; no validation set, no figure.

    Epoch 0 is the start, where it counts: validated, not trained.
    """

    epoch: int
    train_loss: float | None = None
    val_loss: float | None = None
    val_accuracy: float | None = None


# ---- the state --------------------------------------------------------------------------


@dataclass
class TrainingState:
    """Where a training stands: everything that is needed to go on."""

    model: Trainable
    optimizer: torch.optim.Optimizer
    schedule: LambdaLR
    average: AveragedModel | None  # moving average of the weights, where there is one
    history: list[EpochLog] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = float("inf")
    best_weights: dict[str, torch.Tensor] | None = None

    @classmethod
    def start(cls, model: Trainable, config: Config, *, steps_per_epoch: int) -> "TrainingState":
        """A model that has not been trained yet, with its optimizer and its schedule."""
        optimizer = torch.optim.AdamW(model.parameter_groups(config))
        schedule = make_schedule(optimizer, steps_per_epoch, config)
        return cls(model, optimizer, schedule, make_average(model, config))

    @property
    def epoch(self) -> int:
        """The last epoch that was trained; 0 before the first."""
        return self.history[-1].epoch if self.history else 0

    @property
    def judged(self) -> nn.Module:
        """The weights that count: the moving average, where there is one."""
        return self.model if self.average is None else self.average.module

    def enter(self, log: EpochLog) -> None:
        """Notes an epoch, and its weights if it has the lowest validation loss so far."""
        self.history.append(log)
        if log.val_loss is not None and log.val_loss < self.best_loss:
            self.best_loss, self.best_epoch = log.val_loss, log.epoch
            self.best_weights = copy.deepcopy(self.judged.state_dict())

    def finished(self, *, epochs: int, patience: int | None) -> bool:
        """Whether the epochs, or the patience where there is any, have run out."""
        impatient = patience is not None and self.epoch - self.best_epoch >= patience
        return self.epoch >= epochs or impatient

    def _parts(self) -> dict[str, Any]:
        parts = {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}
        return parts if self.average is None else {**parts, "average": self.average}

    def save(self, file: Path) -> None:
        """Writes a checkpoint: whole, or not at all."""
        saved = {name: part.state_dict() for name, part in self._parts().items()}
        saved["progress"] = {
            "history": [asdict(log) for log in self.history],
            "best_epoch": self.best_epoch,
            "best_loss": self.best_loss,
            "best_weights": self.best_weights,
        }
        with replacing(file) as temporary:
            torch.save(saved, temporary)

    def load(self, saved: dict[str, Any]) -> None:
        """Goes back to what a checkpoint holds."""
        for name, part in self._parts().items():
            part.load_state_dict(saved[name])
        progress = saved["progress"]
        self.history = [EpochLog(**entry) for entry in progress.pop("history")]
        for name, value in progress.items():
            setattr(self, name, value)


def make_schedule(
    optimizer: torch.optim.Optimizer, steps_per_epoch: int, config: Config
) -> LambdaLR:
    """Linear warm-up, then cosine to zero (Loshchilov and Hutter, "SGDR", ICLR 2017).

    To be stepped once a batch. It is transformers' `get_cosine_schedule_with_warmup`, without the
    seconds that its module takes to import.
    """
    warmup = round(config.warmup_epochs * steps_per_epoch)
    decay = max(1, config.epochs * steps_per_epoch - warmup)

    def factor(step: int) -> float:
        if step < warmup:
            return step / warmup
        done = (step - warmup) / decay
        return max(0.0, 0.5 * (1 + math.cos(math.pi * done)))

    return LambdaLR(optimizer, factor)


def make_average(model: nn.Module, config: Config) -> AveragedModel | None:
    """An exponential moving average of the weights, or None if the config asks for none."""
    if not config.average_decay:
        return None
    moving = get_ema_multi_avg_fn(config.average_decay)
    return AveragedModel(model, multi_avg_fn=moving, use_buffers=True)


# ---- one epoch --------------------------------------------------------------------------


def train_one_epoch(
    state: TrainingState,
    batches: Iterable[Batch],
    *,
    loss_function: nn.Module,
    clip_norm: float,
    device: torch.device,
    objective: Objective = plain_objective,
) -> float:
    """One pass over the training batches; returns the mean loss over posts.

    Args:
        loss_function: of logits `(B, K)` and labels `(B,)`.
        clip_norm: largest norm of the gradient.
        objective: what is minimised, a function of model, batch and loss function.
    """
    model = state.model.train()
    total, posts = 0.0, 0
    for batch in batches:
        batch = to_device(batch, device)
        with autocast(device):
            loss = objective(model, batch, loss_function)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        # After backward: before it there is no gradient yet that could be clipped.
        nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        state.optimizer.step()
        state.schedule.step()
        if state.average is not None:
            state.average.update_parameters(model)
        total += loss.item() * len(batch["label"])
        posts += len(batch["label"])
    return total / posts


@torch.inference_mode()
def predict_logits(
    model: nn.Module,
    batches: Iterable[Batch],
    *,
    device: torch.device,
    classes: Sequence[str] = LABELS,
) -> torch.Tensor:
    """Logits `(N, K)` of all posts, in the batches' order, on the CPU.

    Args:
        classes: the names of the K classes: without a batch nothing else says how many.
    """
    model.eval()
    logits = []
    for batch in batches:
        with autocast(device):
            logits.append(model(to_device(batch, device)).float().cpu())
    return torch.cat(logits) if logits else torch.empty(0, len(classes))


def evaluate(
    model: nn.Module, validation: Validation, *, loss_function: nn.Module, device: torch.device
) -> tuple[float, float]:
    """`(loss, accuracy)` over all posts at once: no mean of per-batch means."""
    logits = predict_logits(model, validation.batches, device=device).to(device)
    labels = torch.as_tensor(validation.labels, device=device)
    loss = loss_function(logits, labels).item()
    return loss, (logits.argmax(1) == labels).float().mean().item()


# ---- the loop ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """How a model is trained: by what loss, with which settings, on which device.

    Attributes:
        loss_function: of logits `(B, K)` and labels `(B,)`.
        objective: what is minimised, a function of model, batch and loss function.
        seed: with the epoch it seeds dropout. None goes on with torch's generator as it is;
            such a training cannot be resumed to the same weights.
        checkpoint: a file to save to and to go on from; None for neither. It is written after
            an epoch if the last time is `CHECKPOINT_SECONDS` ago, and at the end.
        on_epoch: called with each `EpochLog`.
    """

    config: Config
    loss_function: nn.Module
    device: torch.device
    objective: Objective = plain_objective
    seed: int | None = None
    checkpoint: Path | None = None
    on_epoch: Callable[[EpochLog], None] | None = None

    def fit(
        self,
        model: Trainable,
        train_batches: Callable[[int], Batches],
        validation: Validation | None = None,
        *,
        epochs: int | None = None,
        start_counts: bool = False,
    ) -> TrainingState:
        """Trains; the best weights are in the model afterwards.

        With a validation set training stops early, and the best weights are those with the
        lowest validation loss. Without, it runs for so many epochs, and the last ones count.

        Args:
            train_batches: a function of the epoch (from 1) that gives that epoch's batches.
            epochs: at most; the config's by default. The learning rate follows the config's
                whole schedule either way.
            start_counts: whether the model comes with weights that may be the best: judged
                as epoch 0 where there is a validation set, and the moving average's first.

        Raises:
            CourseError: where the training diverges.
        """
        model.to(self.device)
        self.loss_function.to(self.device)
        state = TrainingState.start(model, self.config, steps_per_epoch=len(train_batches(1)))
        self._resume(state)
        if start_counts and not state.history:
            self._enter_start(state, validation)
        patience = None if validation is None else self.config.patience
        saved = time.monotonic()
        while not state.finished(epochs=epochs or self.config.epochs, patience=patience):
            self._one_epoch(state, train_batches, validation)
            if time.monotonic() - saved >= CHECKPOINT_SECONDS:
                self._save(state)
                saved = time.monotonic()
        self._save(state)
        model.load_state_dict(state.best_weights or state.judged.state_dict())
        return state

    def _enter_start(self, state: TrainingState, validation: Validation | None) -> None:
        if state.average is not None:
            state.average.update_parameters(state.model)  # the first one is a copy
        if validation is not None:
            self._enter(state, EpochLog(0), validation)

    def _one_epoch(
        self,
        state: TrainingState,
        train_batches: Callable[[int], Batches],
        validation: Validation | None,
    ) -> None:
        log = EpochLog(state.epoch + 1)
        if self.seed is not None:
            torch.manual_seed(self.seed * 1000 + log.epoch)
        log.train_loss = train_one_epoch(
            state,
            train_batches(log.epoch),
            loss_function=self.loss_function,
            clip_norm=self.config.clip_norm,
            device=self.device,
            objective=self.objective,
        )
        self._enter(state, log, validation)

    def _enter(self, state: TrainingState, log: EpochLog, validation: Validation | None) -> None:
        """Judges the weights of an epoch and notes it."""
        if validation is not None:
            log.val_loss, log.val_accuracy = evaluate(
                state.judged, validation, loss_function=self.loss_function, device=self.device
            )
        self._refuse_divergence(log)
        state.enter(log)
        if self.on_epoch:
            self.on_epoch(log)

    def _resume(self, state: TrainingState) -> None:
        if self.checkpoint is None or not self.checkpoint.exists():
            return
        try:
            saved = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        except (OSError, RuntimeError, ValueError, EOFError, UnpicklingError):
            warnings.warn(f"{self.checkpoint} is broken: this training starts anew", stacklevel=2)
            return
        state.load(saved)

    def _save(self, state: TrainingState) -> None:
        if self.checkpoint is None:
            return
        try:
            state.save(self.checkpoint)
        except OSError as error:  # the training itself can go on
            warnings.warn(f"{self.checkpoint} cannot be written: {error}", stacklevel=2)

    def _refuse_divergence(self, log: EpochLog) -> None:
        losses = [loss for loss in (log.train_loss, log.val_loss) if loss is not None]
        if not np.isfinite(losses).all():
            rate = "encoder_learning_rate" if has_probe(self.config) else "learning_rate"
            raise CourseError(
                f"The loss is not a number any more in epoch {log.epoch}: training has diverged. "
                f"Lower {rate} (it is {getattr(self.config, rate)}) or clip_norm"
            )
