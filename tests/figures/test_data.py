"""Tests of the figures of posts and pictures."""

import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
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
def test_class_balance_counts_and_its_labels_end_inside_the_frame(
    counts: tuple[int, ...], check: Check, shown_texts: Callable[[Figure], list[Text]]
) -> None:
    figure = figures.class_balance(np.repeat([0, 1, 2], counts))
    assert [bar.get_width() for bar in figure.axes[0].patches] == list(counts)
    notes = [f"{count} ({count / sum(counts):.0%})" for count in counts]
    frame = figure.axes[0].get_window_extent()
    drawn = {text.get_text(): text for text in shown_texts(figure)}
    assert all(drawn[note].get_window_extent().x1 < frame.x1 for note in notes)
    check(figure, *LABELS, *notes, "posts")


def test_text_lengths_stack_all_posts_by_their_words(posts: list[Post], check: Check) -> None:
    figure = figures.text_lengths(posts[:9])
    bars = {round(bar.get_x() + 0.5) for bar in figure.axes[0].patches if bar.get_height()}
    assert bars == {5, 6, 8, 9, 11, 12, 15}  # an entity is a word once it is resolved
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == 9
    check(figure, *LABELS, "words in the text", "posts")


def test_image_sizes_draw_every_picture_where_it_belongs(posts: list[Post], check: Check) -> None:
    figure = figures.image_sizes(posts[:9])
    dots = np.asarray(figure.axes[0].collections[0].get_offsets())
    assert sorted(map(tuple, dots)) == [(30, 50)] * 5 + [(60, 40)] * 4
    check(figure, *LABELS, "width in pixels", "height in pixels")


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


def test_words_per_class_rank_by_lead_and_leave_out_stop_words(
    posts: list[Post], check: Check
) -> None:
    texts = ("sad rain the", "bus rain", "sun fun", "sad gloom", "bus stop", "sun rain")
    made = [replace(post, text=text) for post, text in zip(posts, texts, strict=False)]
    figure = figures.words_per_class(made)
    # "rain" is in half of each class's posts: no lead in any; ties stand in the alphabet's order.
    assert bar_names(0, figure) == ["sad", "gloom", "rain"]
    assert bar_names(1, figure) == ["bus", "stop", "rain"]
    assert bar_names(2, figure) == ["sun", "fun", "rain"]
    assert [bar.get_width() for bar in figure.axes[0].patches] == pytest.approx([100, 50, 0])
    check(figure, *LABELS, "lead in % of posts", "gloom")


def test_words_per_class_keep_the_top(posts: list[Post]) -> None:
    figure = figures.words_per_class(posts[:9], top=2)
    assert all(len(axes.patches) == 2 for axes in figure.axes)
    assert bar_names(0, figure) == ["awful", "day"]


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
    check(figures.image_sizes(own_posts, classes=classes), *names)
    check(figures.words_per_class(own_posts, classes=classes), *names)
    check(figures.post_grid(own_posts, classes=classes), *names)


def test_every_figure_of_posts_has_its_classes_colours(
    own_posts: list[Post], classes: tuple[str, ...]
) -> None:
    expected = list(figures.class_colours(classes).values())
    labels = np.array([post.label for post in own_posts])
    balance = figures.class_balance(labels, classes=classes).axes[0].patches
    assert [to_hex(bar.get_facecolor()) for bar in balance] == expected
    assert [bar.get_width() for bar in balance] == np.bincount(labels).tolist()
    words = figures.words_per_class(own_posts, classes=classes).axes[: len(classes)]
    assert [to_hex(axes.patches[0].get_facecolor()) for axes in words] == expected
    grid = figures.post_grid(own_posts, classes=classes).axes
    for axes, post in zip(grid, own_posts, strict=False):
        assert post.label is not None
        assert to_hex(axes.spines["left"].get_edgecolor()) == expected[post.label]
    lengths = figures.text_lengths(own_posts, classes=classes).axes[0].get_legend()
    assert lengths is not None
    assert [to_hex(patch.get_facecolor()) for patch in lengths.get_patches()] == expected


def test_a_legend_of_classes_hides_no_post(own_posts: list[Post], classes: tuple[str, ...]) -> None:
    for draw in (figures.text_lengths, figures.image_sizes):
        figure = draw(own_posts, classes=classes)
        figure.canvas.draw()
        legend = figure.axes[0].get_legend()
        assert legend is not None
        assert legend.get_window_extent().x0 >= figure.axes[0].get_window_extent().x1


def test_panels_of_many_classes_stand_below_each_other_and_do_not_touch(
    own_posts: list[Post], classes: tuple[str, ...], shown_texts: Callable[[Figure], list[Text]]
) -> None:
    figure = figures.words_per_class(own_posts, classes=classes)
    boxes = [text.get_window_extent() for text in shown_texts(figure)]
    pairs = [(a, b) for n, a in enumerate(boxes) for b in boxes[:n]]
    assert not any(a.overlaps(b) for a, b in pairs)
    assert figure.get_size_inches()[0] <= 10


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


def test_dollars_in_words_titles_and_names_begin_no_formula(
    posts: list[Post], check: Check
) -> None:
    check(figures.image_grid([np.zeros((9, 9, 3), np.uint8)] * 2, ["$a_{", "$b$"]), "$a_{", "$b$")
    rich = [replace(post, text=f"$cash$ {post.text}") for post in posts[:9]]
    check(figures.words_per_class(rich), *LABELS)


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
    check(figures.image_sizes([]), "nothing to show")


def test_class_balance_of_no_posts_and_of_one_class(check: Check) -> None:
    check(figures.class_balance(np.array([], dtype=int)), "0 (0%)")
    check(figures.class_balance(np.array([2, 2])), "2 (100%)", "0 (0%)")


def test_words_per_class_with_a_class_without_posts_or_words(
    posts: list[Post], check: Check
) -> None:
    made = [replace(posts[0], text="sad rain"), replace(posts[2], text="1 2 3")]  # nobody neutral
    figure = figures.words_per_class(made)
    assert bar_names(0, figure) == ["rain", "sad"]
    assert [len(axes.patches) for axes in figure.axes] == [2, 0, 0]
    check(figure, *LABELS)
    check(figures.words_per_class([]), *LABELS)
