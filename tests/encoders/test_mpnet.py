"""MPNet: a clear word where its packages are absent or its files altered."""

import importlib.metadata

import pytest

from mmsa_utils.encoders import build_text_encoder
from mmsa_utils.errors import CourseError


def test_without_its_packages_it_says_how_to_get_them(tmp_path, monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(CourseError, match=r"part-001: .*make \.venv/\.extras"):
        build_text_encoder("mpnet")


def test_altered_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    folder = tmp_path / "mpnet" / "all-mpnet-base-v2"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(CourseError, match=r"model.safetensors is not the published"):
        build_text_encoder("mpnet")
