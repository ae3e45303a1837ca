"""Model folders: what is loaded is what was saved, and anything else is refused by name."""

import doctest
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

import mmsa_utils
from mmsa_utils.config import HEADS, Config
from mmsa_utils.encoders import registry
from mmsa_utils.errors import CourseError
from mmsa_utils.io import file_sha256, load_json, save_json
from mmsa_utils.models import heads
from mmsa_utils.models.heads import ConcatHead, register_head
from mmsa_utils.paths import DEMO, PROJECT
from mmsa_utils.prediction import load_model, save_model, store
from mmsa_utils.prediction.store import RECORD, WEIGHTS, require_place
from mmsa_utils.training.batches import trained_parts

FIVE = ("rain", "snow", "wind", "sun", "fog")
FACTS = {"temperatures": {"both": 1.5, "text": 2.0, "image": 0.5}, "epochs": 3}


def save(made, folder, facts=FACTS):
    save_model(folder, model=made.model, config=made.config, classes=made.classes, facts=facts)
    return folder


@pytest.fixture(scope="module")
def saved(make_predictor, tmp_path_factory):
    """A model's folder, of five classes."""
    return save(make_predictor(classes=FIVE), tmp_path_factory.mktemp("store") / "model")


@pytest.fixture
def spoilt(saved, tmp_path):
    """A copy of it to spoil."""
    return shutil.copytree(saved, tmp_path / "spoilt")


def change(folder, **changes):
    """Writes into the record, and the hash of it that it ends with, as if all were right."""
    record = load_json(folder / RECORD) | changes
    save_json(record | {"record_sha256": store._seal(record)}, folder / RECORD)


def refusal(folder):
    with pytest.raises(CourseError) as error:
        load_model(folder)
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)
    return str(error.value)


# ---- there and back -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {"head": "attention"},
        {"mode": "text"},
        {"mode": "image", "words": True},
        {"mode": "text", "finetune": ("text",)},
        {"finetune": ("text", "image"), "trained_stages": 1},
        {"auxiliary_weight": 0.3, "classes": FIVE},
    ],
)
def test_a_loaded_model_says_what_the_saved_one_said(settings, make_predictor, demo, tmp_path):
    config = Config(
        **{"image_encoders": ("tiny",)} | {k: v for k, v in settings.items() if k != "classes"}
    )
    made = make_predictor(encoders=trained_parts(config), **settings)
    with torch.no_grad():
        for values in made.model.encoders.parameters():
            values.mul_(1.05)
    posts = demo.labelled[:3]
    loaded = load_model(save(made, tmp_path / "model"))
    assert (loaded.logits(posts) == made.logits(posts)).all()
    assert (loaded.config, loaded.classes) == (config, made.classes)
    assert not loaded.model.training


def test_what_is_known_of_a_model_comes_back(saved):
    loaded = load_model(str(saved))
    assert loaded.facts["temperatures"] == FACTS["temperatures"]
    assert loaded.facts["epochs"] == 3
    assert loaded.facts["version"] == mmsa_utils.__version__
    assert loaded.facts["encoders"] == registry.encoder_fingerprints(loaded.config)
    assert loaded.facts["dims"] == {"text": 384, "image": 4}
    assert loaded.facts["calibrated"]


def test_a_folder_holds_weights_and_json_and_nothing_else(saved):
    assert {file.name for file in saved.iterdir()} == {WEIGHTS, RECORD}
    record = json.loads((saved / RECORD).read_text())
    assert record["sha256"] == file_sha256(saved / WEIGHTS)
    assert record["classes"] == list(FIVE)
    assert (saved / WEIGHTS).read_bytes()[8:9] == b"{"  # the head of a safetensors file


def test_the_machine_of_the_training_does_not_count(make_predictor, tmp_path):
    made = make_predictor(mode="text", workers=3)
    save_model(
        tmp_path / "model",
        model=made.model,
        config=made.config.but(device="cuda"),
        classes=made.classes,
        facts={},
    )
    loaded = load_model(tmp_path / "model")
    assert (loaded.config.device, loaded.config.workers) == ("auto", 0)
    assert loaded.predict(text="good").probabilities.shape == (3,)


def test_loading_leaves_torchs_random_numbers_alone(saved):
    state = torch.get_rng_state()
    load_model(saved)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_model_is_replaced_and_anything_else_is_not(make_predictor, tmp_path):
    place = save(make_predictor(mode="text"), tmp_path / "model")
    save(make_predictor(mode="text", classes=FIVE), place)
    assert load_model(place).classes == FIVE
    (place / "thesis.txt").write_text("years of work")
    with pytest.raises(CourseError, match=r"holds something else than a model \(thesis\.txt\)"):
        save(make_predictor(mode="text"), place)
    with pytest.raises(CourseError, match="is a file"):
        require_place(place / "thesis.txt")
    require_place(tmp_path / "new")


def test_a_model_is_saved_under_its_own_classes(make_predictor, tmp_path):
    made = make_predictor(mode="text")
    with pytest.raises(CourseError, match="was trained for the classes negative, neutral"):
        save_model(tmp_path / "m", model=made.model, config=made.config, classes=FIVE, facts={})
    assert not (tmp_path / "m").exists()


# ---- refused by name ----------------------------------------------------------------------


def test_a_folder_that_is_none_or_no_model_is_named(tmp_path, spoilt):
    assert "is no folder" in refusal(tmp_path / "nowhere")
    assert "model.json is missing" in refusal(tmp_path)
    (spoilt / WEIGHTS).unlink()
    assert "model.safetensors is missing" in refusal(spoilt)


@pytest.mark.parametrize("place", [-1, 9, 3000])
def test_an_altered_byte_is_noticed(place, spoilt):
    content = bytearray((spoilt / WEIGHTS).read_bytes())
    content[place] ^= 1
    (spoilt / WEIGHTS).write_bytes(content)
    assert "model.safetensors is altered" in refusal(spoilt)


def test_truncated_weights_are_told_from_altered_ones(spoilt):
    content = (spoilt / WEIGHTS).read_bytes()
    for size in (len(content) // 2, 3, 0):
        (spoilt / WEIGHTS).write_bytes(content[:size])
        assert f"is truncated, {size} bytes of {len(content)}" in refusal(spoilt)


def test_the_weights_of_another_model_are_noticed(spoilt, make_predictor, tmp_path):
    other = save(make_predictor(classes=FIVE, head="late"), tmp_path / "other")
    shutil.copy(other / WEIGHTS, spoilt / WEIGHTS)
    assert "of another model" in refusal(spoilt)


@pytest.mark.parametrize("value", [{"both": 9.0}, None])
def test_an_altered_record_is_noticed(value, spoilt):
    record = load_json(spoilt / RECORD)
    save_json(record | {"temperatures": value}, spoilt / RECORD)
    assert "model.json is altered" in refusal(spoilt)


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"format": "one"}', ""])
def test_a_record_that_is_none_is_noticed(text, spoilt):
    (spoilt / RECORD).write_text(text)
    assert "model.json is not" in refusal(spoilt)


@pytest.mark.parametrize(
    "classes", [list(FIVE[::-1]), list(FIVE[:2]), ["a", "b", "c", "d", "e"], None, 7]
)
def test_classes_that_are_not_those_of_the_weights_are_named(classes, spoilt):
    record = load_json(spoilt / RECORD) | {"classes": classes}
    save_json(record, spoilt / RECORD)
    assert "names other classes than its weights were trained for, rain, snow" in refusal(spoilt)


def test_a_record_and_weights_of_different_widths_are_named(spoilt):
    change(spoilt, classes=["a", "b"])
    assert "does not fit the model" in refusal(spoilt)


def test_a_newer_version_is_named(spoilt):
    change(spoilt, format=2, version="9.9")
    assert "a newer version, 9.9" in refusal(spoilt)
    config = load_json(spoilt / RECORD)["config"]
    change(spoilt, format=1, config=config | {"sense_of_humour": 1})
    assert "a newer version" in refusal(spoilt)


def test_a_head_that_is_not_known_here_is_named(make_predictor, tmp_path, monkeypatch):
    monkeypatch.setattr(heads, "HEAD_CLASSES", dict(heads.HEAD_CLASSES))
    register_head("mine")(ConcatHead)
    place = save(make_predictor(head="mine"), tmp_path / "model")
    assert load_model(place).config.head == "mine"
    HEADS.remove("mine")
    assert "head='mine' is not known" in refusal(place)


def test_an_encoder_that_is_not_known_or_another_one_is_named(spoilt, tiny, monkeypatch):
    record = load_json(spoilt / RECORD)
    change(spoilt, encoders=record["encoders"] | {"text minilm": "another"})
    assert "trained with another text encoder minilm" in refusal(spoilt)
    change(spoilt, **record)
    monkeypatch.delitem(registry.IMAGE_ENCODERS, tiny)
    assert "The image encoder 'tiny' cannot be loaded" in refusal(spoilt)


# ---- the shipped one ----------------------------------------------------------------------


def test_the_shipped_model_is_calibrated_and_says_what_refusing_brings(shipped):
    assert shipped.facts["calibrated"]
    assert set(shipped.facts["temperatures"]) == {"both", "text", "image"}
    assert sum(shipped.facts["class_counts"].values()) == shipped.least(0.6)["posts"]
    for given in (["text", "image"], ["text"], ["image"]):
        all_of_them, some = shipped.least(0.3, given), shipped.least(0.8, given)
        assert all_of_them["refused"] < some["refused"] < 1
        assert all_of_them["accuracy_of_rest"] < some["accuracy_of_rest"]


def test_the_example_of_the_documentation_is_right(monkeypatch):
    monkeypatch.chdir(PROJECT)
    found = doctest.DocTestFinder().find(mmsa_utils.load_model, "load_model")
    assert doctest.DocTestRunner().run(found[0]).failed == 0
    assert found[0].examples


# A new process, in which every connection and every large library that an answer has no use for
# are an error.
COLD = """
import socket, sys

def refuse(*_, **__):
    raise AssertionError("a network call")

socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
import mmsa_utils
answer = mmsa_utils.load_model().predict(text="so happy today", image=sys.argv[1])
heavy = {"torch._dynamo", "torchvision", "timm", "sklearn", "peft", "albumentations", "captum",
         "matplotlib", "transformers.modeling_utils"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
print(answer.label, *answer.probabilities)
"""


def test_a_cold_start_loads_little_and_calls_nobody(shipped):
    image = DEMO / "data" / "1.jpg"
    command = [sys.executable, "-c", COLD, str(image)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    label, *probabilities = found.stdout.split()
    answer = shipped.predict(text="so happy today", image=image)
    assert label == answer.label
    assert np.array(probabilities, dtype=float) == pytest.approx(answer.probabilities, abs=1e-4)
    assert found.stderr == ""
