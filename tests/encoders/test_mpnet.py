"""MPNet: a clear word where its packages are absent or its files altered."""

import importlib.metadata
import io
import zipfile

import pytest

from mmsa_utils.encoders import build_text_encoder, encoder_fingerprint
from mmsa_utils.errors import CourseError


def absent(name):
    raise importlib.metadata.PackageNotFoundError(name)


def test_without_its_packages_it_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(CourseError, match=r"part-001: .*make \.venv/\.extras"):
        build_text_encoder("mpnet")


def test_altered_files_are_unpacked_anew_with_a_warning(tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    file = tmp_path / "mpnet" / "all-mpnet-base-v2" / "model.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"something else")
    with (
        pytest.warns(UserWarning, match=r"mpnet is made anew.*model.safetensors is not"),
        pytest.raises(CourseError, match=r"make \.venv/\.extras"),
    ):
        build_text_encoder("mpnet")
    assert not file.exists()


def packaged(monkeypatch, tmp_path, content):
    """Packages whose joined parts are this file."""

    class Package:
        def locate_file(self, name):
            part = tmp_path / "part"
            part.write_bytes(content if "part_001" in name else b"")
            return part

    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Package())


def zipped(files):
    joined = io.BytesIO()
    with zipfile.ZipFile(joined, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return joined.getvalue()


def test_packages_with_other_weights_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path / "cache"))
    packaged(monkeypatch, tmp_path, zipped({"all-mpnet-base-v2/model.safetensors": "other"}))
    with pytest.raises(CourseError, match=r"model.safetensors is not the published"):
        encoder_fingerprint("text", "mpnet")


def test_damaged_packages_and_a_folder_that_cannot_be_written_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path / "cache"))
    packaged(monkeypatch, tmp_path, b"no archive")
    with pytest.raises(CourseError, match="damaged: install them again"):
        build_text_encoder("mpnet")
    packaged(monkeypatch, tmp_path, zipped({"all-mpnet-base-v2/model.safetensors": "other"}))
    (tmp_path / "file").touch()
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path / "file"))
    with pytest.raises(CourseError, match=r"cannot be unpacked into .*MMSA_CACHE"):
        build_text_encoder("mpnet")
