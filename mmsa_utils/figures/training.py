"""Figures of training: curves by epoch, and by the number of training posts."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..errors import CourseError
from ..io import Record
from .style import run_colour, say_nothing_to_show

_TRAINING, _VALIDATION = "#343a40", "#d17a22"


def ragged_mean(
    histories: Sequence[Sequence[Record]], name: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """`(epochs, mean, std, count)` of a figure over histories of unequal length, each `(E,)`.

    Each epoch averages the folds that reached it; none is cut to the shortest.

    Args:
        histories: a list of epochs a fold, each epoch with its figures by name.
    """
    longest = max(len(history) for history in histories)
    table = np.full((len(histories), longest), np.nan)
    for row, history in zip(table, histories, strict=True):
        row[: len(history)] = [epoch[name] for epoch in history]
    count = (~np.isnan(table)).sum(0)
    return np.arange(1, longest + 1), np.nanmean(table, 0), np.nanstd(table, 0), count


def training_curves(record: Record, *, title: str = "") -> Figure:
    """Losses and validation accuracy by epoch: the mean over folds, a band of one deviation.

    Args:
        record: of a network's run; its folds hold `history` and `best_epoch`.

    Raises:
        CourseError: where a fold has no epochs, as with learners other than the network.
    """
    # Epoch 0, where there is one, is the start of a fine-tuning: nothing was trained in it.
    histories = [[log for log in fold["history"] if log["epoch"]] for fold in record["folds"]]
    if not histories or not all(histories):
        raise CourseError("training_curves: this run has folds without epochs; show a network's")
    figure, (losses, accuracy) = plt.subplots(1, 2, figsize=(9, 3))
    _band(losses, histories, "train_loss", "training", _TRAINING)
    _band(losses, histories, "val_loss", "validation", _VALIDATION)
    _band(accuracy, histories, "val_accuracy", "validation", _VALIDATION)
    for axes in (losses, accuracy):
        _shade_later_epochs(axes, [len(history) for history in histories])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for fold in record["folds"]:
        losses.axvline(fold["best_epoch"], ymax=0.06, color=_VALIDATION, lw=1.5)
    losses.set(xlabel="epoch", ylabel="loss")
    losses.legend(frameon=False)
    accuracy.set(xlabel="epoch", ylabel="validation accuracy")
    figure.suptitle(title or "Ticks: best epochs. Grey: epochs that not all folds reached.")
    return figure


def _band(
    axes: Axes, histories: Sequence[Sequence[Record]], name: str, label: str, colour: str
) -> None:
    epochs, mean, deviation, _ = ragged_mean(histories, name)
    axes.plot(epochs, mean, color=colour, label=label)
    axes.fill_between(epochs, mean - deviation, mean + deviation, color=colour, alpha=0.15)


def _shade_later_epochs(axes: Axes, lengths: Sequence[int]) -> None:
    """Greys the epochs that only some folds reached: there the mean is over other folds."""
    if min(lengths) < max(lengths):
        start, end = min(lengths) + 0.5, max(lengths) + 0.5
        axes.axvspan(start, end, color="#000000", alpha=0.06, lw=0)


def learning_curve(rows: Sequence[Record]) -> Figure:
    """Accuracy and macro-F1 against the number of training posts, a line a mode.

    Args:
        rows: each with `mode`, `posts`, `accuracy` and `macro_f1`.
    """
    table = pd.DataFrame(rows, columns=["mode", "posts", "accuracy", "macro_f1"])
    figure, grid = plt.subplots(1, 2, figsize=(8, 3))
    if table.empty:
        for axes in grid:
            say_nothing_to_show(axes)
        return figure
    measures = (("accuracy", "accuracy"), ("macro_f1", "macro-F1"))
    for axes, (name, label) in zip(grid, measures, strict=True):
        for mode, part in table.groupby("mode", sort=False):
            colour = run_colour(str(mode))
            axes.plot(part["posts"], part[name], marker="o", color=colour, label=mode)
        axes.set(xlabel="training posts", ylabel=label, xlim=(0, None))
    grid[1].legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
