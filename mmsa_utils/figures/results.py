"""Figures of finished runs, from their records: scores, errors, calibration, kept steps."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..config import LABELS
from ..io import Record
from .style import (
    MODE_COLOURS,
    class_colours,
    class_titles,
    run_colour,
    say_nothing_to_show,
    slant_ticks,
)

_GAIN, _LOSS = "#495057", "white"  # neither a class's colour nor a mode's
_LEVEL = 4  # runs whose names fit side by side
_SHORT = 9  # characters of a name that fits under its column of the confusion matrix


def confusion_matrix(
    counts: np.ndarray, *, title: str = "", classes: Sequence[str] = LABELS
) -> Figure:
    """Counts with the share of each true class.

    Args:
        counts: `(K, K)` int, true class by row, predicted class by column.
        classes: the names of the K classes.
    """
    names = class_titles(classes)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    notes = np.array([f"{n}\n{s:.0%}" for n, s in zip(counts.flat, shares.flat, strict=True)])
    side = 0.8 * len(classes)
    figure, axes = plt.subplots(figsize=(1.6 + side, 0.8 + side))
    sns.heatmap(
        shares,
        annot=notes.reshape(counts.shape),
        fmt="",
        cmap="Blues",
        vmin=0,
        vmax=1,
        cbar=False,
        xticklabels=names,
        yticklabels=names,
        ax=axes,
    )
    axes.set(xlabel="predicted", ylabel="tagged", title=title)
    axes.tick_params(axis="y", rotation=0)
    if max(map(len, classes)) > _SHORT:
        slant_ticks(axes)
    return figure


def class_recall(records: Sequence[Record]) -> Figure:
    """Recall of each class, a group of bars a run.

    Args:
        records: each with `run` and `oof`, its out-of-fold figures by class; all of the same
            classes.
    """
    runs = [record["run"] for record in records]
    classes = tuple(records[0]["oof"]["per_class"]) if records else LABELS
    figure, axes = plt.subplots(figsize=(1.6 + 0.5 * len(classes) * max(1, len(runs)), 3))
    step, titles = 0.78 / len(classes), class_titles(classes)
    for number, (label, colour) in enumerate(class_colours(classes).items()):
        recall = [record["oof"]["per_class"][label]["recall"] for record in records]
        middle = np.arange(len(runs)) + step * (number - (len(classes) - 1) / 2)
        bars = axes.bar(middle, recall, step - 0.01, color=colour, label=titles[number])
        axes.bar_label(bars, fmt="%.2f", fontsize=8)
    axes.set(xticks=np.arange(len(runs)), xticklabels=runs, ylabel="recall", ylim=(0, 1.08))
    axes.grid(visible=False, axis="x")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    if len(runs) > _LEVEL:
        slant_ticks(axes)
    return figure


def run_comparison(
    records: Sequence[Record], *, ceilings: Mapping[str, float] | None = None
) -> Figure:
    """Accuracy and macro-F1 by run: a bar for the out-of-fold figure, a dot a fold.

    Args:
        records: each with `run`, `oof` and `folds`.
        ceilings: the best accuracy possible by run, drawn as a line.
    """
    runs = [record["run"] for record in records]
    figure, grid = plt.subplots(1, 2, figsize=(3.5 + 1.2 * len(runs), 3.2), sharey=True)
    _bars_and_dots(grid[0], records, "accuracy")
    _bars_and_dots(grid[1], records, "macro_f1")
    grid[0].set(title="accuracy", ylim=(0, 1))
    grid[1].set(title="macro-F1")
    for index, run in enumerate(runs):
        if ceilings and run in ceilings:
            ends = (index - 0.45, index + 0.45)
            grid[0].hlines(ceilings[run], *ends, color="black", ls="--", lw=1.2)
    return figure


def _bars_and_dots(axes: Axes, records: Sequence[Record], name: str) -> None:
    runs = [record["run"] for record in records]
    heights = [record["oof"][name] for record in records]
    axes.bar(runs, heights, color=[run_colour(run) for run in runs], alpha=0.75)
    for index, (height, record) in enumerate(zip(heights, records, strict=True)):
        axes.text(index, 0.03, f"{height:.3f}", ha="center", fontsize=9, fontweight="bold")
        dots = [fold[name] for fold in record["folds"]]
        axes.scatter([index + 0.25] * len(dots), dots, s=10, color="black", zorder=3)
    axes.grid(visible=False, axis="x")
    if len(runs) > _LEVEL:
        slant_ticks(axes)


def who_is_right(table: pd.DataFrame) -> Figure:
    """Shares of posts by which modality alone is right, and how often fusion is right there.

    Args:
        table: from `analysis.who_is_right`, indexed by the case, columns `posts` and
            `fused right` (a share).
    """
    figure, axes = plt.subplots(figsize=(7, 2.4))
    right = table["posts"] * table["fused right"]
    axes.barh(table.index, right, color=MODE_COLOURS["fused"], label="fused right")
    axes.barh(table.index, table["posts"] - right, left=right, color="#d6cfe0", label="fused wrong")
    for index, (posts, share) in enumerate(zip(table["posts"], table["fused right"], strict=True)):
        axes.text(posts, index, f"  {share:.0%} right", va="center", fontsize=9)
    axes.set(xlabel="posts", xlim=(0, max(1, table["posts"].max()) * 1.25))
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.legend(frameon=False, loc="lower right")
    return figure


def calibration(result: Mapping[str, Record]) -> Figure:
    """Reliability diagrams before and after temperature scaling.

    Args:
        result: `{"before": ..., "after": ...}`, each from `metrics.reliability`.
    """
    figure, grid = plt.subplots(1, 2, figsize=(7.5, 3.4), sharey=True)
    left = _lowest(result, "confidence", 0.3)
    bottom = _lowest(result, "accuracy", 0.2)
    for axes, (name, part) in zip(grid, result.items(), strict=True):
        bins = pd.DataFrame(part["bins"], columns=["posts", "confidence", "accuracy"], dtype=float)
        sizes = 15 + 400 * bins["posts"] / max(1, bins["posts"].sum())
        axes.plot([left, 1], [left, 1], color="black", ls="--", lw=1)
        axes.plot(bins["confidence"], bins["accuracy"], color=MODE_COLOURS["fused"], lw=1)
        axes.scatter(bins["confidence"], bins["accuracy"], s=sizes, color=MODE_COLOURS["fused"])
        axes.set(title=f"{name} (ECE {part['ece']:.3f})", xlabel="how sure the model is")
        axes.set(xlim=(left, 1.02), ylim=(bottom, 1.02))
    grid[0].set_ylabel("share that is right")
    return figure


def _lowest(result: Mapping[str, Record], name: str, usual: float) -> float:
    """Where an axis begins: lower than usual where a bin lies lower, as with many classes."""
    values = [row[name] for part in result.values() for row in part["bins"]]
    return min([usual, *(np.floor(10 * value - 0.5) / 10 for value in values if value < usual)])


def waterfall(rows: Sequence[Record], *, measure: str = "accuracy", title: str = "") -> Figure:
    """What each kept step adds to a figure, as bars that start where the last one ended.

    Args:
        rows: kept rows of the ablation, in order; the first is where it starts.
        measure: of their out-of-fold figures, `accuracy` or `macro_f1`.
    """
    if not rows:
        figure, axes = plt.subplots(figsize=(7, 1.2))
        say_nothing_to_show(axes)
        return figure
    values = np.array([row["oof"][measure] for row in rows])
    before = np.concatenate([[values[0]], values[:-1]])
    steps = np.arange(len(rows))
    figure, axes = plt.subplots(figsize=(7, 0.9 + 0.34 * len(rows)))
    for label, chosen, colour in (
        ("gain", values > before, _GAIN),
        ("loss", values < before, _LOSS),
    ):
        if chosen.any():
            widths, left = (values - before)[chosen], before[chosen]
            bars = axes.barh(steps[chosen], widths, 0.6, left, color=colour, edgecolor=_GAIN)
            bars.set_label(label)
    if len(axes.containers):
        axes.legend(frameon=False)
    axes.scatter(values, steps, color="black", marker="|", s=120, zorder=3)
    axes.set(xlim=(values.min() - 0.005, values.max() + 0.005), title=title)
    axes.set(xlabel=f"{measure.replace('_', '-').replace('f1', 'F1')}, out of fold")
    axes.set(yticks=steps, yticklabels=[row["name"] for row in rows])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    _note_gains(axes, values)
    return figure


def _note_gains(axes: Axes, values: np.ndarray) -> None:
    """Each step's figure and gain, right of the frame, where no line of the grid crosses it."""
    gains = np.round(100 * np.diff(values), 1) + 0.0  # no -0.0
    notes = [f"{values[0]:.3f}"]
    notes += [f"{v:.3f}  ({g:+.1f} points)" for v, g in zip(values[1:], gains, strict=True)]
    place = axes.get_yaxis_transform()  # x counts in widths of the frame, y in steps
    for step, note in enumerate(notes):
        axes.text(1.02, step, note, transform=place, va="center", fontsize=9)
