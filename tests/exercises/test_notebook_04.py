"""The checks of notebook 4's exercises: right answers pass, plausible wrong ones do not."""

import numpy as np
import pytest
from scipy.stats import binom

from mmsa_utils.exercises import notebook_04, verdict

RIGHT = ": right. "


def _simulated() -> float:
    right = 132 + np.random.default_rng(0).binomial(108, 1 / 3, size=20_000)
    return float((right >= 173).mean())


def test_luck_is_counted_among_the_guesses_only() -> None:
    assert RIGHT in verdict("4.1", _simulated())
    more_than = binom.sf(173 - 132, 108, 1 / 3)
    everywhere = binom.sf(172, 240, 0.7)
    for wrong in (more_than, everywhere, 0.0):
        assert verdict("4.1", wrong).startswith("4.1: not yet. 132 are right")


def test_colours_alone_are_cross_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = np.random.default_rng(0).integers(0, 3, size=240)
    monkeypatch.setattr(notebook_04, "_predicted_from_colours", lambda: expected)
    assert RIGHT in verdict("4.2", expected.copy())
    of_another_encoder = np.where(np.arange(240) % 4 == 0, 2 - expected, expected)
    for wrong in (of_another_encoder, np.eye(3)[expected], 0.729):
        assert verdict("4.2", wrong).startswith("4.2: not yet. Change")


def _normalised(x, norm):
    mean, variance, weight, bias = (
        values.view(1, -1, 1, 1)
        for values in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return (x - mean) / (variance + norm.eps).sqrt() * weight + bias


def _with_the_batch(x, norm):
    norm.running_mean, norm.running_var = x.mean((0, 2, 3)), x.var((0, 2, 3))
    return _normalised(x, norm)


def _without_the_root(x, norm):
    return _normalised(x, norm) / (norm.running_var + norm.eps).sqrt().view(1, -1, 1, 1)


def test_batch_norm_takes_what_it_has_kept() -> None:
    assert RIGHT in verdict("4.3", _normalised)
    for wrong in (_with_the_batch, _without_the_root, lambda x, norm: x[0]):
        assert verdict("4.3", wrong).startswith("4.3: not yet. Each channel")


def test_an_activation_map_adds_up_the_weighted_channels() -> None:
    assert RIGHT in verdict("4.4", lambda maps, weight: (maps * weight[:, None, None]).sum(0))
    assert RIGHT in verdict("4.4", lambda maps, weight: np.einsum("chw,c->hw", maps, weight))
    for wrong in (
        lambda maps, weight: maps.sum(0),
        lambda maps, weight: (maps * weight[:, None, None]).mean(0),
        lambda maps, weight: maps.mean((1, 2)) @ weight,
    ):
        assert verdict("4.4", wrong).startswith("4.4: not yet. Every position")


@pytest.mark.parametrize("number", ["4.1", "4.2", "4.3", "4.4"])
def test_dots_are_no_answer(number: str) -> None:
    assert verdict(number, ...) == f"{number}: not answered yet."
    if number in ("4.3", "4.4"):
        assert verdict(number, lambda *_: ...) == f"{number}: not answered yet."
