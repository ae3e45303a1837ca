"""The project as a whole: packages, notebooks, commands."""

import re
import tomllib

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from mmsa_utils.experiments.notebooks import notebook_files
from mmsa_utils.paths import PROJECT

NOTEBOOKS = notebook_files()
IGNORE = "nbval-ignore-output"
CARD = [
    "jupyterlab", "torch", "torchvision", "transformers", "albumentations", "scikit-learn",
    "seaborn", "matplotlib", "nbval",
]  # fmt: skip


PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]


def declared(*extras: str) -> list[str]:
    """The lines of pyproject.toml: what the course needs, then what some extras need."""
    optional = PYPROJECT["optional-dependencies"]
    return PYPROJECT["dependencies"] + [line for extra in extras for line in optional[extra]]


def pinned() -> dict[str, Requirement]:
    """The lines of constraints.txt by the package's canonical name."""
    lines = (PROJECT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def test_environment_yml_has_the_ranges_of_pyproject():
    environment = yaml.safe_load((PROJECT / "environment.yml").read_text())
    conda, pip = environment["dependencies"][:-1], environment["dependencies"][-1]["pip"]
    assert pip == ["-c constraints.txt", *declared("test"), "-e ."]
    assert conda == [f"python{PYPROJECT['requires-python']}", "pip"]
    assert set(CARD) <= {Requirement(line).name for line in declared()}


@pytest.mark.parametrize("line", declared("test", "ocr", "fast"))
def test_constraints_name_one_version_inside_each_range(line):
    wanted = Requirement(line)
    pin = pinned()[canonicalize_name(wanted.name)]
    (version,) = pin.specifier
    assert version.operator == "=="
    assert wanted.specifier.contains(version.version)


def test_constraints_bind_on_every_platform_but_for_torch():
    # torch's parts differ by platform, and a pair of versions is known to fit on this one alone.
    marked = {name for name, pin in pinned().items() if pin.marker}
    assert marked == {"torch", "torchvision"}
    assert not [name for name in pinned() if name.startswith(("nvidia-", "cuda-", "triton"))]
    assert "mmsa-utils" not in pinned()


def test_the_makefile_knows_the_pythons_of_pyproject():
    (line,) = re.findall(r"^VERSIONS +:= (.*)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    fitting = SpecifierSet(PYPROJECT["requires-python"])
    every = [f"3.{minor}" for minor in range(8, 20)]
    assert sorted(line.split(), key=every.index) == [v for v in every if fitting.contains(v)]


def test_every_package_of_environment_yml_says_what_it_is_for():
    lines = (PROJECT / "environment.yml").read_text().splitlines()
    packages = [line for line in lines if line.startswith("      - ")]
    assert all(" # " in line for line in packages)


def code_cells(file):
    return [c for c in nbformat.read(file, as_version=4).cells if c.cell_type == "code"]


def ignored(cell):
    return IGNORE in cell.metadata.get("tags", [])


def test_the_eight_notebooks_are_there():
    assert [file.stem for file in NOTEBOOKS][:8] == [
        "01_data_exploration", "02_augmentation_preview", "03_text_only", "04_image_only",
        "05_fused", "06_result_analysis", "07_your_own_post", "08_why",
    ]  # fmt: skip


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_saved_by_one_clean_execution(file):
    cells = code_cells(file)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert all(output.output_type != "error" for output in outputs)
    assert all(output.get("name") != "stderr" for output in outputs)
    assert "widgets" not in nbformat.read(file, as_version=4).metadata
    shown = [output.get("data", {}).get("text/plain", "") for output in outputs]
    assert not [text for text in shown if "/s]" in text], "a progress bar"


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_cells_are_short_and_explained(file):
    cells = nbformat.read(file, as_version=4).cells
    assert max(len(cell.source.splitlines()) for cell in cells if cell.cell_type == "code") <= 15
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert "What you will see" in text
    assert "What we learned" in text


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_few_outputs_are_unchecked_and_a_checked_one_follows_each(file):
    cells = code_cells(file)
    with_output = [cell for cell in cells if cell.outputs]
    assert sum(map(ignored, with_output)) <= len(with_output) / 4
    for cell, after in zip(cells, [*cells[1:], None], strict=True):
        if ignored(cell):
            assert after is not None
            assert any(output.get("text") for output in after.outputs)
            assert not ignored(after)


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_links_between_notebooks_lead_somewhere(file):
    for cell in nbformat.read(file, as_version=4).cells:
        for target in re.findall(r"\]\(([^)#:]+)\)", cell.source):
            assert (file.parent / target).exists()
