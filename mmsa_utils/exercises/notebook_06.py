"""The checks of notebook 6: what the results say."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from .core import exercise

TEMPERATURES = (0.5, 1.0, 3.0, 6.0)  # that exercise 6.2 chooses from


def too_sure(posts: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """A made model that is too sure of itself: `(labels (N,), probabilities (N, 3))`.

    Labels are drawn from a softmax; the model says the softmax of three times its logits.
    """
    from scipy.special import softmax

    rng = np.random.default_rng(6)
    logits = rng.normal(size=(posts, 3))
    draws = rng.random((posts, 1)) > softmax(logits, axis=1).cumsum(1)
    return np.minimum(draws.sum(1), 2), softmax(3 * logits, axis=1)


@exercise(
    "6.1",
    hint="Only the posts count on which the two models differ; p is two-sided.",
    why="One gain of a point is sure, the other luck: what counts is how often the models differ.",
)
def two_tables(answer: Any) -> bool:
    """The exact p-values of McNemar's test where one model alone is right on 10:0, and 60:50."""
    from statsmodels.stats.contingency_tables import mcnemar

    expected = [mcnemar([[0, a], [b, 0]], exact=True).pvalue for a, b in ((10, 0), (60, 50))]
    return bool(np.allclose(np.asarray(answer, dtype=float), expected, rtol=0.02, atol=0))


@exercise(
    "6.2",
    hint="Measure the calibration error at each of the four; look at which class is the largest.",
    why="A temperature changes how sure a model says it is, never what it answers.",
)
def best_temperature(answer: Any) -> bool:
    """The temperature with the least calibration error, and what it does to accuracy."""
    from ..evaluation.calibration import with_temperature
    from ..evaluation.metrics import reliability

    labels, probabilities = too_sure()
    errors = [reliability(labels, with_temperature(probabilities, t))["ece"] for t in TEMPERATURES]
    temperature, accuracy = cast(tuple[float, str], answer)
    right = bool(np.isclose(float(temperature), TEMPERATURES[int(np.argmin(errors))]))
    return right and str(accuracy).strip().lower() == "same"


@exercise(
    "6.3",
    hint="Weigh the distance in each bin by how many of all posts are in it.",
    why="One number says how far a model's own sureness is from what it gets right.",
)
def calibration_error(answer: Callable[..., Any]) -> bool:
    """The expected calibration error with ten bins, of labels `(N,)` and probabilities `(N, K)`."""
    from ..evaluation.metrics import reliability

    rng = np.random.default_rng(0)
    for posts, classes in ((200, 3), (57, 5)):
        probabilities = rng.dirichlet(np.full(classes, 0.5), size=posts)
        labels = rng.integers(classes, size=posts)
        expected = reliability(labels, probabilities)["ece"]
        if not np.isclose(float(answer(labels, probabilities)), expected, atol=1e-6):
            return False
    return True


_GUIDS = ("12", "7", "310")
_GOOD = ("guid,tag", "12,positive", "7,neutral", "310,positive")
# Each has one fault: no header, another order, one missing, one twice, a tag that is no class.
_FAULTY: tuple[Sequence[str], ...] = (
    _GOOD[1:],
    (_GOOD[0], _GOOD[2], _GOOD[1], _GOOD[3]),
    _GOOD[:3],
    (*_GOOD, _GOOD[3]),
    (*_GOOD[:3], "310,null"),
)


@exercise(
    "6.4",
    hint="Try it on a file without its header, in another order, with a line too few, with a null.",
    why="A file is scored by its names: a model of any quality is lost in a file out of order.",
)
def can_be_handed_in(answer: Callable[..., Any]) -> bool:
    """Whether lines of a file name every post once, in order, each with a class."""
    classes = ("negative", "neutral", "positive")
    verdicts = [answer(list(lines), list(_GUIDS), classes) for lines in (_GOOD, *_FAULTY)]
    return [bool(verdict) for verdict in verdicts] == [True] + [False] * len(_FAULTY)
