"""Several models' probabilities made into one, by weights and a prior correction chosen inside.

Every fold chooses its own weights and its own correction, on predictions of its training posts
by models that had not seen them (`learners.Nested`). The validation score of an ensemble is
cross-fitted: each inner part is combined by what the other parts have chosen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn, Protocol, Self, TypeVar

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from scipy.stats import qmc

from ..config import LABELS
from ..data.splits import assign_inner_folds, at_most, find_groups
from ..errors import CourseError
from ..evaluation import metrics
from ..evaluation.predictions import CrossValidation, FoldResult, assemble, distinct
from ..io import Record
from .cross_validation import DIGITS
from .learners import Nested

# Saying "neutral" more often wins points of macro-F1 for fractions of accuracy. So much of its
# inner accuracy, half a point, may the correction give up; a principle, not a figure to be tuned.
MOST_LOST = 0.005
# Logarithms of the factors that the correction may put on the classes' probabilities, that of
# the most frequent class being 0; so many points of that box are tried, and the best averaged.
LEAST_FACTOR, GREATEST_FACTOR = -0.4, 1.0
TRIED, AVERAGED = 256, 10


class Combiner(Protocol):
    """Makes one table of probabilities of several models' tables."""

    def fit(self, tables: np.ndarray, y: np.ndarray) -> Self:
        """Learns from `(M, n, K)`, a table a base learner, and the labels `(n,)`."""
        ...

    def predict_proba(self, tables: np.ndarray) -> np.ndarray:
        """`(M, n, K)` to `(n, K)`."""
        ...


C = TypeVar("C", bound=Combiner)


# ---- the opinion pool -------------------------------------------------------------------


def _logs(tables: np.ndarray) -> np.ndarray:
    return np.log(np.clip(tables, 1e-6, 1))


def opinion_pool(tables: np.ndarray, weights: np.ndarray | Sequence[float]) -> np.ndarray:
    """Logarithmic opinion pool: each model's probabilities to the power of its weight.

    Genest and Zidek, "Combining Probability Distributions", Statistical Science 1, 1986.

    Args:
        tables: `(M, N, K)`, a table a base learner.
        weights: `(M,)`.

    Returns:
        `(N, K)` probabilities.
    """
    return softmax(np.tensordot(weights, _logs(tables), axes=1), axis=1)


class OpinionPool:
    """The logarithmic opinion pool with the weights that have the lowest log-loss.

    Weights are at least 0 and need not add up to 1: their sum sharpens or softens the pool, so
    that it is calibrated as well. Of a single model it is temperature scaling.

    Attributes:
        weights_: `(M,)`.
    """

    weights_: np.ndarray

    def fit(self, tables: np.ndarray, y: np.ndarray) -> Self:
        """Learns the weights from `(M, n, K)` and the labels `(n,)`."""
        logs, rows = _logs(tables), np.arange(len(y))

        def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
            scores = log_softmax(np.tensordot(weights, logs, axes=1), axis=1)  # (n, K)
            expected = (logs * np.exp(scores)).sum(-1)  # (M, n)
            slope = (expected - logs[:, rows, y]).mean(1)
            return -scores[rows, y].mean(), slope

        start = np.full(len(tables), 1 / len(tables))
        bounds = [(0, None)] * len(tables)
        self.weights_ = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        return self

    def predict_proba(self, tables: np.ndarray) -> np.ndarray:
        """`(M, n, K)` to `(n, K)`."""
        return opinion_pool(tables, self.weights_)


# ---- the prior correction ---------------------------------------------------------------


def _box(dimensions: int) -> np.ndarray:
    """`(TRIED, dimensions)` points, evenly spread and always the same."""
    points = qmc.Sobol(dimensions, rng=0).random(TRIED)
    return qmc.scale(points, [LEAST_FACTOR] * dimensions, [GREATEST_FACTOR] * dimensions)


def _scores(table: np.ndarray, y: np.ndarray, logs: np.ndarray) -> tuple[float, float]:
    """Accuracy and macro-F1 of a table `(n, K)` whose classes have factors of these logarithms."""
    predicted = (table * np.exp(logs)).argmax(1)
    f1 = metrics.macro_f1(y, predicted, classes=range(table.shape[1]))
    return float((predicted == y).mean()), f1


class PriorCorrection:
    """Factors of the classes that raise macro-F1 and cost next to no accuracy.

    The most probable class is the most accurate answer, but names a rare class, such as
    *neutral*, one post in ten, too seldom for macro-F1; this course is scored by both. The
    principle: the factors with the highest macro-F1, among those that lose at most `MOST_LOST`
    of accuracy against no correction, on the predictions that are learnt from. What is tried
    are the points of a scrambled Sobol sequence (Owen, "Scrambling Sobol' and
    Niederreiter-Xing Points", Journal of Complexity 14, 1998), which fills a box of any number
    of dimensions evenly. The very best point is partly luck: the factors are the geometric mean
    of the ten best. Of equally good points the one that corrects least is the better. Where the
    mean loses too much accuracy, or does not raise macro-F1, there is no correction.

    Attributes:
        class_factors_: `(K,)`, that of the most frequent class being 1.
    """

    class_factors_: np.ndarray

    def fit(self, tables: np.ndarray, y: np.ndarray) -> Self:
        """Learns the factors from one table `(1, n, K)` and the labels `(n,)`."""
        count = tables.shape[-1]
        none = np.zeros(count)
        accuracy, f1 = _scores(tables[0], y, none)

        def gain(logs: np.ndarray) -> tuple[float, float]:
            """Of macro-F1, if accuracy allows it; among equal ones less is more."""
            found = _scores(tables[0], y, logs)
            allowed = accuracy - found[0] <= MOST_LOST + 1e-9  # a rounding error
            return found[1] - f1 if allowed else -np.inf, -np.abs(logs).sum()

        most_frequent = np.bincount(y, minlength=count).argmax()
        tried = np.insert(_box(count - 1), most_frequent, 0.0, axis=1)
        best = [logs for logs in sorted(tried, key=gain)[-AVERAGED:] if gain(logs)[0] > 0]
        mean = np.mean(best or [none], axis=0)
        self.class_factors_ = np.exp(max(mean, none, key=gain))
        return self

    def predict_proba(self, tables: np.ndarray) -> np.ndarray:
        """One table `(1, n, K)` to `(n, K)` that adds up to 1 again."""
        table = tables[0] * self.class_factors_
        return table / table.sum(1, keepdims=True)


# ---- on the folds of a cross-validation -------------------------------------------------


def cross_fitted(
    make: Callable[[], Combiner], tables: np.ndarray, y: np.ndarray, part: np.ndarray
) -> np.ndarray:
    """`(n, K)`: each part combined by what the other parts have chosen."""
    combined = np.empty(tables.shape[1:])
    for number in np.unique(part):
        rest, left_out = part != number, part == number
        combined[left_out] = make().fit(tables[:, rest], y[rest]).predict_proba(tables[:, left_out])
    return combined


def combine_fold(
    make: Callable[[], C],
    results: Sequence[FoldResult],
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    classes: Sequence[str] = LABELS,
) -> tuple[FoldResult, C]:
    """One fold of an ensemble, and the combiner that its validation predictions have chosen.

    Args:
        make: a new combiner.
        results: of the base learners, nested, on the same fold.
        labels: `(N,)` of all labelled posts; those of the test posts are not looked at.
        groups: `(N,)` of copies.
        classes: the names of all classes.
    """
    first = results[0]
    indices = np.array(first.validation_indices)
    tables = np.array([result.validation_probabilities for result in results])  # (M, n, K)
    y = labels[indices]
    parts = at_most(Nested.PARTS, y, groups[indices], classes=classes)
    part = assign_inner_folds(
        indices, labels, groups, inner_folds=parts, seed=first.seed, classes=classes
    )
    combiner = make().fit(tables, y)
    table = cross_fitted(make, tables, y, part)
    scores = metrics.summary(y, table, classes=classes)

    def combined(name: str) -> list[list[float]]:
        values = np.array([getattr(result, name) for result in results])
        if not values.size:
            return []  # there may be no unlabelled post
        return combiner.predict_proba(values).round(DIGITS).tolist()

    result = replace(
        first,
        probabilities=combined("probabilities"),
        unlabelled=combined("unlabelled"),
        validation={name: scores[name] for name in ("accuracy", "macro_f1")},
        validation_probabilities=table.round(DIGITS).tolist(),
        best_epoch=0,
        history=[],
        seconds=sum(result.seconds for result in results),
        environments=distinct(e for result in results for e in result.environments),
        views={},
    )
    return result, combiner


def _combine(
    make: Callable[[], C], runs: Sequence[CrossValidation]
) -> tuple[list[FoldResult], list[C]]:
    dataset = runs[0].dataset
    labels, groups, classes = dataset.labels, find_groups(dataset.labelled), dataset.classes
    folds = zip(*(run.results for run in runs), strict=True)
    combined = [combine_fold(make, fold, labels, groups, classes=classes) for fold in folds]
    return [result for result, _ in combined], [combiner for _, combiner in combined]


def _assembled(
    run: CrossValidation, results: Sequence[FoldResult], settings: Record
) -> CrossValidation:
    """A cross-validation on the posts of another, put together from new fold results."""
    seeds = tuple(dict.fromkeys(result.seed for result in results))
    return assemble(
        run.dataset,
        run.config.but(seeds=seeds),
        results,
        settings=settings,
        grouped=run.grouped,
    )


def check_alike(base_learners: Mapping[str, CrossValidation]) -> None:
    """Refuses base learners whose predictions are not of the same posts in the same folds.

    Raises:
        CourseError: naming the first base learner that differs, and in what.
    """
    (first, one), *others = base_learners.items()
    for name, other in others:
        if other.dataset.fingerprint != one.dataset.fingerprint:
            _refuse(first, name, "other posts")
        if other.config.seeds != one.config.seeds:
            _refuse(first, name, f"other seeds: {other.config.seeds}, not {one.config.seeds}")
        for a, b in zip(one.results, other.results, strict=False):
            fold = f"seed {a.seed}, fold {a.fold}"
            if (a.seed, a.fold, a.test) != (b.seed, b.fold, b.test):
                _refuse(first, name, f"other folds, the first of them {fold}")
            if a.validation_indices != b.validation_indices:
                _refuse(first, name, f"other posts for choices in {fold}: both have to be nested")
        if len(one.results) != len(other.results):
            _refuse(first, name, f"{len(other.results)} folds, not {len(one.results)}")


def _refuse(first: str, name: str, difference: str) -> NoReturn:
    raise CourseError(f"{name!r} cannot stand beside {first!r} in an ensemble: {difference}")


def make_ensemble(base_learners: Mapping[str, CrossValidation]) -> CrossValidation:
    """The opinion pool of several nested cross-validations on the same folds.

    Args:
        base_learners: `{name: CrossValidation}`.

    Returns:
        CrossValidation; its settings give the base learners' and the mean of their weights
        over folds.

    Raises:
        CourseError: where they are of other posts, seeds or folds.
    """
    check_alike(base_learners)
    runs = list(base_learners.values())
    results, pools = _combine(OpinionPool, runs)
    weights = np.mean([pool.weights_ for pool in pools], axis=0).round(3).tolist()
    settings = {
        "model": "logarithmic opinion pool, weights fitted on inner predictions of each fold",
        "weights": dict(zip(base_learners, weights, strict=True)),
        "base_learners": {name: run.settings for name, run in base_learners.items()},
    }
    return _assembled(runs[0], results, settings)


def correct_priors(run: CrossValidation) -> CrossValidation:
    """A cross-validation with the prior correction that each fold's inner predictions choose."""
    results, corrections = _combine(PriorCorrection, [run])
    most_frequent = np.bincount(run.dataset.labels).argmax()  # in a fold it may be another one
    each = [c.class_factors_ / c.class_factors_[most_frequent] for c in corrections]
    factors = np.mean(each, axis=0).round(3).tolist()
    settings = run.settings | {
        "prior_correction": "factors of the classes, chosen on inner predictions of each fold",
        "class_factors": dict(zip(run.dataset.classes, factors, strict=True)),
    }
    return _assembled(run, results, settings)


def average_seeds(run: CrossValidation) -> CrossValidation:
    """The mean of the seeds' probabilities as a run of one seed, shown on the first one's folds."""
    mean = run.probabilities.mean(0).round(DIGITS)  # (N, K)
    views = {seen: table.mean(0).round(DIGITS) for seen, table in run.views.items()}
    unlabelled = run.unlabelled.round(DIGITS).tolist()  # of all seeds already
    results = [
        replace(
            result,
            probabilities=mean[result.test].tolist(),
            unlabelled=unlabelled,
            views={seen: view[result.test].tolist() for seen, view in views.items()},
        )
        for result in run.results
        if result.seed == run.config.seeds[0]
    ]
    return _assembled(run, results, run.settings | {"averaged_seeds": list(run.config.seeds)})
