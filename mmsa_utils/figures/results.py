"""Figures of finished runs, from their records: scores, errors, calibration, kept steps."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ..config import LABELS
from ..io import Record
from .style import (
    BASELINE_COLOUR,
    MEASURES,
    MODE_COLOURS,
    TEXT_COLOUR,
    class_colours,
    class_titles,
    fits_below,
    key_below,
    note_beside,
    run_colour,
    say_nothing_to_show,
    slant_ticks,
)

_GAIN, _LOSS = "#495057", "white"  # neither a class's colour nor a mode's
_BAR, _ROW = 0.44, 0.4  # inches of a bar of recall, and of a run's line
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
    room = _BAR * len(classes)
    figure, axes = plt.subplots(figsize=(1.6 + room * max(1, len(runs)), 3))
    step, titles = 0.78 / len(classes), class_titles(classes)
    for number, (label, colour) in enumerate(class_colours(classes).items()):
        recall = [record["oof"]["per_class"][label]["recall"] for record in records]
        middle = np.arange(len(runs)) + step * (number - (len(classes) - 1) / 2)
        bars = axes.bar(middle, recall, step - 0.01, color=colour, label=titles[number])
        axes.bar_label(bars, fmt="%.2f", fontsize=8)
    axes.set(xticks=np.arange(len(runs)), xticklabels=runs, ylabel="recall", ylim=(0, 1.08))
    axes.grid(visible=False, axis="x")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    if not fits_below(runs, room):
        slant_ticks(axes)
    return figure


def run_comparison(
    records: Sequence[Record], *, ceilings: Mapping[str, float] | None = None
) -> Figure:
    """Accuracy and macro-F1 by run: a bar for the out-of-fold figure, a dot a fold.

    A run a line, so that long names have room; the dots of a run's folds stand one below the
    other, in the order of its record.

    Args:
        records: each with `run`, `oof` and `folds`.
        ceilings: the best accuracy possible by run, drawn as a line across its bar.
    """
    runs = [record["run"] for record in records]
    figure, grid = plt.subplots(1, 2, figsize=(9, 1.3 + _ROW * max(1, len(runs))), sharey=True)
    for axes, (name, label) in zip(grid, MEASURES.items(), strict=True):
        _bars_and_dots(axes, records, name)
        axes.set(xlabel=f"{label}, out of fold", xlim=(0, 1))
    grid[0].set_yticks(range(len(runs)), runs)
    grid[0].set_ylim(len(runs) - 0.4, -0.6)  # the first run on top
    best = {runs.index(run): value for run, value in (ceilings or {}).items() if run in runs}
    for row, value in best.items():
        grid[0].vlines(value, row - 0.48, row + 0.48, color="black", ls="--", lw=1.4, zorder=4)
    key_below(figure, _run_key(runs, with_ceilings=bool(best)))
    return figure


def _bars_and_dots(axes: Axes, records: Sequence[Record], name: str) -> None:
    values = [record["oof"][name] for record in records]
    colours = [run_colour(record["run"]) for record in records]
    axes.barh(range(len(records)), values, 0.72, color=colours, alpha=0.75)
    for row, record in enumerate(records):
        dots = [fold[name] for fold in record["folds"]]
        heights = row + (np.linspace(-0.26, 0.26, len(dots)) if len(dots) > 1 else np.zeros(1))
        axes.scatter(dots, heights[: len(dots)], s=9, color=TEXT_COLOUR, lw=0, zorder=3)
    note_beside(axes, [f"{value:.3f}" for value in values])
    axes.grid(visible=False, axis="y")


def _run_key(runs: Sequence[str], *, with_ceilings: bool) -> list[Artist]:
    """What the colours of these runs, the dots and the lines mean."""
    names = {colour: name for name, colour in MODE_COLOURS.items()} | {BASELINE_COLOUR: "other"}
    colours = dict.fromkeys(map(run_colour, runs))  # each once, in order
    key: list[Artist] = [Patch(color=colour, alpha=0.75, label=names[colour]) for colour in colours]
    key.append(Line2D([], [], marker="o", ms=3, ls="", color=TEXT_COLOUR, label="one fold"))
    if with_ceilings:
        key.append(Line2D([], [], color="black", ls="--", lw=1.4, label="best accuracy possible"))
    return key


def who_is_right(table: pd.DataFrame) -> Figure:
    """Shares of posts by which modality alone is right, and how often fusion is right there.

    Args:
        table: from `analysis.who_is_right`, indexed by the case, columns `posts` and
            `fused right` (a share).
    """
    figure, axes = plt.subplots(figsize=(7, 2.7))
    right = table["posts"] * table["fused right"]
    axes.barh(table.index, right, color=MODE_COLOURS["fused"], label="fused right")
    axes.barh(table.index, table["posts"] - right, left=right, color="#d6cfe0", label="fused wrong")
    pairs = zip(table["posts"], table["fused right"], strict=True)
    note_beside(axes, [f"{share:.0%} right\nof {posts:,.0f}" for posts, share in pairs])
    axes.set(xlabel="posts", xlim=(0, max(1, table["posts"].max()) * 1.05))
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    key_below(figure, axes.get_legend_handles_labels()[0])
    return figure


def calibration(result: Mapping[str, Record]) -> Figure:
    """Reliability diagrams before and after temperature scaling.

    A dot is a bin of answers that are about as sure; the larger, the more posts are in it.

    Args:
        result: `{"before": ..., "after": ...}`, each from `metrics.reliability`.
    """
    figure, grid = plt.subplots(1, 2, figsize=(8.6, 3.4), sharey=True)
    left = _lowest(result, "confidence", 0.3)
    bottom = _lowest(result, "accuracy", 0.2)
    for axes, (name, part) in zip(grid, result.items(), strict=True):
        bins = pd.DataFrame(part["bins"], columns=["posts", "confidence", "accuracy"], dtype=float)
        sizes = _dot_size(bins["posts"] / max(1, bins["posts"].sum()))
        axes.plot([left, 1], [left, 1], color="black", ls="--", lw=1)
        axes.plot(bins["confidence"], bins["accuracy"], color=MODE_COLOURS["fused"], lw=1)
        axes.scatter(bins["confidence"], bins["accuracy"], s=sizes, color=MODE_COLOURS["fused"])
        axes.set(title=f"{name} (ECE {part['ece']:.3f})", xlabel="how sure the model is")
        axes.set(xlim=(left, 1.02), ylim=(bottom, 1.02))
    grid[0].set_ylabel("share that is right")
    key_below(figure, _size_key())
    return figure


def _dot_size(share: pd.Series | float) -> pd.Series | float:
    """The area of a bin's dot, in square points, from its share of the posts."""
    return 15 + 400 * share


def _size_key() -> list[Line2D]:
    dots = [
        Line2D(
            [],
            [],
            marker="o",
            ls="",
            color=MODE_COLOURS["fused"],
            ms=float(np.sqrt(_dot_size(share))),
            label=f"{share:.0%} of the posts",
        )
        for share in (0.05, 0.2, 0.4)
    ]
    return [Line2D([], [], color="black", ls="--", lw=1, label="as sure as it is right"), *dots]


def _lowest(result: Mapping[str, Record], name: str, usual: float) -> float:
    """Where an axis begins: lower than usual where a bin lies lower, as with many classes."""
    values = [row[name] for part in result.values() for row in part["bins"]]
    return min([usual, *(np.floor(10 * value - 0.5) / 10 for value in values if value < usual)])


def waterfall(rows: Sequence[Record], *, measure: str | None = None, title: str = "") -> Figure:
    """What each kept step adds to a figure, as bars that start where the last one ended.

    A panel for accuracy and one for macro-F1: a step that helps one may cost the other.

    Args:
        rows: kept rows of the ablation, in order; the first is where it starts.
        measure: the one of their out-of-fold figures that is drawn, `accuracy` or `macro_f1`;
            both where none is named.
    """
    if not rows:
        figure, axes = plt.subplots(figsize=(7, 1.2))
        say_nothing_to_show(axes)
        return figure
    measures = [measure] if measure else list(MEASURES)
    size = (2.6 + 3.6 * len(measures), 1.3 + 0.34 * len(rows))
    figure, grid = plt.subplots(1, len(measures), figsize=size, sharey=True, squeeze=False)
    for axes, name in zip(grid[0], measures, strict=True):
        _draw_steps(axes, np.array([row["oof"][name] for row in rows]))
        axes.set_xlabel(f"{MEASURES[name]}, out of fold")
    grid[0, 0].set(yticks=range(len(rows)), yticklabels=[row["name"] for row in rows])
    grid[0, 0].set_ylim(len(rows) - 0.4, -0.6)  # the first step on top
    figure.suptitle(title, fontsize="medium")
    key_below(figure, _STEP_KEY)
    return figure


def _draw_steps(axes: Axes, values: np.ndarray) -> None:
    """A bar a step, dark where the figure rises and white where it falls, and the notes."""
    before = np.concatenate([values[:1], values[:-1]])
    fills = np.where(values > before, _GAIN, _LOSS).tolist()
    axes.barh(np.arange(len(values)), values - before, 0.6, before, color=fills, edgecolor=_GAIN)
    axes.scatter(values, np.arange(len(values)), color="black", marker="|", s=120, zorder=3)
    room = max(0.005, 0.06 * np.ptp(values))
    axes.set_xlim(values.min() - room, values.max() + room)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.grid(visible=False, axis="y")
    gains = np.round(100 * np.diff(values), 1) + 0.0  # no -0.0
    pairs = zip(values[1:], gains, strict=True)
    note_beside(axes, [f"{values[0]:.3f}", *(f"{v:.3f} ({g:+.1f} points)" for v, g in pairs)])


_STEP_KEY: list[Artist] = [
    Patch(facecolor=_GAIN, edgecolor=_GAIN, label="the step raises it"),
    Patch(facecolor=_LOSS, edgecolor=_GAIN, label="the step lowers it"),
]
