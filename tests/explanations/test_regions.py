"""Regions of a picture: occlusion and Grad-CAM against other ways to compute them."""

import numpy as np
import pytest
import torch
from captum.attr import FeatureAblation
from PIL import Image
from torch import nn

from mmsa_utils.encoders import build_image_encoder
from mmsa_utils.encoders.image import ImageEncoder
from mmsa_utils.errors import CourseError
from mmsa_utils.explanations import PatchParts, Target, grad_cam, occlusion, regions, seen_picture
from mmsa_utils.prediction import make_post

from .conftest import SIDE


def test_occlusion_is_captums_ablation_with_the_mean_colour(target):
    (pixels,) = target.pixels
    patch = torch.arange(SIDE) // (SIDE // 4)
    ablation = FeatureAblation(
        lambda views: target.log_odds(image=target.network.image_vectors([views]))
    )
    with torch.no_grad():
        expected = ablation.attribute(
            pixels,
            baselines=pixels.mean((2, 3), keepdim=True).expand_as(pixels),
            feature_mask=(4 * patch[:, None] + patch).expand(1, 3, -1, -1),
        )[0, 0]
    found = occlusion(target, grid=4)
    assert found.shape == (SIDE, SIDE)
    assert np.abs(found).max() > 1e-3
    assert found == pytest.approx(expected.numpy(), abs=1e-5)


def test_patches_go_row_by_row_and_without_any_the_picture_is_its_mean_colour(target):
    parts = PatchParts(target, grid=3)
    kept = np.ones((1, 9), dtype=bool)
    kept[0, 5] = False  # second row, third column
    (pixels,) = target.pixels
    mean = pixels.mean((2, 3), keepdim=True)
    covered = pixels.clone()
    covered[:, :, 8:16, 16:] = mean
    assert parts.log_odds(kept) == pytest.approx(target.of_pictures([covered]), abs=1e-6)
    none = parts.log_odds(np.zeros((1, 9), dtype=bool))
    assert none == pytest.approx(target.of_pictures([mean.expand_as(pixels)]), abs=1e-6)


def test_a_maps_mean_on_each_patch_in_the_same_order(target):
    values = np.kron(np.arange(9.0).reshape(3, 3), np.ones((8, 8)))
    assert PatchParts(target, grid=3).means(values) == pytest.approx(np.arange(9.0))


def test_more_patches_than_go_through_at_once(target, monkeypatch):
    expected = occlusion(target, grid=3)
    monkeypatch.setattr(regions, "AT_ONCE", 4)
    assert occlusion(target, grid=3) == pytest.approx(expected, abs=1e-6)


def test_the_picture_is_shown_as_the_encoder_sees_it(target, picture):
    expected = np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX))
    seen = seen_picture(target)
    assert (seen.dtype, seen.shape) == (np.uint8, (SIDE, SIDE, 3))
    assert np.abs(seen.astype(int) - expected.astype(int)).mean() < 2


# ---- Grad-CAM ---------------------------------------------------------------------------


def test_grad_cam_is_the_papers_formula(target):
    """The maps weighted by the mean gradient, of which the positive part is left."""
    encoder, (pixels,) = target.network.image_encoders[0], target.pixels
    maps = encoder.network.stage(pixels).detach().requires_grad_()
    target.log_odds(image=maps.mean((2, 3))).sum().backward()
    coarse = (maps * maps.grad.mean((2, 3), keepdim=True)).sum(1, keepdim=True).relu().detach()
    smooth = nn.functional.interpolate(coarse, size=SIDE, mode="bilinear")[0, 0]
    found = grad_cam(target)
    assert found.max() == pytest.approx(1.0)
    assert found == pytest.approx((smooth / smooth.max()).numpy(), abs=1e-4)


def test_where_nothing_speaks_for_a_class_the_map_is_zero(network, post):
    maps = [grad_cam(Target(network, post, label)) for label in range(3)]
    assert all(each.min() >= 0 and each.max() <= 1.0001 for each in maps)
    assert regions._scaled(torch.zeros(1, 1, 3, 3), 9).max() == 0


@pytest.mark.parametrize(
    ("name", "channels"), [("efficientnet_lite0", 320), ("efficientnet_lite0:stages", 320)]
)
def test_the_last_stage_of_the_embedded_encoders(name, channels):
    encoder = build_image_encoder(name)
    pixels = torch.zeros(1, 3, encoder.size, encoder.size)
    with torch.no_grad():
        shapes = []
        stage = regions.last_stage(encoder, pixels)
        hook = stage.register_forward_hook(lambda _m, _i, out: shapes.append(tuple(out.shape)))
        encoder(pixels)
        hook.remove()
    assert shapes == [(1, channels, 7, 7)]


def test_a_resnets_last_stage_is_its_fourth_layer():
    encoder = build_image_encoder("resnet18", pretrained=False)
    stage = regions.last_stage(encoder, torch.zeros(1, 3, 64, 64))
    assert stage is encoder.network.layer4


class Twice(nn.Module):
    """Looks at the picture twice, through the same layers."""

    def __init__(self):
        super().__init__()
        self.stage = nn.Sequential(nn.Conv2d(3, 2, 3))

    def forward(self, pixels):
        return self.stage(pixels).mean((2, 3)) + self.stage(pixels.flip(-1)).mean((2, 3))


@pytest.mark.parametrize("network", [Twice(), nn.Sequential(nn.Flatten(), nn.Linear(192, 2))])
def test_an_encoder_without_one_map_of_the_picture_is_refused(network):
    encoder = ImageEncoder(network, dim=2, size=8, mean=(0.5,) * 3, std=(0.5,) * 3)
    with pytest.raises(CourseError, match="use occlusion"):
        regions.last_stage(encoder, torch.zeros(1, 3, 8, 8))


def test_maps_are_those_of_the_picture_not_of_the_text(network, picture):
    turned = make_post("another text", picture[:, ::-1])
    first, second = (occlusion(Target(network, p, 0), grid=4) for p in
                     (make_post("another text", picture), turned))  # fmt: skip
    assert not np.allclose(first, second, atol=1e-4)


def test_an_encoder_without_weights_is_refused_like_any_without_maps():
    encoder = build_image_encoder("colours")
    with pytest.raises(CourseError, match="use occlusion"):
        regions.last_stage(encoder, torch.zeros(1, 3, encoder.size, encoder.size))
