"""Learning: batches of posts, the training loop, learners by name, folds, ensembles.

Stands on data, encoders and models, and hands its results to evaluation. The loop knows
nothing of modalities; a learner knows nothing of folds.
"""

from .additive import AdditiveProjection
from .batches import PostData
from .classical import KernelRidgeClassifier
from .cross_validation import choose, cross_validate
from .ensemble import OpinionPool, PriorCorrection, average_seeds, correct_priors, make_ensemble
from .final import load_shipped_model, predict_posts, train_final
from .learners import FitContext, Learner, Nested, PostClassifier, make_learner, register_learner
from .loop import Trainer, Validation, evaluate, train_one_epoch
from .network import NetworkClassifier

__all__ = [
    "AdditiveProjection",
    "FitContext",
    "KernelRidgeClassifier",
    "Learner",
    "Nested",
    "NetworkClassifier",
    "OpinionPool",
    "PostClassifier",
    "PostData",
    "PriorCorrection",
    "Trainer",
    "Validation",
    "average_seeds",
    "choose",
    "correct_priors",
    "cross_validate",
    "evaluate",
    "load_shipped_model",
    "make_ensemble",
    "make_learner",
    "predict_posts",
    "register_learner",
    "train_final",
    "train_one_epoch",
]
