"""The demo set: small, drawn and written for this course, with a known best accuracy.

Three classes, equally frequent. The text shows the label on 62.5 % of the posts, the
picture on 55 %, independently; else it is filler that says nothing. Who reads the text
perfectly is right on 0.625 + 0.375 / 3 = 0.75 of the posts, the picture 0.70, both 0.8875.
No sentence and no drawing is used twice, except in a few planted copies.
"""

import shutil
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image

from ..config import LABELS
from ..errors import CourseError
from ..io import Record
from ..paths import DEMO, require_clone
from .drawings import draw_image
from .splits import NEAR_IMAGE

LABELLED, UNLABELLED = 240, 40
TEXT_SHOWS, IMAGE_SHOWS = 0.625, 0.55  # the share of posts on which each shows the label
# The best accuracy that is possible in each mode.
CEILINGS = {
    "text": TEXT_SHOWS + (1 - TEXT_SHOWS) / 3,
    "image": IMAGE_SHOWS + (1 - IMAGE_SHOWS) / 3,
    "fused": 1 - (1 - TEXT_SHOWS) * (1 - IMAGE_SHOWS) * 2 / 3,
}
_COPIES = 8
_WITH_WORD = 0.2


@dataclass
class _Draft:
    """A post of the demo set while it is made. Kinds are a label or `filler`."""

    label: str
    text_kind: str
    image_kind: str
    text: str = field(init=False)
    image: Image.Image = field(init=False)


def read_sentences() -> dict[str, list[str]]:
    """The written sentences by kind: `{kind: [sentence]}`."""
    sentences: dict[str, list[str]] = {}
    for line in files(__package__).joinpath("demo_sentences.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            kind = sentences.setdefault(line.strip("[]"), [])
        elif line:
            kind.append(line)
    return sentences


def _shows(count: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """`count` truth values, `share` of them true, shuffled."""
    return rng.permutation(np.arange(count) < round(count * share))


def _drafts(count: int, rng: np.random.Generator) -> list[_Draft]:
    drafts = []
    for number, label in enumerate(LABELS):
        size = (count + number) // len(LABELS)
        for text, image in zip(
            _shows(size, TEXT_SHOWS, rng), _shows(size, IMAGE_SHOWS, rng), strict=True
        ):
            kinds = (label if text else "filler", label if image else "filler")
            drafts.append(_Draft(label, *kinds))
    return [drafts[index] for index in rng.permutation(count)]


def _decorate(sentence: str, rng: np.random.Generator) -> str:
    """A sentence as a tweet: sometimes a mention, a hashtag or a link."""
    extras = ("", "", "", " #photo", " @someone", " https://example.org/p", " &amp; more")
    return sentence + extras[rng.integers(len(extras))]


def _write_texts(drafts: list[_Draft], rng: np.random.Generator) -> None:
    sentences = {kind: list(rng.permutation(lines)) for kind, lines in read_sentences().items()}
    for draft in drafts:
        draft.text = _decorate(str(sentences[draft.text_kind].pop()), rng)


def _draw_images(drafts: list[_Draft], rng: np.random.Generator) -> None:
    """Draws until each picture differs from all before by more than a near copy would."""
    hashes: list[imagehash.ImageHash] = []
    for draft in drafts:
        while True:
            image = draw_image(draft.image_kind, rng, word=rng.random() < _WITH_WORD)
            phash = imagehash.phash(image)
            if all(phash - other > NEAR_IMAGE + 4 for other in hashes):
                break
        hashes.append(phash)
        draft.image = image


def _plant_copies(drafts: list[_Draft], rng: np.random.Generator) -> None:
    """Makes some posts copies of others of the same kinds: text with a new link, or picture."""
    by_kind: dict[tuple[str, str, str], list[_Draft]] = {}
    for draft in drafts:
        by_kind.setdefault((draft.label, draft.text_kind, draft.image_kind), []).append(draft)
    groups = [group for group in by_kind.values() if len(group) >= 4]
    for number in range(_COPIES):
        group = groups[number % len(groups)]
        copy, original = group.pop(), group[0]
        if number % 2:
            copy.text = f"{original.text} https://example.org/{rng.integers(1000)}"
        else:
            side = original.image.width - 20
            copy.image = original.image.resize((side, side))


def _save(folder: Path, guid: int, draft: _Draft, number: int) -> None:
    encoding = "utf-8"
    if number == 0:  # one text as the course's data has many of
        draft.text, encoding = draft.text + " …", "gb18030"
    (folder / f"{guid}.txt").write_bytes(draft.text.encode(encoding) + b"\n")
    if number == 1:
        draft.image.convert("L").save(folder / f"{guid}.jpg", quality=80)
    elif number == 2:
        draft.image.putalpha(200)
        draft.image.save(folder / f"{guid}.png")
    else:
        draft.image.save(folder / f"{guid}.jpg", quality=80)


def make_demo(folder: Path | str = DEMO, *, seed: int = 7) -> None:
    """Writes the demo set into a folder; the same seed gives the same set.

    Raises:
        CourseError: where the folder holds something else: it is not overwritten; where it is
            the demo set's own and this is no clone of the course.
    """
    folder, rng = Path(folder), np.random.default_rng(seed)
    if folder.resolve() == DEMO:
        require_clone("Making the demo set in its own place")
    elif folder.exists() and any(folder.iterdir()):
        raise CourseError(f"{folder} is not empty: name a new folder for the demo set")
    drafts = _drafts(LABELLED, rng) + _drafts(UNLABELLED, rng)
    _write_texts(drafts, rng)
    _draw_images(drafts, rng)
    _plant_copies(drafts[:LABELLED], rng)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    guids = rng.permutation(np.arange(1, len(drafts) + 1)).tolist()
    for number, (guid, draft) in enumerate(zip(guids, drafts, strict=True)):
        _save(folder / "data", guid, draft, number)
    labelled = [f"{g},{d.label}" for g, d in zip(guids, drafts[:LABELLED], strict=False)]
    unlabelled = [f"{guid},null" for guid in guids[LABELLED:]]
    for name, lines in (("train.txt", labelled), ("test_without_label.txt", unlabelled)):
        (folder / name).write_text("\n".join(["guid,tag", *lines]) + "\n", encoding="utf-8")


def verdict(record: Record) -> str:
    """What a record's accuracy says beside the best one possible, in a sentence.

    Above the ceiling by more than three standard errors, a model has seen what it should
    not have.
    """
    run, accuracy, posts = record["run"], record["oof"]["accuracy"], record["dataset"]["posts"]
    if (record["dataset"]["name"], posts) != (DEMO.name, LABELLED):
        return f"{run}: these posts have no known ceiling"
    ceiling = CEILINGS[run]
    if accuracy > ceiling + 3 * np.sqrt(ceiling * (1 - ceiling) / posts):
        return f"{run}: above its ceiling of {ceiling:.4g}: something leaks"
    return f"{run}: not above its ceiling of {ceiling:.4g} by more than three standard errors"
