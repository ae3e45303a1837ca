"""How good predictions are: accuracy, F1, confusion, calibration."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
from sklearn.metrics import precision_recall_fscore_support as per_class_scores

from ..config import LABELS
from ..io import Record

_ALL = list(range(len(LABELS)))


def summary(labels: ArrayLike, probabilities: ArrayLike) -> Record:
    """Accuracy, macro and weighted F1 and per-class figures.

    Args:
        labels: `(N,)` true classes, as indices into `LABELS`.
        probabilities: `(N, 3)`; the most probable class is the prediction.

    Returns:
        `{"accuracy", "macro_f1", "weighted_f1", "per_class": {label: {"precision", "recall",
        "f1"}}}`. A class that is never predicted has a precision and an F1 of 0.
    """
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


def confusion(labels: ArrayLike, probabilities: ArrayLike) -> np.ndarray:
    """`(3, 3)` counts from `(N,)` and `(N, 3)`: true class by row, predicted class by column."""
    return confusion_matrix(labels, np.asarray(probabilities).argmax(1), labels=_ALL)


def macro_f1(labels: ArrayLike, predicted: ArrayLike) -> float:
    """Macro-averaged F1 of predicted classes, both `(N,)`."""
    pairs = len(LABELS) * np.asarray(labels) + np.asarray(predicted)
    counts = np.bincount(pairs, minlength=len(LABELS) ** 2)
    return float(macro_f1_of_counts(counts.reshape(len(LABELS), len(LABELS))))


def macro_f1_of_counts(counts: np.ndarray) -> np.ndarray:
    """Macro-averaged F1 of counts `(..., 3, 3)`, see `confusion`.

    By counting, because the bootstrap asks for it thousands of times.
    """
    both = counts.sum(-1) + counts.sum(-2)
    found = np.diagonal(counts, axis1=-2, axis2=-1)
    return np.mean(2 * found / np.where(both, both, 1), axis=-1)


def reliability(labels: ArrayLike, probabilities: ArrayLike, *, bins: int = 10) -> Record:
    """Does a model that is 80 % sure get 80 % right? Posts by how sure it is of its answer.

    Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.

    Args:
        labels: `(N,)`.
        probabilities: `(N, 3)`.
        bins: equal steps of confidence from 0 to 1.

    Returns:
        `{"ece": ..., "bins": [{"posts", "confidence", "accuracy"}]}`: the expected calibration
        error is the mean distance of confidence and accuracy over posts. Empty bins are left out.
    """
    probabilities = np.asarray(probabilities)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == np.asarray(labels)
    bin_of_post = np.minimum((confidence * bins).astype(int), bins - 1)
    rows = [
        {
            "posts": int((bin_of_post == number).sum()),
            "confidence": float(confidence[bin_of_post == number].mean()),
            "accuracy": float(right[bin_of_post == number].mean()),
        }
        for number in np.unique(bin_of_post)
    ]
    gaps = [row["posts"] * abs(row["confidence"] - row["accuracy"]) for row in rows]
    return {"ece": sum(gaps) / len(right), "bins": rows}
