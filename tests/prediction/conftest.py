"""Models that answer: the shipped one, and small untrained ones."""

import numpy as np
import pytest
import torch
from torch import nn

from mmsa_utils.config import LABELS, Config
from mmsa_utils.encoders import registry
from mmsa_utils.encoders.image import ImageEncoder
from mmsa_utils.models import SentimentModel
from mmsa_utils.prediction import Predictor, load_model

SIDE, CHANNELS = 16, 4


def build_tiny():
    """An image encoder of two layers, the same at every call."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        layers = nn.Sequential(
            nn.Conv2d(3, CHANNELS, 3, stride=4, padding=1), nn.Tanh(), nn.AdaptiveAvgPool2d(1)
        )
    network = nn.Sequential(*layers, nn.Flatten())
    return ImageEncoder(network, dim=CHANNELS, size=SIDE, mean=(0.5,) * 3, std=(0.25,) * 3)


@pytest.fixture(scope="session", autouse=True)
def tiny():
    """Registers the encoder under `tiny`."""
    registry.IMAGE_ENCODERS["tiny"] = build_tiny
    yield "tiny"
    del registry.IMAGE_ENCODERS["tiny"]


@pytest.fixture(scope="session")
def shipped():
    return load_model()


@pytest.fixture(scope="session")
def make_predictor(tiny):
    """A function that makes a predictor of untrained weights, which tells posts apart."""

    def make(*, facts=None, classes=LABELS, encoders=None, **settings):
        config = Config(**{"image_encoders": (tiny,), **settings})
        dims = {"text": 384, "image": CHANNELS, "words": 4}
        torch.manual_seed(1)
        model = SentimentModel(
            dims={m: dims[m] for m in config.modalities},
            config=config,
            classes=classes,
            encoders=encoders,
        )
        for layer in model.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=2 / layer.in_features**0.5)
        return Predictor(model, config, facts or {})

    return make


@pytest.fixture(scope="session")
def picture():
    """`(40, 60, 3)` uint8, patches of many colours."""
    coarse = np.random.default_rng(2).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return coarse.repeat(10, 0).repeat(10, 1)
