"""Reusable code of the multimodal sentiment analysis course.

One-way flow: data folder -> checked posts -> groups and folds -> encoders (+ feature
cache) -> model -> engine -> cross-validation -> record -> plots, report, prediction.
"""

import os

from .version import __version__

# Read by the libraries when they are imported, so it has to be said before.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

__all__ = ["__version__"]
