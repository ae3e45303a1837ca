"""The interval of an accuracy, against scipy's and by drawing."""

import numpy as np
import pytest
from scipy.stats import binomtest

from mmsa_utils.evaluation.intervals import accuracy_interval


@pytest.mark.parametrize(("right", "posts"), [(343, 450), (0, 20), (20, 20), (2960, 4000)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_the_interval_is_scipys(right, posts, confidence):
    expected = binomtest(right, posts).proportion_ci(confidence, method="wilson")
    found = accuracy_interval(right / posts, posts, confidence=confidence)
    assert found == pytest.approx(tuple(expected))


def test_it_holds_the_true_accuracy_as_often_as_it_says():
    right = np.random.default_rng(0).binomial(450, 0.75, size=2000)
    bounds = [accuracy_interval(each / 450, 450) for each in right]
    assert np.mean([low <= 0.75 <= high for low, high in bounds]) == pytest.approx(0.95, abs=0.015)
