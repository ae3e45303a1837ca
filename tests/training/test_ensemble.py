"""Blends and rules against closed forms, brute force, and the rule that inside is inside."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.metrics import f1_score, log_loss

from mmsa_utils.config import Config
from mmsa_utils.data.splits import find_groups
from mmsa_utils.evaluation import metrics
from mmsa_utils.training import ensemble as blending
from mmsa_utils.training.cross_validation import cross_validate
from mmsa_utils.training.learners import TfIdf


@pytest.fixture
def tables():
    """Two members' `(2, 300, 3)` probabilities: a good one that is too sure, and noise."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 300)
    good = softmax(2 * (np.eye(3)[labels] + random.normal(0, 1, (300, 3))), axis=1)
    noise = softmax(random.normal(0, 1, (300, 3)), axis=1)
    return np.stack([good, noise]), labels


def test_equal_weights_give_the_normalised_geometric_mean(tables):
    pooled = blending.pool(tables[0], [0.5, 0.5])
    mean = np.sqrt(tables[0].prod(0))
    assert np.allclose(pooled, mean / mean.sum(1, keepdims=True), atol=1e-4)


def test_weights_of_a_single_member_are_its_inverse_temperature(tables):
    good, labels = tables[0][:1], tables[1]
    weight = blending.fit_weights(good, labels)
    best = minimize_scalar(
        lambda w: log_loss(labels, softmax(w * np.log(good[0]), axis=1)), bounds=(0, 2)
    )
    assert weight[0] == pytest.approx(best.x, abs=1e-3)
    assert weight[0] < 1  # it was too sure


def test_noise_gets_next_to_no_weight_and_no_weight_is_negative(tables):
    weights = blending.fit_weights(*tables)
    assert weights[1] < 0.1 * weights[0]
    opposite = np.stack([tables[0][0], 1 - tables[0][0]])
    assert (blending.fit_weights(opposite, tables[1]) >= 0).all()


def test_the_rule_is_among_the_best_of_all_that_it_may_be(tables):
    table, labels = tables[0][1] * [1, 0.2, 1], tables[1]

    def score(factors):
        predicted = (table * factors).argmax(1)
        accuracy = (predicted == labels).mean()
        return blending.ACCURACY_COUNTS * accuracy + f1_score(labels, predicted, average="macro")

    grid = [(a, b, 1) for a in blending.NEGATIVE_FACTORS for b in blending.NEUTRAL_FACTORS]
    scores = np.sort([score(factors) for factors in grid])
    found = score(blending.fit_rule(table, labels))
    assert found >= scores[-30]  # of 117
    assert found > score([1, 1, 1]) + 0.02


def test_a_ruled_table_still_adds_up_to_one(tables):
    ruled = blending.apply_rule(tables[0][0], np.array([1.5, 2.0, 1.0]))
    assert np.allclose(ruled.sum(1), 1)


@pytest.fixture(scope="module")
def members(demo, tmp_path_factory):
    config = Config(mode="text", seeds=(0, 1))
    run = cross_validate(demo, config, learner=TfIdf, store=tmp_path_factory.mktemp("store"))
    return {"one": run, "two": run}


def test_inner_predictions_cover_all_training_posts_and_no_scored_one(demo, members):
    for result in members["one"].results:
        assert not set(result.inner_rows) & set(result.rows)
        assert sorted(result.inner_rows + result.rows) == list(range(len(demo.labelled)))
        assert len(result.inner_probabilities) == len(result.inner_rows)


def test_scored_posts_labels_have_no_say_in_a_blend(demo, members):
    """With the scored posts' labels turned round, their predictions stay the same."""
    first = members["one"].results[0]
    places = np.argsort(demo.rows)[first.rows]
    changed = demo.labels.copy()
    changed[places] = (changed[places] + 1) % 3
    groups = find_groups(demo.labelled)
    other = SimpleNamespace(labels=changed, rows=demo.rows)
    for make in (blending._Blend, blending._Decided):
        before, _ = blending._blend_fold(make, [first], demo, groups)
        after, _ = blending._blend_fold(make, [first], other, groups)
        assert before.probabilities == after.probabilities
        assert before.inner == after.inner


def test_a_blend_is_a_run_of_its_own_with_its_weights(demo, members):
    run = blending.decide(blending.blend(members))
    assert run.probabilities.shape == (2, len(demo.labelled), 3)
    assert set(run.settings["weights"]) == {"one", "two"}
    assert run.settings["factors"]["positive"] == 1
    assert np.allclose(run.probabilities.sum(-1), 1, atol=1e-4)


def test_the_ensemble_is_the_mean_of_the_seeds(demo, members):
    run = members["one"]
    ensemble = blending.average_seeds(run)
    mean = run.probabilities.mean(0)
    assert np.allclose(ensemble.probabilities[0], mean, atol=1e-5)
    assert ensemble.scores[0] == metrics.summary(demo.labels, ensemble.probabilities[0])
    assert np.allclose(ensemble.unlabelled, run.unlabelled, atol=1e-5)
    assert ensemble.settings["averaged_seeds"] == [0, 1]
