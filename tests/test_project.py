"""The project as a whole: packages, the versions of Python, the pages beside the report."""

import re
import tomllib

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from mmsa_utils.paths import PROJECT

from .links import slug

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


@pytest.mark.parametrize("line", declared("test", "ocr", "fast", "site"))
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


# ---- pages that are written by hand -----------------------------------------------------

GLOSSARY = (PROJECT / "GLOSSARY.md").read_text(encoding="utf-8")
ENTRY = re.compile(
    r"^### (.+?)\n\n(.+?)\n\nIntroduced in .*?\]\((\S+)\)\.$", re.MULTILINE | re.DOTALL
)
ENTRIES = {term: (text, page) for term, text, page in ENTRY.findall(GLOSSARY)}
EXPECTED = [
    "Attention mask", "Augmentation", "BatchNorm", "Calibration", "Corrected t-test", "ECE", "EMAP",
    "Embedding", "Ensemble", "Frozen", "Grouped folds", "Holm", "Inner predictions",
    "Kernel ridge", "Logits", "LoRA", "LP-FT", "Macro-F1", "McNemar's test", "Mojibake",
    "Out of fold", "Perceptual hash", "Precision", "Prior correction", "Recall", "Standard error",
    "Support vector machine", "Temperature", "TF-IDF", "Token", "Wilson interval",
]  # fmt: skip
# Where a page says it otherwise.
ALSO = {"Label noise": "noise", "Leave-one-out": "left out", "Wilson interval": "Wilson"}


def anchors_of(page: str) -> set[str]:
    return {slug(title) for title in re.findall(r"^#+ (.+)$", page, re.MULTILINE)}


def plain(text: str) -> str:
    """Small letters, with one space for a hyphen or a line's end."""
    return re.sub(r"[\s\-]+", " ", text.lower())


def prose_of(page: str) -> str:
    """What a page says; of a notebook what its markdown cells say."""
    file = PROJECT / page
    if file.suffix != ".ipynb":
        return file.read_text(encoding="utf-8")
    cells = nbformat.read(file, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_the_glossary_is_in_order():
    terms = list(ENTRIES)
    assert len(terms) == GLOSSARY.count("\n### ")
    assert terms == sorted(terms, key=str.lower)
    assert set(EXPECTED) - set(terms) == set()


@pytest.mark.parametrize("term", ENTRIES)
def test_an_entry_is_short_and_its_term_comes_up_where_it_says(term):
    text, page = ENTRIES[term]
    assert 1 <= len(re.findall(r"[.!?](?=\s|$)", text)) <= 4
    stem = plain(ALSO.get(term, term)).removesuffix("'s test").removesuffix("s")
    stem = stem.removesuffix("ing").removesuffix("ion").removesuffix(" head")
    assert stem in plain(prose_of(page))


def test_troubleshooting_has_its_parts_and_quotes_what_the_course_says():
    text = (PROJECT / "TROUBLESHOOTING.md").read_text(encoding="utf-8")
    parts = {"installing", "kernel-and-jupyterlab", "encoding", "memory", "no-internet"}
    assert parts - anchors_of(text) == set()
    code = [file.read_text("utf-8") for file in (PROJECT / "mmsa_utils").rglob("*.py")]
    said = "\n".join([*code, (PROJECT / "Makefile").read_text()])
    own = ("No Python 3.11 to 3.14 found", "notebooks' kernel cannot start", "truncated picture",
           "its kernel died (was the memory enough?)", "HEIC picture, which is not read",
           "is not on this machine", "HTML page, not the picture", "not a text")  # fmt: skip
    assert [words for words in own if words not in text or words not in said] == []
