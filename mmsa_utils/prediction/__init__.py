"""A trained model that answers on posts: one's own, many, or those of a file.

Stands on training; `load_model` gives a `Predictor`, which gives a `Prediction` a post.
"""

from .posts import Picture, make_post
from .predictor import Predictor
from .result import Prediction
from .store import load_model, save_model

__all__ = ["Picture", "Prediction", "Predictor", "load_model", "make_post", "save_model"]
