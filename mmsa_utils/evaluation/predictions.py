"""What a cross-validation leaves behind: predictions of every fold, and all of them together.

Posts are named by their indices in the dataset's order. Nothing is anonymous here; that
happens where oof.csv is written, see `records.anonymous_rows`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ..config import LABELS, Config
from ..data.posts import Dataset
from ..io import Record
from . import metrics

CHOICE_SCORES = ("accuracy", "macro_f1")  # what is recorded of a fold's validation set


@dataclass
class FoldResult:
    """What a fold leaves behind, in plain JSON types. Holds no guid and no text.

    Indices are those of labelled posts in the dataset's order; probabilities have three
    numbers a post, in the order of `LABELS`.
    """

    seed: int
    fold: int
    test: list[int]  # indices of the n test posts
    probabilities: list[list[float]]  # of the test posts, (n, 3)
    unlabelled: list[list[float]]  # of the unlabelled posts, (m, 3), in the dataset's order
    validation: dict[str, float]  # accuracy and macro_f1 on the posts of validation_indices
    validation_indices: list[int]  # the training posts that serve choices
    validation_probabilities: list[list[float]]  # of these, by models not trained on them
    best_epoch: int = 0
    history: list[Record] = field(default_factory=list)  # a dictionary an epoch
    seconds: float = 0.0
    environments: list[Record] = field(default_factory=list)  # what it was computed on: mostly one


@dataclass(frozen=True)
class CrossValidation:
    """All folds of a run, put together by `assemble`. S seeds, N labelled posts, m unlabelled."""

    dataset: Dataset
    config: Config
    results: tuple[FoldResult, ...]
    probabilities: np.ndarray  # (S, N, 3): out of fold, a table a seed, in the dataset's order
    fold: np.ndarray  # (S, N): the fold in which a post is a test post
    unlabelled: np.ndarray  # (m, 3): the mean over all folds and seeds
    settings: Record  # what the learner was set to, for the record
    grouped: bool  # whether copies of a post were kept together

    @property
    def environments(self) -> list[Record]:
        """What the folds were computed on, each once: mostly a single one."""
        return distinct(record for result in self.results for record in result.environments)

    @property
    def scores(self) -> list[Record]:
        """Per seed: `metrics.summary` of that seed's out-of-fold predictions."""
        return [metrics.summary(self.dataset.labels, table) for table in self.probabilities]

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
        labels = self.dataset.labels
        return [metrics.summary(labels[r.test], r.probabilities) for r in self.results]


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
    shape = (len(config.seeds), len(dataset.labelled))
    probabilities, fold = np.full((*shape, len(LABELS)), np.nan), np.full(shape, -1)
    for result in results:
        seed = config.seeds.index(result.seed)
        probabilities[seed, result.test] = result.probabilities
        fold[seed, result.test] = result.fold
    return CrossValidation(
        dataset=dataset,
        config=config,
        results=results,
        probabilities=probabilities,
        fold=fold,
        unlabelled=np.mean([r.unlabelled for r in results], axis=0).reshape(-1, len(LABELS)),
        settings=settings,
        grouped=grouped,
    )
