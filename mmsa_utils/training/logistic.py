"""Logistic regressions on parts of one wide table, fitted at once.

The choice of a penalty and nested cross-validation fit one model many times on nearly the same
posts. What takes the time is to read a table of thousands of columns in every step. Fitted
together, all models share each reading, and an exact change of basis makes the steps few: along
the main directions of the posts, where a penalty hardly holds, coefficients are scaled by the
curvature to be expected there. The solution is scikit-learn's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh, helmert
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

DIRECTIONS, SAMPLE = 128, 600  # how many main directions, found among how many posts
TOLERANCE = 5e-6  # slope that counts as none: probabilities are right to about ten times as much
CHOICE_TOLERANCE = 3e-4  # of models that are only chosen among
_LEAST_GAIN = 1e-3  # of the loss's rounding: a step that lowers it by less ends a search
_SEARCHES = 8  # at most, each in a basis for the curvature where the last one ended
_CONSTANT = 1e-12  # a column with a smaller share of its mean square as variance is constant
_AT_ONCE = 256  # columns that are held in double precision
_NEVER = -1e4  # the score of a class without a post


@dataclass(frozen=True)
class LogisticModel:
    """A logistic regression on columns standardised on the posts that it was fitted on."""

    C: float
    mean: np.ndarray  # (D,) of the columns
    scale: np.ndarray  # (D,)
    coefficients: np.ndarray  # (K, D), zero for a class without a post
    intercepts: np.ndarray  # (K,)
    classes_: np.ndarray  # numbers of those with a post

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """`(n, K')` of `X (n, D)`: a column for each of `classes_`."""
        coefficients, intercepts = self.coefficients[self.classes_], self.intercepts[self.classes_]
        return softmax((X - self.mean) / self.scale @ coefficients.T + intercepts, axis=1)


class LogisticTable:
    """Posts as rows of a table, for logistic regressions on some of them.

    What all posts are used for together, columns of like size and the main directions, makes
    fits fast and changes no solution: a model knows nothing of posts that are not its own.

    Args:
        X: `(n, D)` floats; computed in their precision, as scikit-learn does.
        y: `(n,)` numbers of classes.
    """

    def __init__(self, X: np.ndarray, y: np.ndarray) -> None:
        everything = np.ones((1, len(X)), dtype=bool)
        self.mean, self.scale = (moment[0] for moment in _moments(X, everything))  # (D,)
        self.values = (X - self.mean.astype(X.dtype)) / self.scale.astype(X.dtype)  # (n, D)
        self.onehot = np.eye(y.max() + 1, dtype=X.dtype)[:, y]  # (K, n)
        self.directions, self.lengths = _main_directions(self.values)

    def fit(
        self, *, rows: np.ndarray, C: np.ndarray, start: Sequence[LogisticModel] = ()
    ) -> list[LogisticModel]:
        """Multinomial logistic regressions with an L2 penalty, each on standardised columns.

        Each is what scikit-learn's `StandardScaler` and `LogisticRegression(C)` make of its rows.

        Args:
            rows: `(J, n)` bool: what each model is fitted on.
            C: `(J,)`, as in scikit-learn: the more, the weaker the penalty.
            start: J models near the solutions; without them, zeros.
        """
        problems = _Problems(self, rows, C, _moments(self.values, rows))
        w, b = problems.start(start)
        for _ in range(_SEARCHES):
            w, b, steps = problems.search(w, b, TOLERANCE)
            if not steps:
                break
        return problems.models(w, b)

    def try_penalties(
        self, rows: np.ndarray, penalties: Sequence[float]
    ) -> list[list[LogisticModel]]:
        """For each penalty, J models to choose among: `rows (J, n)` and `penalties` as for `fit`.

        Probabilities are right to a few thousandths. Each penalty starts where the one before
        ends: give the strongest first.
        """
        moments = _moments(self.values, rows)
        tried: list[list[LogisticModel]] = []
        for C in penalties:
            problems = _Problems(self, rows, np.full(len(rows), C), moments)
            w, b, _ = problems.search(*problems.start(tried[-1] if tried else ()), CHOICE_TOLERANCE)
            tried.append(problems.models(w, b))
        return tried


def _main_directions(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal directions `(r, D)`, and about the sum of squares `(r,)` along each.

    They are found on a sample of the posts (Williams and Seeger, "Using the Nystroem Method to
    Speed Up Kernel Machines", NIPS 2000): how good they are makes fits faster, not different.
    """
    rows = np.random.default_rng(0).permutation(len(table))[:SAMPLE]
    sample = table[rows]
    last = len(rows) - 1
    values, vectors = eigh(sample @ sample.T, subset_by_index=(max(0, last + 1 - DIRECTIONS), last))
    kept = values > 1e-4 * values[-1]  # what is less is rounding
    values, vectors = values[kept], vectors[:, kept]
    return (vectors / np.sqrt(values)).T @ sample, values * (len(table) / len(rows))


def _moments(table: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations `(J, D)` of the columns, as scikit-learn scales: 1 for 0."""
    shares = rows / rows.sum(1, keepdims=True)  # (J, n)
    means, scales = [], []
    for start in range(0, table.shape[1], _AT_ONCE):
        # In double precision: the mean's square may be nearly all of the mean of the squares.
        columns = table[:, start : start + _AT_ONCE].astype(float)
        mean, squares = shares @ columns, shares @ np.square(columns)
        variance = squares - np.square(mean)
        means.append(mean)
        scales.append(np.sqrt(np.where(variance > _CONSTANT * squares, variance, 1)))
    return np.hstack(means), np.hstack(scales)


def _contrasts(present: np.ndarray) -> np.ndarray:
    """`(K - 1, K)`: differences between the classes with a post, then rows of zeros.

    Coefficients that differ by the same vector in all classes are one model, and the penalty is
    lowest where they add up to 0. Of two classes scikit-learn has coefficients of one only.
    """
    numbers = np.flatnonzero(present)
    table = np.zeros((len(present) - 1, len(present)))
    found = np.array([[0.0, 1.0]]) if len(numbers) == 2 else helmert(len(numbers))
    table[: len(found), numbers] = found
    return table


def _by_rows(arrays: np.ndarray, table: np.ndarray) -> np.ndarray:
    """`(J, q, a) @ (a, b)` by one product of matrices: numpy would make J."""
    return (arrays.reshape(-1, arrays.shape[-1]) @ table).reshape(*arrays.shape[:2], -1)


class _Problems:
    """J models to fit: `w (J, q, D)` and `b (J, q, 1)` on q contrasts, of K classes."""

    def __init__(
        self,
        table: LogisticTable,
        rows: np.ndarray,
        C: np.ndarray,
        moments: tuple[np.ndarray, np.ndarray],
    ) -> None:
        self.table, self.dtype, self.C = table, table.values.dtype, C
        self.mean, self.scale = (moment.astype(self.dtype) for moment in moments)
        self.present = rows @ (table.onehot.T > 0)  # (J, K)
        contrasts = [_contrasts(present) for present in self.present]
        self.contrasts = np.array(contrasts, dtype=self.dtype)  # (J, q, K)
        self.weight = (rows * C[:, None]).astype(self.dtype)  # (J, n)

    def start(self, models: Sequence[LogisticModel]) -> tuple[np.ndarray, np.ndarray]:
        """`w` and `b` of the models, zeros without."""
        J, q, _ = self.contrasts.shape
        if not models:
            columns = self.table.values.shape[1]
            return np.zeros((J, q, columns), self.dtype), np.zeros((J, q, 1), self.dtype)
        w = self.contrasts @ np.array([model.coefficients for model in models], self.dtype)
        b = self.contrasts @ np.array([model.intercepts[:, None] for model in models], self.dtype)
        return w, b

    def models(self, w: np.ndarray, b: np.ndarray) -> list[LogisticModel]:
        """A model each, of the columns as they were given."""
        table, back = self.table, self.contrasts.swapaxes(1, 2)
        mean, scale = table.mean + table.scale * self.mean, table.scale * self.scale
        classes = [np.flatnonzero(present) for present in self.present]
        parts = zip(self.C, mean, scale, back @ w, (back @ b)[..., 0], classes, strict=True)
        return [LogisticModel(*part) for part in parts]

    def scores(self, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        """`(J, K, n)`; 0 for a class without a post."""
        w = w / self.scale[:, None]
        products = self.table.values @ w.reshape(-1, w.shape[-1]).T  # (n, J * q)
        scores = products.T.reshape(*w.shape[:2], -1) + (b - w @ self.mean[..., None])
        return self.contrasts.swapaxes(1, 2) @ scores

    def slopes(self, residuals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The loss's slopes by `w` and `b`, from its slopes by scores `(J, K, n)`."""
        by_scores = self.contrasts @ residuals.astype(self.dtype)  # (J, q, n)
        total = by_scores.sum(-1, keepdims=True)
        by_columns = _by_rows(by_scores, self.table.values)
        return (by_columns - total * self.mean[:, None]) / self.scale[:, None], total

    def search(
        self, w0: np.ndarray, b0: np.ndarray, tolerance: float
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """`w` and `b` nearer to the solution, and in how many steps.

        The search is for the difference, whose scores round less than those of the sum.
        """
        absent = np.where(self.present, 0.0, _NEVER)[..., None]
        scores0, onehot = self.scores(w0, b0) + absent, self.table.onehot
        basis = self._basis(softmax(scores0, axis=1))

        def objective(scaled: np.ndarray) -> tuple[float, np.ndarray]:
            w, b = basis.coefficients(scaled)
            logs = log_softmax(scores0 + self.scores(w, b), axis=1)
            loss = -(self.weight * (logs * onehot).sum(1)).sum()
            penalty = (w * (w0 + w / 2)).sum(dtype=float)  # but for a constant
            slope, shift = self.slopes((np.exp(logs) - onehot) * self.weight[:, None])
            return float(loss + penalty), basis.slopes(slope + w0 + w, shift)

        least = _LEAST_GAIN * np.finfo(self.dtype).eps
        found = minimize(
            objective,
            np.zeros(w0.size + b0.size),
            jac=True,
            method="L-BFGS-B",
            options={"gtol": tolerance, "ftol": least, "maxiter": 500},
        )
        w, b = basis.coefficients(found.x)
        return w0 + w, b0 + b, found.nit

    def _basis(self, probabilities: np.ndarray) -> "_Basis":
        """For the curvature at these probabilities `(J, K, n)`."""
        spread = (1 - np.square(probabilities).sum(1)) / 2  # (J, n): of an average contrast
        least = 1e-3 * self.weight.sum(1)  # where all posts are certain
        curvature = np.maximum((spread * self.weight).sum(1), least)[:, None, None]
        squares = curvature * self.table.lengths / len(self.table.values)
        return _Basis(
            self.table.directions,
            (1 / np.sqrt(1 + squares)).astype(self.dtype),
            (1 / np.sqrt(curvature)).astype(self.dtype),
            self.contrasts.shape[1],
        )


@dataclass(frozen=True)
class _Basis:
    """Coefficients as scaled ones, in which all curvatures are alike."""

    directions: np.ndarray  # (r, D)
    stretch: np.ndarray  # (J, 1, r) along them
    intercept_stretch: np.ndarray  # (J, 1, 1)
    contrasts: int  # q

    def _stretched(self, w: np.ndarray) -> np.ndarray:
        along = _by_rows(w, self.directions.T)
        return w + _by_rows((self.stretch - 1) * along, self.directions)

    def coefficients(self, scaled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`w (J, q, D)` and `b (J, q, 1)` of `(J * q * (D + 1),)`."""
        shape = (len(self.stretch), self.contrasts, self.directions.shape[1] + 1)
        scaled = scaled.astype(self.stretch.dtype).reshape(shape)
        return self._stretched(scaled[..., :-1]), scaled[..., -1:] * self.intercept_stretch

    def slopes(self, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Slopes by the scaled coefficients, of those by `w` and `b`."""
        slopes = self._stretched(w), b * self.intercept_stretch
        return np.concatenate(slopes, axis=-1).ravel().astype(float)
