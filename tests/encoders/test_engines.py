"""Image encoders by an engine: torch's features, faster; refused where they are not."""

import sys
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch import nn

from mmsa_utils.config import Config
from mmsa_utils.encoders import build_image_encoder, engines, extract_features, features, registry
from mmsa_utils.encoders.engines import compile_encoder, engine_of
from mmsa_utils.encoders.image import ImageEncoder
from mmsa_utils.errors import CourseError

LITE0 = "efficientnet_lite0"


def needs(engine, *packages):
    missing = [package for package in packages if find_spec(package) is None]
    skip = pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")
    return pytest.param(engine, marks=skip)


INSTALLED = [needs("openvino", "openvino"), needs("onnxruntime", "onnxruntime", "onnx")]


@pytest.fixture
def engine(request, tmp_path, monkeypatch):
    """An engine that is installed, and an empty feature cache."""
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path / "cache"))
    return request.param


def image_config(name, engine="auto"):
    return Config(mode="image", image_encoders=(name,), engine=engine, device="cpu")


@pytest.mark.parametrize("engine", INSTALLED, indirect=True)
@pytest.mark.parametrize("view", ["", ":stages", ":views"])
def test_an_engines_features_are_torchs(demo, engine, view):
    posts = demo.labelled[:3]
    expected, found = (
        extract_features(posts, "image", image_config(LITE0 + view, name))
        for name in ("torch", engine)
    )
    assert found.dtype == np.float32
    assert np.allclose(found, expected, rtol=0, atol=1e-3)
    assert (found != expected).any()  # or it was torch


@pytest.mark.parametrize("engine", INSTALLED, indirect=True)
def test_any_number_of_pictures_goes_through_and_none_touches_another(engine):
    encoder = build_image_encoder(LITE0).eval()
    pixels = torch.rand(7, 3, encoder.size, encoder.size)
    with torch.inference_mode():
        expected = encoder(pixels)
        compile_encoder(encoder, engine)
        for part in (slice(None), slice(0, 1), slice(4, 7)):
            assert torch.allclose(encoder(pixels[part]), expected[part], atol=1e-3)


@pytest.mark.parametrize("engine", INSTALLED, indirect=True)
def test_compiling_heeds_torchs_threads_and_leaves_its_random_numbers_alone(
    engine, monkeypatch, recwarn
):
    encoder, state, asked = build_image_encoder(LITE0).eval(), torch.get_rng_state(), []
    monkeypatch.setattr(torch, "get_num_threads", lambda: asked.append(1) or 1)
    compile_encoder(encoder, engine)
    assert asked
    assert torch.equal(torch.get_rng_state(), state)
    assert not recwarn.list


@pytest.mark.parametrize("engine", INSTALLED[:1], indirect=True)
def test_openvino_tells_nobody(engine):
    compile_encoder(build_image_encoder(LITE0).eval(), engine)
    telemetry = sys.modules["openvino.tools.ovc.telemetry_utils"].tm
    assert telemetry.__name__ == "openvino.tools.ovc.telemetry_stub"


class Fickle(nn.Module):
    """What tracing cannot see: a branch that depends on the pixels."""

    def forward(self, pixels):
        mean = pixels.mean((2, 3))
        return mean if len(pixels) < 3 else mean + 1


def tiny(network):
    return ImageEncoder(network, dim=3, size=8, mean=(0, 0, 0), std=(1, 1, 1)).eval()


@pytest.mark.parametrize("engine", INSTALLED, indirect=True)
def test_features_that_are_not_torchs_are_refused(engine):
    with pytest.raises(CourseError, match=rf"{engine}.*differ by 1.*engine='torch'"):
        compile_encoder(tiny(Fickle()), engine)


def test_what_an_engine_fails_on_is_refused_in_one_line(monkeypatch):
    def fail(network, pixels):
        raise RuntimeError("no such operation\nin the graph\n...")

    monkeypatch.setitem(engines._ENGINES, "openvino", fail)
    with pytest.raises(CourseError, match="engine='torch'") as caught:
        compile_encoder(tiny(Fickle()), "openvino")
    assert "RuntimeError: no such operation)" in str(caught.value)


# ---- which engine -----------------------------------------------------------------------


@pytest.fixture
def installed(monkeypatch):
    """Says which packages there are."""
    monkeypatch.delenv("MMSA_ENGINE")

    def only(*packages, version="1.0"):
        def find(name):
            if name not in packages:
                raise PackageNotFoundError(name)
            return version

        monkeypatch.setattr("mmsa_utils.devices.version", find)

    return only


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ((), "torch"),
        (("onnxruntime",), "torch"),  # without onnx nothing can be made for it
        (("onnxruntime", "onnx"), "onnxruntime"),
        (("openvino", "onnxruntime", "onnx"), "openvino"),
    ],
)
def test_auto_is_the_fastest_engine_that_is_installed(packages, expected, installed):
    installed(*packages)
    assert engine_of("image", f"{LITE0}:stages", image_config(LITE0)) == expected


def test_auto_is_the_engine_that_the_environment_names(installed, monkeypatch):
    installed("openvino")
    monkeypatch.setenv("MMSA_ENGINE", "torch")
    assert engine_of("image", LITE0, image_config(LITE0)) == "torch"
    assert engine_of("image", LITE0, image_config(LITE0, "openvino")) == "openvino"


def test_texts_and_encoders_that_nobody_has_tried_stay_with_torch(installed):
    installed("openvino")
    assert engine_of("text", "minilm", Config(device="cpu", engine="openvino")) == "torch"
    assert engine_of("image", "resnet50", image_config("resnet50")) == "torch"
    assert engine_of("image", "resnet50", image_config("resnet50", "openvino")) == "openvino"


@pytest.mark.parametrize("kind", ["cuda", "mps"])
@pytest.mark.parametrize("engine", ["auto", "openvino"])
def test_a_gpu_is_torchs(installed, monkeypatch, kind, engine):
    installed("openvino")
    monkeypatch.setattr(engines, "pick_device", lambda name: torch.device(kind))
    assert engine_of("image", LITE0, image_config(LITE0, engine)) == "torch"


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_an_engine_that_is_not_installed_is_named_with_the_way_to_get_it(demo, installed, engine):
    installed("onnxruntime")
    package = {"openvino": "openvino", "onnxruntime": "onnx"}[engine]
    with pytest.raises(CourseError, match=rf"'{engine}'.*pip install {package}`"):
        extract_features(demo.labelled[:1], "image", image_config(LITE0, engine))


def test_features_of_each_engine_and_version_are_kept_apart(installed):
    installed("openvino", "onnxruntime", "onnx")

    def file(engine, modality="image", name=LITE0):
        return features.open_cache(modality, name, image_config(LITE0, engine)).file

    torchs = file("torch")
    assert len({torchs, file("openvino"), file("onnxruntime")}) == 3
    assert file("auto") == file("openvino")
    old = file("openvino")
    installed("openvino", version="2.0")
    assert file("openvino") != old
    assert file("torch") == torchs
    assert file("openvino", "text", "minilm") == file("torch", "text", "minilm")
    installed()
    assert file("auto") == torchs


def test_an_encoder_of_ones_own_is_compiled_where_an_engine_is_named(
    demo, installed, monkeypatch, tmp_path
):
    installed("openvino")
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    monkeypatch.setattr(registry, "IMAGE_ENCODERS", dict(registry.IMAGE_ENCODERS))
    registry.register_image_encoder("mine")(
        lambda: tiny(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    )
    compiled = []
    monkeypatch.setattr(features, "compile_encoder", lambda *parts: compiled.append(parts[1]))
    posts = demo.labelled[:2]
    assert extract_features(posts, "image", image_config("mine")).shape == (2, 3)
    assert not compiled
    extract_features(posts, "image", image_config("mine", "openvino"))
    assert compiled == ["openvino"]
