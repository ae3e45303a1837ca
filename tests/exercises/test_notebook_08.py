"""The checks of notebook 8's exercises: right answers pass, plausible wrong ones do not."""

import numpy as np
import pytest

from mmsa_utils.exercises import notebook_08, verdict

RIGHT = ": right. "


def test_words_that_cover_for_each_other_are_worth_nothing_alone() -> None:
    assert RIGHT in verdict("8.1", (0, 2))
    for wrong in ((6, 6), (0, 6), (2, 0), 0):
        assert verdict("8.1", wrong).startswith("8.1: not yet. Leave one word out")


def test_the_area_is_that_of_the_reversed_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook_08, "_area_of_reversed_order", lambda: 0.82)
    assert RIGHT in verdict("8.2", 0.823)
    for wrong in (0.55, 0.7, 82):
        assert verdict("8.2", wrong).startswith("8.2: not yet. Give `deletion`")


def _integrated(gradient, x, steps=50):
    points = (np.arange(steps) + 0.5) / steps
    return x * np.mean([gradient(point * x) for point in points], axis=0)


def test_integrated_gradients_are_averaged_on_the_way() -> None:
    assert RIGHT in verdict("8.3", _integrated)
    for wrong in (
        lambda gradient, x: x * gradient(x),
        lambda gradient, x: _integrated(gradient, x) / x,
        lambda gradient, x: x * gradient(x / 2),
        lambda gradient, x: 50 * _integrated(gradient, x),
    ):
        assert verdict("8.3", wrong).startswith("8.3: not yet. Take the gradient")


@pytest.mark.parametrize("scale", [1, -0.5, 1000])
def test_an_exclusive_or_is_nothing_but_interaction(scale: float) -> None:
    assert RIGHT in verdict("8.4", (scale * np.array([[1, -1], [-1, 1]])).tolist())


def test_other_tables_are_more_than_interaction_or_nothing() -> None:
    for wrong in ([[1, 0], [0, 1]], [[1, 1], [-1, -1]], [[0, 0], [0, 0]], [1, -1, -1, 1]):
        assert verdict("8.4", wrong).startswith("8.4: not yet. Every mean of a row")


@pytest.mark.parametrize("number", ["8.1", "8.2", "8.3", "8.4"])
def test_dots_are_no_answer(number: str) -> None:
    assert verdict(number, ...) == f"{number}: not answered yet."
    if number == "8.3":
        assert verdict(number, lambda *_: ...) == f"{number}: not answered yet."
