"""The training loop on a toy model: it knows nothing of posts."""

import errno
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from transformers import get_cosine_schedule_with_warmup

from mmsa_utils.config import Config
from mmsa_utils.errors import CourseError
from mmsa_utils.models import Trainable, decay_groups
from mmsa_utils.training import loop
from mmsa_utils.training.loop import (
    Trainer,
    TrainingState,
    Validation,
    evaluate,
    make_schedule,
    train_one_epoch,
)

CPU = torch.device("cpu")
LOSS = nn.CrossEntropyLoss()


class Toy(Trainable):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))

    def parameter_groups(self, config):
        return decay_groups(
            self.parameters(),
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
        )

    def forward(self, batch):
        return self.layer(batch["x"])


def toy_data(n=60):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(n, 4, generator=generator)
    return x, (x[:, :3] + 0.8 * torch.randn(n, 3, generator=generator)).argmax(1)


def toy_batches(x, y, size=16):
    return [{"x": x[k : k + size], "label": y[k : k + size]} for k in range(0, len(x), size)]


def toy_validation(n=24, size=16):
    x, y = toy_data(n)
    return Validation(toy_batches(x, y, size), y.numpy())


def train(config, *, validation=True, epochs=None, start_counts=False, **options):
    model, (x, y) = Toy(), toy_data()
    trainer = Trainer(config=config, loss_function=LOSS, device=CPU, seed=5, **options)
    held_out = toy_validation() if validation else None
    batches = lambda epoch: toy_batches(x, y)  # noqa: E731
    state = trainer.fit(model, batches, held_out, epochs=epochs, start_counts=start_counts)
    return model, state


class SpyOptimizer:
    """Notes the norm of the gradient that the step gets."""

    def __init__(self, model):
        self.model, self.norms = model, []

    def zero_grad(self, set_to_none):
        self.model.zero_grad(set_to_none=set_to_none)

    def step(self):
        grads = [p.grad.norm() for p in self.model.parameters()]
        self.norms.append(torch.stack(grads).norm().item())


class SpySchedule:
    steps = 0

    def step(self):
        self.steps += 1


def one_epoch(clip_norm):
    model, (x, y) = Toy(), toy_data()
    state = TrainingState(model, SpyOptimizer(model), SpySchedule(), average=None)
    batches = toy_batches(x * 50, y)
    train_one_epoch(state, batches, loss_function=LOSS, clip_norm=clip_norm, device=CPU)
    return state.optimizer.norms, state.schedule.steps, len(batches)


def test_the_optimizer_gets_clipped_gradients():
    free, _, _ = one_epoch(clip_norm=1e9)
    clipped, _, _ = one_epoch(clip_norm=0.5)
    assert min(free) > 0.5
    assert max(clipped) == pytest.approx(0.5, rel=1e-3)


def test_the_schedule_is_stepped_once_a_batch():
    _, steps, batches = one_epoch(clip_norm=1.0)
    assert steps == batches


def test_warm_up_then_cosine_to_zero():
    config = Config(epochs=10, warmup_epochs=2.0, learning_rate=1.0)
    optimizer = torch.optim.AdamW(Toy().parameters(), lr=1.0)
    schedule = make_schedule(optimizer, 5, config)
    rates = []
    for _ in range(50):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert rates[:3] == pytest.approx([0.0, 0.1, 0.2])
    assert max(rates) == rates[10] == pytest.approx(1.0)
    assert rates[30] == pytest.approx(0.5)
    assert schedule.get_last_lr()[0] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("warmup_epochs", [0.0, 0.5, 2.0])
def test_the_schedule_is_that_of_transformers(warmup_epochs):
    config = Config(epochs=3, warmup_epochs=warmup_epochs)
    optimizer = torch.optim.AdamW(Toy().parameters(), lr=1.0)
    (ours,) = make_schedule(optimizer, 7, config).lr_lambdas
    steps = round(warmup_epochs * 7)
    (theirs,) = get_cosine_schedule_with_warmup(optimizer, steps, 21).lr_lambdas
    assert [ours(step) for step in range(25)] == [theirs(step) for step in range(25)]


def test_losses_are_means_over_posts_not_over_batches():
    model, (x, y) = Toy().eval(), toy_data(17)  # batches of 16 and of 1
    loss, accuracy = evaluate(model, toy_validation(17), loss_function=LOSS, device=CPU)
    logits = model({"x": x})
    assert loss == pytest.approx(nn.functional.cross_entropy(logits, y).item(), rel=1e-5)
    assert accuracy == pytest.approx((logits.argmax(1) == y).float().mean().item())


def test_early_stopping_waits_patience_epochs_and_restores_the_best_weights():
    config = Config(epochs=200, patience=3, learning_rate=0.05, warmup_epochs=0)
    model, state = train(config)
    losses = [log.val_loss for log in state.history]
    assert len(losses) < 200
    assert state.best_epoch == np.argmin(losses) + 1
    assert len(losses) == state.best_epoch + 3
    loss, _ = evaluate(model, toy_validation(), loss_function=LOSS, device=CPU)
    assert loss == pytest.approx(min(losses), rel=1e-5)


def test_without_validation_it_runs_for_so_many_epochs_and_the_last_weights_count():
    config = Config(epochs=20, patience=1, learning_rate=0.02)
    last, state = train(config, validation=False, epochs=6)
    assert [log.epoch for log in state.history] == [1, 2, 3, 4, 5, 6]
    assert all(log.val_loss is None for log in state.history)
    # The same six epochs as those of a training that is watched.
    seen = {}
    x, y = toy_data()
    model = Toy()
    trainer = Trainer(
        config=config.but(patience=20),
        loss_function=LOSS,
        device=CPU,
        seed=5,
        on_epoch=lambda log: seen.update({log.epoch: [p.clone() for p in model.parameters()]}),
    )
    trainer.fit(model, lambda epoch: toy_batches(x, y), toy_validation())
    for a, b in zip(last.parameters(), seen[6], strict=True):
        assert torch.equal(a, b)


def test_averaged_weights_are_a_moving_average_and_what_is_left_in_the_model():
    """Against an average that is taken by hand after every batch."""
    config = Config(epochs=3, learning_rate=0.05, average_decay=0.8, warmup_epochs=0)
    before = []  # the weights that each batch meets: those after the batch before it

    def follow(model, batch, loss_function):
        before.append([p.detach().clone() for p in model.parameters()])
        return loss_function(model(batch), batch["label"])

    _, _ = train(config, validation=False, objective=follow)
    model, _ = train(config, validation=False, epochs=2)  # its end is what batch 2 * 4 meets
    average = before[1]
    for weights in before[2 : 2 * 4 + 1]:
        average = [0.8 * a + 0.2 * w for a, w in zip(average, weights, strict=True)]
    for a, b in zip(average, model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    assert not torch.allclose(before[8][0], average[0], atol=1e-4)


def test_a_start_that_counts_is_kept_where_no_epoch_is_better():
    config = Config(epochs=20, patience=3, learning_rate=30.0, warmup_epochs=0)
    model, state = train(config, start_counts=True)
    assert [log.epoch for log in state.history] == [0, 1, 2, 3]  # patience counts from the start
    assert state.best_epoch == 0
    loss, accuracy = evaluate(Toy(), toy_validation(), loss_function=LOSS, device=CPU)
    assert (state.history[0].val_loss, state.history[0].val_accuracy) == (loss, accuracy)
    assert state.history[0].train_loss is None
    for a, b in zip(model.parameters(), Toy().parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_start_that_counts_changes_nothing_in_the_epochs_that_follow():
    config = Config(epochs=5, learning_rate=0.02)
    model, state = train(config, start_counts=True)
    plain, without = train(config)
    assert state.history[1:] == without.history
    assert state.best_epoch == without.best_epoch > 0
    for a, b in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_moving_average_begins_with_a_start_that_counts():
    config = Config(epochs=1, learning_rate=0.05, average_decay=0.8, warmup_epochs=0)
    met = []  # the weights that each batch meets

    def follow(model, batch, loss_function):
        met.append([p.detach().clone() for p in model.parameters()])
        return loss_function(model(batch), batch["label"])

    train(config.but(epochs=2), validation=False, objective=follow)
    options = {"validation": False, "epochs": 1, "start_counts": True}
    model, _ = train(config.but(epochs=2), **options)
    average = met[0]
    for weights in met[1:5]:  # four batches an epoch: the fifth meets what the fourth has left
        average = [0.8 * a + 0.2 * w for a, w in zip(average, weights, strict=True)]
    for a, b in zip(average, model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


class Killed(Exception):
    pass


@pytest.mark.parametrize("start_counts", [False, True])
@pytest.mark.parametrize("average_decay", [0.0, 0.9])
def test_a_training_that_was_cut_off_goes_on_to_the_same_weights(
    tmp_path: Path, average_decay, start_counts, monkeypatch
):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    config = Config(epochs=6, patience=6, learning_rate=0.02, average_decay=average_decay)
    whole, uninterrupted = train(config, start_counts=start_counts)

    def kill(log):
        if log.epoch == 4:  # three epochs have been saved
            raise Killed

    with pytest.raises(Killed):
        train(config, start_counts=start_counts, checkpoint=tmp_path / "fold.pt", on_epoch=kill)
    resumed, state = train(config, start_counts=start_counts, checkpoint=tmp_path / "fold.pt")
    assert state.history == uninterrupted.history
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_diverging_training_says_so():
    with pytest.raises(CourseError, match="learning_rate"):
        train(Config(epochs=3, learning_rate=1e30, warmup_epochs=0, clip_norm=1e30))


def test_checkpoints_are_written_every_so_often_and_at_the_end(tmp_path, monkeypatch):
    clock = iter(np.arange(100) * 4.0)  # an epoch takes four seconds
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(clock))
    saved = []
    monkeypatch.setattr(TrainingState, "save", lambda state, file: saved.append(len(state.history)))
    train(Config(epochs=7, patience=7), checkpoint=tmp_path / "fold.pt")
    assert saved == [3, 6, 7]


def test_a_broken_checkpoint_is_said_and_the_training_starts_anew(tmp_path):
    config, file = Config(epochs=3, patience=3), tmp_path / "fold.pt"
    whole, _ = train(config, checkpoint=file)
    file.write_bytes(file.read_bytes()[:500])
    with pytest.warns(UserWarning, match=r"fold\.pt is broken"):
        again, _ = train(config, checkpoint=file)
    for a, b in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_full_disk_costs_the_checkpoint_and_not_the_training(tmp_path, monkeypatch):
    def full(content, file):
        raise OSError(errno.ENOSPC, "No space left on device")

    whole, _ = train(Config(epochs=3))
    monkeypatch.setattr(torch, "save", full)
    with pytest.warns(UserWarning, match=r"fold\.pt cannot be written"):
        again, _ = train(Config(epochs=3), checkpoint=tmp_path / "fold.pt")
    for a, b in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not list(tmp_path.iterdir())
