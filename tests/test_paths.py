"""Whether this is a clone of the course, and what to do where it is not."""

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
