"""EfficientNet-Lite: the published networks' outputs, and richer views that contain them."""

import pytest
import torch

from mmsa_utils.encoders import build_image_encoder
from mmsa_utils.encoders.efficientnet_lite import LITE, build_lite_classifier, to_timm
from mmsa_utils.errors import CourseError


@pytest.mark.parametrize("name", list(LITE))
def test_the_map_into_timm_gives_the_original_networks_outputs(name):
    original = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet
    lite = LITE[name]
    network = original.from_pretrained(name.replace("_", "-"), weights_path=lite.file()).eval()
    pixels = torch.randn(2, 3, lite.size, lite.size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network(pixels)
        found = build_lite_classifier(name).eval()(pixels)
    assert torch.allclose(expected, found, atol=1e-3 * expected.abs().max())
    assert (expected.argmax(1) == found.argmax(1)).all()


def test_weights_of_another_shape_are_refused_with_the_layers_name():
    network = torch.nn.Linear(2, 3)
    with pytest.raises(CourseError, match="layer weight"):
        to_timm({"a": torch.zeros(3, 4), "b": torch.zeros(3)}, network)


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
