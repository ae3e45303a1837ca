"""EfficientNet-Lite: the published networks' outputs, and richer views that contain them."""

import pytest
import timm
import torch

from mmsa_utils.encoders import build_image_encoder
from mmsa_utils.encoders.efficientnet_lite import LITE, MultiStage, build_lite_classifier, renamed
from mmsa_utils.errors import CourseError


@pytest.mark.parametrize("name", list(LITE))
def test_the_published_weights_give_the_original_networks_outputs(name):
    original = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet
    lite = LITE[name]
    network = original.from_pretrained(name.replace("_", "-"), weights_path=lite.file()).eval()
    pixels = torch.randn(2, 3, lite.size, lite.size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network(pixels)
        found = build_lite_classifier(name).eval()(pixels)
    assert torch.allclose(expected, found, atol=1e-3 * expected.abs().max())
    assert (expected.argmax(1) == found.argmax(1)).all()


@pytest.mark.parametrize("name", list(LITE))
@pytest.mark.parametrize("odd", [0, 1])
def test_it_is_the_network_that_timm_has_under_that_name(name, odd):
    theirs = timm.create_model(f"tf_{name}", pretrained=False).eval()
    ours = build_lite_classifier(name).eval()
    theirs.load_state_dict(renamed(ours.state_dict(), theirs))
    side = LITE[name].size + odd  # the padding depends on it
    pixels = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(ours(pixels), theirs(pixels), atol=1e-4)
        _, maps = theirs.forward_intermediates(pixels, indices=2)
        found = ours.with_stages(pixels)[1]
    for stage, expected in zip(MultiStage.STAGES, maps, strict=True):
        assert torch.allclose(found[stage], expected, atol=1e-4)


def test_building_draws_no_random_numbers():
    state = torch.get_rng_state()
    build_image_encoder("efficientnet_lite0:stages")
    assert torch.equal(torch.get_rng_state(), state)


def test_weights_of_another_shape_are_refused_with_the_layers_name():
    network = torch.nn.Linear(2, 3)
    with pytest.raises(CourseError, match="layer weight"):
        renamed({"a": torch.zeros(3, 4), "b": torch.zeros(3)}, network)


def test_more_of_a_picture_holds_what_the_plain_encoder_sees():
    plain = build_image_encoder("efficientnet_lite0")
    stages, views = (build_image_encoder(f"efficientnet_lite0:{v}") for v in ("stages", "views"))
    pixels = torch.rand(2, 3, views.size, views.size)
    small = torch.nn.functional.interpolate(pixels, plain.size, mode="bilinear", antialias=True)
    with torch.inference_mode():
        assert torch.allclose(stages(small)[:, :1280], plain(small), atol=1e-4)
        mirrored = (plain(small) + plain(small.flip(-1))) / 2
        seen = views(pixels)
    assert seen.shape == (2, views.dim)
    assert torch.allclose(seen[:, :1280], mirrored, atol=1e-4)
