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
