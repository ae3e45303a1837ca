"""Encoders that are kept: the features of the cache, for posts that lack a part as well."""

import dataclasses

import numpy as np
import pytest
import torch

from mmsa_utils.config import Config
from mmsa_utils.encoders import (
    HeldEncoders,
    ImageEncoder,
    extract_features,
    held,
    word_features,
)

CONFIG = Config(
    text_encoders=("minilm", "minilm_tweets"),
    image_encoders=("efficientnet_lite0:stages", "efficientnet_lite0"),
)


@pytest.fixture(scope="module")
def encoders():
    return HeldEncoders(CONFIG)


@pytest.mark.parametrize("modality", ["text", "image"])
def test_features_are_those_of_the_cache(modality, encoders, demo, monkeypatch, tmp_path):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path / "cache"))
    posts = demo.labelled[:7]
    found = encoders.features(posts, modality, CONFIG)
    assert not (tmp_path / "cache").exists()
    expected = extract_features(posts, modality, CONFIG)
    assert found.dtype == np.float32
    assert np.allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("modality", ["text", "image"])
def test_posts_without_a_text_or_a_picture_are_rows_of_zeros(modality, encoders, demo):
    post = demo.labelled[0]
    bare = dataclasses.replace(post, text="", image=b"", image_key="")
    found = encoders.features([bare, post, bare], modality, CONFIG)
    alone = encoders.features([post], modality, CONFIG)
    assert np.allclose(found, np.vstack([0 * alone, alone, 0 * alone]), atol=1e-4)
    assert not encoders.features([bare], modality, CONFIG).any()


def test_encoders_of_a_modality_come_in_the_configs_order_and_stay(encoders):
    first = encoders.of("image")
    assert [encoder.dim for encoder in first] == [1712, 1280]
    assert all(a is b for a, b in zip(first, encoders.of("image"), strict=True))
    assert not any(encoder.training for encoder in first)


def test_gradients_flow_also_where_building_began_in_inference_mode():
    encoders = HeldEncoders(Config())
    with torch.inference_mode():
        (encoder,) = encoders.of("image")
    pixels = torch.rand(1, 3, encoder.size, encoder.size, requires_grad=True)
    encoder(pixels).sum().backward()
    assert pixels.grad is not None


def test_any_network_with_norms_says_the_same_when_they_are_folded_in():
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, bias=False),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.BatchNorm2d(4),  # behind no convolution
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
    )
    for norm in (network[1], network[3]):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    options = {"dim": 4, "size": 9, "mean": (0.5,) * 3, "std": (0.5,) * 3}
    encoder, pixels = ImageEncoder(network, **options).eval(), torch.rand(2, 3, 9, 9)
    folded = held._folded(encoder)
    assert torch.allclose(folded(pixels), encoder(pixels), atol=1e-6)
    assert isinstance(encoder.network[1], torch.nn.BatchNorm2d)
    assert held._folded(torch.nn.Linear(2, 2)).weight.shape == (2, 2)


class NormAndSquash(torch.nn.BatchNorm2d):
    """As timm's, which holds the activation."""

    def forward(self, x):
        return super().forward(x).tanh()


def test_an_activation_that_a_norm_holds_is_not_folded_away():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), NormAndSquash(4), torch.nn.Flatten()
    ).eval()
    pixels = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(held._folded(network)(pixels), network(pixels), atol=1e-6)


# ---- words in pictures ------------------------------------------------------------------

WORDS = Config(words=True)


def test_words_are_judged_by_one_classifier_that_is_kept(demo, monkeypatch):
    encoders, posts = HeldEncoders(WORDS), demo.labelled[:3]
    monkeypatch.setattr(held, "available", lambda: True)
    monkeypatch.setattr(held, "read_words", lambda posts, keep: (["happy words", "", "sad"], []))
    found = encoders.features(posts, "words", WORDS)
    assert np.allclose(found, word_features(["happy words", "", "sad"]), atol=1e-4)
    monkeypatch.setattr(held, "build_tweet_classifier", None)
    assert np.allclose(encoders.features(posts, "words", WORDS), found)


def test_words_are_not_kept_and_not_read_again_for_an_explanation(demo, monkeypatch):
    asked = []

    def read_words(posts, *, keep=True):
        asked.append((len(posts), keep))
        return ["happy words"] * len(posts), []

    monkeypatch.setattr(held, "available", lambda: True)
    monkeypatch.setattr(held, "read_words", read_words)
    monkeypatch.setattr(held, "word_features", lambda words, judge: np.ones((len(words), 4)))
    monkeypatch.setattr(held, "build_tweet_classifier", lambda: (None, None))
    encoders, posts = HeldEncoders(WORDS), demo.labelled
    for some in (posts[:3], posts[1:2], posts[:5], posts[7:8], posts[:1]):
        assert len(encoders.features(some, "words", WORDS)) == len(some)
    assert asked == [(3, False), (5, False), (1, False), (1, False)]


def test_words_are_absent_where_they_cannot_be_read(demo, monkeypatch):
    monkeypatch.setattr(held, "available", lambda: False)
    found = HeldEncoders(WORDS).features(demo.labelled[:2], "words", WORDS)
    assert found.shape == (2, 4)
    assert not found.any()
