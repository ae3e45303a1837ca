"""What the words in a picture say, once they are read: the tweet classifier's judgement."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from ..config import LABELS
from .inputs import TokenInputs
from .minilm import build_tweet_classifier
from .text import TextEncoder

_TOKENS = 64  # the words of a picture are few


@torch.inference_mode()
def word_features(
    words: Sequence[str], judge: tuple[TextEncoder, nn.Linear] | None = None
) -> np.ndarray:
    """`(N, 4)` float32: the tweet classifier's logits on the words in a picture, and how many.

    The number is log(1 + words); a row without a word is zero.

    Args:
        words: a string a picture, empty where it has none.
        judge: the tweet classifier, see `build_tweet_classifier`; built anew by default.
    """
    encoder, classifier = judge or build_tweet_classifier()
    counts = np.array([len(text.split()) for text in words])
    features = np.zeros((len(words), len(LABELS) + 1), dtype=np.float32)
    features[:, -1] = np.log1p(counts)
    indices = np.flatnonzero(counts)
    indices = indices[np.argsort(counts[indices], kind="stable")]
    for start in range(0, len(indices), TokenInputs.batch_size):
        chosen = indices[start : start + TokenInputs.batch_size]
        tokens = encoder.tokenize([words[index] for index in chosen], max_tokens=_TOKENS)
        features[chosen, :-1] = classifier(encoder(tokens)).numpy()
    return features
