"""Pools and corrections against closed forms, brute force, and the rule that test is test."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.metrics import f1_score, log_loss

from mmsa_utils.config import Config
from mmsa_utils.data.splits import find_groups
from mmsa_utils.errors import CourseError
from mmsa_utils.evaluation import metrics
from mmsa_utils.training import ensemble as module
from mmsa_utils.training.cross_validation import cross_validate
from mmsa_utils.training.ensemble import (
    OpinionPool,
    PriorCorrection,
    average_seeds,
    combine_fold,
    correct_priors,
    cross_fitted,
    make_ensemble,
    opinion_pool,
)


@pytest.fixture
def tables():
    """Two models' `(2, 300, 3)` probabilities: a good one that is too sure, and noise."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 300)
    good = softmax(2 * (np.eye(3)[labels] + random.normal(0, 1, (300, 3))), axis=1)
    noise = softmax(random.normal(0, 1, (300, 3)), axis=1)
    return np.stack([good, noise]), labels


def test_equal_weights_give_the_normalised_geometric_mean(tables):
    pooled = opinion_pool(tables[0], [0.5, 0.5])
    mean = np.sqrt(tables[0].prod(0))
    assert np.allclose(pooled, mean / mean.sum(1, keepdims=True), atol=1e-4)


def test_the_weight_of_a_single_model_is_its_inverse_temperature(tables):
    good, labels = tables[0][:1], tables[1]
    weight = OpinionPool().fit(good, labels).weights_
    best = minimize_scalar(
        lambda w: log_loss(labels, softmax(w * np.log(good[0]), axis=1)), bounds=(0, 2)
    )
    assert weight[0] == pytest.approx(best.x, abs=1e-3)
    assert weight[0] < 1  # it was too sure


def test_noise_gets_next_to_no_weight_and_no_weight_is_negative(tables):
    weights = OpinionPool().fit(*tables).weights_
    assert weights[1] < 0.1 * weights[0]
    opposite = np.stack([tables[0][0], 1 - tables[0][0]])
    assert (OpinionPool().fit(opposite, tables[1]).weights_ >= 0).all()


def test_the_correction_is_among_the_best_of_all_that_it_may_be(tables):
    table, labels = tables[0][1] * [1, 0.2, 1], tables[1]

    def score(factors):
        predicted = (table * factors).argmax(1)
        accuracy = (predicted == labels).mean()
        return module.ACCURACY_COUNTS * accuracy + f1_score(labels, predicted, average="macro")

    grid = [(a, b, 1) for a in module.NEGATIVE_FACTORS for b in module.NEUTRAL_FACTORS]
    scores = np.sort([score(factors) for factors in grid])
    found = score(PriorCorrection().fit(table[None], labels).class_factors_)
    assert found >= scores[-30]  # of 117
    assert found > score([1, 1, 1]) + 0.02


def test_a_corrected_table_still_adds_up_to_one(tables):
    correction = PriorCorrection().fit(tables[0][:1], tables[1])
    correction.class_factors_ = np.array([1.5, 2.0, 1.0])
    assert np.allclose(correction.predict_proba(tables[0][:1]).sum(1), 1)


def test_cross_fitting_lets_no_post_choose_for_itself(tables):
    values, labels = tables
    part = np.arange(len(labels)) % 3
    found = cross_fitted(OpinionPool, values, labels, part)
    rest = part != 1
    by_hand = OpinionPool().fit(values[:, rest], labels[rest]).predict_proba(values[:, ~rest])
    assert np.allclose(found[~rest], by_hand)


@pytest.fixture(scope="module")
def runs(demo, tmp_path_factory):
    config = Config(mode="text", seeds=(0, 1))
    run = cross_validate(demo, config, learner="TF-IDF", store=tmp_path_factory.mktemp("store"))
    return {"one": run, "two": run}


def test_inner_predictions_cover_all_training_posts_and_no_test_post(demo, runs):
    for result in runs["one"].results:
        assert not set(result.validation_indices) & set(result.test)
        everyone = sorted(result.validation_indices + result.test)
        assert everyone == list(range(len(demo.labelled)))
        assert len(result.validation_probabilities) == len(result.validation_indices)


@pytest.mark.parametrize("make", [OpinionPool, PriorCorrection])
def test_test_posts_labels_have_no_say_in_an_ensemble(demo, runs, make):
    """With the test posts' labels turned round, their predictions stay the same."""
    first, groups = runs["one"].results[0], find_groups(demo.labelled)
    changed = demo.labels.copy()
    changed[first.test] = (changed[first.test] + 1) % 3
    before, _ = combine_fold(make, [first], demo.labels, groups)
    after, _ = combine_fold(make, [first], changed, groups)
    assert before.probabilities == after.probabilities
    assert before.validation == after.validation


def test_training_posts_labels_do_have_a_say(demo, runs):
    """Else the test above would pass on an ensemble that learns nothing."""
    first, groups = runs["one"].results[0], find_groups(demo.labelled)
    changed = demo.labels.copy()
    changed[first.validation_indices] = (changed[first.validation_indices] + 1) % 3
    before, _ = combine_fold(OpinionPool, [first], demo.labels, groups)
    after, _ = combine_fold(OpinionPool, [first], changed, groups)
    assert before.probabilities != after.probabilities


def test_an_ensemble_is_a_run_of_its_own_with_its_weights(demo, runs):
    run = correct_priors(make_ensemble(runs))
    assert run.probabilities.shape == (2, len(demo.labelled), 3)
    assert set(run.settings["weights"]) == set(run.settings["base_learners"]) == {"one", "two"}
    assert run.settings["class_factors"]["positive"] == 1
    assert np.allclose(run.probabilities.sum(-1), 1, atol=1e-4)


def test_each_test_post_gets_the_pool_of_its_own_fold(runs):
    combined = make_ensemble(runs)
    for before, after in zip(runs["one"].results, combined.results, strict=True):
        assert after.test == before.test
        table = np.array([before.validation_probabilities] * 2)
        labels = combined.dataset.labels[before.validation_indices]
        weights = OpinionPool().fit(table, labels).weights_
        by_hand = opinion_pool(np.array([before.probabilities] * 2), weights)
        assert np.allclose(after.probabilities, by_hand, atol=1e-6)


def test_averaged_seeds_are_the_mean_of_the_seeds(demo, runs):
    run = runs["one"]
    averaged = average_seeds(run)
    mean = run.probabilities.mean(0)
    assert np.allclose(averaged.probabilities[0], mean, atol=1e-5)
    assert averaged.scores[0] == metrics.summary(demo.labels, averaged.probabilities[0])
    assert np.allclose(averaged.unlabelled, run.unlabelled, atol=1e-5)
    assert averaged.settings["averaged_seeds"] == [0, 1]
    assert averaged.config.seeds == (0,)


# ---- base learners that do not go together ----------------------------------------------


def spoilt(run, change):
    """A run in which each fold's result has been changed."""
    return replace(run, results=tuple(change(result) for result in run.results))


def shifted(result):
    return replace(result, test=[*result.test[1:], result.test[0]])


def not_nested(result):
    kept = result.validation_indices[:20]
    return replace(result, validation_indices=kept, validation_probabilities=[[0.2, 0.3, 0.5]] * 20)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (lambda run: replace(run, dataset=replace(run.dataset, labelled=run.dataset.labelled[1:])),
         "other posts"),
        (lambda run: replace(run, config=run.config.but(seeds=(0, 2))), "other seeds"),
        (lambda run: spoilt(run, shifted), "other folds, the first of them seed 0, fold 0"),
        (lambda run: spoilt(run, not_nested), "both have to be nested"),
        (lambda run: replace(run, results=run.results[:-1]), "9 folds, not 10"),
    ],
)  # fmt: skip
def test_base_learners_of_other_posts_seeds_or_folds_are_refused(runs, change, difference):
    with pytest.raises(CourseError, match=f"'two' cannot stand beside 'one'.*{difference}"):
        make_ensemble({"one": runs["one"], "two": change(runs["two"])})


def test_without_unlabelled_posts_nothing_is_predicted_for_them(runs):
    def bare(result):
        return replace(result, unlabelled=[])

    combined = correct_priors(make_ensemble({"one": spoilt(runs["one"], bare)}))
    assert combined.unlabelled.shape == (0, 3)
