"""Figures of repeated measurements: what a mistake costs, what a test of two models looks at."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy import stats

from ..evaluation.comparison import corrected_error
from .style import BASELINE_COLOUR, MODE_COLOURS, TEXT_COLOUR, say_nothing_to_show

_RIGHT, _WRONG = TEXT_COLOUR, "#d17a22"  # neither a class's colour nor a mode's
_SHARE = 0.95  # of the intervals
_MISLED = {
    "text": MODE_COLOURS["text"],
    "picture": MODE_COLOURS["image"],
    "both": MODE_COLOURS["fused"],
    "neither": BASELINE_COLOUR,
}


# ---- what a mistake costs ---------------------------------------------------------------


def repetitions(
    right: ArrayLike,
    wrong: ArrayLike,
    *,
    ceiling: float | None = None,
    measure: str = "accuracy",
    title: str = "",
) -> Figure:
    """The same measurement done right and done wrong, repeated: both scores, and the difference.

    Args:
        right, wrong: `(R,)` scores from 0 to 1, of the same repetitions in the same order.
        ceiling: the best score possible, drawn as a line.
        measure: what the scores are.
    """
    right, wrong = np.asarray(right, dtype=float), np.asarray(wrong, dtype=float)
    figure, (scores, points) = plt.subplots(1, 2, figsize=(8.5, 2.1), width_ratios=(3, 2))
    for row, values, colour in ((1, right, _RIGHT), (0, wrong, _WRONG)):
        _dots(scores, values, row, colour)
    if ceiling is not None:
        scores.axvline(ceiling, color="black", ls="--", lw=1.2)
        measure = f"{measure} (dashed: the best possible)"
    scores.set(xlabel=measure, yticks=[1, 0], yticklabels=["right", "wrong"], ylim=(-0.6, 1.6))
    gains = 100 * (wrong - right)
    _dots(points, gains, 0, _WRONG)
    points.axvline(0, color="black", lw=1)
    points.set(xlabel="points, wrong - right", yticks=[], ylim=(-0.6, 0.6))
    points.set_title(in_points(gains))
    scores.set_title(title)
    for axes in (scores, points):
        axes.grid(visible=False, axis="y")
    return figure


def _dots(axes: Axes, values: np.ndarray, row: float, colour: str) -> None:
    """A dot a repetition in a row, spread a little so that equal ones are seen; a line: the mean.

    The spread follows the order of the repetitions, so the drawing is the same every time.
    """
    places = row + 0.22 * np.sin(2.4 * np.arange(len(values)))
    axes.scatter(values, places, s=16, color=colour, alpha=0.7, lw=0)
    axes.plot([values.mean()] * 2, [row - 0.34, row + 0.34], color=colour, lw=2)


def in_points(gains: ArrayLike) -> str:
    """Gains in points `(R,)` as a text: their mean ± their deviation over repetitions."""
    values = np.asarray(gains, dtype=float)
    mean = round(float(values.mean()), 1) + 0.0  # no -0.0
    return f"{mean:+.1f} ± {values.std(ddof=1):.1f} points"


def scores_by_share(table: pd.DataFrame, *, ceiling: float, xlabel: str) -> Figure:
    """Accuracy against the share of posts that have some fault, a line a way of measuring.

    Args:
        table: a row a repetition, with the columns `way`, `share` and `accuracy`.
        ceiling: the best accuracy possible, drawn as a line.
        xlabel: what the shares are of.
    """
    figure, axes = plt.subplots(figsize=(6.2, 3.2))
    if table.empty:
        say_nothing_to_show(axes)
        return figure
    colours = (_RIGHT, _WRONG)
    for (way, part), colour in zip(table.groupby("way", sort=False), colours, strict=False):
        found = part.groupby("share")["accuracy"].agg(["mean", "std"])
        axes.errorbar(
            found.index, found["mean"], found["std"], label=way, color=colour, marker="o", capsize=3
        )
    axes.axhline(ceiling, color="black", ls="--", lw=1.2, label="best possible")
    axes.set(xlabel=xlabel, ylabel="accuracy")
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def points_of_mistakes(table: pd.DataFrame) -> Figure:
    """What each mistake gains or loses: its mean over repetitions, ± a deviation.

    Args:
        table: indexed by mistake, with the columns `points` and `spread`.
    """
    figure, axes = plt.subplots(figsize=(7, 0.9 + 0.36 * max(1, len(table))))
    if table.empty:
        say_nothing_to_show(axes)
        return figure
    rows = np.arange(len(table))
    axes.errorbar(table["points"], rows, xerr=table["spread"], fmt="o", color=_WRONG, capsize=3)
    axes.axvline(0, color="black", lw=1)
    axes.set(yticks=rows, yticklabels=table.index, xlabel="points, wrong - right")
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    return figure


# ---- what a test looks at ---------------------------------------------------------------


def fold_gains(gains: ArrayLike, *, test_share: float, title: str = "") -> Figure:
    """The gains of one model over another by fold, and two 95 % intervals of their mean.

    The plain interval takes the folds to be independent. The corrected one knows that they share
    training posts, see `evaluation.comparison.corrected_error`.

    Args:
        gains: `(k,)`, differences of accuracy, a number a fold and seed.
        test_share: n_test / n_train.
    """
    values = np.asarray(gains, dtype=float)
    errors = {
        "plain": values.std(ddof=1) / np.sqrt(len(values)),
        "corrected": corrected_error(values, test_share=test_share),
    }
    wide = stats.t.ppf((1 + _SHARE) / 2, len(values) - 1)
    figure, axes = plt.subplots(figsize=(7, 2.2))
    _dots(axes, 100 * values, 2, _RIGHT)
    for row, (colour, error) in enumerate(zip((_WRONG, _RIGHT), errors.values(), strict=True)):
        axes.errorbar(
            100 * values.mean(), 1 - row, xerr=100 * wide * error, fmt="o", color=colour, capsize=4
        )
    axes.axvline(0, color="black", lw=1)
    axes.set(yticks=[2, 1, 0], yticklabels=["folds", *errors], ylim=(-0.6, 2.6), title=title)
    axes.set_xlabel("gain in accuracy, points")
    axes.grid(visible=False, axis="y")
    return figure


def error_pairs(counts: pd.DataFrame) -> Figure:
    """Errors by the pair of classes that was confused, and by what misled the fused model.

    Args:
        counts: posts, a row a pair, columns among `text`, `picture`, `both` and `neither`.
    """
    figure, axes = plt.subplots(figsize=(7, 1 + 0.36 * max(1, len(counts))))
    if counts.empty:
        say_nothing_to_show(axes)
        return figure
    left = np.zeros(len(counts))
    for name in [name for name in _MISLED if name in counts]:
        axes.barh(counts.index, counts[name], left=left, color=_MISLED[name], label=name)
        left += counts[name].to_numpy()
    axes.invert_yaxis()
    axes.set(xlabel="posts")
    axes.grid(visible=False, axis="y")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), title="misled by")
    return figure
