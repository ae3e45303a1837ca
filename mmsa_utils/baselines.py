"""Models that a course has to beat, as learners for `crossval.cross_validate`."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from . import metrics
from .config import LABELS
from .crossval import Learnt
from .text import clean


class Majority:
    """The class shares of the training posts, for every post."""

    def __init__(self, dataset, config):
        self.dataset = dataset

    @staticmethod
    def settings(config):
        return {"model": "class shares of the training posts"}

    def __call__(self, task):
        train = np.concatenate([task.fit, task.inner])
        counts = np.bincount(self.dataset.labels[train], minlength=len(LABELS))
        sizes = len(task.scored), len(task.inner), len(self.dataset.unlabelled)
        return Learnt(*(np.tile(counts / counts.sum(), (size, 1)) for size in sizes))


class TfIdf:
    """Logistic regression on TF-IDF of words and pairs of words.

    The strength of its L2 penalty is chosen on the inner split; then it is fitted on all
    training posts.
    """

    STRENGTHS = (1.0, 4.0, 16.0)  # C: larger is weaker regularisation

    def __init__(self, dataset, config):
        self.dataset = dataset
        self.texts = np.array([clean(post.text) for post in dataset.labelled], dtype=object)
        self.unlabelled = [clean(post.text) for post in dataset.unlabelled]

    @staticmethod
    def settings(config):
        return {
            "model": "logistic regression on TF-IDF of words and pairs of words",
            "C": f"of {TfIdf.STRENGTHS}, by the inner split of each fold",
        }

    def _model(self, places, strength):
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        model = make_pipeline(words, LogisticRegression(C=strength, max_iter=1000))
        return model.fit(self.texts[places], self.dataset.labels[places])

    def _inner(self, task):
        """`(score, strength, probabilities)` on the inner posts, the best of all strengths."""
        tries = []
        for strength in self.STRENGTHS:
            table = self._model(task.fit, strength).predict_proba(self.texts[task.inner])
            scores = metrics.summary(self.dataset.labels[task.inner], table)
            tries.append((scores["accuracy"] + scores["macro_f1"], strength, table))
        return max(tries, key=lambda item: item[0])

    def __call__(self, task):
        _, strength, inner = self._inner(task)
        model = self._model(np.concatenate([task.fit, task.inner]), strength)
        unlabelled = model.predict_proba(self.unlabelled) if self.unlabelled else np.empty((0, 3))
        return Learnt(model.predict_proba(self.texts[task.scored]), inner, unlabelled)
