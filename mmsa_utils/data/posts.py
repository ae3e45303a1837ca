"""Posts on disk: the layout that students get, read and checked.

train.txt               guid,tag            labelled posts
test_without_label.txt  guid,null           unlabelled posts (may be absent)
data/<guid>.txt         the tweet
data/<guid>.jpg         its picture (.jpeg and .png are read, too)
"""

import hashlib
import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from ..config import LABELS
from ..errors import CourseError
from ..io import Record, replacing
from ..settings import cache_folder
from ..version import __version__
from .images import SUFFIXES, ImageFacts, image_facts
from .text import decode

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
PROBLEM_COLUMNS = ["file", "guid", "problem", "what to do"]


@dataclass(frozen=True)
class Post:
    """One tweet and its picture. `label` is an index in `LABELS`, or None if unlabelled."""

    guid: str
    label: int | None
    text: str
    encoding: str
    image: Path
    content: str  # SHA-256 over the bytes of text and picture
    facts: ImageFacts


@dataclass(frozen=True)
class Dataset:
    """The usable posts of a folder, and the table of those left out."""

    name: str
    labelled: tuple[Post, ...]
    unlabelled: tuple[Post, ...]
    excluded: pd.DataFrame  # a row a problem, with the columns `PROBLEM_COLUMNS`

    @cached_property
    def posts(self) -> tuple[Post, ...]:
        """All posts: the labelled ones, then the unlabelled ones."""
        return self.labelled + self.unlabelled

    @cached_property
    def labels(self) -> np.ndarray:
        """`(N,)` int array: the labels of the labelled posts."""
        return np.array([post.label for post in self.labelled])

    @cached_property
    def fingerprint(self) -> str:
        """A name of exactly these labelled posts, in this order."""
        lines = [f"{post.guid} {post.label} {post.content}" for post in self.labelled]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


# ---- reading ----------------------------------------------------------------------------


def _problem(where: Path | str, guid: str, problem: str, advice: str) -> Record:
    return dict(zip(PROBLEM_COLUMNS, (str(where), guid, problem, advice), strict=True))


def _read_table(
    path: Path, *, tags: Sequence[str], seen: dict[str, str]
) -> tuple[list[tuple[str, str]], list[Record]]:
    """Rows of a `guid,tag` file: `[(guid, tag)]`, and the problems of its lines.

    `seen` maps the guids met so far to the line where they stand, and grows.
    """
    text, _ = decode(path.read_bytes())
    rows: list[tuple[str, str]] = []
    problems = []
    for number, line in enumerate(text.splitlines(), start=1):
        cells = [cell.strip() for cell in line.split(",")]
        is_header = not rows and [cell.casefold() for cell in cells] == ["guid", "tag"]
        if not any(cells) or is_header:
            continue
        where, guid, tag = f"{path.name}:{number}", cells[0], cells[-1].casefold()
        if len(cells) != 2:
            problems.append(_problem(where, guid, "not two cells", "write it as guid,tag"))
        elif not _PLAIN_NAME.fullmatch(guid):
            advice = "use letters, digits, _ and -"
            problems.append(_problem(where, guid, "guid is not a plain file name", advice))
        elif guid in seen:
            advice = f"keep one line; the first is {seen[guid]}"
            problems.append(_problem(where, guid, "duplicate guid", advice))
        elif tag not in tags:
            advice = f"use one of: {', '.join(tags)}"
            problems.append(_problem(where, guid, f"unknown tag {tag!r}", advice))
        else:
            rows.append((guid, tag))
        seen.setdefault(guid, where)
    return rows, problems


class _Reader:
    """Reads the files of single posts; remembers image facts by content."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache_file = cache_folder() / f"image_facts-{__version__}.json"
        self.cache: dict[str, Record] = {}
        if self.cache_file.exists():
            self.cache = json.loads(self.cache_file.read_text())
        self.files: dict[str, list[Path]] = {}
        for path in sorted(folder.iterdir()):
            self.files.setdefault(path.stem, []).append(path)

    def _with_suffix(self, guid: str, suffixes: Sequence[str]) -> list[Path]:
        return [path for path in self.files.get(guid, []) if path.suffix.lower() in suffixes]

    def _facts(self, raw: bytes) -> ImageFacts:
        digest = hashlib.sha256(raw).hexdigest()
        if digest not in self.cache:
            self.cache[digest] = asdict(image_facts(raw))
        return ImageFacts(**self.cache[digest])

    def read(self, guid: str, tag: str) -> tuple[Post | None, list[Record]]:
        """`(post, problems)`; the post is None where there are problems."""
        texts = self._with_suffix(guid, (".txt",))
        images = self._with_suffix(guid, SUFFIXES)
        problems = [
            _problem(self.folder / f"{guid}{suffix}", guid, *_not_one(kind, len(found)))
            for kind, suffix, found in (("text", ".txt", texts), ("picture", ".jpg", images))
            if len(found) != 1
        ]
        if problems:
            return None, problems
        return self._read_files(guid, tag, texts[0], images[0])

    def _read_files(
        self, guid: str, tag: str, text_file: Path, image_file: Path
    ) -> tuple[Post | None, list[Record]]:
        raw_text, raw_image = text_file.read_bytes(), image_file.read_bytes()
        text, encoding = decode(raw_text)
        facts = self._facts(raw_image)
        problems = []
        if not text.strip():
            problems.append(_problem(text_file, guid, "empty text", "write the tweet into it"))
        if facts.error:
            problems.append(_problem(image_file, guid, facts.error, "save the picture anew"))
        if problems:
            return None, problems
        content = hashlib.sha256(raw_text + b"\0" + raw_image).hexdigest()
        label = LABELS.index(tag) if tag in LABELS else None
        return Post(guid, label, text.strip(), encoding, image_file, content, facts), []

    def save_cache(self) -> None:
        with replacing(self.cache_file) as temporary:
            temporary.write_text(json.dumps(self.cache))


def _not_one(kind: str, count: int) -> tuple[str, str]:
    if count == 0:
        return f"missing {kind}", f"add the {kind} or take the post out of the list"
    return f"{count} {kind}s for one post", "leave one"


def read_folder(folder: Path | str) -> tuple[list[Post], pd.DataFrame]:
    """Reads every post that a folder lists: `(posts, problems)`.

    Returns:
        posts: list of `Post`, labelled before unlabelled, in the order of the lists.
        problems: DataFrame, a row a problem, with the columns `PROBLEM_COLUMNS`.

    Raises:
        CourseError: where the folder has not the layout at all.
    """
    folder = Path(folder)
    for needed in ("train.txt", "data"):
        if not (folder / needed).exists():
            raise CourseError(f"{folder / needed} is missing. The layout is in data/README.md")
    seen: dict[str, str] = {}
    rows, problems = _read_table(folder / "train.txt", tags=LABELS, seen=seen)
    if (folder / "test_without_label.txt").exists():
        table = _read_table(folder / "test_without_label.txt", tags=("null",), seen=seen)
        rows, problems = rows + table[0], problems + table[1]
    reader = _Reader(folder / "data")
    with ThreadPoolExecutor() as pool:
        found = pool.map(lambda row: reader.read(*row), rows)
        results = list(tqdm(found, "reading posts", len(rows), disable=len(rows) < 1000))
    reader.save_cache()
    for _, more in results:
        problems += more
    posts = [post for post, _ in results if post]
    return posts, pd.DataFrame(problems, columns=PROBLEM_COLUMNS)


def check_folder(folder: Path | str) -> pd.DataFrame:
    """One table of every problem of a folder's posts; empty where there is none.

    Its columns are `PROBLEM_COLUMNS`.

    Raises:
        CourseError: where the folder has not the layout at all.
    """
    return read_folder(folder)[1]


def load_dataset(
    folder: Path | str, *, exclude_problems: bool = False, name: str | None = None
) -> Dataset:
    """The posts of a folder, all of them sound.

    Args:
        folder: a folder in the layout above.
        exclude_problems: leave posts with problems out, and list them in `excluded`.
        name: of the dataset, in records and folders of results; the folder's by default.

    Raises:
        CourseError: with the table of problems, where there are any and they are not excluded;
            where the folder has not the layout, or no usable labelled post.
    """
    posts, problems = read_folder(folder)
    if len(problems) and not exclude_problems:
        raise CourseError(
            f"{len(problems)} problem(s) in {folder}:\n{problems.to_string(index=False)}\n"
            "Mend them, or leave these posts out with --exclude-problems "
            "(in Python: exclude_problems=True)"
        )
    labelled = tuple(post for post in posts if post.label is not None)
    unlabelled = tuple(post for post in posts if post.label is None)
    if not labelled:
        raise CourseError(f"{folder}/train.txt lists no usable post")
    return Dataset(name or Path(folder).name, labelled, unlabelled, problems)
