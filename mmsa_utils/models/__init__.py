"""The sentiment model, its heads and what training minimises.

Stands on the base: encoders that are trained along are handed to it.
"""

from .additive import additive_projection
from .fusion import SentimentModel, describe, hide, make_branch
from .heads import (
    Head,
    compose,
    head_class,
    heads_for,
    mean_present,
    register_head,
    require_head,
)
from .objective import Objective, make_loss, make_objective, plain_objective
from .trainable import Batch, Trainable, decay_groups

__all__ = [
    "Batch",
    "Head",
    "Objective",
    "SentimentModel",
    "Trainable",
    "additive_projection",
    "compose",
    "decay_groups",
    "describe",
    "head_class",
    "heads_for",
    "hide",
    "make_branch",
    "make_loss",
    "make_objective",
    "mean_present",
    "plain_objective",
    "register_head",
    "require_head",
]
