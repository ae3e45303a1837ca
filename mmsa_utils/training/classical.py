"""Classical learners: baselines, and base learners of the ensembles. Fitted at once, on the CPU."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from cleanlab.filter import find_label_issues
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    PredefinedSplit,
    StratifiedGroupKFold,
    cross_val_predict,
)
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ..config import Config
from ..data.text import clean
from ..io import Record
from .batches import PostSubset
from .learners import FitContext, Job, Nested, PostClassifier, register_learner
from .logistic import LogisticModel, LogisticTable

PENALTIES = (0.0001, 0.0003, 0.001)  # C of logistic regression: thousands of features, few posts
DOUBT_PENALTY = 0.0003  # C of the model that doubts labels
DOUBTED_WEIGHT = 0.3  # of a training post whose label is doubted


# ---- classifiers on tables --------------------------------------------------------------


class KernelRidgeClassifier(ClassifierMixin, BaseEstimator):
    """Kernel ridge regression on one-hot classes: a least-squares support vector machine.

    Suykens and Vandewalle, "Least Squares Support Vector Machine Classifiers", Neural
    Processing Letters 9, 1999. Regression knows no bounds: what is below `LEAST` counts as
    that much, and a row is scaled to add up to 1.
    """

    LEAST = 0.02

    def __init__(self, alpha: float = 1.0, kernel: str = "rbf") -> None:
        self.alpha, self.kernel = alpha, kernel

    def fit(self, X: Any, y: np.ndarray) -> Self:
        """`X (n, D)`, dense or sparse; `y (n,)` classes."""
        self.classes_, number = np.unique(y, return_inverse=True)
        onehot = np.eye(len(self.classes_))[number]
        self.shares_ = onehot.mean(0)
        self.ridge_ = KernelRidge(alpha=self.alpha, kernel=self.kernel)
        self.ridge_.fit(X, onehot - self.shares_)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """`(n, K)`."""
        table = np.clip(self.ridge_.predict(X) + self.shares_, self.LEAST, None)
        return table / table.sum(1, keepdims=True)


class SoftmaxSVC(SVC):
    """scikit-learn's SVC; probabilities are the softmax of its scores: the ensemble scales them."""

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """`(n, K)`."""
        scores = self.decision_function(X)
        if scores.ndim == 1:  # of two classes: how far a post is on the second one's side
            scores = np.column_stack([np.zeros_like(scores), scores])
        return softmax(scores, axis=1)


class DownweightedClassifier(ClassifierMixin, BaseEstimator):
    """A linear pipeline in which training posts of doubtful label weigh less.

    Confident learning (Northcutt, Jiang and Chuang, JAIR 70, 2021; cleanlab) on predictions
    from a cross-validation among the posts to be fitted on. Scored posts are never cleaned.

    Attributes:
        weights_: `(n,)` of the posts.
    """

    def __init__(self, estimator: Pipeline, folds: int = Nested.PARTS) -> None:
        self.estimator, self.folds = estimator, folds

    def fit(self, X: np.ndarray, y: np.ndarray, copies: np.ndarray) -> Self:
        """`X (n, D)`, `y (n,)`, `copies (n,)`: nothing is doubted by a model that knows a copy."""
        doubting, folds = linear_pipeline(C=DOUBT_PENALTY), StratifiedGroupKFold(self.folds)
        table = cross_val_predict(doubting, X, y, groups=copies, cv=folds, method="predict_proba")
        # In this process: cleanlab's own ones find their table only where processes are forked.
        doubted = find_label_issues(y, table, n_jobs=1)
        self.weights_ = np.where(doubted, DOUBTED_WEIGHT, 1.0)
        self.estimator_ = clone(self.estimator)
        self.estimator_.fit(X, y, logisticregression__sample_weight=self.weights_)
        self.classes_ = self.estimator_.classes_
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """`(n, K)`."""
        return self.estimator_.predict_proba(X)


def linear_pipeline(*, C: float = 1.0) -> Pipeline:
    """Logistic regression with an L2 penalty, on standardised columns."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=300, tol=1e-3))


# ---- learners on posts ------------------------------------------------------------------


def _all_classes(estimator: Any, table: Any, count: int) -> np.ndarray:
    """`(n, count)` probabilities; 0 for a class that the estimator has seen no post of."""
    found = estimator.predict_proba(table)
    probabilities = np.zeros((len(found), count), dtype=found.dtype)
    probabilities[:, estimator.classes_] = found
    return probabilities


def negative_log_loss(estimator: Any, X: Any, y: np.ndarray) -> float:
    """scikit-learn's scorer of that name, also where rare classes are in one split only."""
    count = max(*y, *estimator.classes_) + 1
    return -log_loss(y, _all_classes(estimator, X, count), labels=range(count))


def _looked_at(config: Config) -> Record:
    """What a record says of the features."""
    streams = {name: list(config.encoders(name)) for name in config.modalities}
    return {"mode": config.mode, "streams": streams}


def _members(subsets: Sequence[np.ndarray], count: int) -> np.ndarray:
    """`(J, count)` bool: which of the rows each subset has, given as indices."""
    return np.array([np.isin(np.arange(count), rows) for rows in subsets])


class MajorityClassifier(PostClassifier):
    """The class shares of the training posts, for every post."""

    def fit(self, X: PostSubset, y: np.ndarray, context: FitContext) -> Self:
        self.shares_ = np.bincount(y, minlength=len(X.classes)) / len(y)
        return self

    def predict_proba(self, X: PostSubset) -> np.ndarray:
        return np.tile(self.shares_, (len(X), 1))

    def settings(self) -> Record:
        return {"model": "class shares of the training posts"}


class TfidfClassifier(PostClassifier):
    """Kernel ridge regression on TF-IDF of words, pairs of words, and pieces of words."""

    def __init__(self, alpha: float = 2.0) -> None:
        self.alpha = alpha

    def fit(self, X: PostSubset, y: np.ndarray, context: FitContext) -> Self:
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        pieces = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2
        )
        ridge = KernelRidgeClassifier(self.alpha, kernel="linear")
        self.pipeline_ = make_pipeline(make_union(words, pieces), ridge).fit(self._texts(X), y)
        return self

    @staticmethod
    def _texts(X: PostSubset) -> list[str]:
        return [clean(post.text) for post in X.posts]

    def predict_proba(self, X: PostSubset) -> np.ndarray:
        return _all_classes(self.pipeline_, self._texts(X), len(X.classes))

    def settings(self) -> Record:
        return {
            "model": "kernel ridge regression on TF-IDF of words, pairs and pieces of words",
            "alpha": self.alpha,
        }


class FeatureClassifier(PostClassifier):
    """A scikit-learn classifier on standardised frozen features, all modalities side by side.

    Args:
        config: names the modalities and their encoders.
        estimator: on `(n, D)` tables.
        grid: parameters to try, as `GridSearchCV` takes them. The log-loss on the validation
            rows chooses, because an ensemble wants probabilities; then all rows are fitted.
        model: what a record calls it.
        parameters: what a record says of its parameters.
    """

    def __init__(
        self,
        config: Config,
        estimator: BaseEstimator,
        *,
        model: str,
        parameters: Record,
        grid: dict[str, tuple[float, ...]] | None = None,
    ) -> None:
        self.config, self.estimator, self.grid = config, estimator, grid
        self.model, self.parameters = model, parameters

    def fit(self, X: PostSubset, y: np.ndarray, context: FitContext) -> Self:
        search = self._search(context.validation)
        self.estimator_ = search.fit(X.features, y, **self._beside(context))
        return self

    def _beside(self, context: FitContext) -> dict[str, np.ndarray]:
        """What the estimator's `fit` takes beside features and labels."""
        return {}

    def _search(self, validation: np.ndarray) -> BaseEstimator:
        if self.grid is None:
            return clone(self.estimator)
        split = PredefinedSplit(np.where(validation, 0, -1))  # -1: never left out
        return GridSearchCV(
            self.estimator, self.grid, scoring=negative_log_loss, cv=split, error_score="raise"
        )

    def predict_proba(self, X: PostSubset) -> np.ndarray:
        return _all_classes(self.estimator_, X.features, len(X.classes))

    def settings(self) -> Record:
        return {"model": self.model, **self.parameters, **_looked_at(self.config)}


class CleanedClassifier(FeatureClassifier):
    """The same for an estimator that wants to know which posts are copies."""

    def _beside(self, context: FitContext) -> dict[str, np.ndarray]:
        return {"copies": context.groups}


class LinearClassifier(PostClassifier):
    """Logistic regression with an L2 penalty, on standardised frozen features.

    The same as `FeatureClassifier` on `linear_pipeline`, with C chosen by `GridSearchCV`, but
    several times faster: all that is to be fitted on some of the posts is fitted together.

    Attributes:
        model_: the model of the chosen C.
    """

    model_: LogisticModel

    def __init__(self, config: Config) -> None:
        self.config = config

    def fit(self, X: PostSubset, y: np.ndarray, context: FitContext) -> Self:
        [fitted] = self.fit_each(X, y, [(np.arange(len(X)), context)])
        self.model_ = fitted.model_
        return self

    def fit_each(self, X: PostSubset, y: np.ndarray, jobs: Sequence[Job]) -> list[Self]:
        """A learner for each job; the posts of one are nothing to the others."""
        features = X.features
        table = LogisticTable(features, y)
        train = _members([rows[~context.validation] for rows, context in jobs], len(X))
        tried = table.try_penalties(train, sorted(PENALTIES))
        chosen = []
        for (rows, context), candidates in zip(jobs, zip(*tried, strict=True), strict=True):
            held_out = rows[context.validation]
            scores = [negative_log_loss(m, features[held_out], y[held_out]) for m in candidates]
            chosen.append(candidates[np.argmax(scores)])
        rows, C = _members([rows for rows, _ in jobs], len(X)), np.array([m.C for m in chosen])
        return [self._with(model) for model in table.fit(rows=rows, C=C, start=chosen)]

    def _with(self, model: LogisticModel) -> Self:
        learner = clone(self)
        learner.model_ = model
        return learner

    def predict_proba(self, X: PostSubset) -> np.ndarray:
        return _all_classes(self.model_, X.features, len(X.classes))

    def settings(self) -> Record:
        return {
            "model": "logistic regression on standardised frozen features",
            **_CHOSEN,
            **_looked_at(self.config),
        }


# ---- by name ----------------------------------------------------------------------------

_CHOSEN = {"C": f"of {PENALTIES}, by log-loss on the validation set of each fold"}


def _on_features(config: Config, estimator: BaseEstimator, model: str, **options: Any) -> Nested:
    classifier = FeatureClassifier(config, estimator, model=model, **options)
    return Nested(classifier, inner_folds=config.inner_folds)


@register_learner("majority")
def _majority(config: Config) -> Nested:
    return Nested(MajorityClassifier(), inner_folds=config.inner_folds)


@register_learner("TF-IDF")
def _tfidf(config: Config) -> Nested:
    return Nested(TfidfClassifier(), inner_folds=config.inner_folds)


@register_learner("linear")
def _linear(config: Config) -> Nested:
    return Nested(LinearClassifier(config), inner_folds=config.inner_folds)


@register_learner("cleaned linear")
def _cleaned_linear(config: Config) -> Nested:
    model = "logistic regression, suspicious training posts at a lower weight"
    classifier = CleanedClassifier(
        config,
        DownweightedClassifier(linear_pipeline()),
        grid={"estimator__logisticregression__C": PENALTIES},
        model=model,
        parameters=_CHOSEN,
    )
    return Nested(classifier, inner_folds=config.inner_folds)


@register_learner("kernel ridge")
def _kernel_ridge(config: Config) -> Nested:
    model = "RBF kernel ridge regression on one-hot classes, standardised frozen features"
    estimator = make_pipeline(StandardScaler(), KernelRidgeClassifier(alpha=1.0))
    return _on_features(config, estimator, model, parameters={"alpha": 1.0})


@register_learner("support vector machine")
def _support_vector_machine(config: Config) -> Nested:
    model = "RBF support vector machine on standardised frozen features"
    estimator = make_pipeline(StandardScaler(), SoftmaxSVC(C=2.0, gamma="auto", cache_size=500))
    return _on_features(config, estimator, model, parameters={"C": 2.0})
