"""Posts on disk: the layout that students get, read and checked.

train.txt               guid,tag            labelled posts
test_without_label.txt  guid,null           unlabelled posts (may be absent)
classes.txt             a name a line       the classes (the course's three where it is absent)
data/<guid>.txt         the tweet
data/<guid>.jpg         its picture (or .png, .webp, .gif ...: `images.SUFFIXES`)

Or one table in place of the lists and files, see `posts_file`.
"""

import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from ..config import LABELS
from ..errors import CourseError
from ..io import Record
from ..paths import POSTS_FILES, find_list
from .classes import check_classes, load_classes, own
from .images import ImageFacts
from .lists import LABELLED, UNLABELLED, Entry, ListContent, read_list, refuse_mvsa
from .posts_file import find_posts_file, list_of, read_posts_file
from .problems import PROBLEM_COLUMNS, condense, make_problem, problem_table
from .reading import Files, PostReader, Source
from .tables import read_table

__all__ = [
    "PROBLEM_COLUMNS",
    "Dataset",
    "Folder",
    "Post",
    "check_folder",
    "load_dataset",
    "read_folder",
]


@dataclass(frozen=True)
class Post:
    """One tweet and its picture. `label` is an index in the classes, or None if unlabelled."""

    guid: str
    label: int | None
    text: str
    encoding: str  # as `decoding.decode` names it
    image: Path | bytes  # the picture's file, or its bytes; b"" where there is no picture
    content: str  # SHA-256 over the bytes of text and picture
    facts: ImageFacts
    image_key: str = ""  # SHA-256 of the picture's bytes; `content` where it is not given

    def __post_init__(self) -> None:
        if not self.image_key:
            object.__setattr__(self, "image_key", self.content)

    @property
    def has_image(self) -> bool:
        """Whether there is a picture; posts of a folder always have one."""
        return self.image != b""

    @cached_property
    def text_key(self) -> str:
        """SHA-256 of the text as it was decoded."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Dataset:
    """The usable posts of a folder, and the table of those left out."""

    name: str
    labelled: tuple[Post, ...]
    unlabelled: tuple[Post, ...]
    excluded: pd.DataFrame  # a row a problem, with the columns `PROBLEM_COLUMNS`
    classes: tuple[str, ...] = LABELS  # names, in the order of label indices

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
        """A name of exactly these labelled posts, in this order, and of their classes."""
        lines = [f"{post.guid} {post.label} {post.content}" for post in self.labelled]
        if own(self.classes):
            lines.insert(0, ", ".join(self.classes))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Folder:
    """Everything that was found in a folder of posts."""

    posts: tuple[Post, ...]  # labelled before unlabelled, in the order of the lists
    problems: pd.DataFrame  # a row a problem, with the columns `PROBLEM_COLUMNS`
    notes: tuple[str, ...]  # what was read otherwise than it stands there, a line each
    classes: tuple[str, ...] = LABELS  # names, in the order of label indices


# ---- reading ----------------------------------------------------------------------------

# Where the posts lie, entries with the names of their files there, problems, notes.
_Listed = tuple[Source, list[tuple[Entry, str]], list[Record], list[str]]


def read_folder(folder: Path | str, *, classes: Sequence[str] | None = None) -> Folder:
    """Reads every post that a folder lists.

    Args:
        folder: in the layout above, or a file of posts.
        classes: what tags may be; by default what the folder's classes.txt names.

    Raises:
        CourseError: in one line, where something is wrong with the whole folder or a whole
            list: the layout, the classes, the header, the tags, files that are all missing.
    """
    file = find_posts_file(Path(folder))
    if not file:
        _require_layout(Path(folder))
    place = file.parent if file else Path(folder)
    classes = load_classes(place) if classes is None else check_classes(classes)
    listed = _read_rows(file, classes) if file else _read_lists(place, classes)
    source, entries, problems, notes = listed
    outcomes = PostReader(source).read([(entry.guid, name) for entry, name in entries])
    posts = [
        Post(guid=entry.guid, label=classes.index(entry.tag) if entry.tag else None, **vars(found))
        for (entry, _), (found, _) in zip(entries, outcomes, strict=True)
        if found
    ]
    problems += [problem for _, found in outcomes for problem in found]
    notes += _replaced(posts)
    return Folder(tuple(posts), problem_table(problems), tuple(notes), classes)


def _read_lists(folder: Path, classes: Sequence[str]) -> _Listed:
    files = Files(folder / "data")
    names = [LABELLED, *([UNLABELLED] if (folder / UNLABELLED).exists() else [])]
    lists = [
        read_list(folder / name, has_files=lambda guid: bool(files.stems(guid)), classes=classes)
        for name in names
    ]
    _require_files(folder, files, lists[0].entries)
    entries, problems, notes = _match(files, lists)
    unread = [name for name in POSTS_FILES if os.path.lexists(folder / name)]
    notes += [f"{name} is not looked at: {LABELLED} is there" for name in unread]
    return files, entries, problems, notes


def _read_rows(file: Path, classes: Sequence[str]) -> _Listed:
    rows, content = read_posts_file(file, classes=classes)
    entries = [(entry, entry.guid) for entry in content.entries]
    return rows, entries, content.problems, content.notes


def _match(
    files: Files, lists: Sequence[ListContent]
) -> tuple[list[tuple[Entry, str]], list[Record], list[str]]:
    """`(entries with the names of their files, problems, notes)` of all lists."""
    entries: list[tuple[Entry, str]] = []
    problems = [problem for content in lists for problem in content.problems]
    notes = [note for content in lists for note in content.notes]
    seen: dict[str, str] = {}
    for entry in (entry for content in lists for entry in content.entries):
        stems = sorted(files.stems(entry.guid)) or [entry.guid]
        if len(stems) > 1:
            advice = "write the guid as the files are named"
            fault = f"guid may be {' or '.join(map(repr, stems))}"
            problems.append(make_problem(entry.where, entry.guid, fault, advice))
        elif stems[0] in seen:
            advice = f"keep one line; the first is {seen[stems[0]]}"
            problems.append(make_problem(entry.where, entry.guid, "duplicate guid", advice))
        else:
            seen[stems[0]] = entry.where
            entries.append((entry, stems[0]))
    other = [(entry.guid, stem) for entry, stem in entries if entry.guid != stem]
    if other:
        more = f" (and {len(other) - 1} more)" if len(other) > 1 else ""
        notes.append(f"guid {other[0][0]} was matched to the files named {other[0][1]}{more}")
    return entries, problems, notes


def _replaced(posts: Sequence[Post]) -> list[str]:
    found = [post for post in posts if "replaced" in post.encoding]
    shown = ", ".join(f"{post.guid} ({post.encoding})" for post in found[:3])
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return [f"broken texts, read as far as they can be: {shown}{more}"] if found else []


# ---- the layout ---------------------------------------------------------------------------


def _require_layout(folder: Path) -> None:
    """Ends where there is no list or no folder of files, and says where one was seen."""
    if not folder.is_dir():
        raise CourseError(f"{folder} is no folder. The layout of posts is in data/README.md")
    if not (folder / LABELLED).exists():
        for other in sorted(folder.glob("labelResult*.txt")):  # as MVSA names its list
            refuse_mvsa(other, read_table(other)[0])
        found = find_list(folder)
        hint = f", but there is {found}" if found else ""
        raise CourseError(f"{folder / LABELLED} is missing{hint}. The layout is in data/README.md")
    data = folder / "data"
    if data.exists() and not data.is_dir():
        raise CourseError(f"{data} is a file: it should be the folder with the posts' files")
    if not data.exists():
        archive = next(iter(sorted(folder.glob("data.*"))), None)
        hint = f", but there is {archive.name} (unpack it)" if archive else ""
        raise CourseError(f"{data} is missing{hint}. The layout is in data/README.md")


def _require_files(folder: Path, files: Files, entries: Sequence[Entry]) -> None:
    """Ends where no post of the list at all has a text, or a picture."""
    for kind, of_stem in (("text", files.texts), ("picture", files.images)):
        stems = (stem for entry in entries for stem in files.stems(entry.guid))
        if entries and not any(of_stem(stem) for stem in stems):
            raise CourseError(
                f"{folder / 'data'} has no {kind} of any of the {len(entries)} posts in "
                f"{LABELLED} (the first: {entries[0].guid}){_elsewhere(folder, entries)}"
            )


def _elsewhere(folder: Path, entries: Sequence[Entry]) -> str:
    """Where files of the posts lie instead, and what to do."""
    guids = [entry.guid for entry in entries[:50]]
    below = [path for path in sorted((folder / "data").iterdir()) if path.is_dir()]
    found = [Files(place) for place in (folder, *below)]
    places = [
        files.folder
        for files in found
        if any(files.texts(guid) or files.images(guid) for guid in guids)
    ]
    if not places:
        return ": put them there, named by guid"
    named = " and ".join(str(place) for place in places)
    return f": they lie in {named}; put them all into {folder / 'data'} itself"


# ---- for everybody ------------------------------------------------------------------------


def check_folder(folder: Path | str, *, classes: Sequence[str] | None = None) -> pd.DataFrame:
    """One table of every problem of a folder's posts; empty where there is none.

    Its columns are `PROBLEM_COLUMNS`. `checking.report` says more: whether the posts can be
    trained on.

    Args:
        classes: what tags may be; by default what the folder's classes.txt names.

    Raises:
        CourseError: as `read_folder`.
    """
    return read_folder(folder, classes=classes).problems


def load_dataset(
    folder: Path | str,
    *,
    exclude_problems: bool = False,
    name: str | None = None,
    classes: Sequence[str] | None = None,
) -> Dataset:
    """The posts of a folder, all of them sound.

    What was read otherwise than it stands there is said, a line each.

    Args:
        folder: a folder in the layout above, or a file of posts.
        exclude_problems: leave posts with problems out, and list them in `excluded`.
        name: of the dataset, in records and folders of results; the folder's by default.
        classes: what tags may be; by default what the folder's classes.txt names.

    Raises:
        CourseError: with the table of problems, where there are any and they are not excluded;
            where no labelled post is left; and as `read_folder`.
    """
    place, found = Path(folder), read_folder(folder, classes=classes)
    labelled = tuple(post for post in found.posts if post.label is not None)
    unlabelled = tuple(post for post in found.posts if post.label is None)
    if len(found.problems) and (not exclude_problems or not labelled):
        raise CourseError(_stop_message(folder, found.problems, anything_left=bool(labelled)))
    if not labelled:
        raise CourseError(f"{list_of(place)} lists no usable post: write one a line, with its tag")
    for note in found.notes:
        print(f"{folder}: {note}", file=sys.stderr)
    name = name or (place.stem if place.is_file() else place.name) or place.resolve().name
    return Dataset(name, labelled, unlabelled, found.problems, found.classes)


def _stop_message(folder: Path | str, problems: pd.DataFrame, *, anything_left: bool) -> str:
    remedy = "Mend them: no labelled post is without"
    if anything_left:
        remedy = (
            "Mend them, or leave these posts out with --exclude-problems "
            "(in Python: exclude_problems=True)"
        )
    table = condense(problems).to_string(index=False)
    return f"{len(problems)} problem(s) in {folder}:\n{table}\n{remedy}"
