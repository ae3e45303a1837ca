"""The package without its clone: a wheel, installed elsewhere, does what needs no clone."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mmsa_utils.paths import DEMO, PROJECT

SOURCES = ["pyproject.toml", "README.md", "LICENSE", "mmsa_utils"]
LEFT_OUT = shutil.ignore_patterns("__pycache__")


def pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *map(str, arguments)], check=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the installed wheel and nothing else; built from a copy of the sources."""
    base = tmp_path_factory.mktemp("install")
    source, target = base / "source", base / "site"
    source.mkdir()
    for name in SOURCES:
        path = PROJECT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=LEFT_OUT)
        else:
            shutil.copy(path, source)
    offline = ["--no-deps", "--no-index"]
    pip("wheel", *offline, "--no-build-isolation", "--wheel-dir", base, source)
    (wheel,) = base.glob("*.whl")
    pip("install", *offline, "--target", target, wheel)
    return target


@pytest.fixture
def python(installed, tmp_path_factory):
    """Runs Python outside the clone, with the installed package before any other."""
    away = tmp_path_factory.mktemp("away")
    own = {name: value for name, value in os.environ.items() if not name.startswith("MMSA_")}
    places = {"PYTHONPATH": str(installed), "XDG_CACHE_HOME": str(away), "HOME": str(away)}

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(command, cwd=away, env=own | places, capture_output=True, text=True)

    return run


def test_it_is_the_installed_package_that_is_tried(python, installed):
    where = python("-c", "import mmsa_utils; print(mmsa_utils.__file__)").stdout
    assert Path(where.strip()) == installed / "mmsa_utils" / "__init__.py"


def test_a_folder_of_posts_is_checked(python):
    result = python("-m", "mmsa_utils", "check", DEMO)
    assert (result.returncode, result.stderr) == (0, "")
    assert "no problems" in result.stdout


def test_the_shipped_network_is_found_and_predicts(python, folder):
    code = (
        "import sys; from mmsa_utils.data import load_dataset\n"
        "from mmsa_utils.training import load_shipped_model, predict_posts\n"
        "model, config = load_shipped_model()\n"
        "print(predict_posts(model, config, load_dataset(sys.argv[1])).shape)"
    )
    result = python("-c", code, folder)
    assert result.stdout.strip() == "(12, 3)", result.stderr


def test_what_needs_the_clone_says_so_in_one_line(python):
    result = python("-m", "mmsa_utils", "notebooks")
    assert result.returncode == 2
    assert "clone" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


@pytest.mark.parametrize(
    "resource",
    ["experiments/templates/report.md.jinja", "weights/shipped.json", "data/demo_sentences.txt"],
)
def test_resources_come_along(installed, resource):
    assert (installed / "mmsa_utils" / resource).is_file()
