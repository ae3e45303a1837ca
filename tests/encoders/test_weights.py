"""What comes with the course: weights that load offline, say what they said, and are guarded."""

import json
import shutil

import numpy as np
import pytest
import torch

from mmsa_utils.encoders import weights as shipped
from mmsa_utils.encoders.features import tokenise
from mmsa_utils.encoders.lora import add_adapter, merge_adapter, save_adapter
from mmsa_utils.encoders.registry import build_text_encoder, build_tweet_classifier
from mmsa_utils.errors import CourseError
from mmsa_utils.paths import RESULTS
from mmsa_utils.training import final as trained

NAMES = ("minilm_tweets.safetensors", trained.NAME)


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """The shipped files in a folder that may be spoilt."""
    shutil.copytree(shipped.FOLDER, tmp_path / "weights")
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "weights")
    return tmp_path / "weights"


def test_everything_shipped_is_small_recorded_and_no_pickle():
    files = [file for file in shipped.FOLDER.iterdir() if file.name != "shipped.json"]
    assert sum(file.stat().st_size for file in files) < 20e6
    assert {file.name for file in files} == set(shipped.shipped_records()) == set(NAMES)
    assert all(file.suffix == ".safetensors" for file in files)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("spoil", ["truncate", "alter", "remove"])
def test_a_spoilt_file_is_refused_by_name(copied, name, spoil):
    file = copied / name
    content = bytearray(file.read_bytes())
    if spoil == "truncate":
        file.write_bytes(content[: len(content) // 2])
    elif spoil == "alter":
        content[-1] ^= 1
        file.write_bytes(content)
    else:
        file.unlink()
    with pytest.raises(CourseError, match=name):
        build_tweet_classifier() if name == NAMES[0] else trained.load_shipped_model()


def test_the_shipped_network_says_of_the_demo_posts_what_was_saved(demo):
    model, config = trained.load_shipped_model()
    saved = shipped.shipped_records()[trained.NAME]["demo_probabilities"]
    small = demo.__class__("demo", demo.labelled[: trained.SHOWN], (), demo.excluded)
    found = trained.predict_posts(model, config, small)
    assert np.allclose(found, saved, atol=1e-3)


def test_what_is_shipped_is_what_was_scored():
    record = shipped.shipped_records()[trained.NAME]
    scored = json.loads((RESULTS / "course" / "fused_network.json").read_text())
    assert record["config"] == scored["config"]
    assert record["oof"] == scored["oof"]
    assert record["epochs"] == int(np.median([fold["best_epoch"] for fold in scored["folds"]]))


def test_the_tweet_classifier_knows_joy_from_anger():
    encoder, head = build_tweet_classifier()
    texts = ["what a wonderful day, so happy!", "this is awful, I hate it", "the bus leaves at 5"]
    with torch.inference_mode():
        said = head(encoder(tokenise(encoder, texts, max_tokens=64))).argmax(1)
    assert said.tolist() == [2, 0, 1]


def test_an_adapter_is_the_same_after_saving_and_merging(tmp_path):
    torch.manual_seed(0)
    encoder, head = build_text_encoder("minilm"), torch.nn.Linear(384, 3)
    add_adapter(encoder)
    for name, weight in encoder.named_parameters():
        if "lora_B" in name:  # as if trained: an untrained one changes nothing
            torch.nn.init.normal_(weight, std=0.02)
    tokens = tokenise(encoder, ["a sunny day", "rain again"], max_tokens=16)
    save_adapter(encoder, head, tmp_path / "a.safetensors")
    merged = build_text_encoder("minilm")
    with torch.inference_mode():
        plain = merged(tokens)
        state = merge_adapter(merged, tmp_path / "a.safetensors")
        assert torch.allclose(merged(tokens), encoder.eval()(tokens), atol=1e-2)
        assert not torch.allclose(merged(tokens), plain, atol=1e-2)
    assert torch.allclose(state["weight"], head.weight, atol=1e-3)
