"""Tests run on the demo set and write to a temporary folder, whatever this machine has."""

import os
import shutil
import tempfile

import pytest

_OUT = tempfile.TemporaryDirectory()
os.environ["MMSA_DATA"] = "data/demo"
os.environ["MMSA_OUT"] = _OUT.name
os.environ["MMSA_DEVICE"] = "cpu"  # the same everywhere
os.environ["MMSA_ENGINE"] = "torch"  # whatever else is installed
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"  # no test may need the network


# These take longest, so they begin first: at the end a process would be left alone with them.
LONGEST = (
    "test_small_sets.py",
    "test_cross_validation.py",
    "test_ablations.py",
    "test_reference.py",
)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_unconfigure():
    _OUT.cleanup()


@pytest.fixture(scope="session")
def demo():
    from mmsa_utils.data import load_dataset
    from mmsa_utils.paths import DEMO

    return load_dataset(DEMO)


@pytest.fixture
def folder(tmp_path):
    """A small sound folder of posts to spoil: twelve of the demo set, two unlabelled."""
    from mmsa_utils.paths import DEMO

    (tmp_path / "data").mkdir()
    for name, count in (("train.txt", 13), ("test_without_label.txt", 3)):
        lines = (DEMO / name).read_text().splitlines()[:count]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        for line in lines[1:]:
            for file in (DEMO / "data").glob(line.split(",")[0] + ".*"):
                shutil.copy(file, tmp_path / "data")
    return tmp_path
