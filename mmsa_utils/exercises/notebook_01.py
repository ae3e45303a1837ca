"""The exercises of notebook 1: how good a reader of one modality can get, and what a copy is."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .core import exercise

if TYPE_CHECKING:
    from ..data.posts import Post

_DISTANCES = (0, 8, 20)  # bits, of exercise 1.5


@cache
def _demo() -> "tuple[Post, ...]":
    """The demo set's labelled posts."""
    from ..data.posts import load_dataset
    from ..paths import DEMO

    return load_dataset(DEMO).labelled


@cache
def _shows() -> pd.DataFrame:
    """Bool columns `text` and `image`: what shows its tag, a row a labelled post."""
    from ..explanations.truth import demo_carriers

    return demo_carriers(_demo())


def _near(answer: object, expected: Sequence[float], *, within: float = 0.001) -> bool:
    """Whether an answer is as many numbers as are expected, each about the same."""
    given = np.asarray(answer, dtype=float)
    return given.shape == np.shape(expected) and np.allclose(given, expected, rtol=0, atol=within)


@exercise(
    "1.1",
    hint="The guesses are right on a third of the rest; which share of *all* posts is that?",
    why="Filler cannot be read, only guessed: that is why the best reader stays below 1.",
)
def text_bound(answer: object) -> bool:
    """Shares of all demo posts: text shows the tag, guessed right besides, right altogether."""
    shown = _shows()["text"].mean()
    guessed = (1 - shown) / 3
    return _near(answer, (shown, guessed, shown + guessed))


@exercise(
    "1.2",
    hint="Try posts that all show their tag, then posts of which none does, with two classes.",
    why="One function gives the bound of any modality, and of any number of classes.",
)
def best_accuracy(answer: object) -> bool:
    """A function `(shows, classes)`: the best accuracy that can be expected of a reader."""
    if not callable(answer):
        return False
    rng = np.random.default_rng(0)
    for classes in (2, 3, 5):
        shows = rng.random(40) < rng.random()
        sure = np.where(shows, 1.0, 1 / classes)  # that each post is called right
        if not _near(answer(shows, classes), sure.mean()):
            return False
    return True


@exercise(
    "1.3",
    hint="A post is lost to both only where the text *and* the picture are filler.",
    why="The plan says 0.8875 and this draw of 240 posts 0.8917: a difference of chance, no skill.",
)
def fused_bound(answer: object) -> bool:
    """The bound of both modalities: if they were independent, and as counted on the demo set."""
    shows = _shows()
    lost = (1 - shows["text"].mean()) * (1 - shows["image"].mean())
    counted = (~shows["text"] & ~shows["image"]).mean()
    return _near(answer, (1 - lost * 2 / 3, 1 - counted * 2 / 3))


@exercise(
    "1.4",
    hint="For each label of the text, only its most frequent tag counts; the same for the picture.",
    why="With one label in hand the best answer is the tag that most often goes with it.",
)
def annotators_bound(answer: object) -> bool:
    """Accuracy of who knows the annotators' text label alone, and the picture label alone.

    The published shares are rounded, so that a sum of them may be off in its third digit.
    """
    from ..data.mvsa import one_tag
    from ..io import load_json
    from ..paths import RESULTS

    known: dict[tuple[int, str], dict[str | None, float]] = {}
    shares = load_json(RESULTS / "published.json")["annotation"]["pair_shares"]
    for pair, share in shares.items():
        labels = pair.split("-")
        for side, label in enumerate(labels):
            tags, tag = known.setdefault((side, label), {}), one_tag(*labels)
            tags[tag] = tags.get(tag, 0.0) + share
    bounds = [
        sum(max(tags.values()) for (one, _), tags in known.items() if one == side)
        for side in (0, 1)
    ]
    return _near(answer, bounds, within=0.0015)


@exercise(
    "1.5",
    hint="Count the posts that stand in a group of two or more, not the groups.",
    why="Between a copy and a likeness lies a wide gap; beyond it the whole set becomes one group.",
)
def posts_in_copies(answer: object) -> bool:
    """`{distance: posts in groups of copies}` of the demo set, for three distances."""
    from ..data.splits import find_groups

    if not isinstance(answer, dict) or set(answer) != set(_DISTANCES):
        return False
    for distance in _DISTANCES:
        sizes = np.bincount(find_groups(_demo(), distance=distance))
        if answer[distance] != sizes[sizes > 1].sum():
            return False
    return True
