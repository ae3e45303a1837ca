"""How sure a model may say that it is: temperatures, and what refusing to answer brings.

Temperature scaling: all logits are divided by one number, which changes no answer. Guo, Pleiss,
Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from ..io import Record
from . import metrics
from .predictions import CrossValidation

SMALLEST = 1e-7  # a probability: saved ones have six digits, and a zero has no logarithm
LIMIT = 20.0  # a temperature is at most so much, and at least one by so much
STEPS = 100  # thresholds from 0 to 1


def _logits(probabilities: ArrayLike) -> np.ndarray:
    """Logits of probabilities are their logarithms."""
    return np.log(np.clip(np.asarray(probabilities, dtype=float), SMALLEST, None))


def _log_loss(probabilities: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    logs = log_softmax(_logits(probabilities) / temperature, axis=1)
    return float(-logs[np.arange(len(labels)), labels].mean())


def fit_temperature(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """The temperature that makes predictions most probable: the one with the least log-loss.

    Args:
        probabilities: `(N, K)`, of posts that the model was not trained on.
        labels: `(N,)` true classes.

    Returns:
        Above 1 where the model is too sure, below 1 where it is not sure enough; from 1/20 to 20.
    """
    table, classes = np.asarray(probabilities), np.asarray(labels)
    # By its logarithm: T and 1/T are as far from 1.
    found = minimize_scalar(
        lambda x: _log_loss(table, classes, float(np.exp(x))),
        bounds=(-np.log(LIMIT), np.log(LIMIT)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def with_temperature(probabilities: ArrayLike, temperature: float) -> np.ndarray:
    """Probabilities `(..., K)` as they are when the logits are divided by a temperature."""
    return np.exp(log_softmax(_logits(probabilities) / temperature, axis=-1))


def cross_fitted_temperature(
    probabilities: np.ndarray, labels: np.ndarray, fold: np.ndarray
) -> np.ndarray:
    """Out-of-fold predictions, those of each fold with the temperature of the other folds.

    So what is said of calibrated predictions is of posts that no temperature was fitted on.

    Args:
        probabilities: `(S, N, K)`, a table a seed.
        labels: `(N,)`.
        fold: `(S, N)`, the fold in which a post was predicted.

    Returns:
        `(S, N, K)`.
    """
    calibrated = np.empty_like(probabilities, dtype=float)
    for seed, folds in enumerate(fold):
        for number in np.unique(folds):
            own = folds == number
            temperature = fit_temperature(probabilities[seed, ~own], labels[~own])
            calibrated[seed, own] = with_temperature(probabilities[seed, own], temperature)
    return calibrated


def refusals(
    probabilities: ArrayLike, labels: ArrayLike, thresholds: Sequence[float]
) -> list[Record]:
    """What it brings to answer only where the model is sure enough, and what it costs.

    Args:
        probabilities: `(N, K)`.
        labels: `(N,)`.
        thresholds: of the probability of the answer; a post below is refused.

    Returns:
        `{"least": threshold, "refused": share of posts, "accuracy": of the others, None where
        there are none}` for each threshold, rounded to 4 digits.
    """
    table = np.asarray(probabilities)
    confidence, right = table.max(1), table.argmax(1) == np.asarray(labels)
    rows = []
    for least in thresholds:
        answered = confidence >= least
        accuracy = round(float(right[answered].mean()), 4) if answered.any() else None
        refused = round(float(1 - answered.mean()), 4)
        rows.append({"least": float(least), "refused": refused, "accuracy": accuracy})
    return rows


# ---- of a cross-validation ----------------------------------------------------------------


def calibration_facts(validation: CrossValidation) -> Record:
    """What a model says of its own sureness, from its out-of-fold predictions.

    The situations are `both`, all that the network looks at, and for a fused one `text` and
    `image`, where a post has that alone.

    Returns:
        By situation: `temperatures` {T, fitted on all posts}; `calibration` {`posts`, and the
        expected calibration error `before` and `after`, the latter cross-fitted; means over
        seeds}; `least` {`posts`, `steps`: `refusals` of the cross-fitted predictions in steps
        of 0.01, from the least probability that an answer can have}.
    """
    labels, fold = validation.dataset.labels, validation.fold
    tables = {"both": validation.probabilities, **validation.views}
    calibrated = {
        name: cross_fitted_temperature(table, labels, fold) for name, table in tables.items()
    }
    return {
        "temperatures": {name: _temperature(table, labels) for name, table in tables.items()},
        "calibration": {
            name: {
                "posts": len(labels),
                "before": _error(tables[name], labels),
                "after": _error(calibrated[name], labels),
            }
            for name in tables
        },
        "least": {name: _refused(table, labels) for name, table in calibrated.items()},
    }


def _all_seeds(tables: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tables `(S, N, K)` one below the other, `(S * N, K)`, and their labels."""
    return tables.reshape(-1, tables.shape[2]), np.tile(labels, len(tables))


def _temperature(tables: np.ndarray, labels: np.ndarray) -> float:
    return round(fit_temperature(*_all_seeds(tables, labels)), 4)


def _error(tables: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean([metrics.reliability(labels, table)["ece"] for table in tables]))


def _refused(tables: np.ndarray, labels: np.ndarray) -> Record:
    first = -(-STEPS // tables.shape[2])  # an answer has a probability of 1/K or more
    thresholds = [step / STEPS for step in range(first, STEPS + 1)]
    return {"posts": len(labels), "steps": refusals(*_all_seeds(tables, labels), thresholds)}
