"""A figure of pictures and of those that an encoder finds most like them."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..config import LABELS
from ..data.images import decode_image
from ..data.posts import Post
from .style import UNLABELLED_COLOUR, class_colours, class_titles, say_nothing_to_show

_SIDE = 224  # of a picture in the figure, in pixels
_QUERY, _NEIGHBOUR = 4.0, 1.5  # widths of frames, in points


def picture_neighbours(
    rows: Sequence[Sequence[Post]], similarities: np.ndarray, *, classes: Sequence[str] = LABELS
) -> Figure:
    """A picture a row, in a thick frame, and right of it the nearest ones; frames show the tags.

    Args:
        rows: Q of them, each a post and its k nearest, the nearest first.
        similarities: `(Q, k)`, of each neighbour to the first post of its row.
        classes: the names of the posts' labels.

    Raises:
        CourseError: where a picture cannot be read.
    """
    columns = max(map(len, rows), default=1)
    height = 1.75 * max(1, len(rows)) + 0.15
    figure, grid = plt.subplots(
        max(1, len(rows)), columns, figsize=(1.9 * columns, height), squeeze=False
    )
    if not rows:
        say_nothing_to_show(grid[0, 0])
    for line, posts, numbers in zip(grid, rows, similarities, strict=False):
        notes = ["looked up", *(f"similarity {number:.2f}" for number in numbers)]
        for axes, post, note in zip(line, posts, notes, strict=True):
            _draw(axes, post, note=note, classes=classes)
        line[0].spines[:].set_linewidth(_QUERY)
    return figure


def _draw(axes: Axes, post: Post, *, note: str, classes: Sequence[str]) -> None:
    name, colour = "unlabelled", UNLABELLED_COLOUR
    if post.label is not None:
        name = class_titles(classes)[post.label]
        colour = class_colours(classes)[classes[post.label]]
    axes.imshow(decode_image(post.image, least_side=_SIDE))
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set(visible=True, color=colour, linewidth=_NEIGHBOUR)
    axes.set_title(name, color=colour, fontweight="bold", fontsize=9, parse_math=False)
    axes.set_xlabel(note, fontsize=8)
