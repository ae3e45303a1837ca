"""The checks of notebook 9: pitfalls."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from .core import exercise


def made_predictions(posts: int = 960) -> tuple[np.ndarray, np.ndarray]:
    """Made `(labels, predicted)`, each `(N,)`, classes 0 to 2: seven in ten are right.

    The classes are as unequal as those of the real posts: three, one and six in ten.
    """
    rng = np.random.default_rng(9)
    labels = rng.choice(3, size=posts, p=(0.3, 0.1, 0.6))
    guesses = rng.choice(3, size=posts, p=(0.3, 0.1, 0.6))
    return labels, np.where(rng.random(posts) < 0.5, labels, guesses)


def mean_of_batches(batch_size: int) -> float:
    """The mean over batches of each batch's macro-F1, of `made_predictions`."""
    from ..evaluation.metrics import macro_f1

    labels, predicted = made_predictions()
    starts = range(0, len(labels), batch_size)
    parts = [slice(start, start + batch_size) for start in starts]
    return float(np.mean([macro_f1(labels[part], predicted[part]) for part in parts]))


@exercise(
    "9.1",
    hint="Draw 40 scores of 48 guesses each, keep the best, and repeat that a few thousand times.",
    why="The best of many looks at one fold is a figure of the luck in that fold.",
)
def best_of_forty(answer: Any) -> bool:
    """The mean of the best accuracy of 40 guessers with three classes, on a fold of 48 posts."""
    from scipy.stats import binom

    right = np.arange(49)
    at_most = binom.cdf(right, 48, 1 / 3) ** 40  # the best of 40 is at most so many
    expected = float((1 - at_most).sum()) / 48  # the mean of a count is the sum of P(more than k)
    return abs(float(answer) - expected) < 0.01


@exercise(
    "9.2",
    hint="Run `mean_of_batches` with 960, 96 and 8, and read what macro-F1 makes of a class that "
    "a batch lacks.",
    why="A score that is no mean over posts must be computed from all posts at once.",
)
def smaller_batches(answer: Any) -> bool:
    """What the mean of batch macro-F1 does as batches get smaller, and what it is at 8."""
    trend, value = cast(tuple[str, float], answer)
    expected = "falls" if mean_of_batches(8) < mean_of_batches(960) else "rises"
    near = abs(float(value) - mean_of_batches(8)) < 0.005
    return near and str(trend).strip().lower() == expected


@exercise(
    "9.3",
    hint="A group that lies in one fold splits nothing; count posts, not groups.",
    why="One line before a training says whether a split leaks.",
)
def split_posts(answer: Callable[..., Any]) -> bool:
    """How many posts have a copy in another fold, of folds `(N,)` and groups `(N,)`."""
    rng = np.random.default_rng(3)
    for posts in (12, 200):
        fold, groups = rng.integers(5, size=posts), rng.integers(posts // 2, size=posts)
        same = groups[:, None] == groups[None]
        expected = int((same & (fold[:, None] != fold[None])).any(1).sum())
        if int(answer(fold, groups)) != expected:
            return False
    whole = np.repeat(np.arange(4), 3)
    return int(answer(whole % 2, whole)) == 0


@exercise(
    "9.4",
    hint="What does one post weigh in a batch of 64, and what in a last batch of 16?",
    why="Weighed by their posts, batches give the mean over posts, however small the last one is.",
)
def mean_over_posts(answer: Callable[..., Any]) -> bool:
    """The mean over posts of `[(mean, posts), ...]`, a pair a batch."""
    rng = np.random.default_rng(4)
    for sizes in ((64, 64, 16), (10, 1), (5,)):
        batches: Sequence[np.ndarray] = [rng.random(size) for size in sizes]
        given = [(float(batch.mean()), len(batch)) for batch in batches]
        if not np.isclose(float(answer(given)), np.concatenate(batches).mean()):
            return False
    return True
