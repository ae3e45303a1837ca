"""The exercises of notebook 3: copies in folds, class weights, masked mean, early stopping."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .core import exercise

if TYPE_CHECKING:
    from ..data import Dataset

# ---- 3.1 --------------------------------------------------------------------------------


@exercise(
    "3.1",
    hint="Count posts, not groups: each post whose group lies in more than one fold; and the "
    "statement has to fit both tables, with the retweets and without.",
    why="What a leak brings depends on how many copies there are and whether their labels agree, "
    "which nobody knows beforehand; grouped folds cost a line.",
)
def copies_on_both_sides(answer: Any) -> bool:
    """Posts of the demo set with a copy in another fold, in two kinds of folds; a statement."""
    letter = str(answer["statement"]).strip().upper()
    return (answer["shuffled"], answer["grouped"], letter) == (*_count_torn(), "B")


def _count_torn() -> list[int]:
    """Posts with a copy in another fold, of scikit-learn's shuffled folds and grouped ones."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    from ..data import find_groups, load_dataset
    from ..paths import DEMO

    demo = load_dataset(DEMO)
    groups, labels = find_groups(demo.labelled), demo.labels
    splits = (
        StratifiedKFold(5, shuffle=True, random_state=0).split(labels, labels),
        StratifiedGroupKFold(5, shuffle=True, random_state=0).split(labels, labels, groups),
    )
    return [sum(np.isin(groups[t], groups[rest]).sum() for rest, t in split) for split in splits]


# ---- 3.2 --------------------------------------------------------------------------------


@exercise(
    "3.2",
    hint="Each is a recall of neutral, out of fold with seed 0; in both pairs nothing but "
    "class_weights may differ.",
    why="Weights repair an imbalance and nothing else: where there is none they do nothing, and "
    "what they find of a rare class has its price in precision.",
)
def recalls_of_neutral(answer: Any) -> bool:
    """The recall of neutral without and with class weights, on the demo set and a thinned one."""
    right = _recalls()
    return all(abs(answer[name] - recall) < 0.03 for name, recall in right.items())


@cache
def _recalls() -> dict[str, float]:
    """By posts and weights. Where the student has run the same, its finished folds are read."""
    from ..data import load_dataset
    from ..paths import DEMO

    demo = load_dataset(DEMO)
    neutral = np.flatnonzero(demo.labels == demo.classes.index("neutral"))
    left_out = set(neutral) - set(neutral[::4])
    some = tuple(post for number, post in enumerate(demo.labelled) if number not in left_out)
    sets = {"demo": demo, "rare": replace(demo, labelled=some, unlabelled=())}
    return {
        f"{name}, {weights}": _recall_of_neutral(posts, weights)
        for name, posts in sets.items()
        for weights in ("none", "balanced")
    }


def _recall_of_neutral(dataset: "Dataset", weights: str) -> float:
    from ..config import Config
    from ..training import cross_validate

    run = cross_validate(dataset, Config(mode="text", device="cpu", class_weights=weights))
    return float(run.scores[0]["per_class"]["neutral"]["recall"])


# ---- 3.3 --------------------------------------------------------------------------------


@exercise(
    "3.3",
    hint="Which positions may be in the sum, and by how many is it divided: by T, or by what the "
    "mask counts? And what is divided where the mask counts none?",
    why="A text has the same vector whatever stands beside it in the batch.",
)
def masked_mean(answer: Any) -> bool:
    """The mean vector of each text, over its real tokens."""
    import torch

    lengths = (7, 3, 1, 0, 5)
    hidden = torch.randn(len(lengths), 7, 4, generator=torch.Generator().manual_seed(3))
    mask = torch.tensor([[int(place < length) for place in range(7)] for length in lengths])
    pairs = zip(hidden, lengths, strict=True)
    rows = [vectors[:length].sum(0) / max(length, 1) for vectors, length in pairs]
    given = np.asarray(answer(hidden.clone(), mask))
    return given.shape == (5, 4) and np.allclose(given, torch.stack(rows), atol=1e-5)


# ---- 3.4 --------------------------------------------------------------------------------


@exercise(
    "3.4",
    hint="The patience is counted from the best epoch so far, an equal loss is not lower, and "
    "the losses may end before the patience does.",
    why="The last epoch is not the one to keep: it is the best one plus the patience.",
)
def early_stopping(answer: Any) -> bool:
    """The epoch that is kept and the last one that is trained, of many curves."""
    rng = np.random.default_rng(3)
    curves = [np.cumsum(rng.normal(-0.05, 0.3, rng.integers(1, 30))).round(1) for _ in range(60)]
    cases = [(curve.tolist(), 1 + number % 5) for number, curve in enumerate(curves)]
    return all(tuple(answer(list(c), patience)) == _stops(c, patience) for c, patience in cases)


def _stops(losses: Sequence[float], patience: int) -> tuple[int, int]:
    """`(best, last)`, from what is best after each number of epochs."""
    best = [int(np.argmin(losses[:count])) + 1 for count in range(1, len(losses) + 1)]
    ends = [count for count, epoch in enumerate(best, start=1) if count - epoch >= patience]
    last = ends[0] if ends else len(losses)
    return best[last - 1], last
