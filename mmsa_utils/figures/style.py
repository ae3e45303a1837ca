"""One look for all figures, and one colour for each class and mode everywhere."""

import textwrap
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib import font_manager
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

CLASS_COLOURS = {"negative": "#c8553d", "neutral": "#8d99ae", "positive": "#2a9d8f"}
MODE_COLOURS = {"text": "#3d5a98", "image": "#e09f3e", "words": "#8a6d3b", "fused": "#7b4b94"}
BASELINE_COLOUR = "#adb5bd"  # of runs that are of no mode
TEXT_COLOUR = "#343a40"  # of dots, bars and lines that stand for no class and no mode
UNLABELLED_COLOUR = "#6c757d"

# Of classes that are not the course's. From the palettes of Okabe and Ito ("Color Universal
# Design", 2008) and of Tol ("Colour Schemes", 2021), both made to be told apart by people who see
# less colour; in an order that keeps each far from those before it and from the course's three.
_OTHER_COLOURS = (
    "#332288",  # indigo
    "#e69f00",  # orange
    "#56b4e9",  # sky blue
    "#882255",  # wine
    "#000000",  # black
    "#009e73",  # bluish green
    "#d55e00",  # vermilion
    "#cc79a7",  # reddish purple
)
_LINE = 16  # characters of a class's name in a line of a figure
_CHARACTER = 0.085  # inches of a name under an axis
MEASURES = {"accuracy": "accuracy", "macro_f1": "macro-F1"}  # as they are called in figures
NOTE_SIZE = 9.0  # points of figures beside bars and of keys

# Where matplotlib's own font lacks a character of a tweet, the first of these that is here and has
# it. A system has one or two of them.
_FALLBACKS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
    "Malgun Gothic",
    "Arial Unicode MS",
    "Segoe UI Symbol",
    "Symbola",
)


def use_style() -> None:
    """Sets the course's look for all figures that follow.

    Texts are drawn as they are written: a `$` begins no formula, and a character that no font
    here has is a box, without a warning.
    """
    warnings.filterwarnings("ignore", r"Glyph \d+", UserWarning)
    sns.set_theme(style="whitegrid", context="notebook", font_scale=0.9)
    plt.rcParams.update(
        {
            "figure.dpi": 90,
            "figure.constrained_layout.use": True,
            "figure.constrained_layout.wspace": 0.06,  # else a panel's label touches the one before
            "axes.titlesize": "medium",
            "font.family": ["sans-serif", *_fallbacks()],
            "text.parse_math": False,
        }
    )


@cache
def _fallbacks() -> list[str]:
    installed = set(font_manager.get_font_names())
    return [name for name in _FALLBACKS if name in installed]


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """A colour for each class: the course's three keep theirs, in upper case or lower.

    The same classes in the same order have the same colours in every figure.
    """
    others = [name for name in classes if name.lower() not in CLASS_COLOURS]
    enough = len(others) <= len(_OTHER_COLOURS)
    palette = _OTHER_COLOURS if enough else sns.husl_palette(len(others)).as_hex()
    colours = dict(zip(others, palette, strict=False))
    return {name: colours.get(name) or CLASS_COLOURS[name.lower()] for name in classes}


def class_titles(classes: Sequence[str]) -> list[str]:
    """The classes' names as they stand in figures: long ones in several lines."""
    return [textwrap.fill(name, _LINE) for name in classes]


def slant_ticks(axes: Axes) -> None:
    """Slants the names under the bars, so that long ones do not touch; each ends under its bar."""
    plt.setp(axes.get_xticklabels(), rotation=30, ha="right", rotation_mode="anchor")


def fits_below(names: Sequence[str], room: float) -> bool:
    """Whether names stand level below an axis that gives each so many inches."""
    return max(map(len, names), default=0) * _CHARACTER < room


def note_beside(axes: Axes, notes: Sequence[str]) -> None:
    """A note a row, right of the frame, where no bar and no line of the grid crosses it."""
    place = axes.get_yaxis_transform()  # x counts in widths of the frame, y in rows
    for row, note in enumerate(notes):
        axes.text(1.02, row, note, transform=place, va="center", fontsize=NOTE_SIZE)


def key_below(figure: Figure, handles: Sequence[Artist]) -> None:
    """What colours and signs mean, in a line below all panels."""
    figure.legend(
        handles=list(handles),
        loc="outside lower center",
        ncols=len(handles),
        frameon=False,
        fontsize=NOTE_SIZE,
    )


def say_nothing_to_show(axes: Axes) -> None:
    """What stands in the place of a drawing of no posts, runs or steps."""
    axes.axis("off")
    axes.text(0.5, 0.5, "nothing to show", ha="center", va="center", transform=axes.transAxes)


def run_colour(run: str) -> str:
    """The colour of the mode that a run's name begins with: `text`, `text_ensemble`; else grey."""
    return MODE_COLOURS.get(run.split("_")[0], BASELINE_COLOUR)


def save_figure(figure: Figure, file: Path) -> None:
    """Saves a figure as PNG for the report and closes it; the same figure gives the same bytes.

    Args:
        file: its folder is made where it is missing.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    # The program's name would change the file with every version of matplotlib.
    figure.savefig(file, dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
