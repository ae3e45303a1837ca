"""Encoders by name: those that are registered, one's own, and a clear word about any other."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from mmsa_utils.config import Config
from mmsa_utils.encoders import (
    ImageEncoder,
    build_encoder,
    build_image_encoder,
    build_text_encoder,
    encoder_fingerprint,
    extract_features,
    register_image_encoder,
    registry,
)
from mmsa_utils.encoders.efficientnet_lite import LITE
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


# ---- fingerprints -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modality", "name"),
    [("text", "minilm"), ("text", "minilm_tweets"), ("image", "efficientnet_lite0:views")],
)
def test_an_embedded_encoder_is_named_by_its_weight_file(modality, name):
    assert encoder_fingerprint(modality, name) == build_encoder(modality, name).fingerprint


def test_a_spoilt_weight_file_is_noticed_without_building(monkeypatch, tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"spoilt")
    spoilt = dataclasses.replace(LITE["efficientnet_lite0"], file=lambda: tmp_path / "weights.pth")
    monkeypatch.setitem(LITE, "efficientnet_lite0", spoilt)
    with pytest.raises(CourseError, match=r"weights\.pth is not the published"):
        encoder_fingerprint("image", "efficientnet_lite0:stages")


def register(small_bert, monkeypatch, kind=registry.TextEncoder, tokenizer=None):
    """Registers a text encoder; the list returned grows with each building."""
    built = []
    monkeypatch.setattr(registry, "TEXT_ENCODERS", dict(registry.TEXT_ENCODERS))

    @registry.register_text_encoder("counted")
    def build():
        built.append(torch.rand(1))
        return kind(small_bert[0], tokenizer or small_bert[1])

    return built


def test_an_own_encoder_is_built_once_a_process_for_its_fingerprint(small_bert, monkeypatch):
    built, state = register(small_bert, monkeypatch), torch.get_rng_state()
    first = encoder_fingerprint("text", "counted")
    assert encoder_fingerprint("text", "counted") == first
    assert len(built) == 1
    assert torch.equal(torch.get_rng_state(), state)
    again = register(small_bert, monkeypatch)  # a notebook's cell that is run again
    assert encoder_fingerprint("text", "counted") == first
    assert len(again) == 1


def test_another_tokenizer_or_another_code_is_another_encoder(small_bert, monkeypatch):
    class First(registry.TextEncoder):
        def forward(self, tokens):
            return super().forward(tokens)[:, :16]

    class Second(registry.TextEncoder):
        def forward(self, tokens):
            return super().forward(tokens)[:, 16:]

    cased = copy.deepcopy(small_bert[1])
    cased.add_tokens(["yay"])
    found = set()
    for kind, tokenizer in [(registry.TextEncoder, None), (First, None), (Second, None),
                            (registry.TextEncoder, cased)]:  # fmt: skip
        register(small_bert, monkeypatch, kind, tokenizer)
        found.add(encoder_fingerprint("text", "counted"))
    assert len(found) == 4


def test_another_input_size_is_another_image_encoder(monkeypatch):
    monkeypatch.setattr(registry, "IMAGE_ENCODERS", dict(registry.IMAGE_ENCODERS))
    found = set()
    for size in (32, 48):

        @register_image_encoder("sized")
        def build(size=size):
            network = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
            return ImageEncoder(network, dim=3, size=size, mean=(0.0,) * 3, std=(1.0,) * 3)

        found.add(encoder_fingerprint("image", "sized"))
    assert len(found) == 2


class Own(nn.Module):
    """A part of a notebook's encoder, with a knob."""

    def __init__(self, pooling):
        super().__init__()
        self.pooling = pooling
        self.of_no_account = object()  # says another thing in every process


def fingerprint_of(monkeypatch, *parts):
    monkeypatch.setattr(registry, "IMAGE_ENCODERS", dict(registry.IMAGE_ENCODERS))

    @register_image_encoder("of parts")
    def build():
        network = torch.nn.Sequential(*parts, torch.nn.Flatten())
        return ImageEncoder(network, dim=3, size=32, mean=(0.0,) * 3, std=(1.0,) * 3)

    return encoder_fingerprint("image", "of parts")


def test_another_part_without_weights_is_another_encoder(monkeypatch):
    mean, greatest = nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)
    choices = [(mean,), (greatest,), (nn.ReLU(), mean), (nn.GELU(), mean)]
    found = [fingerprint_of(monkeypatch, *parts) for parts in choices]
    assert len(set(found)) == 4
    assert fingerprint_of(monkeypatch, nn.AdaptiveAvgPool2d(1)) == found[0]


def test_another_value_in_an_own_part_is_another_encoder(monkeypatch):
    found = [
        fingerprint_of(monkeypatch, Own(pooling)) for pooling in ("mean", "max", ("max", [2]), None)
    ]
    assert len(set(found)) == 4
    assert fingerprint_of(monkeypatch, Own("mean")) == found[0]


def test_a_folder_whose_files_change_is_another_encoder(small_bert, tmp_path):
    model, tokenizer = copy.deepcopy(small_bert)
    for part in (model, tokenizer):
        part.save_pretrained(tmp_path / "model")
    name = str(tmp_path / "model")
    first = encoder_fingerprint("text", name)
    assert encoder_fingerprint("text", name) == first
    with torch.no_grad():
        next(model.parameters()).add_(1)
    model.save_pretrained(tmp_path / "model")
    assert encoder_fingerprint("text", name) != first


def test_what_cannot_be_had_has_no_fingerprint():
    with pytest.raises(CourseError, match="no_such_network"):
        encoder_fingerprint("image", "no_such_network")
