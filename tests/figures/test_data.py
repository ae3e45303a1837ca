"""Tests of the figures of posts and pictures."""

import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from mmsa_utils import figures
from mmsa_utils.config import LABELS
from mmsa_utils.data.posts import Post

Check = Callable[..., None]


def bar_names(axes_number: int, figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[axes_number].get_yticklabels()]


@pytest.mark.parametrize("counts", [(1193, 419, 2388), (80, 80, 80), (0, 1, 30000)])
def test_class_balance_counts_and_no_bar_or_grid_line_crosses_a_count(
    counts: tuple[int, ...], check: Check, shown_texts: Callable[[Figure], list[Text]]
) -> None:
    figure = figures.class_balance(np.repeat([0, 1, 2], counts))
    assert [bar.get_width() for bar in figure.axes[0].patches] == list(counts)
    notes = [f"{count:,} ({count / sum(counts):.0%})" for count in counts]
    frame = figure.axes[0].get_window_extent()
    drawn = {text.get_text(): text for text in shown_texts(figure)}
    assert all(drawn[note].get_window_extent().x0 > frame.x1 for note in notes)
    check(figure, *LABELS, *notes, "posts")


def test_class_shares_stand_side_by_side_on_one_scale(
    check: Check, shown_texts: Callable[[Figure], list[Text]]
) -> None:
    even, uneven = dict.fromkeys(LABELS, 80), dict(zip(LABELS, (1193, 419, 2388), strict=True))
    figure = figures.class_shares({"drawn": even, "real": uneven, "none": {"sad": 0, "happy": 0}})
    lengths = [[bar.get_width() for bar in axes.patches] for axes in figure.axes]
    assert lengths[0] == pytest.approx([1 / 3] * 3)
    assert lengths[1] == pytest.approx([1193 / 4000, 419 / 4000, 2388 / 4000])
    assert lengths[2] == [0, 0]
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    notes = {text.get_text(): text for text in shown_texts(figure)}
    frame = figure.axes[1].get_window_extent()
    assert notes["2,388 (60%)"].get_window_extent().x1 < frame.x1
    check(figure, *LABELS, "drawn: 240 posts", "real: 4,000 posts", "80 (33%)", "happy", "0 (0%)")


PAIRS = pd.DataFrame(
    [
        ("positive", "positive", 0.6, "positive"),
        ("neutral", "negative", 0.3, "negative"),
        ("neutral", "neutral", 0.1, "neutral"),
    ],
    columns=["text", "picture", "share", "tag"],
)


def test_label_pairs_have_the_tags_colour_and_are_the_stronger_the_more_frequent(
    check: Check,
) -> None:
    figure = figures.label_pairs(PAIRS, source="made up for this test, " * 5)
    pixels = np.asarray(figure.axes[0].images[0].get_array())
    for row in PAIRS.itertuples():
        place = LABELS.index(row.text), LABELS.index(row.picture)
        assert to_hex(pixels[place][:3]) == figures.CLASS_COLOURS[row.tag]
    assert pixels[2, 2, 3] == pytest.approx(2 * pixels[1, 0, 3])
    assert (pixels[0, 2] == 1).all()
    check(figure, *LABELS, "60.0%\ntag: positive", "no posts", "made up", "label of the picture")


def test_label_pairs_of_no_posts(check: Check) -> None:
    check(figures.label_pairs(PAIRS[:0]), *LABELS, "no posts")


def test_text_lengths_stack_all_posts_by_their_words(posts: list[Post], check: Check) -> None:
    figure = figures.text_lengths(posts[:9])
    bars = {round(bar.get_x() + 0.5) for bar in figure.axes[0].patches if bar.get_height()}
    assert bars == {5, 6, 8, 9, 11, 12, 15}  # an entity is a word once it is resolved
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == 9
    check(figure, *LABELS, "words in the text", "posts")


def test_post_grid_shows_text_class_and_note_and_leaves_the_rest_blank(
    posts: list[Post], check: Check
) -> None:
    figure = figures.post_grid(posts[5:], notes=[f"note {n}" for n in range(5)])
    drawn = [len(axes.images) for axes in figure.axes]
    assert drawn == [1] * 5 + [0] * 3
    for axes, post in zip(figure.axes, posts[5:], strict=False):
        name = "unlabelled" if post.label is None else LABELS[post.label]
        colour = figures.CLASS_COLOURS.get(name, "#6c757d")
        assert axes.get_title() == name
        assert to_hex(axes.spines["left"].get_edgecolor()) == colour
    check(figure, *LABELS, "unlabelled", "note 4", "walk with friends &", "The meeting starts")


def test_post_grid_shortens_a_long_text(posts: list[Post], check: Check) -> None:
    figure = figures.post_grid([replace(posts[0], text="word " * 100)], columns=1)
    assert len(figure.axes[0].get_xlabel()) < 100
    check(figure, "…")


@pytest.mark.parametrize("scale", [255, 1.0])
def test_image_grid_shows_every_picture_under_its_title(scale: float, check: Check) -> None:
    pixels = np.random.default_rng(0).random((6, 20, 30, 3)) * scale
    images = list(pixels.astype(np.uint8) if scale == 255 else pixels)
    figure = figures.image_grid(images, [f"step {number}" for number in range(6)], columns=4)
    assert [len(axes.images) for axes in figure.axes] == [1] * 6 + [0] * 2
    check(figure, "step 0", "step 5")


# ---- other classes ----------------------------------------------------------------------


def as_drawn(classes: Sequence[str]) -> list[str]:
    """Long names stand in several lines."""
    return [textwrap.fill(name, 16) for name in classes]


def test_every_figure_of_posts_names_its_own_classes(
    own_posts: list[Post], classes: tuple[str, ...], check: Check
) -> None:
    names = as_drawn(classes)
    labels = np.array([post.label for post in own_posts])
    check(figures.class_balance(labels, classes=classes), *names)
    check(figures.text_lengths(own_posts, classes=classes), *names)
    check(figures.class_shares({"mine": dict.fromkeys(classes, 3)}), *names)
    check(figures.post_grid(own_posts, classes=classes), *names)


def test_every_figure_of_posts_has_its_classes_colours(
    own_posts: list[Post], classes: tuple[str, ...]
) -> None:
    expected = list(figures.class_colours(classes).values())
    labels = np.array([post.label for post in own_posts])
    balance = figures.class_balance(labels, classes=classes).axes[0].patches
    assert [to_hex(bar.get_facecolor()) for bar in balance] == expected
    assert [bar.get_width() for bar in balance] == np.bincount(labels).tolist()
    shares = figures.class_shares({"mine": dict.fromkeys(classes, 3)}).axes[0].patches
    assert [to_hex(bar.get_facecolor()) for bar in shares] == expected
    grid = figures.post_grid(own_posts, classes=classes).axes
    for axes, post in zip(grid, own_posts, strict=False):
        assert post.label is not None
        assert to_hex(axes.spines["left"].get_edgecolor()) == expected[post.label]
    lengths = figures.text_lengths(own_posts, classes=classes).axes[0].get_legend()
    assert lengths is not None
    assert [to_hex(patch.get_facecolor()) for patch in lengths.get_patches()] == expected


def test_a_legend_of_classes_hides_no_post(own_posts: list[Post], classes: tuple[str, ...]) -> None:
    figure = figures.text_lengths(own_posts, classes=classes)
    figure.canvas.draw()
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert legend.get_window_extent().x0 >= figure.axes[0].get_window_extent().x1


# ---- posts that are unlike the course's -------------------------------------------------


@pytest.mark.parametrize("text", ["costs $5 and $x_{", "$$ win $$", "$\\frac{1}{0}$", "one $"])
@pytest.mark.parametrize("styled", [True, False])
def test_dollars_are_shown_as_they_are_written(text: str, styled: bool, posts: list[Post]) -> None:
    with plt.rc_context() if styled else plt.style.context("default"):
        figure = figures.post_grid([replace(posts[0], text=text)], notes=[text], columns=1)
        plain = figures.post_grid([replace(posts[0], text="x")], notes=["x"], columns=1)
        label, short = figure.axes[0].xaxis.label, plain.axes[0].xaxis.label
        figure.canvas.draw()
        plain.canvas.draw()
    assert label.get_text() == f"{text}\n{text}"
    assert label.get_parse_math() is False
    assert label.get_window_extent().width > short.get_window_extent().width


def test_dollars_in_titles_begin_no_formula(check: Check) -> None:
    check(figures.image_grid([np.zeros((9, 9, 3), np.uint8)] * 2, ["$a_{", "$b$"]), "$a_{", "$b$")
    check(figures.class_shares({"$a_{": {"$b$": 1, "$c_{": 2}}), "$a_{", "$b$", "$c_{")


@pytest.mark.parametrize(
    "text", ["יום נפלא", "صباح الخير", "今天天气很好", "😂🎉", "\x07\u200b\U000e0001"]
)
def test_characters_that_no_font_has_are_drawn_without_a_warning(
    text: str, posts: list[Post]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures.use_style()
        figures.post_grid([replace(posts[0], text=text)]).canvas.draw()


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (6000, 3), (2, 1)])
def test_post_grid_shows_pictures_of_any_shape_on_equal_squares(
    size: tuple[int, int], posts: list[Post], tmp_path: Path
) -> None:
    Image.new("RGB", size, "red").save(tmp_path / "odd.png")
    figure = figures.post_grid([replace(posts[0], image=tmp_path / "odd.png"), posts[1]])
    odd, even = (np.asarray(axes.images[0].get_array()) for axes in figure.axes[:2])
    assert odd.shape == even.shape
    assert (odd == (255, 0, 0)).all(2).any()


def test_fewer_posts_than_columns_and_none_at_all(posts: list[Post], check: Check) -> None:
    figure = figures.post_grid(posts[:1], columns=4)
    assert [len(axes.images) for axes in figure.axes] == [1, 0, 0, 0]
    check(figure)
    check(figures.post_grid([]), "nothing to show")
    check(figures.image_grid([], []), "nothing to show")
    check(figures.text_lengths([]), "nothing to show")
    check(figures.class_shares({}), "nothing to show")


def test_class_balance_of_no_posts_and_of_one_class(check: Check) -> None:
    check(figures.class_balance(np.array([], dtype=int)), "0 (0%)")
    check(figures.class_balance(np.array([2, 2])), "2 (100%)", "0 (0%)")
