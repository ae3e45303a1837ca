"""Reusable code of the multimodal sentiment analysis course. The folders, in the order of a run:

base          config (every knob of a run), settings (environment variables), paths, io (files),
              cache, sources (hashes of code), devices, errors, version: this folder itself; all
              else stands on it
data/         posts read and checked, their texts and pictures, words in pictures, groups of
              copies and folds, the demo set
encoders/     pretrained networks that turn a text or a picture into a vector, and the cache of
              these vectors
models/       heads that fuse the modalities, the network around them, its loss
training/     batches, the training loop, learners, cross-validation, ensembles, the final fit
evaluation/   predictions, metrics, comparisons, records and their analysis: stands on base and data
figures/      every drawing of posts, training and results: stands on evaluation
experiments/  what the course ran: recipes, the reference run, ablations, report, notebooks

data -> encoders -> models -> training -> experiments: a folder imports from those before it,
never from one after it.
"""

import os

from .version import __version__

# Read by the libraries when they are imported, so it has to be said before.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

__all__ = ["__version__"]
