"""Figures of training: curves by epoch, and by the number of training posts."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ..errors import CourseError
from ..io import Record
from .style import (
    BASELINE_COLOUR,
    MEASURES,
    TEXT_COLOUR,
    key_below,
    run_colour,
    say_nothing_to_show,
)

_TRAINING, _VALIDATION, _GREY = TEXT_COLOUR, "#d17a22", "#efefef"
_DEVIATIONS = {"accuracy": "std", "macro_f1": "std_macro_f1"}  # where a row has them


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
    """Losses and validation accuracy by epoch, and below them how many folds are still training.

    Lines are means over the folds that reached an epoch, bands one deviation. A fold that stops
    early leaves the mean, so from the first stop on (grey) it is the mean of fewer and fewer.

    Args:
        record: of a network's run; its folds hold `history` and `best_epoch`.

    Raises:
        CourseError: where a fold has no epochs, as with learners other than the network.
    """
    # Epoch 0, where there is one, is the start of a fine-tuning: nothing was trained in it.
    histories = [[log for log in fold["history"] if log["epoch"]] for fold in record["folds"]]
    if not histories or not all(histories):
        raise CourseError("training_curves: this run has folds without epochs; show a network's")
    figure, grid = plt.subplots(2, 2, figsize=(9, 3.8), sharex=True, height_ratios=[4, 1])
    losses, accuracy = grid[0]
    _band(losses, histories, "train_loss", _training_label(record), _TRAINING)
    _band(losses, histories, "val_loss", "validation", _VALIDATION)
    _band(accuracy, histories, "val_accuracy", "validation", _VALIDATION)
    for axes in grid[0]:
        _shade_later_epochs(axes, [len(history) for history in histories])
    for axes in grid[1]:
        _count_folds(axes, histories)
    for fold in record["folds"]:
        losses.axvline(fold["best_epoch"], ymax=0.06, color=_VALIDATION, lw=1.5)
    losses.set_ylabel("loss")
    accuracy.set_ylabel("validation accuracy")
    best = Line2D([], [], ls="", marker="|", ms=9, color=_VALIDATION, label="best epoch of a fold")
    key_below(figure, [*losses.get_legend_handles_labels()[0], best, *_grey_key(losses)])
    figure.suptitle(title, fontsize="medium")
    return figure


def _grey_key(axes: Axes) -> list[Patch]:
    """What the grey stands for, where there is any."""
    return [Patch(color=_GREY, label="not all folds got here")] if axes.patches else []


def _training_label(record: Record) -> str:
    """Names what else the training loss adds up: then it lies above the validation loss."""
    if record.get("config", {}).get("auxiliary_weight"):
        return "training, with the auxiliary losses"
    return "training"


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
        axes.axvspan(start, end, color=_GREY, zorder=0, lw=0)


def _count_folds(axes: Axes, histories: Sequence[Sequence[Record]]) -> None:
    """The strip below: a bar an epoch, as high as there are folds that reached it."""
    epochs, _, _, count = ragged_mean(histories, "val_loss")
    axes.bar(epochs, count, 0.8, color=BASELINE_COLOUR)
    axes.set(xlabel="epoch", ylabel="folds", yticks=[0, len(histories)])
    axes.set_ylim(0, 1.15 * len(histories))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=False)


def learning_curve(rows: Sequence[Record]) -> Figure:
    """Accuracy and macro-F1 against the number of training posts, a line a mode.

    Args:
        rows: each with `mode`, `posts`, `accuracy` and `macro_f1`; with `std` and `std_macro_f1`,
            their deviations over folds, they have bars as well.
    """
    table = pd.DataFrame(rows, columns=["mode", "posts", *MEASURES, *_DEVIATIONS.values()])
    figure, grid = plt.subplots(1, 2, figsize=(9, 3.2))
    if table.empty:
        for axes in grid:
            say_nothing_to_show(axes)
        return figure
    for axes, (name, label) in zip(grid, MEASURES.items(), strict=True):
        for mode, part in table.groupby("mode", sort=False):
            _draw_line(axes, part, name, str(mode))
        axes.set(xlabel="training posts", ylabel=label, xlim=(0, 1.08 * table["posts"].max()))
    key_below(figure, [*grid[1].get_legend_handles_labels()[0], *_bar_key(table)])
    return figure


def _bar_key(table: pd.DataFrame) -> list[Line2D]:
    """What the bars are, and which figure has them."""
    there = [label for name, label in MEASURES.items() if table[_DEVIATIONS[name]].notna().any()]
    if not there:
        return []
    note = f"one deviation over folds, of {' and '.join(there)}"
    return [Line2D([], [], ls="", marker="|", ms=11, color=TEXT_COLOUR, label=note)]


def _draw_line(axes: Axes, part: pd.DataFrame, name: str, mode: str) -> None:
    """A mode's line, and bars where there are deviations."""
    options: dict[str, Any] = {"color": run_colour(mode), "zorder": 3}
    axes.plot(part["posts"], part[name], marker="o", label=mode, **options)
    deviations = part[_DEVIATIONS[name]]
    if deviations.notna().any():
        axes.errorbar(part["posts"], part[name], deviations, ls="", capsize=3, lw=1, **options)
