"""Learners beside the sentiment model: baselines, and members of the final blends.

The classical ones are fitted at once, their strength chosen on the inner split.
"""

from functools import cache

import numpy as np
from cleanlab.filter import find_label_issues
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.metrics.pairwise import linear_kernel, rbf_kernel
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ..config import LABELS
from ..data.text import clean
from ..encoders.features import extract_features
from .cross_validation import Learner, Learnt, Nested


class Majority:
    """The class shares of the training posts, for every post."""

    def __init__(self, dataset, config):
        self.dataset = dataset

    @staticmethod
    def settings(config):
        return {"model": "class shares of the training posts"}

    def __call__(self, task):
        counts = np.bincount(self.dataset.labels[task.train], minlength=len(LABELS))
        sizes = len(task.scored), len(task.inner), len(self.dataset.unlabelled)
        return Learnt(*(np.tile(counts / counts.sum(), (size, 1)) for size in sizes))


class _Classical:
    """A scikit-learn classifier: the inner split chooses its strength, all training posts fit it.

    To be mixed with `Nested`, which makes the inner predictions. A subclass says what it looks
    at (`look_at`, a row a post), which strengths there are (`STRENGTHS`) and which classifier a
    strength makes (`classifier`).
    """

    def __init__(self, dataset, config):
        self.labels, self.config = dataset.labels, config
        self.inputs = self.look_at(dataset.labelled + dataset.unlabelled)
        self.unlabelled = np.arange(len(dataset.labelled), len(self.inputs))

    def _fitted(self, places, strength):
        return self.classifier(strength).fit(self.inputs[places], self.labels[places])

    def _strength(self, task):
        """The one with the lowest log-loss on the inner split.

        By log-loss, because a blend wants probabilities; its rule is chosen afterwards.
        """
        if len(self.STRENGTHS) == 1:
            return self.STRENGTHS[0]

        def loss(strength):
            table = self._fitted(task.fit, strength).predict_proba(self.inputs[task.inner])
            return log_loss(self.labels[task.inner], table)

        return min(self.STRENGTHS, key=loss)

    def __call__(self, task):
        model = self._fitted(task.train, self._strength(task))
        wanted = self.inputs[np.concatenate([task.scored, self.unlabelled])]
        scored, unlabelled = np.split(model.predict_proba(wanted), [len(task.scored)])
        return Learnt(scored, None, unlabelled)  # inner predictions: see Nested


class TfIdf(Nested, _Classical):
    """Kernel ridge regression on TF-IDF of words, pairs of words, and pieces of words."""

    STRENGTHS = (2.0,)  # alpha

    @staticmethod
    def settings(config):
        return {
            "model": "kernel ridge regression on TF-IDF of words, pairs and pieces of words",
            "strength": TfIdf.STRENGTHS[0],
        }

    def look_at(self, posts):
        return np.array([clean(post.text) for post in posts], dtype=object)

    def classifier(self, strength):
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        pieces = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2
        )
        return make_pipeline(make_union(words, pieces), _Ridge(strength, kernel=linear_kernel))


class _OnFeatures(_Classical):
    """A classifier on standardised frozen features of the config's streams, side by side."""

    def look_at(self, posts):
        config = self.config
        return np.hstack([extract_features(posts, name, config) for name in config.modalities])

    @classmethod
    def settings(cls, config):
        return {
            "model": cls.MODEL,
            "strength": f"of {cls.STRENGTHS}, by log-loss on the inner split of each fold",
            "mode": config.mode,
            "streams": {name: list(config.encoders(name)) for name in config.modalities},
        }


class Logistic(Nested, _OnFeatures):
    """Logistic regression with a strong L2 penalty: thousands of features, few posts."""

    MODEL = "logistic regression on standardised frozen features"
    STRENGTHS = (0.0001, 0.0003, 0.001)

    def classifier(self, strength):
        linear = LogisticRegression(C=strength, max_iter=300, tol=1e-3)
        return make_pipeline(StandardScaler(), linear)


class CleanedLogistic(Logistic):
    """The same, with training posts of suspicious label weighing less.

    Confident learning (Northcutt, Jiang and Chuang, JAIR 70, 2021; cleanlab) on predictions
    from a cross-validation among the posts to be fitted on. Scored posts are never cleaned.
    """

    MODEL = "logistic regression, suspicious training posts at a lower weight"
    WEIGHT = 0.3

    def __init__(self, dataset, config):
        super().__init__(dataset, config)
        self._weights = cache(self._weights_of)

    def _weights_of(self, places):
        X, y = self.inputs[list(places)], self.labels[list(places)]
        model = self.classifier(self.STRENGTHS[1])
        table = cross_val_predict(model, X, y, cv=self.PARTS, method="predict_proba")
        return np.where(find_label_issues(y, table), self.WEIGHT, 1.0)

    def _fitted(self, places, strength):
        weights = self._weights(tuple(places))
        model, X, y = self.classifier(strength), self.inputs[places], self.labels[places]
        return model.fit(X, y, logisticregression__sample_weight=weights)


class Network(Nested, Learner):
    """The sentiment model, fit to be blended."""


class _OnKernel(ClassifierMixin, BaseEstimator):
    """A classifier on a kernel that is computed once; the RBF's as wide as there are features."""

    def __init__(self, strength, kernel=rbf_kernel):
        self.strength, self.kernel = strength, kernel

    def _kernel(self, X):
        return self.kernel(X, self.train_)

    def fit(self, X, y):
        self.train_ = X
        return self.fit_kernel(self._kernel(X), y)


class _Ridge(_OnKernel):
    """Kernel ridge regression on one-hot classes; what is below `LEAST` counts as that much."""

    LEAST = 0.02

    def fit_kernel(self, kernel, y):
        onehot = np.eye(len(LABELS))[y]
        self.shares_ = onehot.mean(0)
        self.ridge_ = KernelRidge(alpha=self.strength, kernel="precomputed")
        self.ridge_.fit(kernel, onehot - self.shares_)
        return self

    def predict_proba(self, X):
        table = np.clip(self.ridge_.predict(self._kernel(X)) + self.shares_, self.LEAST, None)
        return table / table.sum(1, keepdims=True)


class _Machine(_OnKernel):
    """scikit-learn's SVC. Probabilities are the softmax of its scores: the blend scales them."""

    def fit_kernel(self, kernel, y):
        self.machine_ = SVC(C=self.strength, kernel="precomputed", cache_size=500).fit(kernel, y)
        return self

    def predict_proba(self, X):
        return softmax(self.machine_.decision_function(self._kernel(X)), axis=1)


class Ridge(Nested, _OnFeatures):
    """A least-squares kernel machine (Suykens and Vandewalle, 1999)."""

    MODEL = "RBF kernel ridge regression on one-hot classes, standardised frozen features"
    STRENGTHS = (1.0,)  # alpha

    def classifier(self, strength):
        return make_pipeline(StandardScaler(), _Ridge(strength))


class VectorMachine(Nested, _OnFeatures):
    """A support vector machine."""

    MODEL = "RBF support vector machine on standardised frozen features"
    STRENGTHS = (2.0,)

    def classifier(self, strength):
        return make_pipeline(StandardScaler(), _Machine(strength))
