"""Figures of explanations: coloured words, maps on a picture, deletion curves, a whole page."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MultipleLocator, PercentFormatter

from .prediction import MODALITY_NAMES
from .style import BASELINE_COLOUR, MODE_COLOURS, class_colours, class_titles, say_nothing_to_show

# Purple speaks for the answer, orange against it: told apart by people who see less colour.
_SIGNED, _POSITIVE = "PuOr", "viridis"
_FONT_SIZE = 10.0  # of words, in points
_LINE, _GAP, _PADDING = 27.0, 7.0, 2.5  # of words in points: a line, between two, around one
_LEAST, _RISE = 22.0, 9.0  # in points: room for a word's number; from its top to its line
_MARGIN, _TITLE = 0.35, 0.4  # in inches
_LONGEST = 28  # characters of a word
_NUMBERED = 3  # words with their score below, the largest
_CURVE_COLOUR = MODE_COLOURS["fused"]

_Colour = tuple[float, float, float, float]


class Said(Protocol):
    """What an explained answer has to say; arrays of K classes, modalities by name."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the K classes."""
        ...

    @property
    def probabilities(self) -> np.ndarray:
        """`(K,)`, calibrated."""
        ...

    @property
    def views(self) -> Mapping[str, np.ndarray]:
        """`(K,)` a modality: what it says alone."""
        ...

    @property
    def contributions(self) -> Mapping[str, float]:
        """A modality's Shapley value."""
        ...

    @property
    def shares(self) -> Mapping[str, float]:
        """A modality's share of the answer."""
        ...

    @property
    def label(self) -> str:
        """The most probable class."""
        ...

    @property
    def confidence(self) -> float:
        """Its probability."""
        ...


class Explained(Protocol):
    """An explanation as `explanation_figure` draws it: F words, a picture of S x S pixels."""

    @property
    def prediction(self) -> Said:
        """The answer."""
        ...

    @property
    def words(self) -> Sequence[str]:
        """Of the text, F of them."""
        ...

    @property
    def left_out(self) -> np.ndarray:
        """`(F,)`: what the answer loses without each word."""
        ...

    @property
    def gradients(self) -> np.ndarray:
        """`(F,)`: each word's integrated gradient."""
        ...

    @property
    def picture(self) -> np.ndarray | None:
        """`(S, S, 3)` uint8, as the encoder sees it; None where the post has none."""
        ...

    @property
    def occlusion(self) -> np.ndarray | None:
        """`(S, S)`: what the answer loses by a cover; None without a picture."""
        ...

    @property
    def grad_cam(self) -> np.ndarray | None:
        """`(S, S)` from 0 to 1; None without a picture."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What a reader has to know of the answer, a sentence each."""
        ...


# ---- words ------------------------------------------------------------------------------


def coloured_words(
    words: Sequence[str], scores: Mapping[str, np.ndarray], *, label: str = "the answer"
) -> Figure:
    """A text with each word on the colour of its score, once for every explanation.

    Args:
        words: F of them.
        scores: `(F,)` by the name of the explanation; above 0 is what speaks for the answer. The
            largest stand below their words as well.
        label: the answer that is explained.
    """
    rows, width = max(1, len(scores)), 8.0
    figure, grid = plt.subplots(
        rows,
        figsize=(width, max(1.0, rows * _text_height(words, width))),
        squeeze=False,
        layout="constrained",
    )
    if not len(scores) or not len(words):
        say_nothing_to_show(grid[0, 0])
    else:
        for axes, (name, values) in zip(grid[:, 0], scores.items(), strict=True):
            _draw_words(axes, words, values, title=name, label=label, width=width)
    return figure


def _shown(word: str) -> str:
    return word if len(word) <= _LONGEST else f"{word[: _LONGEST - 1]}…"


def _long(text: str, size: float = _FONT_SIZE) -> float:
    """Of a text in points."""
    renderer, font = RendererAgg(1, 1, 72), FontProperties(size=size)
    return float(renderer.get_text_width_height_descent(text, font, ismath=False)[0])


def _places(words: Sequence[str], width: float) -> list[tuple[float, float]]:
    """Where words begin, in points right of and below a corner, in lines of `width` inches."""
    places, x, y = [], 0.0, _PADDING
    for long in (_long(_shown(word)) for word in words):
        if x and x + long > 72 * (width - _MARGIN):
            x, y = 0.0, y + _LINE
        places.append((x + _PADDING, y))
        x += max(long, _LEAST) + _GAP
    return places


def _text_height(words: Sequence[str], width: float) -> float:
    """Of a title and all lines, in inches."""
    last = _places(words, width)[-1][1] if len(words) else 0.0
    return (last + _LINE) / 72 + _TITLE


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
    largest = set(np.argsort(-np.abs(scores))[:_NUMBERED].tolist())
    axes.axis("off")
    axes.set_title(title, loc="left", fontsize=10)
    _draw_legend(axes, colours, label)
    for number, (word, (x, y)) in enumerate(zip(words, _places(words, width), strict=True)):
        _chip(axes, _shown(word), (x, -y - _RISE), cast(Any, colours.to_rgba(scores[number])))
        if number in largest:
            _write(axes, f"{scores[number]:+.2f}", (x, -y - 0.58 * _LINE), size=7.5, va="top")


def _draw_legend(axes: Axes, colours: ScalarMappable, label: str) -> None:
    """At the upper right: what the two ends of the colours mean."""
    low, high = (cast(Any, colours.to_rgba(cast(Any, end))) for end in colours.get_clim())
    speaks_for = textwrap.shorten(f"for {label}", 30, placeholder=" …")
    place = (-_PADDING, 9.0)
    options = {"ha": "right", "va": "center", "size": 8.0, "corner": (1.0, 1.0)}
    _chip(axes, speaks_for, place, high, **options)
    _chip(axes, "against it", (place[0] - _long(speaks_for, 8.0) - _GAP, place[1]), low, **options)


def _chip(
    axes: Axes, text: str, place: tuple[float, float], colour: _Colour, **options: Any
) -> None:
    """A text on a coloured ground."""
    dark = np.dot(colour[:3], (0.299, 0.587, 0.114)) < 0.5
    box = {"boxstyle": "round,pad=0.18", "facecolor": colour, "edgecolor": "none"}
    _write(axes, text, place, bbox=box, color="white" if dark else "black", **options)


def _write(
    axes: Axes,
    text: str,
    place: tuple[float, float],
    *,
    size: float = _FONT_SIZE,
    corner: tuple[float, float] = (0.0, 1.0),
    **options: Any,
) -> None:
    """A text at so many points right of and above a corner of the axes."""
    note = axes.annotate(
        text,
        corner,
        place,
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=size,
        parse_math=False,
        annotation_clip=False,
        **{"va": "baseline", **options},
    )
    note.set_in_layout(False)


def _signed_colours(scores: np.ndarray) -> ScalarMappable:
    """Colours around 0, the strongest for the largest score of either sign."""
    most = float(np.abs(scores).max(initial=0.0)) or 1.0
    return ScalarMappable(Normalize(-most, most), _SIGNED)


# ---- pictures ---------------------------------------------------------------------------


def picture_maps(
    picture: np.ndarray,
    *,
    occlusion: np.ndarray | None = None,
    grad_cam: np.ndarray | None = None,
    label: str = "the answer",
) -> Figure:
    """A picture as the encoder sees it, and on it, in grey, what speaks for the answer.

    Args:
        picture: `(S, S, 3)` uint8.
        occlusion: `(S, S)`, above 0 where the answer loses by a cover.
        grad_cam: `(S, S)` from 0 to 1.
        label: the answer that is explained.
    """
    panels = 1 + (occlusion is not None) + (grad_cam is not None)
    figure, grid = plt.subplots(
        1, panels, figsize=(2.9 * panels, 2.9), squeeze=False, layout="constrained"
    )
    _draw_maps(list(grid[0]), picture, occlusion, grad_cam, label)
    return figure


def _draw_maps(
    panels: Sequence[Axes],
    picture: np.ndarray,
    occlusion: np.ndarray | None,
    grad_cam: np.ndarray | None,
    label: str,
) -> None:
    _draw_picture(panels[0], picture, "as the encoder sees it")
    rest = list(panels[1:])
    grey = picture.mean(2)
    if occlusion is not None:
        axes = rest.pop(0)
        _draw_picture(axes, grey, "covered patch by patch")
        colours = _signed_colours(occlusion)
        _overlay(axes, occlusion, colours, np.abs(occlusion))
        _draw_bar(axes, colours, f"log-odds lost for {_shown(label)}")
    if grad_cam is not None:
        axes = rest.pop(0)
        _draw_picture(axes, grey, "Grad-CAM")
        colours = ScalarMappable(Normalize(0, 1), _POSITIVE)
        _overlay(axes, grad_cam, colours, grad_cam)
        _draw_bar(axes, colours, f"active for {_shown(label)}")


def _draw_picture(axes: Axes, picture: np.ndarray, title: str) -> None:
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
    axes.set_title(title, fontsize=10)
    axes.axis("off")


def _overlay(axes: Axes, values: np.ndarray, colours: ScalarMappable, weight: np.ndarray) -> None:
    """Colours laid over a picture, the stronger the larger the weight."""
    strength = 0.2 + 0.6 * weight / (weight.max(initial=0.0) or 1.0)
    axes.imshow(values, cmap=colours.get_cmap(), norm=cast(Any, colours.norm), alpha=strength)


def _draw_bar(axes: Axes, colours: ScalarMappable, label: str) -> None:
    figure = axes.get_figure()
    assert figure is not None  # mypy: axes may stand alone
    bar = figure.colorbar(colours, ax=axes, location="bottom", shrink=0.8, aspect=25)
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=7)
    bar.ax.locator_params(nbins=5)


# ---- the whole page ---------------------------------------------------------------------


def explanation_figure(explanation: Explained) -> Figure:
    """One post explained on a page: the answer, each modality's part, its words, its picture.

    What the post has not is left out of the page.

    Args:
        explanation: as `mmsa_utils.explanations.explain_post` gives it.
    """
    said, width = explanation.prediction, 9.0
    heights = {"answer": 0.9 + 0.3 * len(said.classes)}
    if len(explanation.words):
        heights["words"] = 2 * _text_height(explanation.words, width)
    if explanation.picture is not None:
        heights["picture"] = 3.3
    figure = plt.figure(figsize=(width, sum(heights.values()) + 0.5), layout="constrained")
    bands = figure.subfigures(len(heights), height_ratios=list(heights.values()), squeeze=False)
    for name, band in zip(heights, bands[:, 0], strict=True):
        _BANDS[name](band, explanation)
    colour = class_colours(said.classes)[said.label]
    title = f"{textwrap.shorten(said.label, 60, placeholder=' …')}, {said.confidence:.1%}"
    figure.suptitle(title, color=colour, fontweight="bold", parse_math=False)
    if explanation.notes:
        figure.supxlabel(_notes(explanation.notes), fontsize=8, parse_math=False)
    return figure


def _notes(notes: Sequence[str]) -> str:
    return "\n".join(["", *(textwrap.fill(note, 120) for note in notes)])


def _answer_band(band: SubFigure, explanation: Explained) -> None:
    left, right = band.subplots(1, 2, width_ratios=[1.4, 1])
    _draw_classes(left, explanation.prediction)
    _draw_contributions(right, explanation.prediction)


def _draw_classes(axes: Axes, said: Said) -> None:
    """A bar a class; beside it, as marks, what each modality says alone."""
    places = np.arange(len(said.classes))
    colours = list(class_colours(said.classes).values())
    axes.barh(places, said.probabilities, 0.7, color=colours)
    for place, probability in zip(places, said.probabilities, strict=True):
        axes.text(1.17, float(place), f"{probability:.2f}", ha="right", va="center", fontsize=9)
    for modality, marker in (("text", "D"), ("image", "o")):
        if modality in said.views:
            name = f"{MODALITY_NAMES[modality]} alone"
            options: dict[str, Any] = {
                "color": MODE_COLOURS[modality],
                "edgecolor": "white",
                "zorder": 3,
            }
            axes.scatter(said.views[modality], places, 45, marker=marker, label=name, **options)
    axes.set_yticks(places, class_titles(said.classes), parse_math=False)
    axes.set(xlim=(0, 1.18), xlabel="probability", xticks=np.linspace(0, 1, 6))
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    if said.views:
        axes.legend(loc="upper left", bbox_to_anchor=(0, 1.25), ncols=2, frameon=False, fontsize=8)


def _draw_contributions(axes: Axes, said: Said) -> None:
    """What each modality adds to the answer's probability, and its share."""
    names = [name for name in said.contributions if name in MODALITY_NAMES]
    values = [said.contributions[name] for name in names]
    bars = axes.barh(names, values, 0.5, color=[MODE_COLOURS[name] for name in names])
    pairs = zip(names, np.round(values, 2) + 0.0, strict=True)  # + 0.0: no -0.00
    notes = [f"{value:+.2f} ({said.shares[name]:.0%})" for name, value in pairs]
    axes.bar_label(bars, notes, padding=4, fontsize=8)
    axes.set_yticks(range(len(names)), [MODALITY_NAMES[name] for name in names])
    low, high = min(0.0, *values), max(0.0, *values)
    room = 0.75 * ((high - low) or 1.0)
    axes.set(xlim=(low - room * (low < 0), high + room), ylim=(len(names) - 0.4, -0.6))
    axes.set_xlabel("adds to the answer's probability (share)")
    axes.locator_params(axis="x", nbins=5)
    axes.axvline(0, color="#444444", lw=0.8)
    axes.grid(visible=False, axis="y")


def _words_band(band: SubFigure, explanation: Explained) -> None:
    panels = band.subplots(2)
    scores = {
        "words, left out one by one": explanation.left_out,
        "words, integrated gradients": explanation.gradients,
    }
    for axes, (title, values) in zip(panels, scores.items(), strict=True):
        label = explanation.prediction.label
        _draw_words(axes, explanation.words, values, title=title, label=label, width=9.0)


def _picture_band(band: SubFigure, explanation: Explained) -> None:
    picture, cam = explanation.picture, explanation.grad_cam
    assert picture is not None  # mypy: this band is drawn of posts with a picture
    panels = band.subplots(1, 3)
    _draw_maps(list(panels), picture, explanation.occlusion, cam, explanation.prediction.label)
    if cam is None:
        panels[2].axis("off")


_BANDS = {"answer": _answer_band, "words": _words_band, "picture": _picture_band}


# ---- trust ------------------------------------------------------------------------------


def deletion_curves(curves: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """How an answer's probability falls as parts of the post go: explained and random order.

    Lines are means over posts, the band holds the middle half of the posts.

    Args:
        curves: by the name of the explanation, `(P, S + 1)` probabilities of P posts in S steps
            from all parts to none: the most important part first, and in random order.
    """
    figure, grid = plt.subplots(
        1,
        max(1, len(curves)),
        figsize=(3.4 * max(1, len(curves)), 3.0),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    if not curves:
        say_nothing_to_show(grid[0, 0])
        return figure
    for axes, (name, (explained, random)) in zip(grid[0], curves.items(), strict=True):
        _draw_curve(axes, random, "random order", BASELINE_COLOUR, "--")
        _draw_curve(axes, explained, "most important first", _CURVE_COLOUR, "-")
        axes.set(title=name, xlabel="parts taken away", ylim=(0, 1), xlim=(0, 1))
        axes.xaxis.set_major_locator(MultipleLocator(0.25))
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.legend(frameon=False, fontsize=8)
    grid[0, 0].set_ylabel("probability of the answer")
    return figure


def _draw_curve(axes: Axes, values: np.ndarray, name: str, colour: str, line: str) -> None:
    share = np.linspace(0, 1, values.shape[1])
    mean = values.mean(0)
    area = np.trapezoid(mean, share)
    axes.plot(share, mean, line, color=colour, lw=2, label=f"{name}: area {area:.2f}")
    axes.fill_between(share, *np.quantile(values, (0.25, 0.75), axis=0), color=colour, alpha=0.25)


def rank_correlations(found: Mapping[str, Sequence[float]]) -> Figure:
    """How far explanations of the same posts agree: a dot a post, a line at the mean.

    Args:
        found: rank correlations from -1 to 1, by what is compared.
    """
    rows = [(name, value) for name, values in found.items() for value in values]
    table = pd.DataFrame(rows, columns=["compared", "correlation"])
    figure, axes = plt.subplots(
        figsize=(6.5, 0.9 + 0.45 * max(1, len(found))), layout="constrained"
    )
    if table.empty:
        say_nothing_to_show(axes)
        return figure
    options: dict[str, Any] = {
        "x": "correlation",
        "y": "compared",
        "order": list(found),
        "ax": axes,
    }
    sns.stripplot(table, **options, color=_CURVE_COLOUR, alpha=0.4, size=5, jitter=0.2)
    for place, values in enumerate(found.values()):
        axes.vlines(np.mean(values), place - 0.35, place + 0.35, color="#222222", lw=2.5, zorder=4)
    axes.axvline(0, color="#444444", lw=0.8)
    axes.set(xlim=(-1.05, 1.05), xlabel="rank correlation, a dot a post, a line at the mean")
    axes.set_ylabel("")
    return figure
