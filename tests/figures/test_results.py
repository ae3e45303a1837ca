"""Tests of the figures of finished runs."""

import textwrap
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from mmsa_utils import figures
from mmsa_utils.config import LABELS
from mmsa_utils.io import Record

Check = Callable[..., None]
MakeRecord = Callable[..., Record]
ShownTexts = Callable[[Figure], list[Text]]

RUNS = ("majority", "tfidf", "text", "image", "fused", "fused_ensemble", "fused_ensemble_mean")


def steps(*values: float) -> list[Record]:
    """Rows of an ablation with these accuracies; macro-F1 is a tenth below."""
    return [
        {"name": f"step {number}", "oof": {"accuracy": value, "macro_f1": value - 0.1}}
        for number, value in enumerate(values)
    ]


def test_confusion_matrix_shows_counts_and_shares_of_the_true_class(check: Check) -> None:
    counts = np.array([[6, 1, 3], [0, 0, 0], [5, 0, 15]])  # no post of the second class
    figure = figures.confusion_matrix(counts, title="fused")
    notes = [text.get_text() for text in figure.axes[0].texts]
    assert notes == [
        *("6\n60%", "1\n10%", "3\n30%"),
        *("0\n0%", "0\n0%", "0\n0%"),
        *("5\n25%", "0\n0%", "15\n75%"),
    ]
    check(figure, *LABELS, "predicted", "tagged", "fused")


@pytest.mark.parametrize("runs", [("text",), ("text", "image", "fused", "balanced")])
def test_class_recall_has_a_bar_a_class_and_run(
    runs: tuple[str, ...], make_record: MakeRecord, check: Check
) -> None:
    records = [make_record(run, accuracy=0.5 + 0.1 * n) for n, run in enumerate(runs)]
    figure = figures.class_recall(records)
    for bars, label in zip(figure.axes[0].containers, LABELS, strict=True):
        recalls = [record["oof"]["per_class"][label]["recall"] for record in records]
        assert [bar.get_height() for bar in bars.patches] == pytest.approx(recalls)
        assert {to_hex(bar.get_facecolor()) for bar in bars.patches} == {
            figures.CLASS_COLOURS[label]
        }
    check(figure, *LABELS, *runs, "recall", "0.45")


@pytest.mark.parametrize("runs", [RUNS[2:5], RUNS])
def test_run_comparison_draws_bars_dots_and_ceilings(
    runs: tuple[str, ...], make_record: MakeRecord, check: Check
) -> None:
    records = [make_record(run, accuracy=0.6 + 0.02 * n) for n, run in enumerate(runs)]
    figure = figures.run_comparison(records, ceilings={"text": 0.75, "absent": 0.9})
    for axes, name in zip(figure.axes, ("accuracy", "macro_f1"), strict=True):
        widths = [record["oof"][name] for record in records]
        assert [bar.get_width() for bar in axes.patches] == pytest.approx(widths)
    accuracy, macro_f1 = figure.axes
    assert len(macro_f1.collections) == len(runs)  # the dots of the folds
    assert len(accuracy.collections) == len(runs) + 1  # and one ceiling
    words = ("accuracy", "macro-F1", "0.600", "0.500", "one fold", "best accuracy possible")
    check(figure, *runs, *words)


def test_run_comparisons_dots_lie_around_the_middle_of_their_bar(make_record: MakeRecord) -> None:
    figure = figures.run_comparison([make_record(run) for run in RUNS])
    for axes in figure.axes:
        for row, dots in enumerate(axes.collections):
            heights = np.asarray(dots.get_offsets())[:, 1]
            assert len(set(heights)) == len(heights)  # none covers another
            assert heights.mean() == pytest.approx(row)
            assert np.abs(heights - row).max() < axes.patches[row].get_height() / 2


def test_run_comparison_says_what_its_colours_mean(make_record: MakeRecord, check: Check) -> None:
    figure = figures.run_comparison([make_record(run) for run in ("tfidf", "fused_ensemble")])
    (key,) = figure.legends
    assert [text.get_text() for text in key.get_texts()] == ["other", "fused", "one fold"]
    check(figure)


def test_many_runs_names_stand_level_in_lines_of_their_own(
    make_record: MakeRecord, shown_texts: ShownTexts
) -> None:
    figure = figures.run_comparison([make_record(run) for run in RUNS])
    shown_texts(figure)
    labels = figure.axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == list(RUNS)
    boxes = [label.get_window_extent() for label in labels]
    assert all(above.y0 > below.y1 for above, below in pairwise(boxes))


@pytest.mark.parametrize("runs", [RUNS, RUNS[2:4]])
def test_class_recalls_names_do_not_run_together(
    runs: tuple[str, ...], make_record: MakeRecord, shown_texts: ShownTexts
) -> None:
    figure = figures.class_recall([make_record(run) for run in runs])
    shown_texts(figure)
    axes = figure.axes[0]
    labels, ticks = axes.get_xticklabels(), np.arange(len(runs))
    if len(runs) == 2:
        assert {label.get_rotation() for label in labels} == {0}
        return
    places = axes.transData.transform(np.column_stack([ticks, 0 * ticks]))[:, 0]
    ends = [label.get_window_extent().x1 for label in labels]
    assert np.allclose(ends, places, atol=10)  # slanted lines that end under their bars
    slant = np.radians(labels[0].get_rotation())
    height = labels[0].get_fontsize() * figure.dpi / 72
    assert np.diff(places).min() * np.sin(slant) > height  # the distance of neighbouring lines


def test_who_is_right_splits_each_case_at_the_share_that_is_right(check: Check) -> None:
    table = pd.DataFrame(
        {"posts": [200, 80, 40, 0], "fused right": [0.95, 0.75, 0.5, 0.0]},
        index=["both right", "only text right", "only image right", "neither right"],
    )
    figure = figures.who_is_right(table)
    right, wrong = figure.axes[0].containers
    assert [bar.get_width() for bar in right.patches] == pytest.approx([190, 60, 20, 0])
    assert [bar.get_width() for bar in wrong.patches] == pytest.approx([10, 20, 20, 0])
    ends = [bar.get_x() + bar.get_width() for bar in wrong.patches]
    assert ends == pytest.approx(table["posts"].tolist())
    check(figure, *table.index, "fused right", "fused wrong", "95% right\nof 200", "posts")


def test_calibration_draws_accuracy_against_confidence(check: Check) -> None:
    bins = [
        {"posts": 10, "confidence": 0.45, "accuracy": 0.4},
        {"posts": 30, "confidence": 0.85, "accuracy": 0.7},
    ]
    figure = figures.calibration(
        {"before": {"ece": 0.125, "bins": bins}, "after": {"ece": 0.05, "bins": bins[1:]}}
    )
    before, after = figure.axes
    dots = before.collections[0]
    assert np.allclose(np.asarray(dots.get_offsets()), [[0.45, 0.4], [0.85, 0.7]])
    small, large = dots.get_sizes()
    assert large > small  # more posts
    assert len(np.asarray(after.collections[0].get_offsets())) == 1
    words = ("how sure the model is", "share that is right", "20% of the posts", "as sure as")
    check(figure, "before (ECE 0.125)", "after (ECE 0.050)", *words)


def test_calibrations_key_has_dots_of_the_size_that_its_shares_have() -> None:
    bins = [{"posts": 20, "confidence": 0.5, "accuracy": 0.4}]
    bins.append({"posts": 80, "confidence": 0.8, "accuracy": 0.8})
    figure = figures.calibration({name: {"ece": 0.1, "bins": bins} for name in ("before", "after")})
    (key,) = figure.legends
    sizes = {line.get_label(): line.get_markersize() for line in key.get_lines()}
    drawn = figure.axes[0].collections[0].get_sizes()[0]
    assert sizes["20% of the posts"] ** 2 == pytest.approx(drawn)


@pytest.mark.parametrize("measure", ["accuracy", "macro_f1"])
def test_waterfalls_bars_add_up_to_the_last_value(measure: str, check: Check) -> None:
    rows = steps(0.70, 0.72, 0.71, 0.745)
    figure = figures.waterfall(rows, measure=measure, title="text, real posts")
    (axes,) = figure.axes
    values = [row["oof"][measure] for row in rows]
    assert sum(bar.get_width() for bar in axes.patches) == pytest.approx(values[-1] - values[0])
    starts = [bar.get_x() for bar in axes.patches]
    assert starts == pytest.approx([values[0], *values[:-1]])  # each where the last one ended
    words = {"accuracy": "accuracy, out of fold", "macro_f1": "macro-F1, out of fold"}
    notes = ("(+2.0 points)", "(-1.0 points)", "(+3.5 points)", f"{values[-1]:.3f}")
    check(figure, "step 0", "step 3", "raises", "lowers", "real posts", words[measure], *notes)


def test_waterfall_has_a_panel_for_each_figure_with_the_same_steps(check: Check) -> None:
    rows = steps(0.70, 0.72, 0.71)
    figure = figures.waterfall(rows)
    for axes, name in zip(figure.axes, ("accuracy", "macro_f1"), strict=True):
        ends = [bar.get_x() + bar.get_width() for bar in axes.patches]
        assert ends == pytest.approx([row["oof"][name] for row in rows])
    check(figure, "accuracy, out of fold", "macro-F1, out of fold", "0.720", "0.620")


def test_waterfalls_figures_stand_off_the_grid_in_colours_that_are_no_class(
    shown_texts: ShownTexts,
) -> None:
    figure = figures.waterfall(steps(0.70, 0.72, 0.71))
    shown = shown_texts(figure)
    for axes in figure.axes:
        frame, notes = axes.get_window_extent(), axes.texts
        assert len([note for note in notes if note in shown]) == 3
        assert all(note.get_window_extent().x0 > frame.x1 for note in notes)
        used = {to_hex(bar.get_facecolor()) for bar in axes.patches}
        assert not used & {*figures.CLASS_COLOURS.values(), *figures.MODE_COLOURS.values()}
    left, right = figure.axes
    assert max(note.get_window_extent().x1 for note in left.texts) < right.get_window_extent().x0


def test_waterfall_of_steps_with_one_name_or_without_any_gain(check: Check) -> None:
    rows = steps(0.70, 0.72, 0.7199999)
    rows[2]["name"] = rows[1]["name"]
    figure = figures.waterfall(rows)
    assert len({bar.get_y() for bar in figure.axes[0].patches}) == 3
    check(figure, "(+0.0 points)")  # not -0.0
    check(figures.waterfall(steps(0.7)), "step 0", "0.700")


# ---- other classes ----------------------------------------------------------------------


def test_confusion_matrix_of_any_classes_has_room_for_its_names(
    classes: tuple[str, ...], check: Check, shown_texts: ShownTexts
) -> None:
    counts = np.arange(len(classes) ** 2).reshape(len(classes), -1)
    figure = figures.confusion_matrix(counts, title="fused, out of fold", classes=classes)
    axes = figure.axes[0]
    shown_texts(figure)
    assert len(axes.texts) == counts.size
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])
    below = [label.get_window_extent() for label in axes.get_xticklabels()]
    if len(classes) == 2:
        assert not below[0].overlaps(below[1])
    else:
        assert {label.get_rotation() for label in axes.get_xticklabels()} == {30}
    names = [textwrap.fill(name, 16) for name in classes]
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == names
    check(figure, "predicted", "tagged", "fused, out of fold")


@pytest.mark.parametrize("runs", [("text",), ("text", "image", "fused")])
def test_class_recalls_bars_stand_side_by_side_for_any_classes(
    runs: tuple[str, ...], classes: tuple[str, ...], make_record: MakeRecord, check: Check
) -> None:
    figure = figures.class_recall([make_record(run, classes=classes) for run in runs])
    (axes,) = figure.axes
    for bars, colour in zip(axes.containers, figures.class_colours(classes).values(), strict=True):
        assert {to_hex(bar.get_facecolor()) for bar in bars.patches} == {colour}
    bars = sorted(axes.patches, key=lambda bar: bar.get_x())
    for bar, after in pairwise(bars):
        assert bar.get_x() + bar.get_width() < after.get_x()
    for number in range(len(runs)):  # a run's bars stand around its name
        group = bars[number * len(classes) : (number + 1) * len(classes)]
        middles = [bar.get_x() + bar.get_width() / 2 for bar in group]
        assert np.mean(middles) == pytest.approx(number)
    check(figure, *(textwrap.fill(name, 16) for name in classes), *runs, "0.70")


def test_calibration_shows_bins_of_little_confidence_as_with_many_classes(check: Check) -> None:
    bins = [{"posts": 9, "confidence": 0.22, "accuracy": 0.08}]
    figure = figures.calibration({name: {"ece": 0.1, "bins": bins} for name in ("before", "after")})
    for axes in figure.axes:
        assert axes.get_xlim()[0] < 0.2
        assert axes.get_ylim()[0] < 0.05
    check(figure, "before (ECE 0.100)")


# ---- small and empty tables -------------------------------------------------------------


def test_confusion_matrix_without_any_post(check: Check) -> None:
    check(figures.confusion_matrix(np.zeros((3, 3), dtype=int)), "0\n0%")


def test_class_recall_and_run_comparison_of_no_runs() -> None:
    for draw in (figures.class_recall, figures.run_comparison):
        draw([]).canvas.draw()


def test_who_is_right_where_a_case_or_every_case_has_no_post(check: Check) -> None:
    cases = ["both right", "only text right", "only image right", "neither right"]
    for posts in ([30, 0, 0, 0], [0, 0, 0, 0]):
        table = pd.DataFrame({"posts": posts, "fused right": 0.0}, index=cases)
        check(figures.who_is_right(table), *cases, "0% right\nof 0")


@pytest.mark.parametrize(
    "bins",
    [
        [],
        [{"posts": 21, "confidence": 0.4, "accuracy": 0.33}],
        [{"posts": 0, "confidence": 0.4, "accuracy": 0.0}],
    ],
)
def test_calibration_with_one_bin_or_none(bins: list[Record], check: Check) -> None:
    figure = figures.calibration({name: {"ece": 0.1, "bins": bins} for name in ("before", "after")})
    for axes in figure.axes:
        assert len(np.asarray(axes.collections[0].get_offsets())) == len(bins)
    check(figure, "before (ECE 0.100)")


def test_waterfall_without_steps(check: Check) -> None:
    check(figures.waterfall([]), "nothing to show")
