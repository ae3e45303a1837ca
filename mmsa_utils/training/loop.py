"""Training and evaluation of any model on any batches. Knows nothing of modalities.

A batch is a dictionary of tensors with `label`; the model turns it into logits.
Everything random in an epoch is seeded by that epoch, so a run that was killed and goes
on from its last epoch draws the same numbers as one that was not.
"""

import copy
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import get_cosine_schedule_with_warmup

from ..config import LABELS
from ..devices import autocast, to_device
from ..errors import CourseError
from ..io import replacing


@dataclass
class EpochLog:
    """What happened in one epoch. Losses are means over posts."""

    epoch: int
    train_loss: float
    val_loss: float
    val_accuracy: float


@dataclass
class Progress:
    """Where a training stands: everything needed to go on."""

    history: list[EpochLog] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = float("inf")
    best_state: dict | None = None

    def finished(self, config):
        """Whether the epochs or the patience have run out."""
        done = len(self.history)
        return done >= config.epochs or done - self.best_epoch >= config.patience


def make_loss(labels, config):
    """Cross-entropy over the training labels' classes, weighted if the config says so.

    Balanced weights are scikit-learn's, n / (classes * count); `root` takes their square root.
    """
    weight = None
    if config.class_weights != "none":
        counts = np.bincount(labels, minlength=len(LABELS)).clip(min=1)
        power = {"balanced": 1.0, "root": 0.5}[config.class_weights]
        weight = torch.tensor((len(labels) / (len(LABELS) * counts)) ** power, dtype=torch.float32)
    return nn.CrossEntropyLoss(weight=weight, label_smoothing=config.label_smoothing)


def make_optimizer(model, config):
    """AdamW; encoders at their own rate, biases and norms without weight decay."""
    groups = []
    for is_encoder, rate in (
        (True, config.encoder_learning_rate),
        (False, config.learning_rate),
    ):
        chosen = [
            p
            for name, p in model.named_parameters()
            if p.requires_grad and name.startswith("encoders.") == is_encoder
        ]
        matrices = [p for p in chosen if p.ndim > 1]
        others = [p for p in chosen if p.ndim <= 1]
        groups.append({"params": matrices, "lr": rate, "weight_decay": config.weight_decay})
        groups.append({"params": others, "lr": rate, "weight_decay": 0.0})
    return torch.optim.AdamW([group for group in groups if group["params"]])


def make_schedule(optimizer, steps_per_epoch, config):
    """Linear warm-up, then cosine to zero; to be stepped once a batch."""
    warmup = round(config.warmup_epochs * steps_per_epoch)
    return get_cosine_schedule_with_warmup(optimizer, warmup, config.epochs * steps_per_epoch)


def make_average(model, config):
    """An exponential moving average of the weights, or None if the config asks for none."""
    if not config.average_decay:
        return None
    moving = get_ema_multi_avg_fn(config.average_decay)
    return AveragedModel(model, multi_avg_fn=moving, use_buffers=True)


def plain_objective(model, batch, loss_function):
    """The loss of the model's logits."""
    return loss_function(model(batch).float(), batch["label"])


def train_one_epoch(
    model,
    batches,
    *,
    loss_function,
    optimizer,
    schedule,
    clip_norm,
    device,
    objective=plain_objective,
    average=None,
):
    """One pass over the training batches; returns the mean loss over posts."""
    model.train()
    total, posts = 0.0, 0
    for batch in batches:
        batch = to_device(batch, device)
        with autocast(device):
            loss = objective(model, batch, loss_function)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        # After backward: before it there is no gradient yet that could be clipped.
        nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        optimizer.step()
        schedule.step()
        if average is not None:
            average.update_parameters(model)
        total += loss.item() * len(batch["label"])
        posts += len(batch["label"])
    return total / posts


@torch.inference_mode()
def predict_logits(model, batches, *, device):
    """Logits `(N, 3)` of all posts, in the batches' order, on the CPU."""
    model.eval()
    logits = []
    for batch in batches:
        with autocast(device):
            logits.append(model(to_device(batch, device)).float().cpu())
    return torch.cat(logits) if logits else torch.empty(0, len(LABELS))


def evaluate(model, batches, labels, *, loss_function, device):
    """`(loss, accuracy)` over all posts at once: no mean of per-batch means."""
    logits = predict_logits(model, batches, device=device).to(device)
    labels = torch.as_tensor(labels, device=device)
    loss = loss_function(logits, labels).item()
    return loss, (logits.argmax(1) == labels).float().mean().item()


def _save(checkpoint, model, average, optimizer, schedule, progress):
    with replacing(checkpoint) as temporary:
        torch.save(
            {
                "model": model.state_dict(),
                "average": average and average.state_dict(),
                "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(),
                "progress": {**vars(progress), "history": [asdict(e) for e in progress.history]},
            },
            temporary,
        )


def _load(checkpoint, model, average, optimizer, schedule, device):
    saved = torch.load(checkpoint, map_location=device, weights_only=True)
    model.load_state_dict(saved["model"])
    if average is not None:
        average.load_state_dict(saved["average"])
    optimizer.load_state_dict(saved["optimizer"])
    schedule.load_state_dict(saved["schedule"])
    progress = Progress(**saved["progress"])
    progress.history = [EpochLog(**entry) for entry in progress.history]
    return progress


def fit(
    model,
    *,
    train_batches,
    inner_batches,
    inner_labels,
    loss_function,
    config,
    device,
    seed,
    objective=plain_objective,
    checkpoint=None,
    on_epoch=None,
):
    """Trains with early stopping on the inner split; leaves the best weights in the model.

    Args:
        train_batches: a function of the epoch (from 1) that gives that epoch's batches.
        inner_batches: batches of the inner split, in the order of `inner_labels`.
        seed: with the epoch it seeds dropout.
        objective: a function of model, batch and loss function that gives what is minimised.
        checkpoint: a file to save after each epoch and to go on from; None for neither.
        on_epoch: called with each `EpochLog`.

    Returns:
        Progress, with the history and the best epoch (lowest inner loss).
    """
    model.to(device)
    loss_function.to(device)
    optimizer = make_optimizer(model, config)
    schedule = make_schedule(optimizer, len(train_batches(1)), config)
    average, progress = make_average(model, config), Progress()
    judged = model if average is None else average.module
    if checkpoint is not None and checkpoint.exists():
        progress = _load(checkpoint, model, average, optimizer, schedule, device)
    while not progress.finished(config):
        epoch = len(progress.history) + 1
        torch.manual_seed(seed * 1000 + epoch)
        train_loss = train_one_epoch(
            model,
            train_batches(epoch),
            loss_function=loss_function,
            optimizer=optimizer,
            schedule=schedule,
            clip_norm=config.clip_norm,
            device=device,
            objective=objective,
            average=average,
        )
        loss, accuracy = evaluate(
            judged, inner_batches, inner_labels, loss_function=loss_function, device=device
        )
        if not np.isfinite([train_loss, loss]).all():
            raise CourseError(
                f"The loss is not a number any more in epoch {epoch}: training has diverged. "
                f"Lower learning_rate (it is {config.learning_rate}) or clip_norm"
            )
        progress.history.append(EpochLog(epoch, train_loss, loss, accuracy))
        if loss < progress.best_loss:
            progress.best_loss, progress.best_epoch = loss, epoch
            progress.best_state = copy.deepcopy(judged.state_dict())
        if checkpoint is not None:
            _save(checkpoint, model, average, optimizer, schedule, progress)
        if on_epoch:
            on_epoch(progress.history[-1])
    model.load_state_dict(progress.best_state)
    return progress
