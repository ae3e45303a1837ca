"""Tests of the figures of repeated measurements."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mmsa_utils import figures
from mmsa_utils.evaluation.comparison import corrected_error

Check = Callable[..., None]


def test_repetitions_show_both_scores_and_the_difference_in_points(check: Check) -> None:
    right, wrong = np.array([0.7, 0.72, 0.74]), np.array([0.75, 0.76, 0.77])
    figure = figures.repetitions(right, wrong, ceiling=0.8875, title="copies")
    scores, points = figure.axes
    drawn = [np.array(dots.get_offsets())[:, 0] for dots in scores.collections]
    assert drawn[0] == pytest.approx(right)
    assert drawn[1] == pytest.approx(wrong)
    assert np.array(points.collections[0].get_offsets())[:, 0] == pytest.approx([5, 4, 3])
    check(figure, "copies", "right", "wrong", "+4.0 ± 1.0 points")
    assert scores.get_xlabel() == "accuracy (dashed: the best possible)"


def test_repetitions_without_a_ceiling_have_no_such_line(check: Check) -> None:
    figure = figures.repetitions([0.5, 0.6], [0.5, 0.6], measure="macro-F1")
    assert figure.axes[0].get_xlabel() == "macro-F1"
    check(figure, "macro-F1", "+0.0 ± 0.0 points")


@pytest.mark.parametrize(
    ("gains", "said"),
    [([1, 2, 3], "+2.0 ± 1.0 points"), ([-0.02, 0.0], "+0.0 ± 0.0 points"), ([-3, -5], "-4.0")],
)
def test_points_are_a_mean_and_a_deviation(gains: list[float], said: str) -> None:
    assert figures.in_points(gains).startswith(said)


def test_scores_by_share_have_a_line_a_way(check: Check) -> None:
    rows = [
        {"way": way, "share": share, "accuracy": 0.7 + step * share + 0.01 * seed}
        for way, step in (("grouped folds", 0.0), ("plain folds", 0.3))
        for share in (0.0, 0.5)
        for seed in range(3)
    ]
    figure = figures.scores_by_share(pd.DataFrame(rows), ceiling=0.8875, xlabel="posts with a copy")
    axes = figure.axes[0]
    grouped, plain = (container.lines[0].get_ydata() for container in axes.containers)
    assert grouped == pytest.approx([0.71, 0.71])
    assert plain == pytest.approx([0.71, 0.86])
    check(figure, "grouped folds", "plain folds", "best possible", "posts with a copy", "50%")


def test_points_of_mistakes_have_a_row_a_mistake(check: Check) -> None:
    table = pd.DataFrame({"points": [8.0, -1.0], "spread": [1.0, 2.0]}, index=["copies", "padding"])
    figure = figures.points_of_mistakes(table)
    assert figure.axes[0].lines[0].get_xdata() == pytest.approx([8, -1])
    check(figure, "copies", "padding", "points")


def test_fold_gains_have_a_plain_and_a_wider_corrected_interval(check: Check) -> None:
    gains = np.array([0.02, 0.05, -0.01, 0.04, 0.03])
    figure = figures.fold_gains(gains, test_share=0.25, title="fused - text")
    bars = [container.lines[2][0].get_segments()[0] for container in figure.axes[0].containers]
    plain, corrected = (segment[1, 0] - segment[0, 0] for segment in bars)
    wide = 2 * 100 * stats.t.ppf(0.975, 4)
    assert plain == pytest.approx(wide * gains.std(ddof=1) / np.sqrt(5))
    assert corrected == pytest.approx(wide * corrected_error(gains, test_share=0.25))
    check(figure, "plain", "corrected", "folds", "fused - text")


def test_error_pairs_are_stacked_by_what_misled(check: Check) -> None:
    counts = pd.DataFrame(
        {"picture": [3, 0], "text": [2, 1]}, index=["sad -> happy", "happy -> sad"]
    )
    figure = figures.error_pairs(counts)
    axes = figure.axes[0]
    text, picture = (container.patches for container in axes.containers)
    assert [bar.get_width() for bar in text] == [2, 1]
    assert [bar.get_x() for bar in picture] == [2, 1]
    check(figure, "sad -> happy", "happy -> sad", "text", "picture", "misled by")


@pytest.mark.parametrize("draw", ["points_of_mistakes", "error_pairs"])
def test_nothing_is_said_to_be_nothing(draw: str, check: Check) -> None:
    check(getattr(figures, draw)(pd.DataFrame()), "nothing to show")
