"""Where to compute: chosen by itself, refused where it is not there."""

import platform
import warnings
from contextlib import nullcontext
from importlib.metadata import version

import pytest
import torch

from mmsa_utils.devices import autocast, environment, pick_device, precision, to_device
from mmsa_utils.errors import CourseError


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_the_fastest_device_is_chosen_unless_told_otherwise(cuda, mps, expected, monkeypatch):
    monkeypatch.delenv("MMSA_DEVICE")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device().type == expected
    assert pick_device("cpu").type == "cpu"
    monkeypatch.setenv("MMSA_DEVICE", "cpu")
    assert pick_device().type == "cpu"


def test_an_absent_device_is_refused_with_those_that_are_there():
    with pytest.raises(CourseError, match=r"device='tpu'.*cpu"):
        pick_device("tpu")
    assert pick_device("cpu").type == "cpu"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cuda:1", "the last one is cuda:0"),
        ("cuda:99999", "the last one is cuda:0"),  # torch makes a negative number of it
        ("cuda:x", "is no device: write cuda"),
        ("mps:1", "the last one is mps:0"),
        ("cpu:x", "is no device: write cpu"),
    ],
)
def test_a_card_that_is_not_there_is_refused(name, said, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(CourseError, match=f"device='{name}'.*{said}"):
        pick_device(name)
    assert pick_device("cuda:0").index == 0


def test_mixed_precision_is_bfloat16_on_cuda_only():
    assert isinstance(autocast(torch.device("cpu")), nullcontext)
    assert isinstance(autocast(torch.device("mps")), nullcontext)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there may be no CUDA here
        assert autocast(torch.device("cuda")).fast_dtype is torch.bfloat16


def test_a_nest_of_tensors_is_moved_whole():
    batch = {"label": torch.ones(2), "text": {"input_ids": torch.ones(2, 3)}}
    moved = to_device(batch, torch.device("meta"))
    assert moved["label"].device.type == moved["text"]["input_ids"].device.type == "meta"
    assert moved["text"]["input_ids"].shape == (2, 3)
    assert batch["label"].device.type == "cpu"


def test_a_record_says_what_it_was_computed_on_but_not_which_machine():
    found = environment(torch.device("cpu"))
    assert found["torch"] == version("torch")
    for library in ("transformers", "scikit-learn", "timm", "albumentations", "numpy"):
        assert found[library] == version(library)
    assert (found["device"], found["precision"]) == ("cpu", "float32")
    assert found["engine"] == "torch"
    assert found["threads"] == torch.get_num_threads()
    assert platform.node() not in map(str, found.values())


def test_precision_is_what_autocast_computes_with():
    assert precision(torch.device("cuda")) == "bfloat16"
    assert precision(torch.device("cpu")) == precision(torch.device("mps")) == "float32"
