"""Frozen features: each post through each encoder once, then from the cache.

A feature is found again by its text's or picture's content, the encoder, its weights, the code
that reads and encodes, the device's precision, the engine where it is not torch, and the package
version; anything of these that changes computes it anew.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from ..cache import ContentCache
from ..config import Config
from ..data.ocr import read_words
from ..data.posts import Post
from ..devices import autocast, engine_version, pick_device, precision, to_device
from ..progress import progress_bar
from ..sources import source_digest
from ..version import __version__
from .engines import compile_encoder, engine_of
from .image import ImageEncoder
from .inputs import ImageInputs, Inputs, TokenInputs
from .minilm import tweets_fingerprint
from .registry import build_encoder, encoder_fingerprint
from .text import TextEncoder
from .words import word_features

_Item = TypeVar("_Item")


# ---- the cache --------------------------------------------------------------------------


_PACKAGE = Path(__file__).parents[1]
_TEXT = ("data/text.py", "encoders/text.py", "encoders/bert.py", "encoders/minilm.py",
         "encoders/mpnet.py", "encoders/lora.py", "encoders/inputs.py")  # fmt: skip
# What makes a modality's features out of posts: where it changes, they are computed anew.
_SOURCES = {
    "text": _TEXT,
    "words": (*_TEXT, "encoders/words.py"),
    "image": ("data/images.py", "data/image_faults.py", "data/orientation.py",
              "data/transforms.py", "encoders/image.py", "encoders/lite_network.py",
              "encoders/efficientnet_lite.py", "encoders/inputs.py"),
}  # fmt: skip


def source_files(modality: str) -> list[Path]:
    """The modules that make a modality's features, `text`, `image` or `words`, out of posts."""
    return [_PACKAGE / name for name in _SOURCES[modality]]


@cache
def source_of(modality: str) -> str:
    """A hash of the code of `source_files`."""
    return source_digest(source_files(modality))


def _engine_key(engine: str) -> tuple[str, ...]:
    """What an engine adds to the key of a feature: nothing if it is torch."""
    if engine == "torch":
        return ()
    return engine_version(engine), source_digest([_PACKAGE / "encoders/engines.py"])


def open_cache(modality: str, name: str, config: Config) -> ContentCache:
    """The cache of an encoder's features, `(D,)` float32 a post, by `post_key`.

    Nothing is built for it: an encoder whose features are all known stays unbuilt.

    Args:
        modality: `text` or `image`.
        name: of the encoder.
        config: how many tokens, on which device, and by which engine.

    Raises:
        CourseError: where the encoder, the device or the engine cannot be had.
    """
    recipe = f"{config.max_tokens} tokens" if modality == "text" else "whole picture"
    weights = encoder_fingerprint(modality, name)
    numbers = precision(pick_device(config.device))
    engine = _engine_key(engine_of(modality, name, config))
    return _cache_of(modality, name, weights, recipe, numbers, source_of(modality), *engine)


def _cache_of(*parts: str) -> ContentCache:
    return ContentCache(f"features-{_hash(*parts, __version__)[:16]}")


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def post_key(post: Post, modality: str) -> str:
    """What a post's features are found by: the hash of its text, or of its picture."""
    return post.text_key if modality == "text" else post.image_key


def _remembered(
    store: ContentCache,
    items: Mapping[str, _Item],
    compute: Callable[[dict[str, _Item]], Iterable[dict[str, np.ndarray]]],
) -> dict[str, np.ndarray]:
    """The features of all items, by key; `compute` is given those that are not known yet."""
    known = store.get_many(list(items))
    missing = {key: item for key, item in items.items() if key not in known}
    if missing:
        with torch.random.fork_rng(devices=[]):  # building draws random numbers; a hit does not
            for computed in compute(missing):
                store.set_many(computed)
                known |= computed
    return known


# ---- computing --------------------------------------------------------------------------


def make_inputs(encoder: TextEncoder | ImageEncoder, config: Config) -> Inputs:
    """What reads posts for an encoder: tokens for a text encoder, pixels for an image encoder."""
    if isinstance(encoder, TextEncoder):
        return TokenInputs(encoder, config.max_tokens)
    return ImageInputs(encoder)


def _in_batches(
    inputs: Inputs, posts: Sequence[Post], label: str | None
) -> Iterator[tuple[np.ndarray, Any]]:
    """`(indices, batch)` of all posts, in the order that suits the input."""
    order = inputs.order(posts)
    shown = label is not None and len(posts) > inputs.batch_size  # one step shows nothing
    with progress_bar(None, label, total=len(posts), shown=shown) as bar:
        for start in range(0, len(posts), inputs.batch_size):
            indices = order[start : start + inputs.batch_size]
            yield indices, inputs.load([posts[index] for index in indices])
            bar.update(len(indices))


@torch.inference_mode()
def encode(
    posts: Sequence[Post],
    encoder: nn.Module,
    inputs: Inputs,
    *,
    device: torch.device,
    label: str | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The posts' features, batch by batch: `(indices (n,), features (n, D) float32)`.

    Args:
        posts: any posts.
        encoder: on `device`, in evaluation mode.
        inputs: what reads posts for it, see `make_inputs`.
        device: where to compute.
        label: of a progress bar; without one there is none.

    Raises:
        CourseError: where a picture cannot be read.
    """
    for indices, batch in _in_batches(inputs, posts, label):
        with autocast(device):
            yield indices, encoder(to_device(batch, device)).float().cpu().numpy()


def _compute(
    posts: Mapping[str, Post], modality: str, name: str, config: Config
) -> Iterator[dict[str, np.ndarray]]:
    """The posts' features by key, batch by batch."""
    device, engine = pick_device(config.device), engine_of(modality, name, config)
    encoder = build_encoder(modality, name).to(device).eval()
    if engine != "torch" and isinstance(encoder, ImageEncoder):
        compile_encoder(encoder, engine)
    inputs, keys = make_inputs(encoder, config), list(posts)
    found = encode(list(posts.values()), encoder, inputs, device=device, label=name)
    for indices, values in found:
        yield dict(zip((keys[index] for index in indices), values, strict=True))


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
    keys = [post_key(post, modality) for post in posts]
    known = _remembered(
        open_cache(modality, name, config),
        dict(zip(keys, posts, strict=True)),
        lambda missing: _compute(missing, modality, name, config),
    )
    return np.stack([known[key] for key in keys])


# ---- words in pictures ------------------------------------------------------------------


def _features_of_words(posts: Sequence[Post]) -> np.ndarray:
    words, _ = read_words(posts)
    keys = [_hash(text) for text in words]
    known = _remembered(
        _cache_of("words", tweets_fingerprint(), source_of("words")),
        dict(zip(keys, words, strict=True)),
        lambda missing: [dict(zip(missing, word_features(list(missing.values())), strict=True))],
    )
    return np.stack([known[key] for key in keys])


# ---- all of it --------------------------------------------------------------------------


def extract_features(posts: Sequence[Post], modality: str, config: Config) -> np.ndarray:
    """`(N, D)` float32: the posts' features from all encoders of a modality, side by side.

    Args:
        posts: any posts.
        modality: `text`, `image`, or `words`, the words in the picture.
        config: which encoders, how many tokens, on which device, and by which engine.

    Raises:
        CourseError: where an encoder or the engine cannot be had, or a picture cannot be read.
    """
    if modality == "words":
        return _features_of_words(posts)
    names = config.encoders(modality)
    return np.concatenate(
        [_encoder_features(posts, modality, name, config) for name in names], axis=1
    )
