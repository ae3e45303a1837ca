"""Several models' probabilities made into one, by weights and a decision rule chosen inside.

Every fold chooses its own weights and its own rule, on predictions of its training posts by
models that had not seen them (`crossval.Nested`). The inner score of a blend is
cross-fitted: each inner part is blended by what the other parts have chosen.
"""

from dataclasses import replace
from itertools import product

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from ..config import LABELS
from ..data.splits import find_groups, inner_parts
from ..evaluation import metrics
from .cross_validation import DIGITS, Nested, assemble

# Saying "neutral" more often wins points of macro-F1 for fractions of accuracy. With both
# counted alike the rule sells much accuracy; it should give up little.
ACCURACY_COUNTS = 3
# Factors that the rule may put on the classes' probabilities, positive being 1.
NEGATIVE_FACTORS = np.exp(np.arange(-4, 5) / 10)
AVERAGED = 10
NEUTRAL_FACTORS = np.exp(np.arange(-2, 11) / 10)


def _logs(tables):
    return np.log(np.clip(tables, 1e-6, 1))


def pool(tables, weights):
    """Logarithmic opinion pool, each member's probabilities to the power of its weight.

    Genest and Zidek, "Combining Probability Distributions", Statistical Science 1, 1986.

    Args:
        tables: `(M, N, 3)`, a table a member.
        weights: `(M,)`.

    Returns:
        `(N, 3)` probabilities.
    """
    return softmax(np.tensordot(weights, _logs(tables), axes=1), axis=1)


def fit_weights(tables, labels):
    """`(M,)` weights of at least 0 with which the pool of `(M, N, 3)` has the lowest log-loss.

    They need not add up to 1: their sum sharpens or softens the pool, so that it is
    calibrated as well.
    """
    logs, rows = _logs(tables), np.arange(len(labels))

    def loss(weights):
        scores = log_softmax(np.tensordot(weights, logs, axes=1), axis=1)  # (N, 3)
        expected = (logs * np.exp(scores)).sum(-1)  # (M, N)
        slope = (expected - logs[:, rows, labels]).mean(1)
        return -scores[rows, labels].mean(), slope

    start = np.full(len(tables), 1 / len(tables))
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(tables)).x


def fit_rule(table, labels):
    """`(3,)` factors of the classes for which accuracy and macro-F1 are high on `(N, 3)`.

    The geometric mean of the ten best of a grid: the very best one is partly luck.

    The most probable class is the most accurate answer, but says *neutral*, one post in
    ten, too seldom for macro-F1; this course is scored by both.
    """

    def score(factors):
        predicted = (table * factors).argmax(1)
        accuracy = (predicted == labels).mean()
        return ACCURACY_COUNTS * accuracy + metrics.macro_f1(labels, predicted)

    rules = [np.array([a, b, 1.0]) for a, b in product(NEGATIVE_FACTORS, NEUTRAL_FACTORS)]
    best = sorted(rules, key=score)[-AVERAGED:]
    return np.exp(np.log(best).mean(0))


def apply_rule(table, factors):
    """`(N, 3)` probabilities times the classes' factors, adding up to 1 again."""
    table = table * factors
    return table / table.sum(1, keepdims=True)


class _Blend:
    """A pool whose weights are fitted."""

    def __init__(self, tables, labels):
        self.weights = fit_weights(tables, labels)

    def __call__(self, tables):
        return pool(tables, self.weights)


class _Decided:
    """One member with a decision rule."""

    def __init__(self, tables, labels):
        self.factors = fit_rule(tables[0], labels)

    def __call__(self, tables):
        return apply_rule(tables[0], self.factors)


def _cross_fitted(make, tables, labels, part):
    blended = np.empty(tables.shape[1:])
    for number in np.unique(part):
        rest, left_out = part != number, part == number
        blended[left_out] = make(tables[:, rest], labels[rest])(tables[:, left_out])
    return blended


def _blend_fold(make, results, dataset, groups):
    """`(result, chosen)` of one fold: `results` are its members' results."""
    first = results[0]
    places = np.argsort(dataset.rows)[first.inner_rows]
    inner = np.array([result.inner_probabilities for result in results])  # (M, n, 3)
    labels = dataset.labels[places]
    part = inner_parts(places, dataset.labels, groups, parts=Nested.PARTS, seed=first.seed)
    chosen = make(inner, labels)
    table = _cross_fitted(make, inner, labels, part)
    scores = metrics.summary(labels, table)
    result = replace(
        first,
        probabilities=chosen(np.array([r.probabilities for r in results])).round(DIGITS).tolist(),
        unlabelled=chosen(np.array([r.unlabelled for r in results])).round(DIGITS).tolist(),
        inner={name: scores[name] for name in ("accuracy", "macro_f1")},
        inner_probabilities=table.round(DIGITS).tolist(),
        best_epoch=0,
        history=[],
        seconds=sum(result.seconds for result in results),
    )
    return result, chosen


def _combine(make, validations):
    dataset = validations[0].dataset
    groups = find_groups(dataset.labelled)
    folds = zip(*(validation.results for validation in validations), strict=True)
    return zip(*(_blend_fold(make, fold, dataset, groups) for fold in folds), strict=True)


def blend(members):
    """The pool of several cross-validations of nested learners on the same folds.

    Args:
        members: `{name: CrossValidation}`.

    Returns:
        CrossValidation; its settings give the members' and the mean of their weights over folds.
    """
    validations = list(members.values())
    results, chosen = _combine(_Blend, validations)
    weights = np.mean([blended.weights for blended in chosen], axis=0).round(3).tolist()
    settings = {
        "model": "logarithmic opinion pool, weights fitted on inner predictions of each fold",
        "weights": dict(zip(members, weights, strict=True)),
        "members": {name: validation.settings for name, validation in members.items()},
    }
    return assemble(validations[0], results, settings=settings)


def decide(validation):
    """A cross-validation with the decision rule that each fold's inner predictions choose."""
    results, chosen = _combine(_Decided, [validation])
    factors = np.mean([decided.factors for decided in chosen], axis=0).round(3).tolist()
    settings = validation.settings | {
        "rule": "factors of the classes, chosen on inner predictions of each fold",
        "factors": dict(zip(LABELS, factors, strict=True)),
    }
    return assemble(validation, results, settings=settings)


def average_seeds(validation):
    """The mean of the seeds' probabilities as a run of one seed, shown on the first one's folds."""
    first = validation.config.seeds[0]
    results = [result for result in validation.results if result.seed == first]
    mean = validation.probabilities.mean(0).round(DIGITS)  # (N, 3)
    places = np.argsort(validation.dataset.rows)
    unlabelled = validation.unlabelled.round(DIGITS).tolist()  # of all seeds already
    results = [
        replace(result, probabilities=mean[places[result.rows]].tolist(), unlabelled=unlabelled)
        for result in results
    ]
    settings = validation.settings | {"averaged_seeds": list(validation.config.seeds)}
    return assemble(validation, results, settings=settings)
