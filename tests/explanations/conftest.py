"""A small untrained network to explain: MiniLM, and an image encoder of two layers."""

import numpy as np
import pytest
import torch
from torch import nn

from mmsa_utils.config import Config
from mmsa_utils.encoders.image import ImageEncoder
from mmsa_utils.encoders.registry import IMAGE_ENCODERS
from mmsa_utils.explanations import Target, network_of
from mmsa_utils.models import SentimentModel
from mmsa_utils.prediction import Predictor, make_post

SIDE, CHANNELS = 24, 5
TEXT = "I love this café, but the coffee is awful 😀 很好"


class Pooled(nn.Module):
    """A stage of one convolution, then the mean over positions."""

    def __init__(self):
        super().__init__()
        self.stage = nn.Sequential(nn.Conv2d(3, CHANNELS, 3, stride=4, padding=1), nn.Tanh())

    def forward(self, pixels):
        return self.stage(pixels).mean((2, 3))


def build_tiny():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        parts = {"dim": CHANNELS, "size": SIDE, "mean": (0.5,) * 3, "std": (0.25,) * 3}
        return ImageEncoder(Pooled(), **parts)


@pytest.fixture(scope="session", autouse=True)
def tiny():
    """Registers the encoder under a name of its own."""
    IMAGE_ENCODERS["one convolution"] = build_tiny
    yield "one convolution"
    del IMAGE_ENCODERS["one convolution"]


@pytest.fixture(scope="session")
def make_predictor(tiny):
    """A function that makes a predictor of untrained weights, the same at every call."""

    def make(*, facts=None, encoders=None, **settings):
        config = Config(**{"image_encoders": (tiny,), "head": "gated", **settings})
        width = CHANNELS if config.image_encoders == (tiny,) else 1280
        dims = {"text": 384, "image": width}
        torch.manual_seed(1)
        model = SentimentModel(
            dims={m: dims[m] for m in config.modalities}, config=config, encoders=encoders
        )
        for branch in model.branches.values():  # an untrained one hardly tells posts apart
            for layer in branch.modules():
                if isinstance(layer, nn.Linear):
                    nn.init.normal_(layer.weight, std=3 / layer.in_features**0.5)
        return Predictor(model, config, facts or {})

    return make


@pytest.fixture(scope="session")
def predictor(make_predictor):
    return make_predictor()


@pytest.fixture(scope="session")
def picture():
    """`(40, 60, 3)` uint8: colours of patches, so that regions differ."""
    coarse = np.random.default_rng(2).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return coarse.repeat(10, 0).repeat(10, 1)


@pytest.fixture(scope="session")
def post(picture):
    return make_post(TEXT, picture)


@pytest.fixture(scope="session")
def network(predictor):
    return network_of(predictor)


@pytest.fixture
def target(network, post):
    return Target(network, post)
