"""Learning: batches of posts, the training loop, learners by name, folds, ensembles.

Stands on data, encoders and models, and hands its results to evaluation. The loop knows
nothing of modalities; a learner knows nothing of folds.
"""

from importlib import import_module
from typing import Any

# Where names come from, imported when they are first asked for: scikit-learn takes seconds, and a
# trained model answers without it.
_HOMES = {
    "additive": ("AdditiveProjection",),
    "batches": ("PostData",),
    "classical": ("KernelRidgeClassifier",),
    "cross_validation": ("choose", "cross_validate"),
    "ensemble": (
        *("OpinionPool", "PriorCorrection", "average_seeds", "correct_priors", "make_ensemble"),
    ),
    "final": ("predict_posts", "train_final"),
    "learners": (
        *("FitContext", "Learner", "Nested", "PostClassifier"),
        *("make_learner", "register_learner"),
    ),
    "loop": ("Trainer", "Validation", "evaluate", "train_one_epoch"),
    "network": ("NetworkClassifier",),
    "saved": ("load_shipped_model",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
