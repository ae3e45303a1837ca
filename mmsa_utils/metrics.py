"""Figures from predictions, and tests of whether two models differ."""

import numpy as np
from scipy import stats
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
from sklearn.metrics import precision_recall_fscore_support as per_class_scores
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from .config import LABELS

_ALL = list(range(len(LABELS)))


def summary(labels, probabilities):
    """Accuracy, macro and weighted F1 and per-class figures from `(N,)` and `(N, 3)`."""
    predicted = np.asarray(probabilities).argmax(1)
    precision, recall, f1, _ = per_class_scores(labels, predicted, labels=_ALL, zero_division=0)
    return {
        "accuracy": float(accuracy_score(labels, predicted)),
        "macro_f1": float(f1.mean()),
        "weighted_f1": float(
            f1_score(labels, predicted, labels=_ALL, average="weighted", zero_division=0)
        ),
        "per_class": {
            name: {"precision": float(p), "recall": float(r), "f1": float(f)}
            for name, p, r, f in zip(LABELS, precision, recall, f1, strict=True)
        },
    }


def confusion(labels, probabilities):
    """`(3, 3)` counts: true class by row, predicted class by column."""
    return confusion_matrix(labels, np.asarray(probabilities).argmax(1), labels=_ALL)


def macro_f1(labels, predicted):
    """Macro-averaged F1 of predicted classes."""
    return f1_score(labels, predicted, labels=_ALL, average="macro", zero_division=0)


# ---- is the difference real? ------------------------------------------------------------


def corrected_t_test(differences, *, test_share):
    """Nadeau and Bengio's corrected resampled t-test over folds.

    The folds share training posts, so their scores are not independent; the variance is
    scaled by 1/k + n_test/n_train (Machine Learning 52, 2003).

    Args:
        differences: score of one model minus the other's, a number a fold and seed.
        test_share: n_test / n_train, 1/4 for five folds.

    Returns:
        `(t, p)`, two-sided, k - 1 degrees of freedom.
    """
    differences = np.asarray(differences, dtype=float)
    k = len(differences)
    variance = differences.var(ddof=1) * (1 / k + test_share)
    if variance == 0:
        return (0.0, 1.0) if differences.mean() == 0 else (np.inf, 0.0)
    t = differences.mean() / np.sqrt(variance)
    return float(t), float(2 * stats.t.sf(abs(t), k - 1))


def mcnemar_p(labels, first, second):
    """Exact McNemar test on two `(N, 3)` probability tables for the same posts: two-sided p."""
    a = np.asarray(first).argmax(1) == labels
    b = np.asarray(second).argmax(1) == labels
    table = [[np.sum(a & b), np.sum(a & ~b)], [np.sum(~a & b), np.sum(~a & ~b)]]
    return float(mcnemar(table, exact=True).pvalue)


def bootstrap_gain(labels, first, second, *, resamples=1000, seed=0):
    """95 % percentile interval of the gain in macro-F1 of `first` over `second`, paired by post."""
    a, b = np.asarray(first).argmax(1), np.asarray(second).argmax(1)

    def gain(y, p, q):
        return macro_f1(y, p) - macro_f1(y, q)

    result = stats.bootstrap(
        (np.asarray(labels), a, b),
        gain,
        paired=True,
        vectorized=False,
        n_resamples=resamples,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def holm(p_values):
    """Holm-adjusted p-values, in the order given."""
    return multipletests(p_values, method="holm")[1].tolist()
