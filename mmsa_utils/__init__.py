"""Reusable code of the multimodal sentiment analysis course. The folders, in the order of a run:

base          config (every knob of a run), settings (environment variables), paths, io (files),
              cache, sources (hashes of code), devices, progress (bars), errors, version: this
              folder itself; all else stands on it
data/         posts read and checked, their texts and pictures, words in pictures, groups of
              copies and folds, the demo set
encoders/     pretrained networks that turn a text or a picture into a vector, and the cache of
              these vectors
models/       heads that fuse the modalities, the network around them, its loss
training/     batches, the training loop, learners, cross-validation, ensembles, the final fit
evaluation/   predictions, metrics, comparisons, records and their analysis: stands on base and data
figures/      every drawing of posts, training, results and answers: stands on evaluation
prediction/   a trained model that answers on posts, its files, rows of a table, a form
explanations/ what in a post spoke for an answer, and whether to trust that
experiments/  what the course ran: recipes, the reference run, ablations, model card, report,
              notebooks, and models of one's own
exercises/    checks of the notebooks' exercises; only notebooks use them
commands/     what `mmsa_utils COMMAND` does

data -> encoders -> models -> training -> prediction -> explanations -> experiments -> commands: a
folder imports from those before it, never from one after it.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
    from .prediction import Predictor

# Read by the libraries when they are imported, so it has to be said before.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# So often a thread of torch looks whether the others are ready, before it sleeps. With the usual
# 300,000 a post takes ten times as long where another program wants the processor, too.
os.environ.setdefault("GOMP_SPINCOUNT", "30000")

__all__ = ["__version__", "load_model"]


def load_model(folder: Path | str | None = None) -> "Predictor":
    """A trained model that answers on posts; needs no internet.

    >>> import mmsa_utils
    >>> model = mmsa_utils.load_model()
    >>> model.predict(text="What a lovely day!").label
    'positive'
    >>> answer = model.predict(text="What a lovely day!", image="data/demo/data/1.jpg")
    >>> sorted(answer.views)  # what each modality says alone, (K,) probabilities
    ['image', 'text']
    >>> [answer.label for answer in model.predict([("I love it", None), ("I hate it", None)])]
    ['positive', 'negative']

    Args:
        folder: that `mmsa_utils train` has written; the model that comes with the course by
            default.

    Raises:
        mmsa_utils.errors.CourseError: in one line, where there is no model, it is altered,
            truncated or of a newer version, or one of its encoders is another one here.
    """
    from .prediction.store import load_model as load  # torch takes seconds to import

    return load(folder)
