"""What a cross-validation leaves behind: predictions of every fold, and all of them together.

Posts are named by their indices in the dataset's order. Nothing is anonymous here; that
happens where oof.csv is written, see `records.anonymous_rows`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..config import Config
from ..data.posts import Dataset
from ..io import Record
from . import metrics

CHOICE_SCORES = ("accuracy", "macro_f1")  # what is recorded of a fold's validation set


@dataclass
class FoldResult:
    """What a fold leaves behind, in plain JSON types. Holds no guid and no text.

    Indices are those of labelled posts in the dataset's order; probabilities have a
    number a class, in the order of `Dataset.classes`.
    """

    seed: int
    fold: int
    test: list[int]  # indices of the n test posts
    probabilities: list[list[float]]  # of the test posts, (n, K)
    unlabelled: list[list[float]]  # of the unlabelled posts, (m, K), in the dataset's order
    validation: dict[str, float]  # accuracy and macro_f1 on the posts of validation_indices
    validation_indices: list[int]  # the training posts that serve choices
    validation_probabilities: list[list[float]]  # of these, by models not trained on them
    best_epoch: int = 0
    history: list[Record] = field(default_factory=list)  # a dictionary an epoch
    seconds: float = 0.0
    environments: list[Record] = field(default_factory=list)  # what it was computed on: mostly one
    # Of the test posts, (n, K), by what a fused network looks at alone: "text", "image".
    views: dict[str, list[list[float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class CrossValidation:
    """All folds of a run, put together by `assemble`.

    S seeds, N labelled posts, m unlabelled.

    K classes, in the order of `dataset.classes`.
    """

    dataset: Dataset
    config: Config
    results: tuple[FoldResult, ...]
    probabilities: np.ndarray  # (S, N, K): out of fold, a table a seed, in the dataset's order
    fold: np.ndarray  # (S, N): the fold in which a post is a test post
    unlabelled: np.ndarray  # (m, K): the mean over all folds and seeds
    settings: Record  # what the learner was set to, for the record
    grouped: bool  # whether copies of a post were kept together
    # (S, N, K) by what a fused network looks at alone, "text" or "image"; empty for other learners.
    views: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def environments(self) -> list[Record]:
        """What the folds were computed on, each once: mostly a single one."""
        return distinct(record for result in self.results for record in result.environments)

    @property
    def scores(self) -> list[Record]:
        """Per seed: `metrics.summary` of that seed's out-of-fold predictions."""
        labels, classes = self.dataset.labels, self.dataset.classes
        return [metrics.summary(labels, table, classes=classes) for table in self.probabilities]

    @property
    def validation_scores(self) -> dict[str, float]:
        """Accuracy and macro-F1 on the validation sets, mean over folds and seeds: for choices."""
        return {
            name: float(np.mean([result.validation[name] for result in self.results]))
            for name in CHOICE_SCORES
        }

    @property
    def fold_scores(self) -> list[Record]:
        """Per result: `metrics.summary` of that fold's test posts."""
        labels, classes = self.dataset.labels, self.dataset.classes
        return [
            metrics.summary(labels[r.test], r.probabilities, classes=classes) for r in self.results
        ]


def distinct(records: Iterable[Record]) -> list[Record]:
    """Records in order, each once."""
    found: list[Record] = []
    for record in records:
        if record not in found:
            found.append(record)
    return found


def assemble(
    dataset: Dataset,
    config: Config,
    results: Iterable[FoldResult],
    *,
    settings: Record,
    grouped: bool,
) -> CrossValidation:
    """Puts the results of all folds and seeds together.

    Args:
        dataset: the posts that the results' indices count.
        config: its `seeds` are those of the results, in the order of the tables.
        results: one for every fold of every seed.
        settings: what the learner was set to.
        grouped: whether copies of a post were kept together.
    """
    results = tuple(results)
    shape, width = (len(config.seeds), len(dataset.labelled)), len(dataset.classes)
    places = [(config.seeds.index(result.seed), result.test) for result in results]

    def table(values: Iterable[Any]) -> np.ndarray:
        full = np.full((*shape, width), np.nan)
        for place, value in zip(places, values, strict=True):
            full[place] = value
        return full

    fold = np.full(shape, -1)
    for place, result in zip(places, results, strict=True):
        fold[place] = result.fold
    return CrossValidation(
        dataset=dataset,
        config=config,
        results=results,
        probabilities=table(result.probabilities for result in results),
        fold=fold,
        unlabelled=np.mean([r.unlabelled for r in results], axis=0).reshape(-1, width),
        settings=settings,
        grouped=grouped,
        views={name: table(r.views[name] for r in results) for name in results[0].views},
    )
