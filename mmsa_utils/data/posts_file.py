"""Posts in one file, posts.csv or posts.jsonl, in place of a folder's lists and files.

A row is a post: `text`, `image` (the path of its picture, from the file's folder) and `label`.
A row without a label is an unlabelled post. A column `guid` or `id` names the posts; without
one they are named by their lines.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..errors import CourseError
from ..io import Record
from ..paths import POSTS_FILES
from .classes import NO_TAG, by_tag, folded
from .lists import LABELLED, Entry, ListContent, require_known
from .post_rows import CSV, JSON_LINES, PostRow, columns_of, iterate_rows
from .problems import make_problem
from .reading import Raw, unexpected, unreadable

_COLUMNS = ("text", "image", "label")
_GUIDS = ("guid", "id")
_NOT_IN_LISTS = re.compile(r"[\0-\x1f\x7f,]|\A.{201,}")


def find_posts_file(place: Path) -> Path | None:
    """The file of posts that a path names: itself, or a folder's only list; None for another one.

    Raises:
        CourseError: where a folder has two such files.
    """
    if place.is_file() and place.suffix.lower() in CSV + JSON_LINES:
        return place
    if os.path.lexists(place / LABELLED):
        return None
    found = [place / name for name in POSTS_FILES if os.path.lexists(place / name)]
    if len(found) > 1:
        raise CourseError(
            f"{place} has {' and '.join(POSTS_FILES)}: leave one, or name the one to read"
        )
    return found[0] if found else None


def list_of(place: Path) -> Path:
    """The list of labelled posts that a path stands for: a file of posts, or train.txt."""
    return find_posts_file(place) or place / LABELLED


class PostRows:
    """The rows of a file of posts, by guid, for `PostReader` to read."""

    def __init__(self, file: Path, rows: Mapping[str, PostRow]) -> None:
        self.file, self.rows = file, rows

    def load(self, guid: str, name: str) -> Raw | list[Record]:
        """A post's text and picture as bytes, or what its row lacks."""
        row = self.rows[name]
        where = f"{self.file.name}:{row.number}"
        problems = [make_problem(where, guid, *fault) for fault in _lacks(row)]
        if problems or row.text is None or row.image is None:
            return problems
        place = f"{where}, {row.image.name}"
        try:
            image = row.image.read_bytes()
        except Exception as error:  # whatever happens to one post, the others are read
            return [unexpected(place, guid, error)]
        key = hashlib.sha256(image).hexdigest()
        return Raw(guid, where, place, row.text.encode(), image, row.image, key)


def _lacks(row: PostRow) -> list[tuple[str, str]]:
    """What a row has not, and what to do."""
    faults = []
    if row.text is None:
        faults.append(("empty text", "write it into the column text, or take the row out"))
    if row.image is None:
        advice = "write the picture's path into the column image, or take the row out"
        faults.append(("missing picture", advice))
    elif not os.path.lexists(row.image):
        faults.append(("missing picture", f"there is no {row.image}: put it there"))
    elif fault := unreadable(row.image):
        faults.append(fault)
    return faults


def read_posts_file(file: Path, *, classes: Sequence[str]) -> tuple[PostRows, ListContent]:
    """The rows of a file, and its posts as entries of a list: labelled ones, then the others.

    Raises:
        CourseError: for a fault of the whole file: it cannot be read, lacks a column, or none of
            its labels is one of the classes.
    """
    guids, known = _require_columns(file), by_tag(classes)
    rows: dict[str, PostRow] = {}
    content, tags = ListContent(), []
    for row in iterate_rows(file):
        guid = _guid(row, guids)
        tag, where = folded(row.label or ""), f"{file.name}:{row.number}"
        tags.append(tag)
        if fault := _fault(row, guid, tag, rows, known):
            content.problems.append(make_problem(where, guid, *fault))
        else:
            rows[guid] = row
            content.entries.append(Entry(where, guid, known.get(tag, "")))
    require_known(file, [tag for tag in tags if tag not in NO_TAG], classes)
    content.entries.sort(key=lambda entry: not entry.tag)  # a stable sort
    content.notes += _replaced(file, rows.values())
    return PostRows(file, rows), content


def _require_columns(file: Path) -> str | None:
    """The column that names the posts, if there is one; ends where another one is missing."""
    columns = {name.strip().casefold(): name for name in columns_of(file)}
    if missing := [name for name in _COLUMNS if name not in columns]:
        raise CourseError(
            f"{file} has no column {' and no column '.join(missing)} (its columns: "
            f"{', '.join(columns.values())}): name them text, image and label"
        )
    return next((columns[name] for name in _GUIDS if name in columns), None)


def _guid(row: PostRow, column: str | None) -> str:
    named = row.number if column is None else row.cells.get(column)
    return "" if named is None else str(named).strip()


def _fault(
    row: PostRow, guid: str, tag: str, seen: Mapping[str, PostRow], known: Mapping[str, str]
) -> tuple[str, str] | None:
    """What is wrong with a row before its post is looked at, and what to do."""
    if row.error:
        return row.error, "mend the row, or take it out"
    if not guid:
        return "no guid", "write one, or take the column out"
    if _NOT_IN_LISTS.search(guid):
        return "guid with a comma or a control character, or too long", "write a plain, short one"
    if guid in seen:
        return "duplicate guid", f"keep one row; the first is line {seen[guid].number}"
    if tag not in known and tag not in NO_TAG:
        return f"unknown tag {tag!r}", f"use one of: {', '.join(known.values())}"
    return None


def _replaced(file: Path, rows: Iterable[PostRow]) -> list[str]:
    found = [row.number for row in rows if "\ufffd" in (row.text or "")]
    if not found:
        return []
    what = "signs that could not be decoded, read as U+FFFD"
    return [f"{file.name}: texts with {what}: {len(found)} (the first in line {found[0]})"]
