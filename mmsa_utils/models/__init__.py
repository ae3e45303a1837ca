"""The sentiment model, its heads and what training minimises.

Stands on the base: encoders that are trained along are handed to it.
"""

from .fusion import SentimentModel, describe, make_branch
from .heads import Head, compose, head_class, mean_present, register_head
from .objective import Objective, make_loss, make_objective, plain_objective
from .trainable import Batch, Trainable, decay_groups

__all__ = [
    "Batch",
    "Head",
    "Objective",
    "SentimentModel",
    "Trainable",
    "compose",
    "decay_groups",
    "describe",
    "head_class",
    "make_branch",
    "make_loss",
    "make_objective",
    "mean_present",
    "plain_objective",
    "register_head",
]
