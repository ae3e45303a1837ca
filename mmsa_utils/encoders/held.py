"""Encoders that are built once and kept, for posts that come and go: predictions."""

import copy
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from ..config import LABELS, Config
from ..data.ocr import available, read_words
from ..data.posts import Post
from ..devices import pick_device
from .features import encode, make_inputs
from .image import ImageEncoder
from .inputs import Inputs
from .minilm import build_tweet_classifier
from .registry import build_encoder
from .text import TextEncoder
from .words import word_features

Encoder = TextEncoder | ImageEncoder


class HeldEncoders:
    """The pretrained encoders of a config, each built when it is first asked for.

    Unlike `extract_features` they keep nothing on disk: a stream of posts leaves no trace. The
    encoders are ordinary modules in evaluation mode, on the config's device, and gradients flow
    through them.

    Args:
        config: which encoders, how many tokens, and on which device.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._built: dict[tuple[str, str], tuple[Encoder, Inputs]] = {}
        self._folded: dict[tuple[str, str], nn.Module] = {}
        self._words: dict[str, str] = {}  # in the pictures that were asked for last, by key

    @cached_property
    def device(self) -> torch.device:
        """Where the encoders compute."""
        return pick_device(self.config.device)

    def get(self, modality: str, name: str) -> tuple[Encoder, Inputs]:
        """An encoder of a modality, `text` or `image`, by name, and what reads posts for it.

        Raises:
            CourseError: where the encoder cannot be had.
        """
        key = modality, name
        if key not in self._built:
            # Building draws random numbers, and weights born in inference mode have no gradients.
            with torch.random.fork_rng(devices=[]), torch.inference_mode(False):
                encoder = build_encoder(modality, name).to(self.device).eval()
            self._built[key] = encoder, make_inputs(encoder, self.config)
        return self._built[key]

    def of(self, modality: str) -> tuple[Encoder, ...]:
        """The config's encoders of a modality, `text` or `image`, in its order."""
        return tuple(self.get(modality, name)[0] for name in self.config.encoders(modality))

    def features(self, posts: Sequence[Post], modality: str, config: Config) -> np.ndarray:
        """`(N, D)` float32: what `extract_features` gives for the same posts.

        A post that lacks the modality costs nothing and has zeros, which a model leaves out. Words
        in pictures count as absent where PP-OCR is not installed.

        Args:
            posts: any posts.
            modality: `text`, `image` or `words`.
            config: the one that these encoders are of.

        Raises:
            CourseError: where an encoder cannot be had, or a picture cannot be read.
        """
        if modality == "words":
            return self._word_features(posts)
        names = config.encoders(modality)
        return np.concatenate([self._encoded(posts, modality, name) for name in names], axis=1)

    def _encoded(self, posts: Sequence[Post], modality: str, name: str) -> np.ndarray:
        encoder, inputs = self.get(modality, name)
        if (modality, name) not in self._folded:
            self._folded[modality, name] = _folded(encoder)
        folded, features = self._folded[modality, name], np.zeros((len(posts), encoder.dim), "f4")
        there = np.flatnonzero([p.text != "" if modality == "text" else p.has_image for p in posts])
        chosen = [posts[int(index)] for index in there]
        for indices, values in encode(chosen, folded, inputs, device=self.device):
            features[there[indices]] = values
        return features

    @cached_property
    def _judge(self) -> tuple[TextEncoder, nn.Linear]:
        with torch.random.fork_rng(devices=[]):
            return build_tweet_classifier()

    def _word_features(self, posts: Sequence[Post]) -> np.ndarray:
        words = self._read(posts) if available() else [""] * len(posts)
        if not any(words):  # which spares the building of the classifier
            return np.zeros((len(posts), len(LABELS) + 1), dtype=np.float32)
        return word_features(words, self._judge)

    def _read(self, posts: Sequence[Post]) -> list[str]:
        """The words in the posts' pictures.

        What was asked for last is still known: an answer and its explanation ask for the same.
        """
        keys = [post.image_key for post in posts]
        if not set(keys) <= set(self._words):
            self._words = dict(zip(keys, read_words(posts, keep=False)[0], strict=True))
        return [self._words[key] for key in keys]


def _folded(encoder: nn.Module) -> nn.Module:
    """The encoder for inference alone: a fifth faster, and equal but for rounding.

    A BatchNorm that directly follows a convolution becomes part of it; a subclass, such as timm's
    BatchNorm with its activation, does more and stays. An encoder without any stays what it is.
    """
    if not any(isinstance(module, nn.BatchNorm2d) for module in encoder.modules()):
        return encoder
    folded = copy.deepcopy(encoder)
    for module in list(folded.modules()):
        if isinstance(module, nn.Sequential):  # whose parts run in their order
            for (first, one), (second, other) in pairwise(list(module.named_children())):
                if isinstance(one, nn.Conv2d) and type(other) is nn.BatchNorm2d:
                    setattr(module, first, fuse_conv_bn_eval(one, other))
                    setattr(module, second, nn.Identity())
    return folded
