"""Tests of the figures of explanations: every word is there, for and against are told apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

from mmsa_utils import figures
from mmsa_utils.config import LABELS

Check = Callable[..., None]
ShownTexts = Callable[[Figure], list[Text]]

WORDS = ("I", "love", "$this$", "café", "but", "很", "😀", "_not_", "a" * 60)
SCORES = np.array([0.0, 2.0, 0.1, -0.2, -1.5, 0.3, 0.0, -0.1, 0.4])


@dataclass(frozen=True)
class Said:
    """An answer as a prediction has it."""

    classes: tuple[str, ...] = LABELS
    probabilities: np.ndarray = field(default_factory=lambda: np.array([0.1, 0.2, 0.7]))
    views: dict[str, np.ndarray] = field(
        default_factory=lambda: {
            "text": np.array([0.2, 0.2, 0.6]),
            "image": np.array([0.3, 0.3, 0.4]),
        }
    )
    contributions: dict[str, float] = field(default_factory=lambda: {"text": 0.3, "image": -0.1})
    shares: dict[str, float] = field(default_factory=lambda: {"text": 0.75, "image": 0.25})
    label: str = "positive"
    confidence: float = 0.7


@dataclass(frozen=True)
class Explained:
    """An explanation with both modalities."""

    prediction: Said = Said()
    words: Sequence[str] = WORDS
    left_out: np.ndarray = field(default_factory=lambda: SCORES)
    gradients: np.ndarray = field(default_factory=lambda: -SCORES)
    picture: np.ndarray | None = field(
        default_factory=lambda: np.full((24, 24, 3), 90, dtype=np.uint8)
    )
    occlusion: np.ndarray | None = field(
        default_factory=lambda: np.linspace(-1, 1, 576).reshape(24, 24)
    )
    grad_cam: np.ndarray | None = field(
        default_factory=lambda: np.linspace(0, 1, 576).reshape(24, 24)
    )
    notes: Sequence[str] = ()


def chips(figure: Figure) -> dict[str, str]:
    """The colour on which each text stands."""
    notes = [note for note in figure.findobj(Annotation) if note.get_bbox_patch()]
    return {note.get_text(): to_hex(note.get_bbox_patch().get_facecolor()) for note in notes}


# ---- words ------------------------------------------------------------------------------


def test_words_stand_on_the_colour_of_their_score(check: Check) -> None:
    figure = figures.coloured_words(WORDS, {"left out": SCORES}, label="positive")
    colours = chips(figure)
    shown = {word for word in colours if word not in ("for positive", "against it")}
    assert shown == {*WORDS[:-1], "a" * 27 + "…"}
    assert colours["love"] == colours["for positive"]  # the largest score of all
    assert colours["I"] == colours["😀"]  # no score
    assert len({colours[word] for word in ("love", "but", "I")}) == 3
    check(figure, "left out", "for positive", "against it", "+2.00", "-1.50", "+0.40", *WORDS[:-1])


def test_neither_end_of_the_colours_is_red_or_green() -> None:
    colours = chips(figures.coloured_words(WORDS, {"left out": SCORES}))
    for name in ("for the answer", "against it"):
        red, green, blue = (int(colours[name][k : k + 2], 16) for k in (1, 3, 5))
        assert max(green, blue) > 50 or red < 60  # brown has green in it, purple has blue
        assert green < max(red, blue)


def test_every_explanation_has_a_row_on_its_own_scale(check: Check) -> None:
    figure = figures.coloured_words(WORDS, {"one": SCORES, "two": 100 * SCORES})
    assert len(figure.axes) == 2
    check(figure, "one", "two", "+2.00", "+200.00")


def test_a_long_text_is_set_in_lines_that_do_not_overlap(shown_texts: ShownTexts) -> None:
    words = [f"word{n}" + "x" * (n % 7) for n in range(120)] + ["I", "a"] * 8
    figure = figures.coloured_words(words, {"left out": np.linspace(-1, 1, len(words))})
    shown_texts(figure)
    notes = [note for note in figure.findobj(Annotation) if note.get_text() in set(words)]
    boxes = [note.get_window_extent() for note in notes]
    assert len(boxes) == len(words)
    width, height = figure.canvas.get_width_height()
    assert all(box.x0 >= 0 and box.x1 <= width for box in boxes)
    assert all(box.y0 >= 0 and box.y1 <= height for box in boxes)
    for number, box in enumerate(boxes):
        assert not any(
            box.x0 < other.x1 and other.x0 < box.x1 and box.y0 < other.y1 and other.y0 < box.y1
            for other in boxes[number + 1 :]
        )


def test_no_words_no_scores_and_scores_of_zero(check: Check) -> None:
    check(figures.coloured_words((), {"one": np.zeros(0)}), "nothing to show")
    check(figures.coloured_words(WORDS, {}), "nothing to show")
    check(figures.coloured_words(("so", "what"), {"one": np.zeros(2)}), "so", "what", "+0.00")


# ---- pictures ---------------------------------------------------------------------------


@pytest.mark.parametrize("given", [(), ("occlusion",), ("grad_cam",), ("occlusion", "grad_cam")])
def test_a_panel_for_the_picture_and_for_each_map(given: tuple[str, ...], check: Check) -> None:
    whole = Explained()
    maps = {name: getattr(whole, name) for name in given}
    assert whole.picture is not None
    figure = figures.picture_maps(whole.picture, **maps, label="positive")
    assert len([axes for axes in figure.axes if axes.images]) == 1 + len(given)
    words = {"occlusion": "log-odds lost for positive", "grad_cam": "active for positive"}
    noise = np.random.default_rng(0).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    figure = figures.picture_maps(noise, **maps, label="positive")
    check(figure, "as the encoder sees it", *(words[name] for name in given))


def test_the_maps_colours_are_even_around_zero() -> None:
    whole = Explained()
    assert whole.picture is not None
    figure = figures.picture_maps(whole.picture, occlusion=np.full((24, 24), 0.25))
    (overlay,) = (axes.images[1] for axes in figure.axes if len(axes.images) == 2)
    assert (overlay.norm.vmin, overlay.norm.vmax) == (-0.25, 0.25)


# ---- the whole page ---------------------------------------------------------------------


def test_the_page_says_the_answer_its_parts_and_what_each_modality_adds(check: Check) -> None:
    figure = figures.explanation_figure(Explained(notes=("the text was cut at 128 tokens",)))
    check(
        figure,
        *("positive, 70.0%", "text alone", "picture alone", "0.70", *LABELS),
        *("+0.30 (75%)", "-0.10 (25%)", "words, left out one by one", "integrated gradients"),
        *("as the encoder sees it", "covered patch by patch", "Grad-CAM", "cut at 128 tokens"),
    )


@pytest.mark.parametrize("missing", ["text", "image", "map"])
def test_what_is_not_there_is_left_out(missing: str, check: Check) -> None:
    empty = np.zeros(0)
    changes = {
        "text": {"words": (), "left_out": empty, "gradients": empty},
        "image": {"picture": None, "occlusion": None, "grad_cam": None},
        "map": {"grad_cam": None},
    }[missing]
    figure = figures.explanation_figure(replace(Explained(), **changes))
    said = {text.get_text() for text in figure.findobj(Text)}
    assert ("words, left out one by one" in said) == (missing != "text")
    assert ("covered patch by patch" in said) == (missing != "image")
    assert ("Grad-CAM" in said) == (missing not in ("image", "map"))
    check(figure, "positive, 70.0%")


def test_other_classes_one_modality_and_a_contribution_of_nothing(check: Check) -> None:
    classes = ("joy", "a class with a name of forty characters!", "anger", "fear", "surprise")
    said = Said(
        classes=classes,
        probabilities=np.array([0.2, 0.5, 0.1, 0.1, 0.1]),
        views={"text": np.array([0.2, 0.5, 0.1, 0.1, 0.1])},
        contributions={"text": -0.0004},
        shares={"text": 1.0},
        label=classes[1],
        confidence=0.5,
    )
    figure = figures.explanation_figure(replace(Explained(), prediction=said))
    check(figure, "joy", "surprise", "+0.00 (100%)")  # not -0.00


def test_a_dollar_begins_no_formula_without_the_courses_style() -> None:
    import matplotlib.pyplot as plt

    with plt.rc_context({"text.parse_math": True}):
        figures.explanation_figure(Explained(words=("$^$", *WORDS[1:]))).canvas.draw()


# ---- trust ------------------------------------------------------------------------------


def test_deletion_curves_show_means_and_their_areas(check: Check) -> None:
    explained = np.array([[1.0, 0.2, 0.0], [0.8, 0.4, 0.0]])
    random = np.array([[1.0, 0.8, 0.0], [0.8, 0.6, 0.0]])
    figure = figures.deletion_curves({"words": (explained, random), "patches": (random, random)})
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert list(lines["most important first: area 0.38"].get_ydata()) == [
        0.9,
        0.30000000000000004,
        0,
    ]
    assert list(lines["random order: area 0.57"].get_xdata()) == [0, 0.5, 1]
    check(figure, "words", "patches", "parts taken away", "probability of the answer", "75%")


def test_rank_correlations_draw_a_dot_a_post_and_their_mean(check: Check) -> None:
    found = {"itself": [1.0, 1.0, 1.0], "random weights": [0.2, -0.4, 0.1, -0.1]}
    figure = figures.rank_correlations(found)
    dots = [collection.get_offsets() for collection in figure.axes[0].collections[:2]]
    assert [len(each) for each in dots] == [3, 4]
    check(figure, *found, "rank correlation")


def test_nothing_to_show(check: Check) -> None:
    check(figures.deletion_curves({}), "nothing to show")
    check(figures.rank_correlations({}), "nothing to show")
