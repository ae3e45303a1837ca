"""Logistic regressions fitted together, each against scikit-learn's on its own rows."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mmsa_utils.training.logistic import LogisticTable

POSTS = 150
SHARES = [0.1, 0.55, 0.3, 0.05]  # two classes are rare
SHAPES = {"wide": 400, "narrow": 30}  # more columns than posts, and fewer


def sample(columns, *, seed=0):
    """Correlated columns of very different units, and labels that depend on them."""
    random = np.random.default_rng(seed)
    y = random.choice(4, POSTS, p=SHARES)
    hidden = random.normal(0, 1, (POSTS, 8)) + 2 * np.eye(8)[y]
    X = hidden @ random.normal(0, 1, (8, columns)) + random.normal(0, 1, (POSTS, columns))
    return X * 10.0 ** random.integers(-3, 4, columns) + random.normal(0, 5, columns), y


def exact(X, y, rows, C):
    model = LogisticRegression(C=C, tol=1e-10, max_iter=20_000)
    return make_pipeline(StandardScaler(), model).fit(X[rows].astype(float), y[rows])


def assert_scikit_learns(X, y, rows, C, models, *, within=1e-4):
    for part, penalty, model in zip(rows, C, models, strict=True):
        expected = exact(X, y, part, penalty)
        assert (model.classes_ == expected.classes_).all()
        table = expected.predict_proba(X.astype(float))
        assert np.abs(model.predict_proba(X) - table).max() < within


def subsets(y):
    """All posts; some; those without a class; those of two classes, rare ones."""
    some = np.random.default_rng(1).random(POSTS) < 0.6
    return [np.ones(POSTS, bool), some, y != 2, some & (y != 0), (y == 0) | (y == 3)]


@pytest.mark.parametrize("columns", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_each_model_is_scikit_learns_on_its_rows(columns, dtype):
    X, y = sample(columns)
    X = X.astype(dtype)
    penalties = [0.0001, 0.001, 0.1]
    rows = np.array([part for part in subsets(y) for _ in penalties])
    C = np.tile(penalties, len(rows) // len(penalties))
    assert_scikit_learns(X, y, rows, C, LogisticTable(X, y).fit(rows=rows, C=C))


def test_also_with_a_weak_penalty():
    X, y = sample(SHAPES["wide"])
    rows, C = np.array(subsets(y)), np.full(5, 1.0)
    assert_scikit_learns(X, y, rows, C, LogisticTable(X, y).fit(rows=rows, C=C))


def test_columns_that_are_constant_or_almost_are_scaled_as_scikit_learn_scales():
    """Almost: among other posts they are a thousand times as large."""
    X, y = sample(SHAPES["narrow"])
    part = np.arange(POSTS) < 100
    X[:, 0], X[part, 1], X[~part, 2] = 7.0, 3.0, 0.0
    X[~part, 3:10] *= 1e4
    X = np.hstack([X, X[:, :5]])  # and the same column twice
    rows, C = np.array([part, ~part, part | ~part]), np.full(3, 0.01)
    assert_scikit_learns(X, y, rows, C, LogisticTable(X, y).fit(rows=rows, C=C))


def test_a_start_changes_nothing_but_the_way():
    X, y = sample(SHAPES["wide"])
    rows, C = np.array(subsets(y)), np.full(5, 0.01)
    table = LogisticTable(X, y)
    far = table.fit(rows=rows[::-1], C=np.full(5, 1.0))
    assert_scikit_learns(X, y, rows, C, table.fit(rows=rows, C=C, start=far))


def test_a_model_knows_nothing_of_posts_that_are_not_its_own():
    X, y = sample(SHAPES["wide"])
    part = (np.arange(POSTS) < 100)[None]
    [model] = LogisticTable(X, y).fit(rows=part, C=np.array([0.01]))
    others = ~part[0]
    changed, labels = X.copy(), y.copy()
    changed[others], labels[others] = 5 * X[others][::-1] + 100, (y[others] + 1) % 4
    [same] = LogisticTable(changed, labels).fit(rows=part, C=np.array([0.01]))
    assert np.abs(model.predict_proba(X) - same.predict_proba(X)).max() < 1e-4


def test_it_is_the_same_to_the_last_digit_a_second_time():
    X, y = sample(SHAPES["wide"])
    rows, C = np.array(subsets(y)), np.full(5, 0.001)
    first, second = (LogisticTable(X, y).fit(rows=rows, C=C) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert (one.predict_proba(X) == other.predict_proba(X)).all()
