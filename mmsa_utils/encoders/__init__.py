"""Pretrained encoders by name, and their cached features. Stands on the base and on data."""

from . import efficientnet_lite, minilm, mpnet, rules  # noqa: F401 (imported to be registered)
from .features import extract_features, lower_outputs
from .held import HeldEncoders
from .image import ImageEncoder
from .inputs import ImageInputs, TokenInputs
from .minilm import build_tweet_classifier
from .registry import (
    build_encoder,
    build_image_encoder,
    build_text_encoder,
    encoder_fingerprint,
    encoder_fingerprints,
    register_image_encoder,
    register_text_encoder,
)
from .text import TextEncoder
from .words import word_features

__all__ = [
    "HeldEncoders",
    "ImageEncoder",
    "ImageInputs",
    "TextEncoder",
    "TokenInputs",
    "build_encoder",
    "build_image_encoder",
    "build_text_encoder",
    "build_tweet_classifier",
    "encoder_fingerprint",
    "encoder_fingerprints",
    "extract_features",
    "lower_outputs",
    "register_image_encoder",
    "register_text_encoder",
    "word_features",
]
