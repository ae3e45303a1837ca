"""Deletion curves and rank correlations, on parts whose worth is known."""

import numpy as np
import pytest
from scipy.special import expit

from mmsa_utils.explanations import deletion, deletion_summary, rank_correlation

VALUES = np.array([3.0, -1.0, 0.5, 0.0, 1.5, -0.5])


class Sum:
    """Parts whose log-odds are a sum; counts the rows that it was asked about."""

    def __init__(self, values=VALUES):
        self.values, self.asked = values, 0

    def __len__(self):
        return len(self.values)

    def log_odds(self, kept):
        self.asked += len(kept)
        return kept @ self.values


def test_the_curve_takes_the_most_important_part_first():
    found = deletion(Sum(), VALUES, steps=6)
    left = VALUES.sum() - np.cumsum([0.0, 3.0, 1.5, 0.5, 0.0, -0.5, -1.0])
    assert found.explained == pytest.approx(expit(left))
    assert found.share == pytest.approx(np.arange(7) / 6)


def test_all_curves_begin_and_end_alike_and_random_ones_differ():
    found = deletion(Sum(), VALUES, steps=6, draws=4)
    assert found.random.shape == (4, 7)
    for end, value in ((0, expit(VALUES.sum())), (-1, 0.5)):
        assert found.random[:, end] == pytest.approx([value] * 4)
    assert len(np.unique(found.random, axis=0)) > 1


def test_the_areas_are_those_of_the_trapezoids():
    found = deletion(Sum(np.array([2.0, 0.0])), np.array([1.0, 0.0]), steps=2, draws=1)
    explained, _ = found.areas
    a, b, c = found.explained
    assert explained == pytest.approx((a + b) / 4 + (b + c) / 4)
    assert found.gain == pytest.approx(found.areas[1] - explained)


def test_the_true_order_gains_the_reverse_loses_and_chance_does_neither():
    gains = [deletion(Sum(), scores, draws=40).gain for scores in (VALUES, -VALUES)]
    assert gains[0] > 0.05
    assert gains[1] < -0.05
    rng = np.random.default_rng(1)
    chance = [deletion(Sum(), rng.permutation(6), draws=5, seed=n).gain for n in range(200)]
    assert abs(np.mean(chance)) < 0.03


def test_fewer_parts_than_steps_and_the_same_rest_is_asked_once():
    parts = Sum(np.array([1.0, 2.0]))
    found = deletion(parts, np.array([1.0, 2.0]), steps=10, draws=20)
    assert len(found.explained) == 11
    assert parts.asked == 4  # all subsets of two


def test_a_seed_gives_the_same_random_orders():
    first, again, other = (deletion(Sum(), VALUES, seed=seed).random for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_summary_is_over_posts():
    found = [deletion(Sum(VALUES * scale), VALUES, seed=n) for n, scale in enumerate((1, 2, 3, 1))]
    summary = deletion_summary(found)
    gains = [each.gain for each in found]
    assert summary["posts"] == 4
    assert summary["gain"] == pytest.approx(np.mean(gains))
    assert summary["random"] - summary["explained"] == pytest.approx(summary["gain"])
    assert summary["spread"] == pytest.approx(np.std(gains, ddof=1))
    low, high = summary["interval"]
    assert min(gains) <= low <= summary["gain"] <= high <= max(gains)
    assert summary["better"] == 1.0


def test_rank_correlation_is_of_the_order_alone():
    scores = np.array([[0.1, 5.0], [-2.0, 1.0]])
    assert rank_correlation(scores, np.exp(scores)) == pytest.approx(1.0)
    assert rank_correlation(scores, -scores) == pytest.approx(-1.0)
    assert rank_correlation(scores, np.ones((2, 2))) == 0.0  # which tells nothing apart
