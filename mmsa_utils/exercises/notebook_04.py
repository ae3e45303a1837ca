"""The exercises of notebook 4: luck above a ceiling, colours alone, BatchNorm and maps by hand."""

from collections.abc import Callable
from functools import cache
from typing import Any, cast

import numpy as np

from .core import exercise

_SEED = 4


@exercise(
    "4.1",
    hint="132 are right for certain: count how often the 108 guesses bring at least 41 more.",
    why="A perfect reader gets there too, in one world of six: a point or two above a ceiling is "
    "luck before it is a leak.",
)
def luck_above_the_ceiling(answer: object) -> bool:
    """How often a perfect reader of the demo's pictures gets 173 or more of 240 right."""
    from scipy.stats import binom

    return abs(float(cast(Any, answer)) - binom.sf(173 - 132 - 1, 108, 1 / 3)) < 0.015


@cache
def _predicted_from_colours() -> np.ndarray:
    """`(240,)` classes, out of fold."""
    from ..config import Config
    from ..data import load_dataset
    from ..paths import DEMO
    from ..training import cross_validate

    config = Config(mode="image", image_encoders=("colours",))
    return cross_validate(load_dataset(DEMO), config).probabilities[0].argmax(1)


@exercise(
    "4.2",
    hint='Change `image_encoders` to ("colours",) and nothing else, cross-validate on the demo '
    "set, and take the most probable class of each post, out of fold.",
    why="Thirty-four numbers without a single shape: what a network can use and what a person "
    "would look at are two things, so measure what is cheap before you praise what is large.",
)
def colours_alone(answer: object) -> bool:
    """The classes that hue, saturation and brightness predict on the demo set, `(240,)`."""
    given, expected = np.asarray(answer), _predicted_from_colours()
    return given.shape == expected.shape and float((given == expected).mean()) > 0.95


@exercise(
    "4.3",
    hint="Each channel has its own four numbers: subtract its running mean, divide by the root of "
    "its running variance plus eps, then scale and shift.",
    why="In evaluation BatchNorm is a fixed straight line a channel: no other picture has a say.",
)
def batch_norm(answer: object) -> bool:
    """BatchNorm in evaluation, `(B, C, H, W)` -> the same shape, as torch computes it."""
    import torch

    torch.manual_seed(_SEED)
    norm = torch.nn.BatchNorm2d(5, eps=1e-3).eval()
    for values in (norm.running_mean, norm.running_var, norm.weight.data, norm.bias.data):
        cast(torch.Tensor, values).uniform_(0.5, 3)
    pixels = 4 * torch.randn(2, 5, 6, 7) + 1
    expected = norm(pixels).detach()  # first: an answer may change the layer
    given = cast(Callable[..., torch.Tensor], answer)(pixels, norm)
    return given.shape == expected.shape and torch.allclose(given, expected, atol=1e-4)


@exercise(
    "4.4",
    hint="Every position has a vector of C numbers: weigh it by the class's weights and add up, so "
    "that the mean over all positions is the class's logit without its bias.",
    why="Pooling and a linear layer are both sums and may change places: so the logit can be "
    "spread over the picture again.",
)
def activation_map(answer: object) -> bool:
    """A class activation map, `(C, H, W)` and `(C,)` -> `(H, W)`."""
    rng = np.random.default_rng(_SEED)
    maps, weight = rng.random((6, 3, 4)), rng.normal(size=6)
    given = np.asarray(cast(Callable[..., object], answer)(maps, weight))
    return given.shape == (3, 4) and np.allclose(given, np.einsum("chw,c->hw", maps, weight))
