"""Frozen features: each post through each encoder once, then from the cache.

A feature is found again by the post's content, the encoder, its weights, the transform
and the package version; anything else that changes computes it anew.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from ..config import LABELS, Config
from ..data.ocr import read_words
from ..data.posts import Post
from ..devices import autocast, pick_device, to_device
from ..io import replacing
from ..settings import cache_folder
from ..version import __version__
from .image import ImageEncoder
from .inputs import ImageInputs, Inputs, TokenInputs
from .minilm import TWEETS, build_tweet_classifier
from .registry import build_encoder
from .text import TextEncoder
from .weights import shipped_file

_SAVE_EVERY = 1024  # posts
_WORD_TOKENS = 64  # the words of a picture are few


# ---- the cache --------------------------------------------------------------------------


class FeatureCache:
    """Feature rows by a post's content, in one file an encoder.

    Attributes:
        rows: `{content: (D,) float32}`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, np.ndarray] = {}
        self._seen: tuple[int, int] | None = None

    def _stamp(self) -> tuple[int, int] | None:
        if not self.path.exists():
            return None
        stat = self.path.stat()
        return stat.st_mtime_ns, stat.st_size

    def refresh(self) -> None:
        """Reads the file, unless its rows are here already."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self.rows, self._seen = {}, stamp
        if stamp is not None:
            with np.load(self.path) as saved:
                self.rows = dict(zip(saved["content"].tolist(), saved["values"], strict=True))

    def save(self) -> None:
        """Writes all rows."""
        with replacing(self.path) as temporary:
            content, values = list(self.rows), np.stack(list(self.rows.values()))
            np.savez(temporary, content=content, values=values)
        self._seen = self._stamp()


@lru_cache(maxsize=8)  # files, each a few dozen MB at most
def _cache_at(path: Path) -> FeatureCache:
    return FeatureCache(path)


def open_cache(key: str) -> FeatureCache:
    """The feature cache of a key in today's cache folder, up to date with its file."""
    cache = _cache_at(cache_folder() / f"features-{key}.npz")
    cache.refresh()
    return cache


# ---- computing --------------------------------------------------------------------------


def _make_inputs(encoder: TextEncoder | ImageEncoder, config: Config) -> Inputs:
    if isinstance(encoder, TextEncoder):
        return TokenInputs(encoder, config.max_tokens)
    return ImageInputs(encoder)


def _in_batches(
    inputs: Inputs, posts: Sequence[Post], label: str
) -> Iterator[tuple[np.ndarray, Any]]:
    """`(indices, batch)` of all posts, in the order that suits the input."""
    order = inputs.order(posts)
    with tqdm(total=len(posts), desc=label, leave=False) as bar:
        for start in range(0, len(posts), inputs.batch_size):
            indices = order[start : start + inputs.batch_size]
            yield indices, inputs.load([posts[index] for index in indices])
            bar.update(len(indices))


@torch.inference_mode()
def _compute(
    encoder: TextEncoder | ImageEncoder,
    inputs: Inputs,
    posts: Sequence[Post],
    cache: FeatureCache,
    *,
    device: torch.device,
    label: str,
) -> None:
    encoder = encoder.to(device).eval()
    for indices, batch in _in_batches(inputs, posts, label):
        with autocast(device):
            values = encoder(to_device(batch, device))
        for index, value in zip(indices, values.float().cpu().numpy(), strict=True):
            cache.rows[posts[index].content] = value
        if len(cache.rows) % _SAVE_EVERY < len(indices):
            cache.save()
    cache.save()


@torch.no_grad()
def lower_outputs(
    posts: Sequence[Post], encoder: TextEncoder, config: Config
) -> list[torch.Tensor]:
    """What a text encoder's frozen layers make of each post: `(T, dim)`, a row a token.

    Frozen are all layers but the last `config.trained_stages`.
    """
    device = pick_device(config.device)
    lower, _ = encoder.to(device).eval().split(config.trained_stages)
    outputs: dict[int, torch.Tensor] = {}
    inputs = TokenInputs(encoder, config.max_tokens)
    for indices, tokens in _in_batches(inputs, posts, "frozen layers"):
        masks, states = tokens["attention_mask"].bool(), lower(to_device(tokens, device)).cpu()
        for index, hidden, mask in zip(indices, states, masks, strict=True):
            outputs[int(index)] = hidden[mask]  # without padding
    return [outputs[index] for index in range(len(posts))]


def _encoder_features(
    posts: Sequence[Post], modality: str, name: str, config: Config
) -> np.ndarray:
    encoder = build_encoder(modality, name)
    inputs = _make_inputs(encoder, config)
    parts = (modality, name, encoder.fingerprint, inputs.recipe, __version__)
    cache = open_cache(hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16])
    missing = list({p.content: p for p in posts if p.content not in cache.rows}.values())
    if missing:
        device = pick_device(config.device)
        _compute(encoder, inputs, missing, cache, device=device, label=name)
    return np.stack([cache.rows[post.content] for post in posts])


# ---- words in pictures ------------------------------------------------------------------


@torch.inference_mode()
def word_features(words: Sequence[str]) -> np.ndarray:
    """`(N, 4)` float32: the tweet classifier's logits on the words in a picture, and how many.

    The number is log(1 + words); a row without a word is zero.

    Args:
        words: a string a picture, empty where it has none.
    """
    encoder, classifier = build_tweet_classifier()
    counts = np.array([len(text.split()) for text in words])
    features = np.zeros((len(words), len(LABELS) + 1), dtype=np.float32)
    features[:, -1] = np.log1p(counts)
    indices = np.flatnonzero(counts)
    indices = indices[np.argsort(counts[indices], kind="stable")]
    for start in range(0, len(indices), TokenInputs.batch_size):
        chosen = indices[start : start + TokenInputs.batch_size]
        tokens = encoder.tokenize([words[index] for index in chosen], max_tokens=_WORD_TOKENS)
        features[chosen, :-1] = classifier(encoder(tokens)).numpy()
    return features


@lru_cache(maxsize=4)
def _remembered_word_features(words: tuple[str, ...], _classifier: str) -> np.ndarray:
    # By the whole list, not text by text: other batches would move the last digits. The
    # classifier's hash is asked for because its file can be made anew while this process runs.
    return word_features(words)


# ---- all of it --------------------------------------------------------------------------


def extract_features(posts: Sequence[Post], modality: str, config: Config) -> np.ndarray:
    """`(N, D)` float32: the posts' features from all encoders of a modality, side by side.

    Args:
        posts: any posts.
        modality: `text`, `image`, or `words`, the words in the picture.
        config: which encoders, and how many tokens.

    Raises:
        CourseError: where an encoder cannot be had, or a picture cannot be read.
    """
    if modality == "words":
        words, _ = read_words(posts)
        return _remembered_word_features(tuple(words), shipped_file(TWEETS)[1]).copy()
    names = config.encoders(modality)
    return np.concatenate(
        [_encoder_features(posts, modality, name, config) for name in names], axis=1
    )
