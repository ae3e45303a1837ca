"""Tests of the figures of training."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from mmsa_utils import figures
from mmsa_utils.errors import CourseError
from mmsa_utils.figures import ragged_mean
from mmsa_utils.io import Record

Check = Callable[..., None]
MakeRecord = Callable[..., Record]
ShownTexts = Callable[[Figure], list[Text]]

CURVE = [
    {"mode": mode, "posts": posts, "accuracy": base + posts / 1e4, "macro_f1": base}
    for mode, base in (("text", 0.6), ("image", 0.5), ("fused", 0.7))
    for posts in (800, 1600, 3200)
]


def gap(figure: Figure, shown_texts: ShownTexts) -> float:
    """Pixels between the left panel's frame and whatever stands left of the right one."""
    shown_texts(figure)
    left, right = figure.axes[:2]
    label = right.yaxis.label.get_window_extent()
    return float(label.x0 - left.get_window_extent().x1)


def test_curves_average_the_folds_that_reached_an_epoch() -> None:
    histories = [[{"x": 1.0}, {"x": 2.0}, {"x": 9.0}], [{"x": 3.0}]]
    epochs, mean, _, count = ragged_mean(histories, "x")
    assert epochs.tolist() == [1, 2, 3]
    assert mean.tolist() == [2.0, 2.0, 9.0]
    assert count.tolist() == [2, 1, 1]


def test_training_curves_draw_mean_losses_and_grey_what_not_all_folds_reached(
    make_record: MakeRecord, check: Check
) -> None:
    figure = figures.training_curves(make_record("text"))
    losses, accuracy = figure.axes[:2]
    drawn = {line.get_label(): line for line in losses.lines}
    assert list(drawn["training"].get_ydata()) == pytest.approx(1 / np.arange(1, 7))
    assert list(drawn["validation"].get_ydata()) == pytest.approx(1.1 / np.arange(1, 7))
    assert list(accuracy.lines[0].get_ydata()) == pytest.approx([0.6] * 6)
    for axes in (losses, accuracy):
        (grey,) = axes.patches  # folds of three and six epochs
        assert (grey.get_x(), grey.get_x() + grey.get_width()) == (3.5, 6.5)
    words = ("training", "validation accuracy", "loss", "epoch", "best epoch of a fold")
    check(figure, *words, "not all folds got here")


def test_a_strip_below_the_curves_counts_the_folds_that_are_left(make_record: MakeRecord) -> None:
    figure = figures.training_curves(make_record("text"))
    for strip in figure.axes[2:]:
        assert [bar.get_height() for bar in strip.patches] == [2, 2, 2, 1, 1, 1]


def test_training_curves_of_equal_folds_have_no_grey_and_take_a_title(
    make_record: MakeRecord, check: Check
) -> None:
    record = make_record("fused")
    record["folds"] = record["folds"][:1]
    figure = figures.training_curves(record, title="fused, real posts")
    assert not any(axes.patches for axes in figure.axes[:2])
    assert "folds got here" not in str(figure.findobj(Text))
    check(figure, "fused, real posts")


def test_a_training_loss_that_adds_auxiliary_losses_says_so(
    make_record: MakeRecord, check: Check
) -> None:
    record = {**make_record("fused"), "config": {"auxiliary_weight": 0.3}}
    check(figures.training_curves(record), "training, with the auxiliary losses")


def test_the_start_of_a_fine_tuning_is_no_epoch_of_the_curves(
    make_record: MakeRecord,
) -> None:
    plain, record = make_record("text"), make_record("text")
    for fold in record["folds"]:
        start = {"epoch": 0, "train_loss": None, "val_loss": 2.0, "val_accuracy": 0.1}
        fold["history"] = [start, *fold["history"]]
    curves = [figures.training_curves(r).axes[0].lines for r in (plain, record)]
    for line, expected in zip(*curves, strict=True):
        assert list(line.get_ydata()) == list(expected.get_ydata())


def test_training_curves_refuse_a_run_that_was_not_trained_by_epochs(
    make_record: MakeRecord,
) -> None:
    record = make_record("tfidf")
    record["folds"][0]["history"] = []
    for folds in (record["folds"], []):
        with pytest.raises(CourseError, match="without epochs"):
            figures.training_curves({**record, "folds": folds})


def test_a_right_panels_label_keeps_off_the_left_panel(
    make_record: MakeRecord, shown_texts: ShownTexts
) -> None:
    assert gap(figures.training_curves(make_record("text")), shown_texts) > 10
    assert gap(figures.learning_curve(CURVE), shown_texts) > 10


def test_learning_curve_has_a_line_a_mode(check: Check) -> None:
    figure = figures.learning_curve(CURVE)
    for axes, name in zip(figure.axes, ("accuracy", "macro_f1"), strict=True):
        for line, mode in zip(axes.lines, ("text", "image", "fused"), strict=True):
            assert line.get_label() == mode
            assert line.get_color() == figures.MODE_COLOURS[mode]
            expected = [row[name] for row in CURVE if row["mode"] == mode]
            assert list(line.get_ydata()) == pytest.approx(expected)
    check(figure, "text", "image", "fused", "training posts", "accuracy", "macro-F1")


def test_learning_curve_has_bars_where_deviations_are_known(check: Check) -> None:
    assert not any(axes.collections for axes in figures.learning_curve(CURVE).axes)
    figure = figures.learning_curve([{**row, "std": 0.01} for row in CURVE])
    accuracy, macro_f1 = figure.axes
    assert len(accuracy.collections) == 3
    assert not macro_f1.collections
    (low, high) = accuracy.collections[0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((0.68 - 0.01, 0.68 + 0.01))
    check(figure, "one deviation over folds, of accuracy")


def test_learning_curve_of_one_row_or_none(check: Check) -> None:
    figure = figures.learning_curve(CURVE[:1])
    assert [len(axes.lines) for axes in figure.axes] == [1, 1]
    check(figure, "text", "training posts")
    check(figures.learning_curve([]), "nothing to show")
