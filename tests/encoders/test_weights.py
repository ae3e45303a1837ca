"""Weight files: those that are shipped are recorded and small, and a spoilt one is refused."""

import hashlib
import os
import shutil

import pytest
import torch

from mmsa_utils.encoders import build_tweet_classifier, weights
from mmsa_utils.encoders.efficientnet_lite import LITE
from mmsa_utils.encoders.minilm import TWEETS
from mmsa_utils.errors import CourseError
from mmsa_utils.io import file_sha256


@pytest.fixture
def copied(tmp_path):
    """The shipped files in a folder that may be spoilt."""
    return shutil.copytree(weights.FOLDER, tmp_path / "weights")


def test_an_altered_or_truncated_weight_file_is_refused(tmp_path):
    file = tmp_path / "weights.pth"
    file.write_bytes(b"something else")
    with pytest.raises(CourseError, match=r"weights.pth is not the published weight file"):
        weights.verified(file, LITE["efficientnet_lite0"].sha256)
    with pytest.raises(CourseError, match="is missing"):
        weights.verified(tmp_path / "absent.pth", "0" * 64)


def test_a_weight_file_is_read_once_a_process_and_again_after_a_change(tmp_path, monkeypatch):
    file, read = tmp_path / "weights.pth", []
    one, two = (hashlib.sha256(content).hexdigest() for content in (b"one", b"two"))
    file.write_bytes(b"one")
    os.utime(file, (1e9, 1e9))
    monkeypatch.setattr(weights, "file_sha256", lambda path: read.append(path) or file_sha256(path))
    for _ in range(3):
        weights.verified(file, one)
    assert len(read) == 1
    file.write_bytes(b"two")
    assert weights.verified(file, two) == file


def test_everything_shipped_is_small_recorded_and_no_pickle():
    files = [file for file in weights.FOLDER.iterdir() if file.name != "shipped.json"]
    assert sum(file.stat().st_size for file in files) < 20e6
    assert {file.name for file in files} == set(weights.shipped_records())
    assert TWEETS in weights.shipped_records()
    assert all(file.suffix == ".safetensors" for file in files)


@pytest.mark.parametrize("spoil", ["truncate", "alter", "remove"])
def test_a_spoilt_file_is_refused_by_name(copied, spoil):
    file = copied / TWEETS
    content = bytearray(file.read_bytes())
    if spoil == "truncate":
        file.write_bytes(content[: len(content) // 2])
    elif spoil == "alter":
        content[-1] ^= 1
        file.write_bytes(content)
    else:
        file.unlink()
    with pytest.raises(CourseError, match=TWEETS):
        build_tweet_classifier(folder=copied)


def test_a_new_weight_file_is_recorded_beside_the_others_and_then_found(copied):
    before = weights.shipped_records(copied)
    (copied / "new.safetensors").write_bytes(b"weights")
    with pytest.raises(CourseError, match=r"does not know new\.safetensors"):
        weights.shipped_file("new.safetensors", folder=copied)
    weights.record_shipped("new.safetensors", {"epochs": 3}, folder=copied)
    path, sha256 = weights.shipped_file("new.safetensors", folder=copied)
    records = weights.shipped_records(copied)
    assert path.read_bytes() == b"weights"
    assert records.pop("new.safetensors") == {"sha256": sha256, "bytes": 7, "epochs": 3}
    assert records == before


def test_a_fingerprint_is_of_all_weights():
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 2)
    before = weights.state_fingerprint(layer)
    assert weights.state_fingerprint(layer) == before
    with torch.no_grad():
        layer.bias[1] += 1e-3
    assert weights.state_fingerprint(layer) != before
