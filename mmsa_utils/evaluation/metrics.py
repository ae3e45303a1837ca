"""How good predictions are: accuracy, F1, confusion, calibration."""

from collections.abc import Sequence, Sized

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
from sklearn.metrics import precision_recall_fscore_support as per_class_scores

from ..config import LABELS
from ..io import Record


def summary(
    labels: ArrayLike, probabilities: ArrayLike, *, classes: Sequence[str] = LABELS
) -> Record:
    """Accuracy, macro and weighted F1 and per-class figures.

    Args:
        labels: `(N,)` true classes, as indices into `classes`.
        probabilities: `(N, K)`; the most probable class is the prediction.
        classes: the names of the K classes.

    Returns:
        `{"accuracy", "macro_f1", "weighted_f1", "per_class": {label: {"precision", "recall",
        "f1"}}}`. A class that is never predicted has a precision and an F1 of 0.
    """
    predicted, every = np.asarray(probabilities).argmax(1), range(len(classes))
    precision, recall, f1, _ = per_class_scores(labels, predicted, labels=every, zero_division=0)
    return {
        "accuracy": float(accuracy_score(labels, predicted)),
        "macro_f1": float(f1.mean()),
        "weighted_f1": float(
            f1_score(labels, predicted, labels=every, average="weighted", zero_division=0)
        ),
        "per_class": {
            name: {"precision": float(p), "recall": float(r), "f1": float(f)}
            for name, p, r, f in zip(classes, precision, recall, f1, strict=True)
        },
    }


def confusion(labels: ArrayLike, probabilities: ArrayLike) -> np.ndarray:
    """`(K, K)` counts from `(N,)` and `(N, K)`: true class by row, predicted class by column."""
    table = np.asarray(probabilities)
    return confusion_matrix(labels, table.argmax(1), labels=range(table.shape[1]))


def macro_f1(labels: ArrayLike, predicted: ArrayLike, *, classes: Sized = LABELS) -> float:
    """Macro-averaged F1 over all K classes, of true and predicted ones, both `(N,)`."""
    size = len(classes)
    pairs = size * np.asarray(labels) + np.asarray(predicted)
    counts = np.bincount(pairs, minlength=size**2)
    return float(macro_f1_of_counts(counts.reshape(size, size)))


def macro_f1_of_counts(counts: np.ndarray) -> np.ndarray:
    """Macro-averaged F1 of counts `(..., K, K)`, see `confusion`.

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
        probabilities: `(N, K)`.
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
