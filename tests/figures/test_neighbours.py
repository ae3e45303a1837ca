"""Tests of the figure of pictures and their nearest neighbours."""

from collections.abc import Callable

import numpy as np
from matplotlib.colors import to_hex

from mmsa_utils import figures
from mmsa_utils.data.posts import Post

Check = Callable[..., None]


def test_a_row_is_a_picture_and_its_nearest_with_tags_and_similarities(
    posts: list[Post], check: Check
) -> None:
    rows = [[posts[0], posts[3], posts[1]], [posts[2], posts[5], posts[9]]]
    figure = figures.picture_neighbours(rows, np.array([[0.914, 0.5], [0.3, 0.25]]))
    assert [len(axes.images) for axes in figure.axes] == [1] * 6
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["negative", "negative", "neutral", "positive", "positive", "unlabelled"]
    notes = [axes.get_xlabel() for axes in figure.axes]
    assert notes[:3] == ["looked up", "similarity 0.91", "similarity 0.50"]
    frames = [to_hex(axes.spines["left"].get_edgecolor()) for axes in figure.axes]
    colours = [*figures.CLASS_COLOURS.values(), "#6c757d"]
    assert frames == [colours[k] for k in (0, 0, 1, 2, 2, 3)]
    widths = [axes.spines["left"].get_linewidth() for axes in figure.axes]
    assert widths[0] == widths[3] > max(widths[1:3])
    check(figure, "negative", "unlabelled", "looked up", "similarity 0.91")


def test_own_classes_have_their_names(
    own_posts: list[Post], classes: tuple[str, ...], check: Check
) -> None:
    rows = [own_posts[:4]]
    figure = figures.picture_neighbours(rows, np.ones((1, 3)), classes=classes)
    check(figure, "similarity 1.00", *(classes[0].split()[:1]))


def test_no_rows_say_so(check: Check) -> None:
    check(figures.picture_neighbours([], np.empty((0, 3))), "nothing to show")
