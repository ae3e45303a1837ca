"""Figures of posts and pictures, before any model: balance, lengths, sizes, words."""

import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageOps
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from ..config import LABELS
from ..data.images import decode_image
from ..data.posts import Post
from ..data.text import clean, words
from .style import UNLABELLED_COLOUR, class_colours, class_titles, say_nothing_to_show

_SIDE = 224  # of a post's picture in a figure, in pixels
_ACROSS = 3  # panels of classes side by side; more go on below


def class_balance(labels: np.ndarray, *, classes: Sequence[str] = LABELS) -> Figure:
    """How many posts each class has.

    Args:
        labels: `(N,)` int, indices in `classes`.
    """
    figure, axes = plt.subplots(figsize=(5, 0.6 + 0.6 * len(classes)))
    counts = np.bincount(labels, minlength=len(classes))
    bars = axes.barh(class_titles(classes), counts, color=list(class_colours(classes).values()))
    total, longest = max(1, counts.sum()), max(1, counts.max())
    axes.bar_label(bars, [f"{n} ({n / total:.0%})" for n in counts], padding=4)
    axes.set(xlabel="posts", xlim=(0, longest * 1.45))  # the longest bar's label fits
    axes.grid(visible=False, axis="y")
    return figure


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


def image_sizes(posts: Sequence[Post], *, classes: Sequence[str] = LABELS) -> Figure:
    """Width and height in pixels of every labelled post's picture."""
    table = pd.DataFrame(
        {
            "width": [post.facts.width for post in posts],
            "height": [post.facts.height for post in posts],
            "class": _class_names(posts, classes),
        }
    )
    figure, axes = plt.subplots(figsize=(4.6, 3.6))
    if not posts:
        say_nothing_to_show(axes)
        return figure
    sns.scatterplot(
        table,
        x="width",
        y="height",
        hue="class",
        **_colours_by_class(classes),
        s=18,
        alpha=0.7,
        ax=axes,
    )
    axes.set(xlabel="width in pixels", ylabel="height in pixels")
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


def words_per_class(
    posts: Sequence[Post], *, top: int = 12, classes: Sequence[str] = LABELS
) -> Figure:
    """The words that speak most for each class, from labelled posts.

    Ranked by the share of a class's posts that hold the word, less the share of the others.
    """
    found = [set(words(post.text)) - ENGLISH_STOP_WORDS for post in posts]
    labels = np.array([post.label for post in posts])
    columns = min(len(classes), _ACROSS)
    rows = -(-len(classes) // columns)
    size = (10 / _ACROSS * columns, (0.24 * top + 0.8) * rows)
    space = {"hspace": 0.1}  # else a panel's label touches the title below
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, gridspec_kw=space)
    for axes in grid.flat[len(classes) :]:
        axes.axis("off")
    titles, colours = class_titles(classes), list(class_colours(classes).values())
    for label, axes in enumerate(grid.flat[: len(classes)]):
        _draw_leads(axes, _leading(found, labels == label)[:top], colours[label])
        axes.set_title(titles[label])
    return figure


def _draw_leads(axes: Axes, leads: Sequence[tuple[str, float]], colour: str) -> None:
    axes.barh([word for word, _ in leads], [100 * lead for _, lead in leads], color=colour)
    axes.invert_yaxis()
    axes.set_xlabel("lead in % of posts")
    axes.grid(visible=False, axis="y")


def _leading(found: Sequence[set[str]], chosen: np.ndarray) -> list[tuple[str, float]]:
    """Words of the chosen posts with their lead, the largest first; ties by the alphabet."""
    inside, outside = _shares(found, chosen), _shares(found, ~chosen)
    leads = {word: share - outside.get(word, 0.0) for word, share in inside.items()}
    return sorted(leads.items(), key=lambda item: (-item[1], item[0]))


def _shares(found: Sequence[set[str]], chosen: np.ndarray) -> dict[str, float]:
    """The share of the chosen posts that hold each word."""
    picked = [bag for bag, yes in zip(found, chosen, strict=True) if yes]
    counts = Counter(word for bag in picked for word in bag)
    return {word: count / len(picked) for word, count in counts.items()}


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
