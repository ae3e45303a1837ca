"""Learners by name, scikit-learn's rules, and nested predictions."""

import numpy as np
import pytest
from sklearn.base import clone

from mmsa_utils.config import Config
from mmsa_utils.data.splits import find_groups
from mmsa_utils.training.batches import PostData
from mmsa_utils.training.cross_validation import cross_validate, fold_tasks
from mmsa_utils.training.learners import (
    LEARNERS,
    FitContext,
    Nested,
    PostClassifier,
    make_learner,
    register_learner,
)

CONFIG = Config(mode="text", epochs=2, folds=3, inner_folds=4)


@pytest.fixture(scope="module")
def fold(demo, tmp_path_factory):
    """X, y and context of a first fold."""
    store, groups = tmp_path_factory.mktemp("store"), find_groups(demo.labelled)
    task = fold_tasks(demo, CONFIG, store=store, groups=groups)[0]
    X = PostData(demo, CONFIG).subset(task.trainval)
    return X, demo.labels[task.trainval], task.context()


@pytest.mark.parametrize("name", list(LEARNERS))
def test_every_learner_is_a_scikit_learn_classifier_on_posts(fold, name):
    X, y, context = fold
    learner = make_learner(name, CONFIG)
    copy = clone(learner)
    assert copy.get_params().keys() == learner.get_params().keys()
    table = copy.fit(X, y, context).predict_proba(X[:7])
    assert table.shape == (7, 3)
    assert np.allclose(table.sum(1), 1, atol=1e-5)
    assert "model" in copy.settings() or "head" in copy.settings()


@pytest.mark.parametrize("count", [2, 5])
def test_every_learner_takes_any_number_of_classes(datasets, tmp_path, count):
    dataset = datasets[count]
    groups, config = find_groups(dataset.labelled), CONFIG.but(epochs=1)
    task = fold_tasks(dataset, config, store=tmp_path, groups=groups)[0]
    data = PostData(dataset, config)
    X, y, test = data.subset(task.trainval), dataset.labels[task.trainval], data.subset(task.test)
    chance = np.bincount(dataset.labels).max() / len(dataset.labelled)
    for name in LEARNERS:
        learner = make_learner(name, config).fit(X, y, task.context())
        table = learner.predict_proba(test)
        assert table.shape == (len(test), count), name
        assert np.allclose(table.sum(1), 1, atol=1e-5), name
        if isinstance(learner, Nested):
            assert learner.inner_probabilities_.shape == (len(X), count), name
        if name not in ("majority", "TF-IDF") and "network" not in name:
            accuracy = (table.argmax(1) == dataset.labels[task.test]).mean()
            assert accuracy > chance, name


@pytest.mark.parametrize("name", ["linear", "kernel ridge", "support vector machine", "TF-IDF"])
def test_a_class_that_no_post_to_be_fitted_has_gets_nothing_but_keeps_its_column(datasets, name):
    dataset = datasets[5]
    data, rows = PostData(dataset, CONFIG), np.flatnonzero(dataset.labels != 1)
    y, validation = dataset.labels[rows], np.arange(len(rows)) % 5 == 0
    context = FitContext(validation=validation, groups=rows, fold_seed=0, seed=0)
    learner = make_learner(name, CONFIG).learner.fit(data.subset(rows), y, context)
    table = learner.predict_proba(data.subset(rows))
    assert table.shape == (len(rows), 5)
    assert (table[:, 1] == 0).all()
    assert (table[:, [0, 2, 3, 4]] > 0).all()


class Memory(PostClassifier):
    """Knows every post that it was fitted on by heart, and of others says it has not."""

    def __init__(self):
        pass

    def fit(self, X, y, context):
        self.known_ = dict(zip(X.indices.tolist(), y, strict=True))
        self.groups_ = set(context.groups.tolist())
        return self

    def predict_proba(self, X):
        return np.array([np.eye(3)[self.known_[i]] if i in self.known_ else [0.2, 0.3, 0.5]
                         for i in X.indices.tolist()])  # fmt: skip

    def settings(self):
        return {"model": "memory"}


def test_inner_predictions_are_by_models_that_have_not_seen_the_post(fold):
    X, y, context = fold
    nested = Nested(Memory(), inner_folds=4).fit(X, y, context)
    assert np.allclose(nested.inner_probabilities_, [0.2, 0.3, 0.5])
    assert np.allclose(nested.predict_proba(X), np.eye(3)[y])  # the last fit is on all of X


def test_a_learner_of_ones_own_is_registered_and_cross_validated(demo, tmp_path):
    register_learner("memory")(lambda config: Nested(Memory(), inner_folds=config.inner_folds))
    try:
        run = cross_validate(demo, CONFIG, learner="memory", store=tmp_path)
    finally:
        del LEARNERS["memory"]
    assert np.allclose(run.probabilities, [0.2, 0.3, 0.5])  # no test post was ever seen
    assert run.settings == {"model": "memory"}
