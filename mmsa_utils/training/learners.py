"""What learns a fold: scikit-learn classifiers whose `X` are posts, by name.

A learner of your own is a class with `fit(X, y, context)` and `predict_proba(X)` under a name:

    @register_learner("mine")
    def build(config):
        return Nested(MyClassifier(config), inner_folds=config.inner_folds)

then `cross_validate(dataset, config, learner="mine")`. `PostClassifier` brings what
scikit-learn asks for beside, and `Nested` predictions of the training posts for choices.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from ..config import Config
from ..data.splits import assign_inner_folds, at_most, train_validation_split
from ..errors import CourseError
from ..io import Record
from .batches import PostSubset


@dataclass(frozen=True)
class FitContext:
    """What a fit may use beside posts and labels. All arrays have a row for each row of X."""

    validation: np.ndarray  # (n,) bool: rows for choices, early stopping among them
    groups: np.ndarray  # (n,) copies have the same number
    fold_seed: int  # of the folds
    seed: int  # of this fit's own random numbers
    checkpoint: Path | None = None  # where a long training goes on


Job = tuple[np.ndarray, FitContext]  # rows of X to fit on, and what that fit may use


class Learner(Protocol):
    """A scikit-learn classifier on posts.

    Attributes:
        holds_validation_out: whether validation rows serve choices only, so that predictions
            of them can be trusted. A learner that is refitted on them says False, and is
            wrapped in `Nested`.
        best_epoch_: of a training with early stopping, else 0.
        history_: a dictionary of figures for each epoch of such a training, else empty.
    """

    holds_validation_out: bool
    best_epoch_: int
    history_: tuple[Record, ...]

    def fit(self, X: PostSubset, y: np.ndarray, context: FitContext) -> Self:
        """Learns from posts and their labels `(n,)`."""
        ...

    def fit_each(self, X: PostSubset, y: np.ndarray, jobs: Sequence[Job]) -> Iterable[Self]:
        """Fits a new learner on the rows of each job."""
        ...

    def predict_proba(self, X: PostSubset) -> np.ndarray:
        """`(n, K)` probabilities of the classes `X.classes`."""
        ...

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """What the learner was made with, as scikit-learn's `clone` wants it."""
        ...

    def settings(self) -> Record:
        """What a record says of it: JSON types."""
        ...


class PostClassifier(ClassifierMixin, BaseEstimator):
    """What learners share: scikit-learn's parameters, and no training history."""

    holds_validation_out = False
    best_epoch_: int = 0
    history_: tuple[Record, ...] = ()

    def fit_each(self, X: PostSubset, y: np.ndarray, jobs: Sequence[Job]) -> Iterable[Self]:
        """A learner for each job, made when it is asked for; `y (n,)` of all rows of X."""
        for rows, context in jobs:
            yield clone(self).fit(X[rows], y[rows], context)


# ---- names ------------------------------------------------------------------------------

Factory = Callable[[Config], Learner]
LEARNERS: dict[str, Factory] = {}


def register_learner(name: str) -> Callable[[Factory], Factory]:
    """Enters a function of the config that makes a learner, under a name."""

    def enter(factory: Factory) -> Factory:
        LEARNERS[name] = factory
        return factory

    return enter


def make_learner(name: str, config: Config) -> Learner:
    """A learner by name, not fitted yet.

    Raises:
        CourseError: naming the known ones, where there is none of that name.
    """
    if name not in LEARNERS:
        raise CourseError(f"learner={name!r} is not known; choose from: {', '.join(LEARNERS)}")
    return LEARNERS[name](config)


# ---- nested cross-validation ------------------------------------------------------------


class Nested(PostClassifier):
    """A learner that also predicts all posts that it was fitted on, by models that were not.

    The inner predictions come from a cross-validation among the rows of X; posts outside are
    predicted by the learner fitted on all of X. Costs `parts` more fits.

    Attributes:
        inner_probabilities_: `(n, K)`, a row for each row of X.
        learner_: the learner fitted on all of X.
    """

    PARTS = 4
    holds_validation_out = True

    def __init__(self, learner: Learner, inner_folds: int, parts: int = PARTS) -> None:
        self.learner, self.inner_folds, self.parts = learner, inner_folds, parts

    def fit(self, X: PostSubset, y: np.ndarray, context: FitContext) -> Self:
        self.inner_probabilities_ = np.empty((len(X), len(X.classes)))
        rows = np.argsort(X.indices)  # the parts are drawn in the order of the posts' list
        parts = at_most(self.parts, y, context.groups, classes=X.classes)
        part = assign_inner_folds(
            rows,
            y,
            context.groups,
            inner_folds=parts,
            seed=context.fold_seed,
            classes=X.classes,
        )
        jobs = [self._job(number, rows[part != number], X, y, context) for number in range(parts)]
        everything = np.arange(len(X)), context
        learners = iter(self.learner.fit_each(X, y, [*jobs, everything]))
        for number in range(parts):
            left_out = rows[part == number]
            self.inner_probabilities_[left_out] = next(learners).predict_proba(X[left_out])
        self.learner_ = next(learners)
        self.best_epoch_, self.history_ = self.learner_.best_epoch_, self.learner_.history_
        return self

    def _job(
        self, number: int, rest: np.ndarray, X: PostSubset, y: np.ndarray, context: FitContext
    ) -> Job:
        inner_folds = at_most(self.inner_folds, y[rest], context.groups[rest], classes=X.classes)
        train, validation = train_validation_split(
            rest,
            y,
            context.groups,
            inner_folds=inner_folds,
            seed=context.fold_seed,
            classes=X.classes,
        )
        rows = np.concatenate([train, validation])
        file = context.checkpoint
        return rows, FitContext(
            validation=np.arange(len(rows)) >= len(train),
            groups=context.groups[rows],
            fold_seed=context.fold_seed,
            seed=context.seed,
            checkpoint=file and file.with_stem(f"{file.stem}-part{number}"),
        )

    def predict_proba(self, X: PostSubset) -> np.ndarray:
        return self.learner_.predict_proba(X)

    def settings(self) -> Record:
        return self.learner.settings()


# The learners of this package, imported to be registered; they need what stands above.
from . import additive, classical, network  # noqa: E402, F401
