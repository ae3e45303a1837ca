"""A trained model that answers on posts: one's own, many, or those of a file.

Stands on training; `load_model` gives a `Predictor`, which gives a `Prediction` a post.
"""

from typing import TYPE_CHECKING

from .importing import without_collector

with without_collector():
    from .files import predict_file
    from .posts import Picture, make_post
    from .predictor import Predictor
    from .result import Prediction
    from .store import load_model, save_model

if TYPE_CHECKING:
    from .form import PredictionForm

__all__ = [
    "Picture",
    "Prediction",
    "Predictor",
    "load_model",
    "make_post",
    "predict_file",
    "prediction_form",
    "save_model",
]


def prediction_form(model: Predictor) -> "PredictionForm":
    """A form for JupyterLab that asks a model about one post after another.

    A post may have a text alone or a picture alone. What is wrong with one (nothing given, a
    picture that cannot be read) stands in one line where the answer would stand. Nothing
    leaves the machine: the form talks to the notebook's own kernel. Jupyter passes on pictures
    of up to 10 MB: of a larger one the answer says that no picture was read.

    Args:
        model: from `load_model`.
    """
    from .form import PredictionForm  # what it draws with takes a second to import

    return PredictionForm(model)
