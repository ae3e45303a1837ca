"""Figures from predictions, and tests of whether two models differ."""

import numpy as np
from scipy import stats
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
from sklearn.metrics import precision_recall_fscore_support as per_class_scores
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from ..config import LABELS

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
    """Macro-averaged F1 of predicted classes; by counting, as the bootstrap asks for thousands."""
    pairs = np.bincount(len(LABELS) * np.asarray(labels) + predicted, minlength=len(LABELS) ** 2)
    table = pairs.reshape(len(LABELS), len(LABELS))
    both = table.sum(0) + table.sum(1)
    return float(np.mean(2 * np.diag(table) / np.where(both, both, 1)))


def reliability(labels, probabilities, *, bins=10):
    """Does a model that is 80 % sure get 80 % right? Posts by how sure it is of its answer.

    Returns `{"ece": ..., "bins": [{"posts", "confidence", "accuracy"}]}`: the expected
    calibration error is the mean distance of confidence and accuracy over posts (Guo et
    al., "On Calibration of Modern Neural Networks", ICML 2017). Empty bins are left out.
    """
    probabilities = np.asarray(probabilities)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    rows = [
        {
            "posts": int((place == number).sum()),
            "confidence": float(confidence[place == number].mean()),
            "accuracy": float(right[place == number].mean()),
        }
        for number in np.unique(place)
    ]
    gaps = [row["posts"] * abs(row["confidence"] - row["accuracy"]) for row in rows]
    return {"ece": sum(gaps) / len(right), "bins": rows}


# ---- is the difference real? ------------------------------------------------------------


def corrected_t_test(differences, *, test_share):
    """Nadeau and Bengio's corrected resampled t-test over folds.

    The folds share training posts, so their scores are not independent; the variance is
    scaled by 1/k + n_test/n_train (Machine Learning 52, 2003).

    Args:
        differences: score of one model minus the other's, a number a fold and seed.
        test_share: n_test / n_train; posts of the inner split are not trained on.

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
    """Exact McNemar test on two models' predicted classes `(N,)` of the same posts: two-sided p."""
    a, b = np.asarray(first) == labels, np.asarray(second) == labels
    table = [[np.sum(a & b), np.sum(a & ~b)], [np.sum(~a & b), np.sum(~a & ~b)]]
    return float(mcnemar(table, exact=True).pvalue)


def bootstrap_gain(labels, first, second, *, resamples=1000, seed=0):
    """95 % percentile interval of the gain in macro-F1 of `first` over `second`.

    Posts are resampled, the same for both models and all seeds; the gain is the mean over
    seeds.

    Args:
        labels: `(N,)`.
        first, second: predicted classes, `(S, N)`: a row a seed.
    """
    labels, first, second = np.asarray(labels), np.asarray(first), np.asarray(second)

    def gain(posts):
        pairs = zip(first[:, posts], second[:, posts], strict=True)
        chosen = labels[posts]
        return np.mean([macro_f1(chosen, a) - macro_f1(chosen, b) for a, b in pairs])

    result = stats.bootstrap(
        (np.arange(len(labels)),),
        gain,
        vectorized=False,
        n_resamples=resamples,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def holm(p_values):
    """Holm-adjusted p-values, in the order given."""
    return multipletests(p_values, method="holm")[1].tolist()
