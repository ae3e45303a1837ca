"""Files are whole or absent, whatever goes wrong meanwhile."""

import hashlib

import pytest

from mmsa_utils.errors import CourseError
from mmsa_utils.io import file_sha256, load_json, replacing, save_json


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
