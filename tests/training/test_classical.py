"""Classical learners against the same thing written by hand."""

import numpy as np
import pytest
from cleanlab.filter import find_label_issues
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import (
    GridSearchCV,
    PredefinedSplit,
    StratifiedGroupKFold,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mmsa_utils.config import Config
from mmsa_utils.training.batches import PostData
from mmsa_utils.training.classical import (
    DOUBTED_WEIGHT,
    PENALTIES,
    DownweightedClassifier,
    KernelRidgeClassifier,
    SoftmaxSVC,
    linear_pipeline,
    negative_log_loss,
)
from mmsa_utils.training.learners import FitContext, make_learner

RANDOM = np.random.default_rng(0)
Y = RANDOM.integers(0, 3, 120)
X = RANDOM.normal(0, 1, (120, 20)) + np.eye(20)[Y]
NEW = RANDOM.normal(0, 1, (15, 20))
COPIES = np.arange(120) // 2  # every post has one


def test_kernel_ridge_is_the_one_on_a_kernel_computed_by_hand():
    """The kernel is as wide as there are features; what is below 0.02 counts as that much."""
    onehot = np.eye(3)[Y]
    ridge = KernelRidge(alpha=1.0, kernel="precomputed")
    ridge.fit(rbf_kernel(X, gamma=1 / 20), onehot - onehot.mean(0))
    table = np.clip(ridge.predict(rbf_kernel(NEW, X, gamma=1 / 20)) + onehot.mean(0), 0.02, None)
    expected = table / table.sum(1, keepdims=True)
    found = KernelRidgeClassifier(alpha=1.0).fit(X, Y).predict_proba(NEW)
    assert np.abs(found - expected).max() < 1e-9


def test_the_support_vector_machine_is_the_one_on_a_kernel_computed_by_hand():
    machine = SVC(C=2.0, kernel="precomputed").fit(rbf_kernel(X, gamma=1 / 20), Y)
    expected = softmax(machine.decision_function(rbf_kernel(NEW, X, gamma=1 / 20)), axis=1)
    found = SoftmaxSVC(C=2.0, gamma="auto").fit(X, Y).predict_proba(NEW)
    assert np.abs(found - expected).max() < 1e-9


def test_of_two_classes_the_machine_is_as_sure_as_the_distance_says():
    y = np.minimum(Y, 1)
    machine = SoftmaxSVC(C=2.0, gamma="auto").fit(X, y)
    table, distance = machine.predict_proba(NEW), machine.decision_function(NEW)
    assert np.allclose(table[:, 1], expit(distance))
    assert np.allclose(table.sum(1), 1)
    assert (table.argmax(1) == machine.predict(NEW)).all()


def posts(demo):
    """Posts of the demo set, the last 48 of them for validation."""
    data = PostData(demo, Config(mode="text"))
    subset, y = data.labelled, demo.labels
    context = FitContext(
        validation=np.arange(240) >= 192, groups=np.arange(240), fold_seed=0, seed=0
    )
    return subset, y, context


def grid_search(table, y, validation):
    """What scikit-learn makes of the linear learner, as exact as it can."""
    exact = LogisticRegression(tol=1e-9, max_iter=5000)
    return GridSearchCV(
        make_pipeline(StandardScaler(), exact),
        {"logisticregression__C": PENALTIES},
        scoring=negative_log_loss,
        cv=PredefinedSplit(np.where(validation, 0, -1)),
    ).fit(table.astype(float), y)


def test_the_linear_learner_is_a_grid_search_over_penalties(demo):
    """The log-loss on the validation rows chooses, then all rows are fitted."""
    subset, y, context = posts(demo)
    search = grid_search(subset.features, y, context.validation)
    learner = clone(make_learner("linear", Config(mode="text")).learner).fit(subset, y, context)
    best = search.best_params_["logisticregression__C"]
    assert best == learner.model_.C
    expected = search.predict_proba(subset.features.astype(float))
    assert np.abs(learner.predict_proba(subset) - expected).max() < 1e-4


def test_linear_learners_fitted_together_are_those_fitted_alone(demo):
    """Each has its own penalty; what one is fitted on is nothing to another."""
    subset, y, _ = posts(demo)
    noise, half = np.random.default_rng(0), np.arange(240) < 120
    y = np.where(half, y, noise.integers(0, 3, 240))  # the second half wants a strong penalty
    jobs = []
    for rows in (np.flatnonzero(half)[::-1], noise.permutation(np.flatnonzero(~half))):
        validation = np.arange(len(rows)) % 4 == 0
        jobs.append((rows, FitContext(validation=validation, groups=rows, fold_seed=0, seed=0)))
    learner = make_learner("linear", Config(mode="text")).learner
    together = learner.fit_each(subset, y, jobs)
    assert len({fitted.model_.C for fitted in together}) > 1
    for (rows, part), fitted in zip(jobs, together, strict=True):
        alone = clone(learner).fit(subset[rows], y[rows], part)
        assert fitted.model_.C == alone.model_.C
        difference = fitted.predict_proba(subset) - alone.predict_proba(subset)
        assert np.abs(difference).max() < 1e-4


@pytest.mark.parametrize("left_out", [[0], [0, 1], [0, 1, 2]])
def test_the_penalty_is_chosen_also_where_rare_classes_are_in_one_split_only(demo, left_out):
    """The fitted posts lack a class, or the validation posts have some of them alone."""
    subset, y, context = posts(demo)
    rows = np.flatnonzero(~context.validation | np.isin(y, left_out))
    rows = rows[context.validation[rows] | (y[rows] != 1)] if 1 in left_out else rows
    part = FitContext(validation=context.validation[rows], groups=rows, fold_seed=0, seed=0)
    learner = clone(make_learner("linear", Config(mode="text")).learner)
    assert learner.fit(subset[rows], y[rows], part).predict_proba(subset).shape == (240, 3)


def test_the_score_is_scikit_learns_where_that_has_one():
    model = linear_pipeline().fit(X, Y)
    expected = get_scorer("neg_log_loss")(model, NEW, Y[:15])
    assert negative_log_loss(model, NEW, Y[:15]) == pytest.approx(expected)
    absent = -np.log(model.predict_proba(NEW)[:, 2]).mean()
    assert negative_log_loss(model, NEW, np.full(15, 2)) == pytest.approx(-absent)


@pytest.mark.parametrize("turn", [1, 2])
def test_posts_of_doubtful_label_weigh_less(turn):
    """Against weights made by hand: turned labels are found, and count less."""
    wrong = np.arange(0, 120, 10)
    y = Y.copy()
    y[wrong] = (y[wrong] + turn) % 3
    far = np.hstack([X, 6 * np.eye(3)[Y]])  # easy but for the turned ones
    model = DownweightedClassifier(linear_pipeline(C=0.001)).fit(far, y, COPIES)
    doubting = make_pipeline(StandardScaler(), LogisticRegression(C=0.0003, max_iter=300, tol=1e-3))
    folds = StratifiedGroupKFold(4)
    table = cross_val_predict(doubting, far, y, groups=COPIES, cv=folds, method="predict_proba")
    doubted = find_label_issues(y, table)
    assert doubted[wrong].mean() > 0.3 > 0.05 > np.delete(doubted, wrong).mean()
    by_hand = linear_pipeline(C=0.001).fit(
        far, y, logisticregression__sample_weight=np.where(doubted, DOUBTED_WEIGHT, 1.0)
    )
    assert np.allclose(model.predict_proba(far), by_hand.predict_proba(far))
    plain = linear_pipeline(C=0.001).fit(far, y)
    assert not np.allclose(model.predict_proba(far), plain.predict_proba(far), atol=1e-3)
