"""Figures of what a model says of single posts: all of it, and each modality alone."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Patch
from PIL import Image

from ..io import Record
from .style import MODE_COLOURS, class_colours, fits_below, slant_ticks

MODALITY_NAMES = {"text": "text", "image": "picture"}  # as figures and forms call them
_HEADROOM = 1.2  # a full bar's number fits
_PANEL = 2.3  # inches of what one modality says


def prediction_bars(record: Record, *, title: str = "") -> Figure:
    """What a model says of one post: of all of it, and of each modality alone.

    Beside it stands each modality's share in the answer, where the post has more than one.

    Args:
        record: a prediction, `{"label", "probabilities": {class: p}, "views": {modality:
            {"label", "probabilities"}}, "shares": {modality: share}}`, each class in the same
            order.
    """
    said = {"the whole post": record, **_alone(record)}
    several = len(said) > 1
    widths = [*[1.0] * len(said), *[0.6] * several]
    figure = plt.figure(figsize=(_PANEL * sum(widths), 2.5))
    grid = GridSpec(1, len(widths), figure, width_ratios=widths)
    for column, (name, part) in enumerate(said.items()):
        axes = figure.add_subplot(grid[column])
        _draw_classes(axes, part, names=True)
        axes.set_xlabel(name)
    if several:
        _draw_shares(figure.add_subplot(grid[-1]), record["shares"])
    figure.suptitle(textwrap.shorten(title, 25 * len(said), placeholder=" …"), fontsize=10)
    return figure


def _alone(record: Record) -> dict[str, Record]:
    """Each modality's own answer by its name; nothing where there is but one modality."""
    views = record["views"]
    return {f"{MODALITY_NAMES[m]} alone": views[m] for m in views} if len(views) > 1 else {}


def _draw_classes(axes: Axes, part: Record, *, names: bool = False) -> None:
    """A bar a class with its probability, and the answer above in its colour."""
    probabilities: Mapping[str, float] = part["probabilities"]
    colours = class_colours(tuple(probabilities))
    places = np.arange(len(probabilities))
    bars = axes.bar(places, list(probabilities.values()), 0.8, color=list(colours.values()))
    axes.bar_label(bars, fmt="%.2f", fontsize=8)
    axes.set(ylim=(0, _HEADROOM), xlim=(-0.6, len(places) - 0.4), yticks=[], xticks=[])
    axes.grid(visible=False)
    axes.spines[["left", "top", "right"]].set_visible(False)
    axes.set_title(part["label"], color=colours[part["label"]], fontweight="bold", fontsize=10)
    if names:
        axes.set_xticks(places, list(probabilities), fontsize=8)
        if not fits_below(list(probabilities), 0.9 * _PANEL / len(places)):
            slant_ticks(axes)


def _draw_shares(axes: Axes, shares: Mapping[str, float]) -> None:
    """One stacked bar of all modalities' shares."""
    bottom = 0.0
    for modality, share in shares.items():
        axes.bar(0, share, 0.8, bottom, color=MODE_COLOURS[modality])
        note = f"{MODALITY_NAMES[modality]} {share:.0%}"
        axes.text(0.5, bottom + share / 2, note, va="center", fontsize=8)
        bottom += share
    axes.set(xlim=(-0.5, 2.2), ylim=(0, _HEADROOM), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title("shares", fontsize=10)


def combinations(
    texts: Sequence[str],
    pictures: Sequence[np.ndarray | Image.Image],
    records: Sequence[Sequence[Record]],
) -> Figure:
    """Every text with every picture: at the margins each alone, inside what both say together.

    So a column shows what another text changes, and a row what another picture changes.

    Args:
        texts: R of them, a row each.
        pictures: C of them, a column each; arrays `(H, W, 3)` of uint8, or RGB pictures.
        records: R rows of C predictions of a text with a picture, as in `prediction_bars`.
    """
    rows, columns = len(texts) + 2, len(pictures) + 2
    figure = plt.figure(figsize=(2 + 1.6 * (columns - 1), 0.3 + 1.5 * rows))
    grid = GridSpec(rows, columns, figure, width_ratios=[1.3, *[1] * (columns - 1)])
    figure.set_layout_engine("constrained", h_pad=0.1)  # an answer stands nearer to its bars
    corner = figure.add_subplot(grid[1, 1])
    _write(corner, "picture alone →", at=(1, 0.5), align="right")
    _write(corner, "text alone ↓", at=(0.5, 0.05), align="center")
    for column, picture in enumerate(pictures):
        _show(figure.add_subplot(grid[0, column + 2]), picture)
        _draw_classes(figure.add_subplot(grid[1, column + 2]), records[0][column]["views"]["image"])
    for row, text in enumerate(texts):
        wrapped = textwrap.fill(textwrap.shorten(text, 100, placeholder=" …"), 20)
        _write(figure.add_subplot(grid[row + 2, 0]), wrapped, at=(1, 0.4), align="right")
        _draw_classes(figure.add_subplot(grid[row + 2, 1]), records[row][0]["views"]["text"])
        for column in range(len(pictures)):
            axes = figure.add_subplot(grid[row + 2, column + 2])
            _draw_classes(axes, records[row][column])
            axes.set_facecolor("#f1f3f5")
    _explain(figure.add_subplot(grid[0, 0]), tuple(records[0][0]["probabilities"]))
    return figure


def _write(axes: Axes, text: str, *, at: tuple[float, float], align: str) -> None:
    axes.axis("off")
    axes.text(*at, text, ha=align, va="center", fontsize=9.5, transform=axes.transAxes)


def _show(axes: Axes, picture: np.ndarray | Image.Image) -> None:
    axes.imshow(np.asarray(picture))
    axes.axis("off")


def _explain(axes: Axes, classes: Sequence[str]) -> None:
    """The classes' colours."""
    axes.axis("off")
    patches = [Patch(color=colour, label=name) for name, colour in class_colours(classes).items()]
    axes.legend(handles=patches, loc="center", frameon=False, fontsize=9)
