"""Posts: read and checked, their texts and pictures, groups of copies and folds, the demo set.

Stands on the base modules (config, settings, paths, io, errors, version) alone.
"""

from .checking import FolderReport, report
from .classes import check_classes, load_classes
from .decoding import decode
from .demo import CEILINGS, make_demo, verdict
from .images import ImageFacts, decode_image
from .ocr import read_words
from .posts import Dataset, Post, check_folder, load_dataset
from .problems import PROBLEM_COLUMNS
from .splits import find_groups, make_folds, require_folds, train_validation_split
from .text import clean
from .transforms import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    augmentation_steps,
    eval_transform,
    single_augmentations,
    train_transform,
)

__all__ = [
    "CEILINGS",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "PROBLEM_COLUMNS",
    "Dataset",
    "FolderReport",
    "ImageFacts",
    "Post",
    "augmentation_steps",
    "check_classes",
    "check_folder",
    "clean",
    "decode",
    "decode_image",
    "eval_transform",
    "find_groups",
    "load_classes",
    "load_dataset",
    "make_demo",
    "make_folds",
    "read_words",
    "report",
    "require_folds",
    "single_augmentations",
    "train_transform",
    "train_validation_split",
    "verdict",
]
