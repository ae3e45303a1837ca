"""Figures and tests against independent references."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import classification_report, f1_score

from mmsa_utils.config import LABELS
from mmsa_utils.evaluation import metrics
from mmsa_utils.figures.results import ragged_mean

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, 200)
P = RNG.dirichlet(np.ones(3), 200)


def better(probabilities, share, seed=1):
    """The same predictions with some of them put right."""
    chosen = np.random.default_rng(seed).random(len(Y)) < share
    fixed = probabilities.copy()
    fixed[chosen] = np.eye(3)[Y[chosen]]
    return fixed


def test_summary_is_scikit_learns_report():
    expected = classification_report(Y, P.argmax(1), target_names=LABELS, output_dict=True)
    found = metrics.summary(Y, P)
    assert found["accuracy"] == pytest.approx(expected["accuracy"])
    assert found["macro_f1"] == pytest.approx(expected["macro avg"]["f1-score"])
    assert found["weighted_f1"] == pytest.approx(expected["weighted avg"]["f1-score"])
    for label in LABELS:
        assert found["per_class"][label]["recall"] == pytest.approx(expected[label]["recall"])


def test_macro_f1_by_counting_is_scikit_learns():
    predicted = P.argmax(1)
    assert metrics.macro_f1(Y, predicted) == pytest.approx(f1_score(Y, predicted, average="macro"))
    never = np.where(predicted == 1, 2, predicted)
    assert metrics.macro_f1(Y, never) == pytest.approx(f1_score(Y, never, average="macro"))


def test_a_class_that_is_never_predicted_counts_as_zero():
    only_positive = np.tile([0, 0, 1.0], (200, 1))
    assert metrics.summary(Y, only_positive)["per_class"]["neutral"]["f1"] == 0


def test_corrected_t_test_is_its_formula_and_more_careful_than_the_plain_one():
    d = np.array([0.02, 0.03, -0.01, 0.04, 0.02])
    t, p = metrics.corrected_t_test(d, test_share=1 / 4)
    expected = d.mean() / np.sqrt((1 / 5 + 1 / 4) * d.var(ddof=1))
    assert t == pytest.approx(expected)
    assert p == pytest.approx(2 * stats.t.sf(abs(expected), 4))
    assert p > stats.ttest_1samp(d, 0).pvalue


def test_corrected_t_test_without_any_spread():
    assert metrics.corrected_t_test([0.0, 0.0], test_share=0.25) == (0.0, 1.0)
    assert metrics.corrected_t_test([0.1, 0.1], test_share=0.25)[1] == 0.0


def test_mcnemar_is_the_binomial_test_on_posts_that_only_one_gets_right():
    q = better(P, 0.2)
    a, b = P.argmax(1) == Y, q.argmax(1) == Y
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    expected = stats.binomtest(only_a, only_a + only_b).pvalue
    assert metrics.mcnemar_p(Y, P.argmax(1), q.argmax(1)) == pytest.approx(expected)
    assert metrics.mcnemar_p(Y, Y, Y) == 1.0


def test_bootstrap_interval_holds_the_gain_and_excludes_zero_where_it_is_large():
    q = better(P, 0.5)
    gain = metrics.macro_f1(Y, q.argmax(1)) - metrics.macro_f1(Y, P.argmax(1))
    low, high = metrics.bootstrap_gain(Y, q.argmax(1)[None], P.argmax(1)[None], resamples=300)
    assert 0 < low < gain < high


def test_holm_by_hand():
    assert metrics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_curves_average_the_folds_that_reached_an_epoch():
    histories = [[{"x": 1.0}, {"x": 2.0}, {"x": 9.0}], [{"x": 3.0}]]
    epochs, mean, _, count = ragged_mean(histories, "x")
    assert epochs.tolist() == [1, 2, 3]
    assert mean.tolist() == [2.0, 2.0, 9.0]
    assert count.tolist() == [2, 1, 1]


def test_calibration_error_is_the_mean_distance_of_confidence_and_accuracy():
    labels = np.array([0, 0, 0, 0, 2])
    sure = np.tile([0.75, 0.15, 0.10], (4, 1))
    sure[0] = [0.15, 0.75, 0.10]  # one of four wrong: 0.75 is just right
    table = np.vstack([sure, [[0.05, 0.05, 0.90]]])
    result = metrics.reliability(labels, table)
    assert result["ece"] == pytest.approx(0.1 / 5)
    assert [row["posts"] for row in result["bins"]] == [4, 1]
