"""Whether this is a clone of the course, and what to do where it is not."""

import zipfile
from pathlib import Path

import pytest

from mmsa_utils import paths
from mmsa_utils.errors import CourseError


def test_a_clone_has_what_needs_it():
    assert paths.in_clone()
    paths.require_clone("this test")
    assert all(folder.is_dir() for folder in (paths.DEMO, paths.RESULTS, paths.NOTEBOOKS))


def test_outside_a_clone_what_needs_one_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    with pytest.raises(CourseError, match=r"The reference run needs a clone.*--editable"):
        paths.require_clone("The reference run")


def test_the_nearest_list_in_another_place_is_found_first(tmp_path):
    assert paths.find_list(tmp_path) is None
    assert paths.find_list(tmp_path / "not there") is None
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (deep / "train.txt").touch()
    assert paths.find_list(tmp_path).startswith(str(Path("a/b/c/train.txt")))
    (tmp_path / "broken.zip").write_bytes(b"PK no zip")
    with zipfile.ZipFile(tmp_path / "posts.zip", "w") as archive:
        archive.writestr("train.txt", "guid,tag")
    says = f"{Path('c/train.txt')} (name {deep}, or move what is in it up)"
    assert paths.find_list(deep.parent) == says
    (tmp_path / "train.txt.txt").touch()
    assert paths.find_list(tmp_path) == "train.txt.txt (rename it to train.txt)"
    (tmp_path / "train.txt.txt").unlink()
    (deep / "train.txt").unlink()
    assert paths.find_list(tmp_path) == "posts.zip (unpack it)"
    (deep / "a" / "b").mkdir(parents=True)
    (deep / "a" / "b" / "train.txt").touch()
    (tmp_path / "posts.zip").unlink()
    assert paths.find_list(tmp_path) is None, "so deep it is another folder's"
