"""The checks of notebook 2 take the right answer and no plausible wrong one."""

import numpy as np
import pytest

from mmsa_utils.data import IMAGENET_MEAN, IMAGENET_STD
from mmsa_utils.exercises import known_exercises, verdict


def normalise(pixels):
    return ((pixels / 255 - IMAGENET_MEAN) / IMAGENET_STD).transpose(2, 0, 1)


def seed_of(epoch, post):
    return int(np.random.SeedSequence([epoch, post]).generate_state(1)[0])


RIGHT = {
    "2.1": (0.375, 0.3136),
    "2.2": {0.8: 0.868, 0.08: 0.495},
    "2.3": normalise,
    "2.4": seed_of,
}
WRONG = [
    ("2.1", (0.5, 0.3136)),  # the probability that the step acts
    ("2.1", (0.375, 1 - 0.2 - 0.2 - 0.3 - 0.3)),
    ("2.2", {0.8: 0.8, 0.08: 0.08}),
    ("2.2", {0.8: 0.9, 0.08: 0.54}),  # the middle of the range: what does not fit is drawn again
    ("2.2", {0.8: 0.868}),
    ("2.3", lambda pixels: (pixels / 255 - IMAGENET_MEAN) / IMAGENET_STD),
    ("2.3", lambda pixels: ((pixels - IMAGENET_MEAN) / IMAGENET_STD).transpose(2, 0, 1)),
    ("2.4", lambda epoch, post: epoch + post),
    ("2.4", lambda epoch, post: post),
    ("2.4", lambda epoch, post: np.random.default_rng().integers(2**32)),
]


def test_each_exercise_has_an_answer_here():
    assert known_exercises(2) == list(RIGHT)


@pytest.mark.parametrize("number", RIGHT)
def test_the_right_answer_is_right(number):
    assert verdict(number, RIGHT[number]).startswith(f"{number}: right. ")


@pytest.mark.parametrize(("number", "answer"), WRONG)
def test_a_plausible_wrong_answer_is_not(number, answer):
    assert verdict(number, answer).startswith(f"{number}: not yet. ")


def test_an_error_in_a_function_is_said_in_the_same_line():
    said = verdict("2.3", lambda pixels: pixels - np.zeros(2))
    assert said.startswith("2.3: not yet. Your function ended with ValueError: ")


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("2.1", (..., ...)),
        ("2.2", {0.8: ..., 0.08: ...}),
        ("2.3", lambda pixels: ...),
        ("2.4", lambda epoch, post: ...),
    ],
)
def test_what_the_notebook_begins_with_is_no_answer(number, answer):
    assert verdict(number, answer) == f"{number}: not answered yet."
