"""Figures of posts and pictures, before any model: classes, lengths, annotators' labels, posts."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from PIL import Image, ImageOps

from ..config import LABELS
from ..data.images import decode_image
from ..data.posts import Post
from ..data.text import clean
from .style import (
    UNLABELLED_COLOUR,
    class_colours,
    class_titles,
    note_beside,
    say_nothing_to_show,
)

_SIDE = 224  # of a post's picture in a figure, in pixels
_STRONGEST = 0.8  # opacity of the fullest cell: what is written on it stays readable


def class_balance(labels: np.ndarray, *, classes: Sequence[str] = LABELS) -> Figure:
    """How many posts each class has.

    Args:
        labels: `(N,)` int, indices in `classes`.
    """
    figure, axes = plt.subplots(figsize=(5, 0.6 + 0.6 * len(classes)))
    counts = np.bincount(labels, minlength=len(classes))
    axes.barh(class_titles(classes), counts, color=list(class_colours(classes).values()))
    total, longest = max(1, counts.sum()), max(1, counts.max())
    note_beside(axes, [f"{n:,} ({n / total:.0%})" for n in counts])
    axes.set(xlabel="posts", xlim=(0, longest * 1.05))
    axes.grid(visible=False, axis="y")
    return figure


def class_shares(counts: Mapping[str, Mapping[str, int]]) -> Figure:
    """Sets of posts side by side, and what share of each has which class.

    Args:
        counts: posts by class, of each set by its name; a set may have classes of its own.
    """
    rows = max(map(len, counts.values()), default=1)
    size = (0.8 + 3.8 * max(1, len(counts)), 0.9 + 0.55 * rows)
    figure, grid = plt.subplots(1, max(1, len(counts)), figsize=size, sharex=True, squeeze=False)
    if not counts:
        say_nothing_to_show(grid[0, 0])
    longest = [_draw_shares(axes, *one) for axes, one in zip(grid[0], counts.items(), strict=False)]
    grid[0, 0].set_xlim(0, 1.6 * max(longest, default=1))  # the longest bar's label fits
    return figure


def _draw_shares(axes: Axes, name: str, counts: Mapping[str, int]) -> float:
    """A set's bars; gives the length of the longest."""
    classes, total = list(counts), sum(counts.values())
    shares = [count / max(1, total) for count in counts.values()]
    bars = axes.barh(class_titles(classes), shares, color=list(class_colours(classes).values()))
    notes = [f"{n:,} ({share:.0%})" for n, share in zip(counts.values(), shares, strict=True)]
    axes.bar_label(bars, notes, padding=4)
    axes.set(title=f"{name}: {total:,} posts", xlabel="share of the posts")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid(visible=False, axis="y")
    axes.invert_yaxis()
    return max([*shares, 0.1])


def label_pairs(
    pairs: pd.DataFrame, *, source: str = "", classes: Sequence[str] = LABELS
) -> Figure:
    """How often annotators gave a text and its picture which labels: a heat map.

    A cell has the colour of the tag that its pair makes, the stronger the more posts have it.

    Args:
        pairs: a row a pair that occurs, with the columns `text` and `picture` (labels), `share`
            (of the posts) and `tag` (a class). Pairs that are not listed have no posts.
        source: where the shares are from; stands below.
    """
    figure, axes = plt.subplots(figsize=(1.8 + 1.2 * len(classes), 1.6 + 0.8 * len(classes)))
    pixels, notes = _pair_cells(pairs, classes)
    axes.imshow(pixels, aspect="auto")
    for (row, column), note in np.ndenumerate(notes):
        axes.text(column, row, note, ha="center", va="center", fontsize=9, color="black")
    places, names = range(len(classes)), class_titles(classes)
    axes.set(xticks=places, xticklabels=names, yticks=places, yticklabels=names)
    axes.set(xlabel="label of the picture", ylabel="label of the text")
    axes.grid(visible=False)
    figure.supxlabel("\n".join(textwrap.wrap(source, 68)), fontsize=8)
    return figure


def _pair_cells(pairs: pd.DataFrame, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """`(K, K, 4)` colours and `(K, K)` what is written on them, text by row."""
    pixels = np.ones((len(classes), len(classes), 4))
    notes = np.full(pixels.shape[:2], "no posts", dtype=object)
    colours, most = class_colours(classes), max(pairs["share"], default=1)
    columns = pairs[["text", "picture", "share", "tag"]]
    for text, picture, share, tag in columns.itertuples(index=False):
        place = classes.index(text), classes.index(picture)
        pixels[place] = *to_rgb(colours[tag]), _STRONGEST * share / most
        notes[place] = f"{share:.1%}\ntag: {tag}"
    return pixels, notes


def text_lengths(posts: Sequence[Post], *, classes: Sequence[str] = LABELS) -> Figure:
    """Words per text, a histogram a class, of labelled posts."""
    lengths = [len(clean(post.text).split()) for post in posts]
    table = pd.DataFrame({"words": lengths, "class": _class_names(posts, classes)})
    figure, axes = plt.subplots(figsize=(6, 2.8))
    if not posts:
        say_nothing_to_show(axes)
        return figure
    sns.histplot(
        table,
        x="words",
        hue="class",
        **_colours_by_class(classes),
        multiple="stack",
        discrete=True,
        ax=axes,
    )
    axes.set(xlabel="words in the text", ylabel="posts")
    _legend_beside(axes)
    return figure


def _legend_beside(axes: Axes) -> None:
    """Right of the frame, where it hides nothing, however many classes it names."""
    sns.move_legend(axes, "center left", bbox_to_anchor=(1, 0.5), frameon=False)


def _class_names(posts: Sequence[Post], classes: Sequence[str]) -> list[str]:
    titles = class_titles(classes)
    return ["unlabelled" if post.label is None else titles[post.label] for post in posts]


def _colours_by_class(classes: Sequence[str]) -> dict[str, Any]:
    """How seaborn is told the classes' order and colours."""
    titles = class_titles(classes)
    colours = class_colours(classes).values()
    return {"hue_order": titles, "palette": dict(zip(titles, colours, strict=True))}


def post_grid(
    posts: Sequence[Post],
    *,
    columns: int = 4,
    notes: Sequence[str] | None = None,
    classes: Sequence[str] = LABELS,
) -> Figure:
    """Posts as a reader sees them: picture, text, and the class as the colour of the frame.

    Args:
        notes: lines under the texts, one a post.
        classes: the names of the posts' labels.

    Raises:
        CourseError: where a picture cannot be read.
    """
    rows = max(1, -(-len(posts) // columns))
    figure, grid = plt.subplots(rows, columns, figsize=(2.6 * columns, 3.5 * rows), squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    if not posts:
        say_nothing_to_show(grid[0, 0])
    names = _class_names(posts, classes)
    colours = [*class_colours(classes).values(), UNLABELLED_COLOUR]
    for index, (axes, post) in enumerate(zip(grid.flat, posts, strict=False)):
        colour = colours[-1 if post.label is None else post.label]
        _draw_post(axes, post, name=names[index], colour=colour, note=notes[index] if notes else "")
    return figure


def _draw_post(axes: Axes, post: Post, *, name: str, colour: str, note: str) -> None:
    axes.imshow(_on_square(decode_image(post.image, least_side=_SIDE)))
    axes.set_title(name, color=colour, fontweight="bold", fontsize=10)
    axes.spines[:].set(visible=True, color=colour, linewidth=2)
    caption = textwrap.shorten(clean(post.text), 80, placeholder=" …")
    lines = [*textwrap.wrap(caption, 30), *([note] if note else [])]
    axes.set_xlabel("\n".join(lines), fontsize=8.5, parse_math=False)


def _on_square(pixels: np.ndarray) -> Image.Image:
    """`(H, W, 3)` pixels on a white square of the same size for all, unstretched."""
    height, width = pixels.shape[:2]
    # A long thin picture would be less than a pixel wide: it is cut to what can be seen.
    longest = _SIDE * min(height, width)
    image = Image.fromarray(pixels[:longest, :longest])
    return ImageOps.pad(image, (_SIDE, _SIDE), color="white")


def image_grid(images: Sequence[np.ndarray], titles: Sequence[str], *, columns: int = 5) -> Figure:
    """Pictures `(H, W, 3)`, uint8 or floats from 0 to 1, each under its title."""
    rows = max(1, -(-len(images) // columns))
    figure, grid = plt.subplots(rows, columns, figsize=(2 * columns, 2.2 * rows), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    if not images:
        say_nothing_to_show(grid[0, 0])
    for axes, pixels, title in zip(grid.flat, images, titles, strict=False):
        axes.imshow(pixels)
        axes.set_title(title, fontsize=9, parse_math=False)
    return figure
