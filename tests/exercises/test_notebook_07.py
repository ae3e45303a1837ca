"""The checks of notebook 7's exercises: right answers pass, plausible wrong ones do not."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmsa_utils.exercises import notebook_07, verdict
from mmsa_utils.exercises.notebook_07 import COUNTED, PREDICTED, THRESHOLDS, cost_of

RIGHT = ": right. "


def test_expected_errors_go_by_what_was_predicted() -> None:
    right = COUNTED.diagonal()
    assert RIGHT in verdict("7.1", PREDICTED @ (1 - right / COUNTED.sum(0)))
    by_rows = PREDICTED @ (1 - right / COUNTED.sum(1))
    overall = PREDICTED.sum() * (1 - right.sum() / COUNTED.sum())
    for wrong in (by_rows, overall, 90):
        assert verdict("7.1", wrong).startswith("7.1: not yet. You know what was predicted")


def test_the_photos_are_six_of_one_size() -> None:
    photos = notebook_07.changed_photos()
    assert len({photo.tobytes() for photo in photos.values()}) == 6
    assert {(photo.size, photo.mode) for photo in photos.values()} == {((640, 427), "RGB")}


class _Fake:
    """Blurred pictures are the least positive; thresholds are those of a calibrated model."""

    def predict(self, posts):
        positive = (0.9, 0.88, 0.5, 0.6, 0.2, 0.8)
        return [
            SimpleNamespace(classes=("negative", "positive"), probabilities=np.array([1 - p, p]))
            for p, _ in zip(positive, posts, strict=True)
        ]

    def least(self, threshold):
        """Of a model whose confidence is spread evenly from 0.4 to 1."""
        refused = (threshold - 0.4) / 0.6
        return {"refused": refused, "accuracy_of_rest": (1 + threshold) / 2}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> _Fake:
    notebook_07._most_harmful.cache_clear()
    monkeypatch.setattr(notebook_07, "_shipped", _Fake)
    return _Fake()


def test_the_most_harmful_change_is_measured(fake: _Fake) -> None:
    assert RIGHT in verdict("7.2", "Blurred ")
    for wrong in ("grey", "dark", "as it is"):
        assert verdict("7.2", wrong).startswith("7.2: not yet. Ask the shipped model")
    notebook_07._most_harmful.cache_clear()


def _reweigh(probabilities, trained, here):
    weighed = probabilities * here / trained
    return weighed / weighed.sum(1, keepdims=True)


def _in_place(probabilities, trained, here):
    probabilities *= here / trained
    probabilities /= probabilities.sum(1, keepdims=True)
    return probabilities


def test_probabilities_are_reweighed_and_add_up_to_one() -> None:
    assert RIGHT in verdict("7.3", _reweigh)
    for wrong in (
        lambda p, trained, here: p * here / trained,
        lambda p, trained, here: _reweigh(p, here, trained),
        _in_place,
    ):
        assert verdict("7.3", wrong).startswith("7.3: not yet. Multiply each class")


def test_the_cheapest_threshold_is_where_a_wrong_answer_costs_as_much_as_a_refusal(
    fake: _Fake,
) -> None:
    costs = [cost_of(*fake.least(threshold).values()) for threshold in THRESHOLDS]
    assert THRESHOLDS[int(np.argmin(costs))] == 0.8
    assert RIGHT in verdict("7.4", 0.8)
    for wrong in (0.5, 0.95, 5):
        assert verdict("7.4", wrong).startswith("7.4: not yet. A post costs")


def test_nothing_is_wrong_where_all_is_refused() -> None:
    assert cost_of(1.0, None) == 1


@pytest.mark.parametrize("number", ["7.1", "7.2", "7.3", "7.4"])
def test_dots_are_no_answer(number: str) -> None:
    assert verdict(number, ...) == f"{number}: not answered yet."
    if number == "7.3":
        assert verdict(number, lambda *_: ...) == f"{number}: not answered yet."
