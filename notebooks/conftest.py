"""Notebooks are tested on the demo set, from nothing, whatever this machine has in data/course."""

import os
import tempfile

# Kernels inherit the environment of the pytest process; fixtures do not reach them.
_OUT = tempfile.TemporaryDirectory()
os.environ["MMSA_DATA"] = "data/demo"
os.environ["MMSA_OUT"] = _OUT.name
os.environ["MMSA_DEVICE"] = "cpu"  # the same everywhere
os.environ["MMSA_ENGINE"] = "torch"  # whatever else is installed
os.environ["MMSA_PROGRESS"] = "off"  # or what is printed depends on the cache


def pytest_unconfigure():
    _OUT.cleanup()
