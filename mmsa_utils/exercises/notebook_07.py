"""The checks of notebook 7: using a trained network, and knowing what its answers are worth."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from .core import exercise

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..prediction import Predictor

# Of exercise 7.1: posts by true class (rows) and predicted class (columns), and the predictions
# for posts that nobody has tagged.
COUNTED = np.array([[80, 5, 15], [20, 50, 30], [10, 10, 180]])
PREDICTED = np.array([100, 60, 40])

THRESHOLDS = tuple(np.arange(0.40, 0.96, 0.05).round(2).tolist())  # of exercise 7.4
WRONG_COSTS = 5.0  # refusals that a wrong answer is as bad as


@cache
def _shipped() -> "Predictor":
    from ..prediction import load_model

    return load_model()


@exercise(
    "7.1",
    hint="You know what was predicted and ask what is true: which of rows and columns has to add "
    "up to 1?",
    why="A table of errors, read by columns, is a forecast for posts without a tag.",
)
def expected_errors(answer: object) -> bool:
    """How many of the predictions are wrong, if each class is wrong as often as it was."""
    precision = COUNTED.diagonal() / COUNTED.sum(0)
    return abs(float(cast(Any, answer)) - PREDICTED @ (1 - precision)) < 0.5


def changed_photos() -> "dict[str, Image]":
    """The photograph of exercise 7.2 as it is, and changed in five ways."""
    from PIL import Image, ImageEnhance, ImageFilter, ImageOps
    from sklearn.datasets import load_sample_image

    photo = Image.fromarray(load_sample_image("china.jpg"))
    return {
        "as it is": photo,
        "mirrored": ImageOps.mirror(photo),
        "dark": ImageEnhance.Brightness(photo).enhance(0.4),
        "grey": ImageOps.grayscale(photo).convert("RGB"),
        "blurred": photo.filter(ImageFilter.GaussianBlur(8)),
        "upside down": ImageOps.flip(photo),
    }


@cache
def _most_harmful() -> str:
    photos = changed_photos()
    answers = _shipped().predict([(None, photo) for photo in photos.values()])
    positive = answers[0].classes.index("positive")
    probabilities = [answer.probabilities[positive] for answer in answers]
    return list(photos)[int(np.argmin(probabilities))]


@exercise(
    "7.2",
    hint="Ask the shipped model about each picture alone, without a text, and compare the "
    "probability of positive.",
    why="What a network has learned to lean on is found by trying, and seldom by guessing.",
)
def most_harmful_change(answer: object) -> bool:
    """The name of the change that costs the photograph most of its probability of positive."""
    return str(answer).strip().lower() == _most_harmful()


@exercise(
    "7.3",
    hint="Multiply each class by how much more frequent it is here than in training; then each row "
    "has to add up to 1 again.",
    why="A model's habit of betting on frequent classes can be undone afterwards. It helps where "
    "nothing but their shares has changed.",
)
def reweigh(answer: object) -> bool:
    """`(N, K)` probabilities under other class shares, from `(N, K)`, `(K,)` and `(K,)`."""
    rng = np.random.default_rng(7)
    probabilities, trained = rng.dirichlet(np.ones(4), size=6), rng.dirichlet(np.full(4, 5.0))
    here = rng.dirichlet(np.full(4, 5.0))
    before = probabilities.copy()
    given = np.asarray(cast(Callable[..., object], answer)(probabilities, trained, here))
    joint = before @ np.diag(here / trained)
    expected = joint / joint.sum(1, keepdims=True)
    same = given.shape == expected.shape and np.allclose(given, expected, atol=1e-6)
    return same and np.array_equal(probabilities, before)


def cost_of(refused: float, accuracy_of_rest: float | None) -> float:
    """What a post costs on average: 1 where it is refused, 5 where it is answered wrongly."""
    wrong = 0.0 if accuracy_of_rest is None else 1 - accuracy_of_rest
    return refused + WRONG_COSTS * (1 - refused) * wrong


@exercise(
    "7.4",
    hint="A post costs refused + 5 * (1 - refused) * (1 - accuracy_of_rest) on average: compute it "
    "for each threshold, with the shipped model.",
    why="With calibrated probabilities the best threshold follows from the costs alone: refuse "
    "where a wrong answer is dearer than a refusal.",
)
def cheapest_threshold(answer: object) -> bool:
    """The threshold among `THRESHOLDS` at which a post costs least, or one that costs as little."""
    costs = {}
    for threshold in THRESHOLDS:
        found = _shipped().least(threshold)
        costs[threshold] = cost_of(found["refused"], found["accuracy_of_rest"])
    nearest = min(THRESHOLDS, key=lambda threshold: abs(threshold - float(cast(Any, answer))))
    is_one = abs(nearest - float(cast(Any, answer))) < 0.001
    return is_one and costs[nearest] <= 1.005 * min(costs.values())
