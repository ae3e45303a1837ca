"""The fused network that comes with the course: says what it said, and a spoilt one is refused."""

import shutil

import numpy as np
import pytest

from mmsa_utils.config import Config
from mmsa_utils.data import Dataset
from mmsa_utils.encoders import weights
from mmsa_utils.errors import CourseError
from mmsa_utils.training.batches import PostData
from mmsa_utils.training.final import (
    NAME,
    SHOWN,
    add_calibration,
    predict_posts,
    ship,
    train_final,
)
from mmsa_utils.training.saved import load_shipped_model


@pytest.mark.parametrize("spoil", ["truncate", "alter", "remove"])
def test_a_spoilt_file_is_refused_by_name(tmp_path, spoil):
    copied = shutil.copytree(weights.FOLDER, tmp_path / "weights")
    file = copied / NAME
    content = bytearray(file.read_bytes())
    if spoil == "truncate":
        file.write_bytes(content[: len(content) // 2])
    elif spoil == "alter":
        content[-1] ^= 1
        file.write_bytes(content)
    else:
        file.unlink()
    with pytest.raises(CourseError, match=NAME):
        load_shipped_model(folder=copied)


def test_the_shipped_network_says_of_the_demo_posts_what_was_saved(demo):
    model, config = load_shipped_model()
    saved = weights.shipped_records()[NAME]["demo_probabilities"]
    small = Dataset("demo", demo.labelled[:SHOWN], (), demo.excluded)
    assert np.allclose(predict_posts(model, config, small), saved, atol=1e-3)


RECORD = {
    "folds": [{"best_epoch": 2}, {"best_epoch": 3}, {"best_epoch": 7}],
    "oof": {"accuracy": 0.5},
    "protocol": {"seeds": [0]},
}


def test_what_is_shipped_is_trained_for_the_median_epoch_and_loaded_as_it_was(demo, tmp_path):
    config = Config(mode="text", epochs=9)
    ship(demo, config, RECORD, demo, folder=tmp_path)
    model, loaded = load_shipped_model(folder=tmp_path)
    assert loaded == config
    again = train_final(PostData(demo, config), config, epochs=3)
    found, expected = (predict_posts(m, config, demo) for m in (model, again))
    assert np.allclose(found, expected, atol=1e-6)
    record = weights.shipped_records(tmp_path)[NAME]
    assert (record["epochs"], record["scores"]) == (3, RECORD["oof"])


def test_a_network_with_trained_encoders_is_not_shipped(demo, tmp_path):
    with pytest.raises(CourseError, match="finetune"):
        ship(demo, Config(finetune=("text",)), RECORD, demo, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_shipped_says_its_classes_and_learns_how_sure_it_may_be(demo, tmp_path):
    ship(demo, Config(mode="text", epochs=2), RECORD, demo, folder=tmp_path)
    before = weights.shipped_records(tmp_path)[NAME]
    assert before["classes"] == list(demo.classes)
    assert before["class_counts"] == {
        name: int((demo.labels == label).sum()) for label, name in enumerate(demo.classes)
    }
    assert "temperatures" not in before
    content = (tmp_path / NAME).read_bytes()
    add_calibration({"temperatures": {"both": 1.25}}, folder=tmp_path)
    assert weights.shipped_records(tmp_path)[NAME] == before | {"temperatures": {"both": 1.25}}
    assert (tmp_path / NAME).read_bytes() == content
    with pytest.raises(CourseError, match=r"does not know other\.safetensors"):
        add_calibration({}, name="other.safetensors", folder=tmp_path)
