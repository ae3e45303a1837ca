"""Models that a course has to beat, as learners for `crossval.cross_validate`."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from .config import LABELS
from .crossval import Learnt
from .text import clean


class Majority:
    """The class shares of the training posts, for every post."""

    def __init__(self, dataset, config):
        self.dataset = dataset

    def __call__(self, task):
        train = np.concatenate([task.fit, task.inner])
        counts = np.bincount(self.dataset.labels[train], minlength=len(LABELS))
        sizes = len(task.scored), len(task.inner), len(self.dataset.unlabelled)
        return Learnt(*(np.tile(counts / counts.sum(), (size, 1)) for size in sizes))


class TfIdf:
    """Logistic regression on TF-IDF of words and pairs of words. Needs no choice: C = 1."""

    def __init__(self, dataset, config):
        self.dataset = dataset
        self.texts = np.array([clean(p.text) for p in dataset.labelled], dtype=object)
        self.unlabelled = [clean(post.text) for post in dataset.unlabelled]

    def _model(self, places):
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        model = make_pipeline(words, LogisticRegression(max_iter=1000))
        return model.fit(self.texts[places], self.dataset.labels[places])

    def __call__(self, task):
        model = self._model(np.concatenate([task.fit, task.inner]))
        # The inner figures come from a model that has not seen the inner posts.
        inner = self._model(task.fit).predict_proba(self.texts[task.inner])
        unlabelled = model.predict_proba(self.unlabelled) if self.unlabelled else np.empty((0, 3))
        return Learnt(model.predict_proba(self.texts[task.scored]), inner, unlabelled)
