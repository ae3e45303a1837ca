"""Frozen features: each post through each encoder once, then from the cache.

A feature is found again by the post's content, the encoder, its weights, the transform
and the package version; anything else that changes computes it anew.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from tqdm.auto import tqdm

from ..config import LABELS
from ..data.images import decode_picture, eval_transform
from ..data.ocr import read_words
from ..data.text import clean
from ..devices import autocast, pick_device, to_device
from ..io import replacing
from ..paths import cache_folder
from ..version import __version__
from .registry import build_encoder, build_tweet_classifier

_SAVE_EVERY = 1024  # posts


def tokenise(encoder, texts, *, max_tokens):
    """Tokens of cleaned texts, padded to the longest of them: each tensor `(B, T)`."""
    tokens = encoder.tokenizer(
        [clean(text) for text in texts],
        padding=True,
        truncation=True,
        max_length=max_tokens,
        return_tensors="pt",
    )
    return {name: tokens[name] for name in ("input_ids", "attention_mask")}


class _TextInput:
    """Batches of token tensors, texts of like length together."""

    batch_size = 64

    def __init__(self, encoder, max_tokens):
        self.encoder, self.max_tokens = encoder, max_tokens
        self.recipe = f"clean, {max_tokens} tokens"

    def order(self, posts):
        return np.argsort([len(post.text) for post in posts], kind="stable")

    def load(self, posts):
        texts = [post.text for post in posts]
        return tokenise(self.encoder, texts, max_tokens=self.max_tokens)


class _ImageInput:
    """Batches of pictures, decoded in parallel and seen through the evaluation transform."""

    batch_size = 32

    def __init__(self, encoder):
        self.size = encoder.size
        self.transform = eval_transform(size=self.size, mean=encoder.mean, std=encoder.std)
        self.recipe = repr(self.transform)

    def order(self, posts):
        return np.arange(len(posts))

    def _read(self, post):
        pixels = decode_picture(post.picture, least_side=self.size)
        return self.transform(image=pixels)["image"]

    def load(self, posts):
        with ThreadPoolExecutor() as pool:
            return torch.stack(list(pool.map(self._read, posts)))


def _inputs(modality, encoder, config):
    if modality == "text":
        return _TextInput(encoder, config.max_tokens)
    return _ImageInput(encoder)


class _Cache:
    """Rows by content in one file an encoder; saved every so often and at the end."""

    def __init__(self, key):
        self.path = cache_folder() / f"features-{key}.npz"
        self.rows = {}
        if self.path.exists():
            with np.load(self.path) as saved:
                self.rows = dict(zip(saved["content"].tolist(), saved["values"], strict=True))

    def save(self):
        with replacing(self.path) as temporary:
            content, values = list(self.rows), np.stack(list(self.rows.values()))
            np.savez(temporary, content=content, values=values)


def _in_batches(inputs, posts, label):
    """`(places, batch)` of all posts, in the order that suits the input."""
    order = inputs.order(posts)
    with tqdm(total=len(posts), desc=label, leave=False) as bar:
        for start in range(0, len(posts), inputs.batch_size):
            places = order[start : start + inputs.batch_size]
            yield places, inputs.load([posts[place] for place in places])
            bar.update(len(places))


@torch.inference_mode()
def _compute(encoder, inputs, posts, cache, device, label):
    encoder = encoder.to(device).eval()
    for places, batch in _in_batches(inputs, posts, label):
        with autocast(device):
            values = encoder(to_device(batch, device))
        for place, value in zip(places, values.float().cpu().numpy(), strict=True):
            cache.rows[posts[place].content] = value
        if len(cache.rows) % _SAVE_EVERY < len(places):
            cache.save()
    cache.save()


@torch.no_grad()
def lower_outputs(posts, encoder, config):
    """What a text encoder's frozen layers make of each post: a tensor `(T, dim)`, a row a token."""
    device = pick_device(config.device)
    lower, _ = encoder.to(device).eval().split(config.trained_stages)
    outputs = [None] * len(posts)
    inputs = _TextInput(encoder, config.max_tokens)
    for places, tokens in _in_batches(inputs, posts, "frozen layers"):
        masks, states = tokens["attention_mask"].bool(), lower(to_device(tokens, device)).cpu()
        for place, hidden, mask in zip(places, states, masks, strict=True):
            outputs[place] = hidden[mask]  # without padding
    return outputs


def _encoder_features(posts, modality, name, config):
    encoder = build_encoder(modality, name)
    inputs = _inputs(modality, encoder, config)
    parts = (modality, name, encoder.fingerprint, inputs.recipe, __version__)
    cache = _Cache(hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16])
    missing = list({p.content: p for p in posts if p.content not in cache.rows}.values())
    if missing:
        _compute(encoder, inputs, missing, cache, pick_device(config.device), name)
    return np.stack([cache.rows[post.content] for post in posts])


@torch.inference_mode()
def word_features(words):
    """`(N, 4)` float32: the tweet classifier's logits on the words in a picture, and how many.

    The number is log(1 + words); a row without a word is zero.
    """
    encoder, head = build_tweet_classifier()
    counts = np.array([len(text.split()) for text in words])
    features = np.zeros((len(words), len(LABELS) + 1), dtype=np.float32)
    features[:, -1] = np.log1p(counts)
    places = np.flatnonzero(counts)
    places = places[np.argsort(counts[places], kind="stable")]
    for start in range(0, len(places), _TextInput.batch_size):
        chosen = places[start : start + _TextInput.batch_size]
        tokens = tokenise(encoder, [words[place] for place in chosen], max_tokens=64)
        features[chosen, :-1] = head(encoder(tokens)).numpy()
    return features


def extract_features(posts, modality, config):
    """`(N, D)` float32: the posts' features from all encoders of a modality, side by side."""
    if modality == "words":
        return word_features(read_words(posts)[0])
    names = config.encoders(modality)
    return np.concatenate(
        [_encoder_features(posts, modality, name, config) for name in names], axis=1
    )
