"""The engine on a toy model: it knows nothing of posts."""

import warnings
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from mmsa_utils.config import Config
from mmsa_utils.devices import autocast, pick_device
from mmsa_utils.errors import CourseError
from mmsa_utils.training import loop as engine

CPU = torch.device("cpu")


class Toy(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))

    def forward(self, batch):
        return self.layer(batch["x"])


def toy_data(n=60):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(n, 4, generator=generator)
    return x, (x[:, :3] + 0.8 * torch.randn(n, 3, generator=generator)).argmax(1)


def toy_batches(x, y, size=16):
    return [{"x": x[k : k + size], "label": y[k : k + size]} for k in range(0, len(x), size)]


def fit(config, *, model=None, checkpoint=None, on_epoch=None):
    model = model or Toy()
    x, y = toy_data()
    inner_x, inner_y = toy_data(24)
    progress = engine.fit(
        model,
        train_batches=lambda epoch: toy_batches(x, y),
        inner_batches=toy_batches(inner_x, inner_y),
        inner_labels=inner_y.numpy(),
        loss_function=engine.make_loss(y.numpy(), config),
        config=config,
        device=CPU,
        seed=5,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
    )
    return model, progress


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
    optimizer, schedule = SpyOptimizer(model), SpySchedule()
    batches = toy_batches(x * 50, y)
    engine.train_one_epoch(
        model,
        batches,
        loss_function=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        schedule=schedule,
        clip_norm=clip_norm,
        device=CPU,
    )
    return optimizer.norms, schedule.steps, len(batches)


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
    schedule = engine.make_schedule(optimizer, 5, config)
    rates = []
    for _ in range(50):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert rates[:3] == pytest.approx([0.0, 0.1, 0.2])
    assert max(rates) == rates[10] == pytest.approx(1.0)
    assert rates[30] == pytest.approx(0.5)
    assert schedule.get_last_lr()[0] == pytest.approx(0.0, abs=1e-9)


def test_losses_are_means_over_posts_not_over_batches():
    model, (x, y) = Toy().eval(), toy_data(17)  # batches of 16 and of 1
    loss, accuracy = engine.evaluate(
        model, toy_batches(x, y), y, loss_function=nn.CrossEntropyLoss(), device=CPU
    )
    logits = model({"x": x})
    assert loss == pytest.approx(nn.functional.cross_entropy(logits, y).item(), rel=1e-5)
    assert accuracy == pytest.approx((logits.argmax(1) == y).float().mean().item())


def test_balanced_weights_are_scikit_learns():
    labels = np.array([0] * 6 + [1] * 2 + [2] * 12)
    loss = engine.make_loss(labels, Config(class_weights="balanced"))
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert loss.weight.numpy() == pytest.approx(expected)
    root = engine.make_loss(labels, Config(class_weights="root"))
    assert root.weight.numpy() == pytest.approx(np.sqrt(expected))


def test_early_stopping_waits_patience_epochs_and_restores_the_best_weights():
    config = Config(epochs=200, patience=3, learning_rate=0.05, warmup_epochs=0)
    model, progress = fit(config)
    losses = [epoch.val_loss for epoch in progress.history]
    assert len(losses) < 200
    assert progress.best_epoch == np.argmin(losses) + 1
    assert len(losses) == progress.best_epoch + 3
    x, y = toy_data(24)
    loss, _ = engine.evaluate(
        model, toy_batches(x, y), y, loss_function=nn.CrossEntropyLoss(), device=CPU
    )
    assert loss == pytest.approx(min(losses), rel=1e-5)


class Killed(Exception):
    pass


def test_a_training_that_was_cut_off_goes_on_to_the_same_weights(tmp_path):
    config = Config(epochs=6, patience=6, learning_rate=0.02)
    whole, _ = fit(config)

    def kill(log):
        if log.epoch == 3:
            raise Killed

    with pytest.raises(Killed):
        fit(config, checkpoint=tmp_path / "fold.pt", on_epoch=kill)
    resumed, progress = fit(config, checkpoint=tmp_path / "fold.pt")
    assert len(progress.history) == 6
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_diverging_training_says_so():
    with pytest.raises(CourseError, match="learning_rate"):
        fit(Config(epochs=3, learning_rate=1e30, warmup_epochs=0, clip_norm=1e30))


def test_encoders_get_their_own_rate_and_biases_no_decay():
    model = nn.Module()
    model.encoders = nn.ModuleDict({"text": nn.Linear(3, 3)})
    model.head = nn.Linear(3, 3)
    config = Config(learning_rate=1e-3, encoder_learning_rate=1e-5, weight_decay=0.1)
    groups = {
        (group["lr"], group["weight_decay"], p.ndim)
        for group in engine.make_optimizer(model, config).param_groups
        for p in group["params"]
    }
    assert groups == {(1e-5, 0.1, 2), (1e-5, 0.0, 1), (1e-3, 0.1, 2), (1e-3, 0.0, 1)}


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_the_fastest_device_is_chosen_unless_told_otherwise(cuda, mps, expected, monkeypatch):
    monkeypatch.delenv("MMSA_DEVICE")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device().type == expected
    assert pick_device("cpu").type == "cpu"
    monkeypatch.setenv("MMSA_DEVICE", "cpu")
    assert pick_device().type == "cpu"


def test_mixed_precision_is_bfloat16_on_cuda_only():
    assert isinstance(autocast(torch.device("cpu")), nullcontext)
    assert isinstance(autocast(torch.device("mps")), nullcontext)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there may be no CUDA here
        assert autocast(torch.device("cuda")).fast_dtype is torch.bfloat16


def test_an_absent_device_is_refused_with_those_that_are_there():
    with pytest.raises(CourseError, match=r"device='tpu'.*cpu"):
        pick_device("tpu")
    assert pick_device("cpu").type == "cpu"
