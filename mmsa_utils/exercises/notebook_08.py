"""The checks of notebook 8: what explanations say, and what they cannot."""

from collections.abc import Callable
from functools import cache
from itertools import permutations
from typing import Any, cast

import numpy as np

from .core import exercise

SENTENCE = "The bus was late but the city is beautiful"  # of exercise 8.2


def _worth(words: frozenset[str]) -> float:
    """Of exercise 8.1, in log-odds: any one of the three words would do."""
    return 6.0 if words else 0.0


@exercise(
    "8.1",
    hint="Leave one word out while the other two are there; then let the three come in all six "
    "orders and take the mean of what one of them adds.",
    why="Words that say the same cover for each other: each looks worthless alone, and together "
    "they are all there is.",
)
def any_one_would_do(answer: object) -> bool:
    """What each of three words gets: left out one by one, and as its Shapley value."""
    words = ("love", "beautiful", "wonderful")
    left_out = _worth(frozenset(words)) - _worth(frozenset(words[1:]))
    added = []
    for order in permutations(words):
        before = frozenset(order[: order.index(words[0])])
        added.append(_worth(before | {words[0]}) - _worth(before))
    given = np.asarray(answer, dtype=float)
    return given.shape == (2,) and np.allclose(given, [left_out, float(np.mean(added))], atol=0.01)


@cache
def _area_of_reversed_order() -> float:
    from .. import explanations
    from ..prediction import load_model, make_post

    network = explanations.network_of(load_model())
    parts = explanations.WordParts(explanations.Target(network, make_post(SENTENCE)))
    scores = explanations.leave_one_out(parts)
    return explanations.deletion(parts, -scores).areas[0]


@exercise(
    "8.2",
    hint="Give `deletion` the scores with the other sign; the first of its two `areas` is that of "
    "the order you gave.",
    why="Words that speak against an answer go first, so it rises before it falls: the best and "
    "the worst order together show how much the list knows.",
)
def least_important_first(answer: object) -> bool:
    """The area under the deletion curve of the sentence, its least important word first."""
    return abs(float(cast(Any, answer)) - _area_of_reversed_order()) < 0.01


def _gradient(x: np.ndarray) -> np.ndarray:
    """Of f(x) = x[0] * x[1] + x[2] ** 3 + 2 * x[3]."""
    return np.array([x[1], x[0], 3 * x[2] ** 2, 2.0])


@exercise(
    "8.3",
    hint="Take the gradient at many points between nothing and x, average them, and only then "
    "multiply by x.",
    why="The scores add up to f(x) - f(0): nothing is left over, whatever the function.",
)
def integrated_gradients(answer: object) -> bool:
    """`(D,)` integrated gradients from nothing to x, from a gradient function and x."""
    given = cast(Callable[..., object], answer)
    for x in ([1.0, 2.0, -1.0, 0.5], [-3.0, 0.5, 2.0, -1.0]):
        # In closed form: a product is halved between its factors, a power stays where it is.
        expected = [x[0] * x[1] / 2, x[0] * x[1] / 2, x[2] ** 3, 2 * x[3]]
        found = np.asarray(given(_gradient, np.array(x)), dtype=float)
        if found.shape != (4,) or not np.allclose(found, expected, atol=0.02, rtol=0.02):
            return False
    return True


@exercise(
    "8.4",
    hint="Every mean of a row and every mean of a column has to be 0, and not all four numbers may "
    "be.",
    why="Neither modality alone says anything here and both together say all: adding two opinions "
    "cannot see it.",
)
def nothing_but_interaction(answer: object) -> bool:
    """A 2 x 2 table of logits, text by picture, whose best sum of two functions is 0."""
    table = np.asarray(answer, dtype=float)
    if table.shape != (2, 2) or np.abs(table).max() < 1e-6:
        return False
    sums = table.mean(1, keepdims=True) + table.mean(0) - table.mean()
    return bool(np.abs(sums).max() < 1e-6 * np.abs(table).max())
