"""The notebooks on small sets that are nothing like the demo set, some with other classes.

What is tested is that they run to the end; the settings are as small as they can be. They all
share a kernel, which forgets its variables between them: loading torch takes longer than they do.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat import NotebookNode
from PIL import Image

from mmsa_utils.config import LABELS
from mmsa_utils.data import load_dataset
from mmsa_utils.evaluation import classes_of, load_oof, load_record, overruling
from mmsa_utils.experiments.notebooks import notebook_files, run_notebooks, set_parameters
from mmsa_utils.io import Record
from mmsa_utils.settings import run_folder

KNOBS = {"epochs": 2, "folds": 2, "inner_folds": 2}
OWN_DATA = notebook_files()[:8]  # the ninth is about the demo set alone
COURSE = OWN_DATA[:6]  # the others are about the shipped model
WORDS = (
    "terrible awful sad crying hate miserable",
    "timetable office agenda minutes schedule room",
    "wonderful lovely happy joy love great",
    "afraid nervous panic scared worry alarm",
    "sudden unexpected wow strange twist surprise",
)
ODD_TEXTS = (
    "costs $5 and $x_{",
    "$$ all caps $$",
    "יום נפלא בים",
    "صباح الخير يا عالم",
    "今天天气很好，我们去公园",
    "😂😂 ‏\u200d \\frac{1}{0}",
)
ODD_SHAPES = (
    ("RGB", (1, 4000)),
    ("RGB", (5000, 3)),
    ("L", (40, 60)),
    ("CMYK", (50, 50)),
    ("P", (64, 32)),
    ("RGBA", (33, 47)),
    ("RGB", (2, 2)),
    ("RGB", (1, 1)),
)
Run = Callable[..., str]
Draw = Callable[[int, int, np.random.Generator], tuple[str, Image.Image]]


def _noise(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    width, height = size
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def odd(number: int, label: int, rng: np.random.Generator) -> tuple[str, Image.Image]:
    """A text in another script or with dollars, and a picture of an odd shape or mode."""
    text = f"{ODD_TEXTS[number % len(ODD_TEXTS)]} {WORDS[label].split()[number % 6]} {number}"
    mode, size = ODD_SHAPES[number % len(ODD_SHAPES)]
    return text, _noise(rng, size).convert(mode)


def plain(number: int, label: int, rng: np.random.Generator) -> tuple[str, Image.Image]:
    """A post whose text says its class and whose picture says the same."""
    pixels = np.asarray(_noise(rng, (32, 32))) // 4
    pixels[..., label % 3] += 180
    return f"{WORDS[label]} {number}", Image.fromarray(pixels)


def make(folder: Path, draw: Draw, posts: tuple[int, int], classes: Sequence[str]) -> Path:
    """A folder of so many labelled and unlabelled posts, as many of each class.

    Without unlabelled ones there is no list of them.
    """
    rng, count, (labelled, unlabelled) = np.random.default_rng(0), len(classes), posts
    (folder / "data").mkdir(parents=True)
    if classes != LABELS:
        (folder / "classes.txt").write_text("\n".join(classes))
    tags = [classes[number % count] for number in range(labelled + unlabelled)]
    for number in range(len(tags)):
        text, image = draw(number // count, number % count, rng)
        (folder / "data" / f"{number}.txt").write_text(text, encoding="utf-8")
        suffix = "tiff" if image.mode == "CMYK" else "png"
        image.save(folder / "data" / f"{number}.{suffix}")
    lines = [f"{number},{tag}" for number, tag in enumerate(tags)]
    (folder / "train.txt").write_text("\n".join(["guid,tag", *lines[:labelled]]))
    if unlabelled:
        blank = [f"{number},null" for number in range(labelled, labelled + unlabelled)]
        (folder / "test_without_label.txt").write_text("\n".join(["guid,tag", *blank]))
    return folder


def joined(file: Path, notebooks: Sequence[Path], knobs: Record) -> Path:
    """Notebooks one after the other as one, with knobs set in each."""
    cells = []
    for one in notebooks:
        book = nbformat.read(one, 4)
        set_parameters(book, {"knobs": knobs})
        sources = ["%reset -f", *(cell.source for cell in book.cells if cell.cell_type == "code")]
        cells += [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), file)
    return file


def outputs_of(file: Path) -> list[NotebookNode]:
    return [o for cell in nbformat.read(file, 4).cells for o in cell.get("outputs", [])]


def complained(file: Path) -> str:
    """What the cells of an executed notebook wrote to `stderr`."""
    streams = [o for o in outputs_of(file) if o.output_type == "stream"]
    return "".join(o.text for o in streams if o.name == "stderr")


def said_by(file: Path) -> str:
    """What the cells of an executed notebook printed, and the text form of what they show."""
    return "".join(
        o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs_of(file)
    )


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Makes a set and runs the notebooks on it; gives what they printed."""

    def make_and_run(
        draw: Draw,
        posts: tuple[int, int],
        *,
        classes: Sequence[str] = LABELS,
        notebooks: Sequence[Path] = COURSE,
        **knobs: object,
    ) -> str:
        folder = make(tmp_path / "posts", draw, posts, classes)
        monkeypatch.setenv("MMSA_DATA", str(folder))
        monkeypatch.setenv("MMSA_OUT", str(tmp_path / "out"))
        file = joined(tmp_path / "all.ipynb", notebooks, {**KNOBS, **knobs})
        run_notebooks(tmp_path / "done", files=[file])
        done = tmp_path / "done" / file.name
        assert "Glyph" not in complained(done)
        return said_by(done)

    return make_and_run


def results(tmp_path: Path) -> Path:
    dataset = load_dataset(tmp_path / "posts")
    return run_folder(dataset.name, dataset.fingerprint)


def test_thirty_posts_of_five_classes_with_odd_texts_and_pictures(run: Run, tmp_path: Path) -> None:
    said = run(odd, (30, 3), classes=tuple("12345"), notebooks=OWN_DATA)
    assert "logits (4, 5)" in said
    assert all(f"recall {name}" in said for name in "12345")
    assert "no composition head for the classes" in said
    assert "3 predictions; in the order of the list: True" in said
    lines = (results(tmp_path) / "test_predictions.txt").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["guid", "30", "31", "32"]
    assert {line.split(",")[1] for line in lines[1:]} <= set("12345")


def test_two_classes_no_test_list_and_texts_and_pictures_that_never_disagree(
    run: Run, tmp_path: Path
) -> None:
    small = {"epochs": 40, "learning_rate": 3e-3, "dropout": 0.0}
    notebooks = [file for file in COURSE if "augmentation" not in file.name]  # the same for any
    said = run(plain, (30, 0), classes=("sad", "happy"), notebooks=notebooks, **small)
    assert "30 labelled posts, 0 unlabelled" in said
    assert "no unlabelled posts" in said
    assert not (results(tmp_path) / "test_predictions.txt").exists()
    assert load_record(results(tmp_path), "text")["oof"]["accuracy"] > 0.6
    assert classes_of(load_oof(results(tmp_path))) == ("sad", "happy")
    assert overruling(load_oof(results(tmp_path)))["posts"].sum() == 0
