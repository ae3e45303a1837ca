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
    return make_tables(3)


def make_tables(count, *, posts=300, shares=None):
    """The same of any number of classes, `(2, n, K)`, equally frequent or by their shares."""
    random = np.random.default_rng(0)
    labels = random.integers(0, count, posts)
    if shares:
        labels = random.choice(count, posts, p=np.array(shares) / sum(shares))
    good = softmax(2 * (np.eye(count)[labels] + random.normal(0, 1, (posts, count))), axis=1)
    noise = softmax(random.normal(0, 1, (posts, count)), axis=1)
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


def scores_with(factors, table, labels):
    """Accuracy and scikit-learn's macro-F1 of a table with factors of its classes."""
    predicted = (table * factors).argmax(1)
    return (predicted == labels).mean(), f1_score(labels, predicted, average="macro")


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_correction_is_among_the_best_of_those_that_cost_little_accuracy(count):
    """Against random points of the box, for a table in which a rare class is named too seldom."""
    table, labels = make_tables(count, posts=2000, shares=[4, 1, 3, 3, 3][:count])
    table = table[0] * np.where(np.arange(count) == 1, 0.3, 1)
    accuracy, f1 = scores_with(np.ones(count), table, labels)

    random = np.random.default_rng(1)
    box = np.exp(random.uniform(module.LEAST_FACTOR, module.GREATEST_FACTOR, (300, count)))
    box[:, 0] = 1  # of the most frequent class
    pairs = [scores_with(factors, table, labels) for factors in box]
    allowed = np.sort([pair[1] for pair in pairs if pair[0] >= accuracy - module.MOST_LOST])
    factors = PriorCorrection().fit(table[None], labels).class_factors_
    found = scores_with(factors, table, labels)
    assert factors[0] == 1
    assert (np.abs(np.log(factors) - 0.3) <= 0.7).all()
    assert found[0] >= accuracy - module.MOST_LOST
    assert found[1] >= np.quantile(allowed, 0.85)
    assert found[1] > f1


def test_macro_f1_that_costs_more_than_half_a_point_of_accuracy_is_not_bought():
    """With a factor above 1.5 ten posts of the rare class are won, and sixty others lost."""
    labels = np.array([0] * 930 + [1] * 70)
    table = np.tile([0.9, 0.1], (1000, 1))
    table[:60] = table[930:940] = [0.6, 0.4]
    before, bought = (scores_with([1, f], table, labels) for f in (1, 2))
    assert bought[1] > before[1] + 0.03
    assert bought[0] == before[0] - 0.05
    assert (PriorCorrection().fit(table[None], labels).class_factors_ == 1).all()
    cheap = np.arange(54, 1000)  # six others are lost, and ten are won
    factors = PriorCorrection().fit(table[None, cheap], labels[cheap]).class_factors_
    assert factors[1] > 1.5


@pytest.mark.parametrize("count", [2, 3, 5])
def test_where_no_correction_helps_there_is_none(count):
    labels = np.arange(90) % count
    table = np.eye(count)[labels] * 0.9 + 0.1 / count
    assert (PriorCorrection().fit(table[None], labels).class_factors_ == 1).all()


@pytest.mark.parametrize("count", [2, 5])
def test_a_pool_of_any_number_of_classes_is_better_than_each_model_alone(count):
    tables, labels = make_tables(count)
    tables[1] = np.roll(tables[0], 37, axis=0)  # as good, of other posts: nothing here
    pool = OpinionPool().fit(tables, labels)
    assert pool.predict_proba(tables).shape == (300, count)
    assert log_loss(labels, pool.predict_proba(tables)) < log_loss(labels, tables[0])


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
    assert run.settings["class_factors"]["negative"] == 1  # of equally frequent ones the first
    assert np.allclose(run.probabilities.sum(-1), 1, atol=1e-4)


@pytest.mark.parametrize("count", [2, 5])
def test_ensemble_and_correction_on_other_classes(datasets, tmp_path, count):
    dataset, config = datasets[count], Config(mode="text", folds=3)
    learners = ("linear", "kernel ridge")
    runs = {
        name: cross_validate(dataset, config, learner=name, store=tmp_path / name)
        for name in learners
    }
    run = correct_priors(make_ensemble(runs))
    assert run.probabilities.shape == (1, len(dataset.labelled), count)
    assert np.allclose(run.probabilities.sum(-1), 1, atol=1e-4)
    assert list(run.settings["class_factors"]) == list(dataset.classes)
    most = dataset.classes[np.bincount(dataset.labels).argmax()]
    assert run.settings["class_factors"][most] == 1
    assert run.scores[0]["accuracy"] > np.bincount(dataset.labels).max() / len(dataset.labelled)


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


def test_views_are_averaged_over_seeds_and_an_ensemble_has_none(demo, tmp_path):
    config = Config(epochs=2, folds=2, inner_folds=2, seeds=(0, 1))
    run = cross_validate(demo, config, store=tmp_path)
    averaged = average_seeds(run)
    for seen, table in run.views.items():
        assert np.allclose(averaged.views[seen][0], table.mean(0), atol=1e-5)
    assert make_ensemble({"alone": run}).views == {}


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
