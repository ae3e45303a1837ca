"""Figures of posts and pictures, before any model: balance, lengths, sizes, words."""

import textwrap
from collections import Counter
from collections.abc import Sequence

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
from .style import CLASS_COLOURS, UNLABELLED_COLOUR, say_nothing_to_show

_SIDE = 224  # of a post's picture in a figure, in pixels


def class_balance(labels: np.ndarray) -> Figure:
    """How many posts each class has.

    Args:
        labels: `(N,)` int, indices in `LABELS`.
    """
    figure, axes = plt.subplots(figsize=(5, 2.4))
    counts = np.bincount(labels, minlength=len(LABELS))
    bars = axes.barh(LABELS, counts, color=[CLASS_COLOURS[name] for name in LABELS])
    total, longest = max(1, counts.sum()), max(1, counts.max())
    axes.bar_label(bars, [f"{n} ({n / total:.0%})" for n in counts], padding=4)
    axes.set(xlabel="posts", xlim=(0, longest * 1.45))  # the longest bar's label fits
    axes.grid(visible=False, axis="y")
    return figure


def text_lengths(posts: Sequence[Post]) -> Figure:
    """Words per text, a histogram a class, of labelled posts."""
    lengths = [len(clean(post.text).split()) for post in posts]
    table = pd.DataFrame({"words": lengths, "class": _class_names(posts)})
    figure, axes = plt.subplots(figsize=(6, 2.8))
    if not posts:
        say_nothing_to_show(axes)
        return figure
    sns.histplot(
        table,
        x="words",
        hue="class",
        hue_order=LABELS,
        palette=CLASS_COLOURS,
        multiple="stack",
        discrete=True,
        ax=axes,
    )
    axes.set(xlabel="words in the text", ylabel="posts")
    return figure


def image_sizes(posts: Sequence[Post]) -> Figure:
    """Width and height in pixels of every labelled post's picture."""
    table = pd.DataFrame(
        {
            "width": [post.facts.width for post in posts],
            "height": [post.facts.height for post in posts],
            "class": _class_names(posts),
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
        hue_order=LABELS,
        palette=CLASS_COLOURS,
        s=18,
        alpha=0.7,
        ax=axes,
    )
    axes.set(xlabel="width in pixels", ylabel="height in pixels")
    sns.move_legend(axes, "center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def _class_names(posts: Sequence[Post]) -> list[str]:
    return [_class_name(post) for post in posts]


def _class_name(post: Post) -> str:
    return "unlabelled" if post.label is None else LABELS[post.label]


def post_grid(
    posts: Sequence[Post], *, columns: int = 4, notes: Sequence[str] | None = None
) -> Figure:
    """Posts as a reader sees them: picture, text, and the class as the colour of the frame.

    Args:
        notes: lines under the texts, one a post.

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
    for axes, post, note in zip(grid.flat, posts, notes or [""] * len(posts), strict=False):
        _draw_post(axes, post, note)
    return figure


def _draw_post(axes: Axes, post: Post, note: str) -> None:
    name = _class_name(post)
    colour = CLASS_COLOURS.get(name, UNLABELLED_COLOUR)
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


def words_per_class(posts: Sequence[Post], *, top: int = 12) -> Figure:
    """The words that speak most for each class, from labelled posts.

    Ranked by the share of a class's posts that hold the word, less the share of the others.
    """
    found = [set(words(post.text)) - ENGLISH_STOP_WORDS for post in posts]
    labels = np.array([post.label for post in posts])
    figure, grid = plt.subplots(1, len(LABELS), figsize=(10, 0.24 * top + 0.8))
    for axes, (label, name) in zip(grid, enumerate(LABELS), strict=True):
        best = _leading(found, labels == label)[:top]
        names, leads = [word for word, _ in best], [100 * lead for _, lead in best]
        axes.barh(names, leads, color=CLASS_COLOURS[name])
        axes.invert_yaxis()
        axes.set(title=name, xlabel="lead in % of posts")
        axes.grid(visible=False, axis="y")
    return figure


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
