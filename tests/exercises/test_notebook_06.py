"""Tests of the checks of notebook 6."""

import numpy as np
import pytest
from scipy.stats import binomtest

from mmsa_utils.exercises import known_exercises, verdict
from mmsa_utils.exercises.notebook_06 import too_sure

P_VALUES = (binomtest(10, 10).pvalue, binomtest(50, 110).pvalue)


def calibration_error(labels, probabilities):
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    step = np.minimum((10 * confidence).astype(int), 9)
    gaps = [abs((right[step == k] - confidence[step == k]).sum()) for k in range(10)]
    return sum(gaps) / len(labels)


def without_weights(labels, probabilities):
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    step = (10 * confidence).astype(int)
    return np.mean([abs((right - confidence)[step == k].mean()) for k in np.unique(step)])


def in_order(lines, guids, classes):
    if lines[0] != "guid,tag" or len(lines) != len(guids) + 1:
        return False
    pairs = [line.split(",") for line in lines[1:]]
    return [guid for guid, _ in pairs] == guids and all(tag in classes for _, tag in pairs)


def in_any_order(lines, guids, classes):
    pairs = [line.split(",") for line in lines[1:]]
    return sorted(guid for guid, _ in pairs) == sorted(guids)


RIGHT = {
    "6.1": P_VALUES,
    "6.2": (3, "same"),
    "6.3": calibration_error,
    "6.4": in_order,
}
WRONG = {
    "6.1": [(P_VALUES[0] / 2, P_VALUES[1] / 2), P_VALUES[::-1], 0.01],  # one-sided; the other way
    "6.2": [(1, "same"), (3, "rises")],
    "6.3": [without_weights, lambda labels, probabilities: probabilities.max(1).mean()],
    "6.4": [in_any_order, lambda lines, guids, classes: lines[0] == "guid,tag"],
}


def test_there_is_an_answer_for_every_exercise():
    assert known_exercises(6) == list(RIGHT) == list(WRONG)


@pytest.mark.parametrize("number", RIGHT)
def test_the_right_answer_is_right(number):
    assert verdict(number, RIGHT[number]).startswith(f"{number}: right. ")


@pytest.mark.parametrize(("number", "answer"), [(n, a) for n in WRONG for a in WRONG[n]])
def test_a_plausible_wrong_one_is_not(number, answer):
    assert verdict(number, answer).startswith(f"{number}: not yet. ")


@pytest.mark.parametrize("number", RIGHT)
def test_what_the_notebook_begins_with_is_not_answered(number):
    answer = (lambda *_: ...) if callable(RIGHT[number]) else ...
    assert verdict(number, answer) == f"{number}: not answered yet."


def test_the_made_model_is_too_sure():
    labels, probabilities = too_sure()
    assert probabilities.sum(1) == pytest.approx(np.ones(len(labels)))
    assert probabilities.max(1).mean() > (probabilities.argmax(1) == labels).mean() + 0.1
