"""MVSA-Single as its authors publish it, brought into the layout of the course.

labelResultAll.txt   ID<TAB>text,image   a label of the text and one of the picture
data/<ID>.txt, data/<ID>.jpg

Niu, Zhu, Pang and El Saddik, "Sentiment Analysis on Multi-View Social Data", MMM 2016.
"""

import re
import shutil
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..config import LABELS
from ..errors import CourseError
from ..io import Record, replacing
from .lists import LABELLED
from .problems import make_problem, problem_table
from .reading import Files, PostReader
from .tables import read_table

_LISTS = "labelResult*.txt"
_SEPARATORS = re.compile(r"[\s,;|]+")
_LABELS = 2  # of the text and of the picture
_NEUTRAL = "neutral"


@dataclass(frozen=True)
class MvsaCounts:
    """Posts before and after the import."""

    pairs: dict[tuple[str, str], int]  # by labels of text and picture, as they were published
    tags: dict[str, int]  # by tag, in the folder that was made
    problems: pd.DataFrame  # posts and lines left out, with the columns `PROBLEM_COLUMNS`

    @property
    def dropped(self) -> int:
        """Posts without a tag, because their labels are opposite."""
        return sum(count for pair, count in self.pairs.items() if one_tag(*pair) is None)


def one_tag(text: str, image: str) -> str | None:
    """The tag that the labels of text and picture make: the rule of the course's posts.

    Equal labels keep it, a polar one wins over neutral, opposite ones make none.
    """
    polar = {text, image} - {_NEUTRAL}
    if len(polar) > 1:
        return None
    return polar.pop() if polar else _NEUTRAL


def import_mvsa(source: Path | str, target: Path | str) -> MvsaCounts:
    """Makes a folder in the layout of the course; all its posts are labelled.

    Posts whose text or picture is missing or cannot be read are left out and named. The folder
    is written whole or not at all.

    Args:
        source: the data set as it is unpacked, or the folder that has it in it.
        target: the folder to make, empty or not there yet.

    Raises:
        CourseError: where the source is not this data set, none of its posts can be read, or
            there is something in the target already.
    """
    target = Path(target)
    _require_empty(target)
    file = _find_list(Path(source))
    labels, problems = _read_labels(file)
    tags = {guid: tag for guid, pair in labels.items() if (tag := one_tag(*pair))}
    files = Files(file.parent / "data")
    outcomes = PostReader(files).read([(guid, guid) for guid in tags])
    problems += [problem for _, found in outcomes for problem in found]
    kept = {guid: tags[guid] for guid, (found, _) in zip(tags, outcomes, strict=True) if found}
    if not kept:
        what = f"{file} lists no post with a tag whose text and picture can be read"
        raise CourseError(f"{what}: they belong into {files.folder}, named by ID")
    _write(kept, files, target)
    counts = Counter(kept.values())
    return MvsaCounts(
        pairs=dict(Counter(labels.values())),
        tags={label: counts[label] for label in LABELS},
        problems=problem_table(problems),
    )


def _require_empty(target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise CourseError(f"{target} is a file: name a folder that is empty or not there yet")
    if target.exists() and (found := next(target.iterdir(), None)):
        raise CourseError(
            f"{target} is not empty (it holds {found.name}): name a folder that is empty or not "
            "there yet"
        )


def _find_list(source: Path) -> Path:
    """The list of labels, in the folder itself or in one below it."""
    found = [*sorted(source.glob(_LISTS)), *sorted(source.glob(f"*/{_LISTS}"))]
    if not found:
        raise CourseError(
            f"{source}/labelResultAll.txt is missing: name the folder of MVSA-Single as it is "
            "unpacked, with this list (ID, label of the text, label of the picture) and data/"
        )
    if len(found) > 1:
        raise CourseError(f"{source} has several lists ({found[0]}, {found[1]}): name one's folder")
    return found[0]


def _read_labels(file: Path) -> tuple[dict[str, tuple[str, str]], list[Record]]:
    """`({ID: labels of text and picture}, problems)` of the list."""
    labels: dict[str, tuple[str, str]] = {}
    problems = []
    for number, row in read_table(file)[0]:
        guid, *pair = _SEPARATORS.split(",".join(row).strip(","))
        pair = [label.casefold() for label in pair]
        if guid.casefold() == "id":
            _require_single(file, pair)
        elif fault := _fault(guid, pair, labels):
            problems.append(make_problem(f"{file.name}:{number}", guid, *fault))
        else:
            labels[guid] = (pair[0], pair[1])
    return labels, problems


def _require_single(file: Path, columns: Sequence[str]) -> None:
    if len(columns) > _LABELS:
        raise CourseError(
            f"{file} has more than two labels a post, as MVSA-Multiple does: this command takes "
            "MVSA-Single (ID, label of the text, label of the picture)"
        )


def _fault(guid: str, pair: Sequence[str], seen: Collection[str]) -> tuple[str, str] | None:
    """What is wrong with a line of the list, and what to do."""
    if len(pair) != _LABELS:
        return "not an ID and two labels", "write it as ID, label of the text, of the picture"
    if unknown := [label for label in pair if label not in LABELS]:
        return f"unknown label {unknown[0]!r}", f"use one of: {', '.join(LABELS)}"
    return ("duplicate ID", "keep one line") if guid in seen else None


def _write(tags: Mapping[str, str], files: Files, target: Path) -> None:
    with replacing(target) as temporary:
        (temporary / "data").mkdir(parents=True)
        for guid in tags:
            for file in (files.texts(guid)[0], files.images(guid)[0]):
                shutil.copyfile(file, temporary / "data" / file.name)
        lines = ["guid,tag", *(f"{guid},{tag}" for guid, tag in tags.items())]
        (temporary / LABELLED).write_text("\n".join(lines) + "\n", encoding="utf-8")
