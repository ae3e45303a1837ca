"""Files are whole or absent, whatever goes wrong meanwhile."""

import errno
import hashlib
import os
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import torch

from mmsa_utils.errors import CourseError
from mmsa_utils.io import file_sha256, load_json, refusal, replacing, save_json


class Broken(Exception):
    pass


def break_off(path, write):
    with replacing(path) as temporary:
        write(temporary)
        raise Broken


def write_folder(path):
    path.mkdir()
    (path / "model").write_text("some")


def test_a_new_file_takes_the_place_of_the_old_one(tmp_path):
    file = tmp_path / "new folder" / "table.csv"
    for content in ("first", "second"):
        with replacing(file) as temporary:
            assert temporary.suffix == ".csv"  # numpy and others go by the suffix
            temporary.write_text(content)
        assert file.read_text() == content
    assert list(file.parent.iterdir()) == [file]


def test_where_writing_fails_the_old_file_stays_and_nothing_else(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text("old")
    with pytest.raises(Broken):
        break_off(file, lambda temporary: temporary.write_text("ha"))
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_is_put_in_place_whole(tmp_path):
    with replacing(tmp_path / "weights") as temporary:
        write_folder(temporary)
    assert (tmp_path / "weights" / "model").read_text() == "some"
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]


def test_a_half_written_folder_is_removed_and_its_error_comes_out(tmp_path):
    with pytest.raises(Broken):
        break_off(tmp_path / "weights", write_folder)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_takes_the_place_of_an_old_one(tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "old").write_text("some")
    with replacing(tmp_path / "weights") as temporary:
        write_folder(temporary)
    assert [path.name for path in tmp_path.rglob("*")] == ["weights", "model"]


def test_many_may_write_one_file_or_folder_at_once(tmp_path):
    def write(number):
        with replacing(tmp_path / "folder") as temporary:
            write_folder(temporary)
        save_json({"by": number}, tmp_path / "record.json")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))  # raises what any of them raised
    assert (tmp_path / "folder" / "model").read_text() == "some"
    assert load_json(tmp_path / "record.json")["by"] in range(40)
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "record.json"}


# ---- what the machine refuses -----------------------------------------------------------


@contextmanager
def no_room() -> Iterator[None]:
    """No file may grow beyond 10 kB meanwhile: to a program as if the disk were full.

    Not for a whole test: pytest itself may write into a file.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write_with_torch(path):
    torch.save({"weights": torch.zeros(100_000)}, path)


WRITERS = {
    "text.txt": lambda path: path.write_text("word " * 10_000),
    "table.csv": lambda path: pd.DataFrame(np.zeros((9_000, 3))).to_csv(path),
    "array.npy": lambda path: np.save(path, np.zeros(100_000)),
    "features.npz": lambda path: np.savez(path, features=np.zeros(100_000)),
    "model.pt": write_with_torch,  # says "unexpected pos", and nothing of the disk
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_write_that_finds_no_room_names_its_file_and_leaves_nothing(name, tmp_path):
    failed = pytest.raises(OSError, match=r"large|written")
    with failed as caught, no_room(), replacing(tmp_path / name) as temporary:
        WRITERS[name](temporary)
    assert caught.value.filename == str(tmp_path / name)
    assert refusal(caught.value).startswith(f"{tmp_path / name}: ")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "out").write_text("a file, where a folder should be")
    with pytest.raises(OSError, match="out") as caught:
        save_json({}, tmp_path / "out" / "demo" / "record.json")
    assert str(tmp_path / "out") in refusal(caught.value)


def test_an_error_of_another_file_keeps_that_files_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "copy"):
        (tmp_path / "absent").read_text()
    assert "absent" in refusal(caught.value)


@pytest.mark.parametrize(
    ("number", "advice"), [(errno.ENOSPC, "free some space"), (errno.EACCES, "MMSA_OUT")]
)
def test_a_refusal_says_file_reason_and_what_to_do(number, advice):
    said = refusal(OSError(number, os.strerror(number), "out/text.json"))
    assert said.startswith(f"out/text.json: {os.strerror(number)}")
    assert advice in said
    assert "\n" not in said


def test_json_comes_back_as_it_was(tmp_path):
    content = {"names": ["naïve 😊"], "score": 0.1 + 0.2, "none": None}
    save_json(content, tmp_path / "record.json")
    assert load_json(tmp_path / "record.json") == content


def test_json_that_cannot_be_written_leaves_the_old_record(tmp_path):
    save_json({"old": 1}, tmp_path / "record.json")
    with pytest.raises(TypeError):
        save_json({"new": object()}, tmp_path / "record.json")
    assert load_json(tmp_path / "record.json") == {"old": 1}


@pytest.mark.parametrize(
    ("content", "message"), [(None, "is missing"), ('{"cut', "not readable as JSON")]
)
def test_a_record_that_is_missing_or_broken_is_named(tmp_path, content, message):
    file = tmp_path / "record.json"
    if content:
        file.write_text(content)
    with pytest.raises(CourseError) as caught:
        load_json(file)
    assert "record.json" in str(caught.value)
    assert message in str(caught.value)


def test_a_files_hash_is_that_of_its_bytes(tmp_path):
    (tmp_path / "file").write_bytes(b"bytes" * 100_000)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(b"bytes" * 100_000).hexdigest()
