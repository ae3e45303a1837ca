"""Encoders by name: those that are registered, one's own, and a clear word about any other."""

import numpy as np
import pytest
import torch

from mmsa_utils.config import Config
from mmsa_utils.encoders import (
    ImageEncoder,
    build_encoder,
    build_image_encoder,
    build_text_encoder,
    extract_features,
    register_image_encoder,
    registry,
)
from mmsa_utils.errors import CourseError


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (build_text_encoder, "no/such-model"),
        (build_image_encoder, "no_such_network"),
        (build_image_encoder, "timm:no_such_network"),
        (build_image_encoder, "efficientnet_lite0:no_such_view"),
    ],
)
def test_a_model_that_cannot_be_had_is_one_line_that_names_the_embedded_ones(build, name):
    with pytest.raises(CourseError) as error:
        build(name)
    assert name in str(error.value)
    assert "minilm" in str(error.value)
    assert "\n" not in str(error.value)


def test_an_own_text_encoder_is_used_by_its_name_and_named_with_the_others(demo, mine):
    vectors = extract_features(demo.labelled[:3], "text", Config(text_encoders=("mine",)))
    assert vectors.shape == (3, 32)
    assert isinstance(build_encoder("text", "mine"), mine)
    with pytest.raises(CourseError, match=r"Registered: minilm,.* mine$"):
        build_text_encoder("no/such-model")


def test_an_own_image_encoder_is_used_by_its_name(demo, monkeypatch, tmp_path):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    monkeypatch.setattr(registry, "IMAGE_ENCODERS", dict(registry.IMAGE_ENCODERS))

    @register_image_encoder("mean_colour")
    def build_mean_colour():
        network = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
        return ImageEncoder(network, dim=3, size=32, mean=(0.0,) * 3, std=(1.0,) * 3)

    config = Config(image_encoders=("mean_colour", "efficientnet_lite0"))
    vectors = extract_features(demo.labelled[:3], "image", config)
    assert vectors.shape == (3, 3 + 1280)
    assert ((vectors[:, :3] >= 0) & (vectors[:, :3] <= 1)).all()
    assert np.ptp(vectors[:, :3], axis=0).any()  # pictures differ


def test_a_name_that_is_registered_again_is_the_new_encoder(mine, small_bert):
    @registry.register_text_encoder("mine")
    def build_mine():
        return registry.TextEncoder(*small_bert, fingerprint="the second one")

    assert build_text_encoder("mine").fingerprint == "the second one"


def test_encoders_are_built_for_use_not_for_training():
    assert not build_text_encoder("minilm").training
    assert not build_image_encoder("resnet18", pretrained=False).training
