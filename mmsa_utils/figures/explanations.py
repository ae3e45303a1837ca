"""Figures of explanations: coloured words, maps on a picture, deletion curves, a whole page."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Protocol

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from .prediction import MODALITY_NAMES
from .style import BASELINE_COLOUR, MODE_COLOURS, class_colours, class_titles, say_nothing_to_show

# Purple speaks for the answer, orange against it: told apart by people who see less colour.
_SIGNED, _POSITIVE = "PuOr", "viridis"
_FONT_SIZE = 10.0  # of words, in points
_LINE, _GAP, _PADDING = 27.0, 7.0, 2.5  # of words: height of a line, space between, in points
_LONGEST = 28  # characters of a word
_NUMBERED = 3  # words with their score below, the largest
_CURVE_COLOUR = MODE_COLOURS["fused"]


class Said(Protocol):
    """What an explained answer has to say; arrays of K classes, modalities by name."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def probabilities(self) -> np.ndarray: ...

    @property
    def views(self) -> Mapping[str, np.ndarray]: ...

    @property
    def contributions(self) -> Mapping[str, float]: ...

    @property
    def shares(self) -> Mapping[str, float]: ...

    @property
    def label(self) -> str: ...

    @property
    def confidence(self) -> float: ...


class Explained(Protocol):
    """An explanation as `explanation_figure` draws it: F words, a picture of S x S pixels."""

    @property
    def prediction(self) -> Said: ...

    @property
    def words(self) -> Sequence[str]: ...

    @property
    def left_out(self) -> np.ndarray: ...

    @property
    def gradients(self) -> np.ndarray: ...

    @property
    def picture(self) -> np.ndarray | None: ...

    @property
    def occlusion(self) -> np.ndarray | None: ...

    @property
    def grad_cam(self) -> np.ndarray | None: ...

    @property
    def notes(self) -> Sequence[str]: ...


# ---- words ------------------------------------------------------------------------------


def coloured_words(
    words: Sequence[str], scores: Mapping[str, np.ndarray], *, label: str = "the answer"
) -> Figure:
    """A text with each word on the colour of its score, once for every explanation.

    Args:
        words: F of them.
        scores: `(F,)` by the name of the explanation; above 0 is what speaks for the answer.
        label: the answer that is explained.
    """
    width, height = 8.0, _text_height(words, 8.0)
    figure, grid = plt.subplots(
        max(1, len(scores)),
        figsize=(width, (height + 0.45) * max(1, len(scores))),
        squeeze=False,
        layout="constrained",
    )
    if not len(scores) or not len(words):
        say_nothing_to_show(grid[0, 0])
        return figure
    for axes, (name, values) in zip(grid[:, 0], scores.items(), strict=True):
        _draw_words(axes, words, values, title=name, label=label, width=width)
    return figure


def _shown(words: Sequence[str]) -> list[str]:
    return [word if len(word) <= _LONGEST else f"{word[: _LONGEST - 1]}…" for word in words]


def _places(words: Sequence[str], width: float) -> list[tuple[float, float]]:
    """Where each word begins, in points from the upper left corner, in lines of `width` inches."""
    renderer, font = RendererAgg(1, 1, 72), FontProperties(size=_FONT_SIZE)
    places, x, y = [], 0.0, 0.0
    for word in _shown(words):
        long = renderer.get_text_width_height_descent(word, font, ismath=False)[0]
        if x and x + long > 72 * (width - 0.4):
            x, y = 0.0, y + _LINE
        places.append((x + _PADDING, y))
        x += long + _GAP
    return places


def _text_height(words: Sequence[str], width: float) -> float:
    """Of all lines, in inches."""
    last = _places(words, width)[-1][1] if len(words) else 0.0
    return (last + _LINE) / 72


def _draw_words(
    axes: Axes,
    words: Sequence[str],
    scores: np.ndarray,
    *,
    title: str,
    label: str,
    width: float,
) -> None:
    colours = _signed_colours(scores)
    largest = set(np.argsort(-np.abs(scores))[:_NUMBERED])
    axes.axis("off")
    axes.set_title(title, loc="left", fontsize=10)
    for number, (word, place) in enumerate(zip(_shown(words), _places(words, width), strict=True)):
        _draw_word(axes, word, place, colours.to_rgba(scores[number]))
        if number in largest:
            note = f"{scores[number]:+.1f}"
            _write(axes, note, (place[0], place[1] + 0.5 * _LINE), size=7.0)
    _draw_scale(axes, colours, label)


def _draw_word(
    axes: Axes, word: str, place: tuple[float, float], colour: tuple[float, ...]
) -> None:
    dark = np.dot(colour[:3], (0.299, 0.587, 0.114)) < 0.5
    box = {"boxstyle": "round,pad=0.18", "facecolor": colour, "edgecolor": "none"}
    _write(axes, word, place, bbox=box, color="white" if dark else "black")


def _write(
    axes: Axes, text: str, place: tuple[float, float], size: float = _FONT_SIZE, **options: object
) -> None:
    """A text whose upper left corner is so many points right of and below that of the axes."""
    axes.annotate(
        text,
        (0, 1),
        (place[0], -place[1]),
        xycoords="axes fraction",
        textcoords="offset points",
        va="top",
        fontsize=size,
        parse_math=False,
        in_layout=False,
        **options,
    )


def _signed_colours(scores: np.ndarray) -> ScalarMappable:
    """Colours around 0, the strongest for the largest score of either sign."""
    most = float(np.abs(scores).max(initial=0.0)) or 1.0
    return ScalarMappable(Normalize(-most, most), _SIGNED)


def _draw_scale(axes: Axes, colours: ScalarMappable, label: str) -> None:
    """A legend at the upper right: what the colours mean."""
    bar = axes.inset_axes((0.74, 1.03, 0.12, 0.09 / _height_of(axes)))
    bar.imshow(np.linspace(*colours.get_clim(), 64)[None], colours.get_cmap(), aspect="auto")
    bar.axis("off")
    for x, side, name in ((0, "right", "against "), (1, "left", f" for {label}")):
        bar.text(x, 0.5, name, ha=side, va="center", fontsize=8, transform=bar.transAxes)


def _height_of(axes: Axes) -> float:
    """In inches, about."""
    figure = axes.get_figure()
    return max(0.1, axes.get_position().height * (figure.get_figheight() if figure else 1.0))
