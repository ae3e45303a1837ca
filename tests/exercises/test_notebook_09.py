"""Tests of the checks of notebook 9."""

from collections import defaultdict

import numpy as np
import pytest

from mmsa_utils.exercises import known_exercises, verdict
from mmsa_utils.exercises.notebook_09 import made_predictions, mean_of_batches


def best_of(tries, posts=48):
    rng = np.random.default_rng(0)
    return rng.binomial(posts, 1 / 3, size=(4000, tries)).max(1).mean() / posts


def split_posts(fold, groups):
    folds = defaultdict(set)
    for group, number in zip(groups, fold, strict=True):
        folds[group].add(number)
    return sum(len(folds[group]) > 1 for group in groups)


def split_groups(fold, groups):
    return sum(len(set(fold[groups == group])) > 1 for group in np.unique(groups))


def mean_over_posts(batches):
    return sum(mean * posts for mean, posts in batches) / sum(posts for _, posts in batches)


RIGHT = {
    "9.1": best_of(40),
    "9.2": ("falls", mean_of_batches(8)),
    "9.3": split_posts,
    "9.4": mean_over_posts,
}
WRONG = {
    "9.1": [1 / 3, best_of(5), 0.9],
    "9.2": [("rises", mean_of_batches(8)), ("falls", mean_of_batches(96))],
    "9.3": [split_groups, lambda fold, groups: len(groups) - len(np.unique(groups))],
    "9.4": [
        lambda batches: np.mean([mean for mean, _ in batches]),
        lambda batches: sum(mean * posts for mean, posts in batches) / len(batches),
    ],
}


def test_there_is_an_answer_for_every_exercise():
    assert known_exercises(9) == list(RIGHT) == list(WRONG)


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


def test_the_made_predictions_are_right_on_seven_in_ten():
    labels, predicted = made_predictions()
    assert (labels == predicted).mean() == pytest.approx(0.73, abs=0.03)
    assert set(labels) == set(predicted) == {0, 1, 2}
