"""The checks of notebook 1 take the right answer and no plausible wrong one."""

import numpy as np
import pytest

from mmsa_utils.exercises import known_exercises, verdict

COPIES = {0: 16, 8: 16, 20: 206}


def best_accuracy(shows, classes):
    return np.mean(shows) + (1 - np.mean(shows)) / classes


RIGHT = {
    "1.1": (0.625, 0.125, 0.75),
    "1.2": best_accuracy,
    "1.3": (0.8875, 0.8917),
    "1.4": (0.802, 0.895),
    "1.5": COPIES,
}
WRONG = [
    ("1.1", (0.625, 1 / 3, 0.958)),  # the guesses counted for all posts
    ("1.1", (0.55, 0.15, 0.70)),  # the picture
    ("1.1", 0.75),
    ("1.2", lambda shows, classes: np.mean(shows) + 1 / classes),
    ("1.2", lambda shows, classes: best_accuracy(shows, 3)),
    ("1.3", (0.8917, 0.8917)),
    ("1.3", (0.75 + 0.70 - 0.75 * 0.70, 0.8917)),  # guesses multiplied too
    ("1.4", (0.896, 0.802)),
    ("1.4", (0.574, 0.574)),  # equal pairs only
    ("1.5", {0: 8, 8: 8, 20: 13}),  # groups
    ("1.5", {0: 16, 8: 16}),
]


def test_each_exercise_has_an_answer_here():
    assert known_exercises(1) == list(RIGHT)


@pytest.mark.parametrize("number", RIGHT)
def test_the_right_answer_is_right(number):
    assert verdict(number, RIGHT[number]).startswith(f"{number}: right. ")


def test_the_published_bounds_are_right_as_well():
    assert ": right. " in verdict("1.4", (0.802, 0.896))


@pytest.mark.parametrize(("number", "answer"), WRONG)
def test_a_plausible_wrong_answer_is_not(number, answer):
    said = verdict(number, answer)
    assert said.startswith(f"{number}: not yet. ")
    assert "0.75" not in said
    assert "206" not in said


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("1.1", ...),
        ("1.1", (..., ..., ...)),
        ("1.2", lambda shows, classes: ...),
        ("1.3", (..., ...)),
        ("1.4", (..., ...)),
        ("1.5", {0: ..., 8: ..., 20: ...}),
    ],
)
def test_what_the_notebook_begins_with_is_no_answer(number, answer):
    assert verdict(number, answer) == f"{number}: not answered yet."
