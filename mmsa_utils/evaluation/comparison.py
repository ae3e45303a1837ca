"""Is the difference of two runs real? Significance tests, and tables of compared runs."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from ..config import LABELS
from ..errors import CourseError
from ..io import Record
from ..progress import progress_bar
from .metrics import macro_f1, macro_f1_of_counts
from .oof import (
    classes_of,
    predicted_classes,
    probabilities_of,
    require_same_posts,
    seeds_of,
)

# ---- tests ------------------------------------------------------------------------------


def corrected_error(differences: ArrayLike, *, test_share: float) -> float:
    """Nadeau and Bengio's standard error of a mean over folds.

    The folds share posts, so their scores are not independent. Nadeau and Bengio ("Inference
    for the Generalization Error", Machine Learning 52, 2003) take two scores to be correlated
    by the share of all posts that each is of, n_test / (n_test + n_train); then the variance of
    the mean is that of a score times 1/k + n_test/n_train.

    Args:
        differences: `(k,)`: score of one model minus the other's, a number a fold and seed.
        test_share: n_test / n_train.
    """
    differences = np.asarray(differences, dtype=float)
    return float(np.sqrt(differences.var(ddof=1) * (1 / len(differences) + test_share)))


def corrected_t_test(differences: ArrayLike, *, test_share: float) -> tuple[float, float]:
    """Nadeau and Bengio's corrected resampled t-test over folds, see `corrected_error`.

    Args:
        differences: `(k,)`: score of one model minus the other's, a number a fold and seed.
        test_share: n_test / n_train; posts of the validation set are not trained on.

    Returns:
        `(t, p)`, two-sided, k - 1 degrees of freedom.
    """
    differences = np.asarray(differences, dtype=float)
    error = corrected_error(differences, test_share=test_share)
    if error == 0:
        return (0.0, 1.0) if differences.mean() == 0 else (np.inf, 0.0)
    t = differences.mean() / error
    return float(t), float(2 * stats.t.sf(abs(t), len(differences) - 1))


def mcnemar_p(labels: ArrayLike, first: ArrayLike, second: ArrayLike) -> float:
    """Exact McNemar test on two models' predicted classes `(N,)` of the same posts: two-sided p.

    McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 12, 1947.
    """
    a, b = np.asarray(first) == np.asarray(labels), np.asarray(second) == np.asarray(labels)
    table = [[np.sum(a & b), np.sum(a & ~b)], [np.sum(~a & b), np.sum(~a & ~b)]]
    return float(mcnemar(table, exact=True).pvalue)


def bootstrap_gain(
    labels: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    classes: Sequence[str] = LABELS,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % percentile interval of the gain in macro-F1 of `first` over `second`.

    Posts are resampled, the same for both models and all seeds; the gain is the mean over
    seeds (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993). Copies of a post are
    no independent draws: where groups are known, whole groups are resampled. The order of
    the posts does not count.

    Args:
        labels: `(N,)`.
        first, second: predicted classes, `(S, N)`: a row a seed.
        groups: `(N,)`, posts with the same number are copies; by default no two are, and
            plain posts are resampled. A table of predictions alone does not know its groups.
        classes: their names, K of them; one without a post counts in the mean as well.

    Returns:
        `(low, high)`.
    """
    predicted = np.stack([first, second])
    counts = _in_order(_counts_by_group(np.asarray(labels), predicted, groups, len(classes)))

    def gain(drawn: np.ndarray) -> float:
        times = np.bincount(drawn, minlength=len(counts))
        scores = macro_f1_of_counts(np.tensordot(times, counts, axes=1))  # (2, S)
        return float(np.mean(scores[0] - scores[1]))

    result = stats.bootstrap(
        (np.arange(len(counts)),),
        gain,
        vectorized=False,
        n_resamples=resamples,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _in_order(counts: np.ndarray) -> np.ndarray:
    """`(G, 2, S, K, K)` sorted by content, the same whichever of the models comes first.

    Rows of a table are numbered at random, and the interval must not depend on that.
    """
    both = counts, counts[:, ::-1]
    orders = [np.lexsort(each.reshape(len(each), -1).T) for each in both]
    contents = [each[order].tobytes() for each, order in zip(both, orders, strict=True)]
    return counts[orders[contents.index(min(contents))]]


def _counts_by_group(
    labels: np.ndarray, predicted: np.ndarray, groups: ArrayLike | None, classes: int
) -> np.ndarray:
    """`(G, 2, S, K, K)`: of each group's posts, true class by predicted class.

    Args:
        predicted: `(2, S, N)`: of both models.
        classes: how many there are (K).
    """
    posts = np.arange(len(labels))
    group = posts if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    shape = (int(group.max()) + 1, *predicted.shape[:2], classes, classes)
    counts = np.zeros(shape, dtype=int)
    for model, seed in np.ndindex(*predicted.shape[:2]):
        np.add.at(counts, (group, model, seed, labels, predicted[model, seed]), 1)
    return counts


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm-adjusted p-values, in the order given.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979.
    """
    return multipletests(p_values, method="holm")[1].tolist()


# ---- runs compared ----------------------------------------------------------------------


def _fold_accuracy(table: pd.DataFrame, run: str) -> pd.Series:
    """Accuracy of a run by seed and fold."""
    chosen = table[table["run"] == run]
    classes = classes_of(table)
    right = chosen[list(classes)].to_numpy().argmax(1) == chosen["label"].map(classes.index)
    return right.groupby([chosen["seed"], chosen["fold"]]).mean()


def _mean_macro_f1(labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> float:
    """Of predicted classes `(S, N)`: the mean over seeds."""
    return float(np.mean([macro_f1(labels, row, classes=classes) for row in predicted]))


def _require_comparable(table: pd.DataFrame, first: str, second: str) -> None:
    """Ends a comparison of runs with other posts, seeds or folds."""
    require_same_posts(table, (first, second))
    seeds = [seeds_of(table, run) for run in (first, second)]
    if seeds[0] != seeds[1]:
        raise CourseError(
            f"the runs {first!r} and {second!r} have other seeds, {seeds[0]} and {seeds[1]}: "
            "compare runs with the same"
        )
    folds = [
        table[table["run"] == run].set_index(["seed", "row"])["fold"].sort_index()
        for run in (first, second)
    ]
    if not folds[0].equals(folds[1]):
        raise CourseError(
            f"the runs {first!r} and {second!r} were scored on other folds: compare runs on the "
            "same ones"
        )


def compare(
    table: pd.DataFrame,
    first: str,
    second: str,
    *,
    inner_folds: int,
    groups: np.ndarray | None = None,
) -> Record:
    """How the run `first` differs from the run `second` on the same posts and folds.

    Args:
        table: out-of-fold predictions, see `oof.load_oof`.
        inner_folds: one of so many parts of the training posts was the validation set.
        groups: `(N,)`, ordered by row: posts with the same number are copies, see
            `bootstrap_gain`.

    Returns:
        `{"first", "second", "gain_accuracy", "gain_macro_f1", "macro_f1_interval", "t_test_p",
        "mcnemar_p"}`: gains of the out-of-fold figures, mean over seeds; the interval is 95 %,
        by bootstrap over posts; the corrected resampled t-test is on accuracy, all folds of all
        seeds; of McNemar's p-values it is the largest over seeds.

    Raises:
        CourseError: where the table lacks one of the runs, or they are of different posts, seeds
            or folds.
    """
    _require_comparable(table, first, second)
    labels, _ = probabilities_of(table, first)
    a, b = predicted_classes(table, first), predicted_classes(table, second)
    classes = classes_of(table)
    folds = table.loc[table["run"] == first, "fold"].nunique()
    trained_on = (folds - 1) * (1 - 1 / inner_folds)  # in units of a fold
    gains = _fold_accuracy(table, first) - _fold_accuracy(table, second)
    return {
        "first": first,
        "second": second,
        "gain_accuracy": float((a == labels).mean() - (b == labels).mean()),
        "gain_macro_f1": _mean_macro_f1(labels, a, classes) - _mean_macro_f1(labels, b, classes),
        "macro_f1_interval": list(bootstrap_gain(labels, a, b, groups=groups, classes=classes)),
        "t_test_p": corrected_t_test(gains, test_share=1 / trained_on)[1],
        "mcnemar_p": max(mcnemar_p(labels, p, q) for p, q in zip(a, b, strict=True)),
    }


def compare_all(
    table: pd.DataFrame,
    runs: Sequence[str],
    *,
    inner_folds: int = 8,
    groups: np.ndarray | None = None,
) -> list[Record]:
    """Every pair of runs compared, see `compare` for arguments and errors.

    Both p-values are also given Holm-adjusted over the pairs: `t_test_p_holm`,
    `mcnemar_p_holm`.
    """
    pairs = progress_bar(list(combinations(runs, 2)), "comparing runs")
    rows = [
        compare(table, first, second, inner_folds=inner_folds, groups=groups)
        for first, second in pairs
    ]
    for name in ("t_test_p", "mcnemar_p"):
        for row, adjusted in zip(rows, holm([r[name] for r in rows]), strict=True):
            row[f"{name}_holm"] = adjusted
    return rows


def comparison_table(rows: Sequence[Record]) -> pd.DataFrame:
    """`compare_all` rows as a table for reading: a text a cell, indexed by `comparison`."""
    return pd.DataFrame(
        {
            "comparison": f"{row['first']} - {row['second']}",
            "accuracy": f"{row['gain_accuracy']:+.3f}",
            "macro-F1": f"{row['gain_macro_f1']:+.3f}",
            "macro-F1, 95 %": "{:+.3f} to {:+.3f}".format(*row["macro_f1_interval"]),
            "p t-test (Holm)": f"{row['t_test_p_holm']:.2g}",
            "p McNemar (Holm)": f"{row['mcnemar_p_holm']:.2g}",
        }
        for row in rows
    ).set_index("comparison")
