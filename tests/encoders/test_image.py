"""Any classifier becomes an encoder, which may be cut in two and keeps ImageNet's statistics."""

import pytest
import torch
from torch import nn

from mmsa_utils.encoders import ImageEncoder, build_image_encoder, image
from mmsa_utils.errors import CourseError


@pytest.mark.parametrize("name", ["resnet18", "convnext_tiny", "mobilenet_v3_small", "vit_b_16"])
def test_any_torchvision_classifier_becomes_an_encoder(name):
    encoder = build_image_encoder(name, pretrained=False)
    with torch.inference_mode():
        vectors = encoder(torch.zeros(1, 3, encoder.size, encoder.size))
    assert vectors.shape == (1, encoder.dim)


def test_a_timm_network_becomes_an_encoder():
    encoder = build_image_encoder("timm:resnet10t", pretrained=False)
    with torch.inference_mode():
        vectors = encoder(torch.zeros(1, 3, encoder.size, encoder.size))
    assert vectors.shape == (1, encoder.dim)


def test_weights_without_a_published_hash_are_named_by_their_content():
    one, other = (build_image_encoder("resnet18", pretrained=False) for _ in range(2))
    assert one.fingerprint != other.fingerprint  # two random draws
    assert one.split(2)[1].fingerprint == one.fingerprint


# The lower part of each, and the shape of what it hands on; resnet18 flattens in between.
@pytest.mark.parametrize(
    ("name", "stages", "maps"),
    [("efficientnet_lite0", 4, (112, 14, 14)), ("resnet18", 2, (256, 14, 14))],
)
def test_an_image_encoder_in_two_parts_says_what_the_whole_says(name, stages, maps):
    encoder = build_image_encoder(name, pretrained=False)
    lower, upper = encoder.split(stages)
    pixels = torch.rand(2, 3, 224, 224)
    with torch.inference_mode():
        assert lower(pixels).shape == (2, *maps)
        assert torch.allclose(upper(lower(pixels)), encoder(pixels), atol=1e-4)


def test_a_network_that_is_more_than_a_row_of_parts_is_not_cut():
    with pytest.raises(CourseError, match="cannot be cut"):
        build_image_encoder("vit_b_16", pretrained=False).split(2)


class Strict(nn.Conv2d):
    """Takes no input of another device, as a GPU does."""

    def forward(self, x):
        if x.device != self.weight.device:
            raise RuntimeError(f"{x.device} and {self.weight.device}")
        return super().forward(x)


def make_small():
    """An encoder of two parts with weights."""
    layers = Strict(3, 4, 3, stride=4), nn.Tanh(), nn.Conv2d(4, 2, 1), nn.Flatten()
    return ImageEncoder(nn.Sequential(*layers), dim=8, size=9, mean=(0,) * 3, std=(1,) * 3)


def test_an_encoder_is_cut_where_it_computes(monkeypatch):
    monkeypatch.setattr(image.torch, "allclose", lambda *_, **__: True)  # "meta" has no numbers
    lower, upper = make_small().to("meta").split(1)
    assert [len(lower), len(upper.network)] == [2, 2]


def test_the_cut_is_checked_on_pixels_that_are_the_same_on_every_device():
    torch.manual_seed(5)
    make_small().split(1)
    after = torch.rand(1)
    torch.manual_seed(5)
    make_small()
    torch.randn(1, 3, 9, 9)
    assert torch.equal(after, torch.rand(1))


def test_more_parts_than_there_are_cannot_be_trained():
    assert len(make_small().split(2)[0]) == 0
    with pytest.raises(CourseError, match=r"trained_stages=3, but .* has 2 parts with weights"):
        make_small().split(3)


def test_batch_statistics_of_a_trained_image_encoder_stay_imagenets():
    encoder = build_image_encoder("efficientnet_lite0").train()
    before = encoder.network.bn1.running_mean.clone()
    encoder(torch.rand(2, 3, 224, 224) + 5)
    assert torch.equal(before, encoder.network.bn1.running_mean)
