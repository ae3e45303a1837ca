"""What every figure must pass, and made posts and records to draw."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from mmsa_utils.config import LABELS
from mmsa_utils.data.images import ImageFacts
from mmsa_utils.data.posts import Post
from mmsa_utils.figures import save_figure, use_style
from mmsa_utils.io import Record


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    """The course's style for each test, and no trace of it or of figures afterwards."""
    with plt.rc_context():
        use_style()
        yield
    plt.close("all")


def _shown_texts(figure: Figure) -> list[Text]:
    """All texts that are drawn: ticks beyond the frame keep a text, but are left out."""
    hidden: set[Text] = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if not axes.axison or not low <= tick.get_loc() <= high:
                    hidden |= {tick.label1, tick.label2}
    texts = figure.findobj(Text)
    return [t for t in texts if t.get_visible() and t.get_text().strip() and t not in hidden]


@pytest.fixture
def shown_texts() -> Callable[[Figure], list[Text]]:
    """Draws a figure and gives the texts that a reader sees."""

    def draw(figure: Figure) -> list[Text]:
        figure.canvas.draw()
        return _shown_texts(figure)

    return draw


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., None]:
    """Checks a figure as a reader sees it, and closes it.

    It draws, its labels lie inside the canvas, these words stand in it, and the picture that is
    saved holds something.
    """

    def check_figure(figure: Figure, *words: str) -> None:
        figure.canvas.draw()
        texts = _shown_texts(figure)
        width, height = figure.canvas.get_width_height()
        for text in texts:
            box = text.get_window_extent()
            inside = min(box.x0, box.y0) >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
            assert inside, f"{text.get_text()!r} leaves the canvas: {box}"
        said = "\n".join(text.get_text() for text in texts)
        for word in words:
            assert word in said, f"{word!r} is not among the labels:\n{said}"
        save_figure(figure, tmp_path / "figure.png")
        with Image.open(tmp_path / "figure.png") as picture:
            assert all(100 <= side <= 2500 for side in picture.size)
            colours = picture.convert("RGB").getcolors(maxcolors=2**24)
        assert colours is not None
        assert len(colours) > 10

    return check_figure


@pytest.fixture
def posts(tmp_path: Path) -> list[Post]:
    """Nine labelled posts, three a class, and one without a label; with pictures of two shapes."""
    texts = (
        "What an awful awful day",
        "The meeting starts at ten",
        "A lovely walk with friends &amp; cake",
    )
    made = []
    for number in range(10):
        label = number % 3 if number < 9 else None
        width, height = (60, 40) if number % 2 else (30, 50)
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        file = tmp_path / f"{number}.png"
        Image.fromarray(pixels).save(file)
        facts = ImageFacts(width, height, "RGB")
        text = texts[number % 3] + " again" * number
        made.append(Post(str(number), label, text, "utf-8", file, str(number), facts))
    return made


TWO = ("sad", "happy")
FIVE = (
    "very negative",
    "negative",
    "neutral",
    "positive",
    "a class with a name of forty characters",
)


@pytest.fixture(params=[TWO, FIVE], ids=["two", "five"])
def classes(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Classes that are not the course's: two, and five of which one has a long name."""
    return request.param


@pytest.fixture
def own_posts(posts: list[Post], classes: tuple[str, ...]) -> list[Post]:
    """The labelled posts with labels of these classes; each class has one at least."""
    return [replace(post, label=n % len(classes)) for n, post in enumerate(posts[:9])]


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """A record of a run, small and made up: two folds, of which one trained longer."""

    def make(run: str, *, accuracy: float = 0.7, classes: Sequence[str] = LABELS) -> Record:
        scores = {"accuracy": accuracy, "macro_f1": accuracy - 0.1}
        per_class = {name: {"recall": accuracy - 0.05 * n} for n, name in enumerate(classes)}
        folds = [
            {
                "fold": fold,
                "seed": 0,
                **scores,
                "validation": scores,
                "best_epoch": 2,
                "history": [
                    {
                        "epoch": epoch,
                        "train_loss": 1 / epoch,
                        "val_loss": 1.1 / epoch,
                        "val_accuracy": 0.6,
                    }
                    for epoch in range(1, epochs + 1)
                ],
            }
            for fold, epochs in enumerate((3, 6))
        ]
        return {"run": run, "oof": {**scores, "per_class": per_class}, "folds": folds}

    return make
