"""Posts in one file, a row each: CSV with a header, or JSON lines. Read row by row.

The columns `text` and `image` (a picture's file) say what a post is, `label` its class if it has
one; other columns stay with their row. Names count without regard to case. A row that cannot be
read is a row with its error, and those after it are read.
"""

import codecs
import csv
import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import CourseError
from .decoding import NotText, decode, whole
from .tables import NAMED_SEPARATOR, SEPARATORS, WORKBOOKS

CSV, JSON_LINES = (".csv", ".tsv"), (".jsonl",)

_NO_SEPARATOR = "\x1f"  # of a file of one column: stands in no text
_NAMED_SEPARATOR = re.compile(NAMED_SEPARATOR, re.IGNORECASE)
_SPACE = " \t\r\n\x1a"  # with the end of a file of DOS
_BLOCK = 2**20  # bytes
_LONGEST = 2**24  # characters of a row: where it is longer, a quote was not closed
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NOT_CLOSED = "a cell that begins with a quote has no end: write a quote inside of quotes twice"


@dataclass(frozen=True)
class PostRow:
    """A row of a file of posts. Where it cannot be read, `error` says why, else it is empty.

    Cells are strings in CSV, anything in JSON lines, where an object may lack some.
    """

    number: int  # of its line in the file, the first of several
    cells: dict[str, Any]  # all columns as they stand; none where the row is broken
    text: str | None  # None where there is none, or only spaces
    image: Path | None  # absolute; a relative one counts from the file's folder
    label: str | None  # of the column `label`, if there is one
    error: str = ""


def iterate_rows(file: Path) -> Iterator[PostRow]:
    """The rows of a `.csv` (any usual separator and encoding) or `.jsonl`, one after the other.

    Empty lines are no rows. However long the file is, a row at a time is in memory.

    Raises:
        CourseError: for a fault of the whole file: it is no text, another kind of file, it has
            neither a column `text` nor `image`, or one of them twice.
    """
    source = _open(file)
    return (source.row(number, cells) for number, cells in source.records())


def columns_of(file: Path) -> tuple[str, ...]:
    """The names of a file's columns as they stand there, in order.

    Those of JSON lines are the keys of all objects.

    Raises:
        CourseError: as `iterate_rows`.
    """
    return _open(file).columns


# ---- both kinds -------------------------------------------------------------------------

_Record = tuple[int, dict[str, Any] | str]  # the number of its line; its cells, or what is wrong


@dataclass(frozen=True)
class _Source:
    """A file of posts whose columns are known."""

    file: Path
    columns: tuple[str, ...]
    records: Callable[[], Iterator[_Record]]

    @cached_property
    def roles(self) -> dict[str, str]:
        """The names of the columns `text`, `image` and `label`, of those that are there."""
        roles: dict[str, str] = {}
        for role in ("text", "image", "label"):
            found = [name for name in self.columns if name.strip().casefold() == role]
            if len(found) > 1:
                raise CourseError(
                    f"{self.file}: two columns are named {role} ({', '.join(found)}): rename one"
                )
            if found:
                roles[role] = found[0]
        if not {"text", "image"} & set(roles):
            raise CourseError(
                f"{self.file}: its columns are {', '.join(self.columns)}: name that of the texts "
                "text, and that of the pictures' files image"
            )
        return roles

    def row(self, number: int, cells: dict[str, Any] | str) -> PostRow:
        """The post of a record."""
        if isinstance(cells, str):
            return PostRow(number, {}, None, None, None, cells)
        values = {role: cells.get(name) for role, name in self.roles.items()}
        for role, value in values.items():
            if not isinstance(value, str | None):
                # What it is stays out: problems get into records, and those show no post.
                kind = type(value).__name__
                error = f"{role} is of type {kind}, not a string: put it in quotes"
                return PostRow(number, cells, None, None, None, error)
        text, image, label = (_filled(values.get(role)) for role in ("text", "image", "label"))
        if image and "\0" in image:
            return PostRow(number, cells, text, None, label, "image holds a zero byte")
        path = self.file.absolute().parent / image if image else None
        return PostRow(number, cells, text and whole(text), path, label)


def _filled(value: str | None) -> str | None:
    return (value or "").strip() or None


def _open(file: Path) -> _Source:
    suffix = file.suffix.lower()
    if suffix not in CSV + JSON_LINES:
        raise CourseError(f"{file}: save the posts as .csv or .jsonl (JSON lines)")
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "is no file" if file.exists() else "is missing"
        raise CourseError(f"{file} {what}: name a file of posts, .csv or .jsonl")
    source = _open_csv(file) if suffix in CSV else _open_json_lines(file)
    source.roles  # noqa: B018 (says what is wrong with the columns)
    return source


def _lines(file: Path, encoding: str) -> Iterator[str]:
    """A file's lines with their ends; what cannot be decoded is U+FFFD."""
    with file.open(encoding=encoding, errors="replace", newline="") as handle:
        for number, line in enumerate(handle):
            yield line if number else line.lstrip("\ufeff")


# ---- encoding ---------------------------------------------------------------------------


def _encoding(file: Path) -> str:
    """The codec of a file: UTF-8, or what the first part says that is no UTF-8."""
    with file.open("rb") as handle:
        head = handle.read(_BLOCK)
    if head.startswith(WORKBOOKS):
        raise CourseError(f"{file} is a workbook or an archive: save it as a CSV file in UTF-8")
    sample = head if b"\0" in head or head.startswith(_UTF16_MARKS) else _not_utf8(file)
    if not sample:
        return "utf-8-sig"
    try:
        name = decode(sample)[1].partition(",")[0]
    except NotText as error:
        raise CourseError(f"{file} is {error}: save it as a CSV file in UTF-8") from error
    if name == "utf-16" and not head.startswith(_UTF16_MARKS):
        return "utf-16-be" if head.startswith(b"\0") else "utf-16-le"
    return name


def _not_utf8(file: Path) -> bytes:
    """Whole lines around the first bytes that are no UTF-8; nothing where all are."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with file.open("rb") as handle:
        while block := handle.read(_BLOCK):
            begun = decoder.getstate()[0]
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                sample = begun + block
                return sample[: sample.rfind(b"\n") + 1] or sample
    return decoder.getstate()[0]


# ---- CSV --------------------------------------------------------------------------------


def _open_csv(file: Path) -> _Source:
    csv.field_size_limit(_LONGEST)
    encoding = _encoding(file)
    first, separator, names = _header(file, encoding)
    spaced = f"{separator} " in separator.join(names)
    columns = [name.strip() for name in names]
    while columns and not columns[-1]:
        del columns[-1]
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise CourseError(f"{file}: the column {twice[0]!r} stands there twice: rename one")

    def records() -> Iterator[_Record]:
        for number, cells in _rows(_lines(file, encoding), separator, spaced):
            if number > first and not _is_blank(cells):
                yield number, _cells_of(cells, columns)

    return _Source(file, tuple(columns), records)


def _header(file: Path, encoding: str) -> tuple[int, str, list[str]]:
    """`(number of its line, separator, names)`: the separator is the one that finds the columns."""
    named = None
    for number, line in enumerate(_lines(file, encoding), start=1):
        if number == 1 and (found := _NAMED_SEPARATOR.fullmatch(line)):
            named = found[1]
        elif line.strip():
            split = {s: _split(file, line, s) for s in named or SEPARATORS}
            best = max(split, key=lambda s: (_knows(split[s]), len(split[s])))
            alone = len(split[best]) == 1
            return number, _NO_SEPARATOR if alone else best, split[best]
    raise CourseError(f"{file} is empty: its first line names the columns, text and image")


def _split(file: Path, line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator))
    except csv.Error as error:
        raise CourseError(
            f"{file}: its first line names no columns ({error}): write text,image there"
        ) from error


def _knows(names: Sequence[str]) -> bool:
    return bool({"text", "image"} & {name.strip().casefold() for name in names})


def _rows(
    lines: Iterator[str], separator: str, spaced: bool
) -> Iterator[tuple[int, list[str] | None]]:
    """Each row's number and cells; None where its first line is broken.

    After a quote that is not closed, reading goes on with the next line: it costs no other row.
    """
    waiting: deque[str] = deque()
    number = 1
    while True:
        taken: list[str] = []
        reader = csv.reader(
            _taking(waiting, lines, taken),
            delimiter=separator,
            skipinitialspace=spaced,
            strict=True,
        )
        try:
            cells = next(reader, None)
            if cells is None:
                return
        except csv.Error:
            cells = None
            waiting.extendleft(reversed(taken[1:]))
            del taken[1:]
        yield number, cells
        number += len(taken)


def _taking(waiting: deque[str], lines: Iterator[str], taken: list[str]) -> Iterator[str]:
    """Lines for one row, noted in `taken`: those that wait first. Ends after `_LONGEST`."""
    length = 0
    while length < _LONGEST:
        line = waiting.popleft() if waiting else next(lines, None)
        if line is None:
            return
        taken.append(line)
        length += len(line)
        yield line


def _is_blank(cells: list[str] | None) -> bool:
    """Whether a line is none of a row; `""` alone is a row with an empty cell."""
    if cells is None or len(cells) > 1:
        return False
    return not cells or (cells[0] != "" and not cells[0].strip(_SPACE))


def _cells_of(cells: list[str] | None, columns: list[str]) -> dict[str, Any] | str:
    if cells is None:
        return _NOT_CLOSED
    if any(cells[len(columns) :]):
        return (
            f"{len(cells)} cells where the header has {len(columns)}: put a cell that holds the "
            "separator in quotes"
        )
    missing = [""] * (len(columns) - len(cells))
    return dict(zip(columns, cells + missing, strict=False))


# ---- JSON lines -------------------------------------------------------------------------


def _open_json_lines(file: Path) -> _Source:
    encoding = _encoding(file)

    def records() -> Iterator[_Record]:
        for number, line in enumerate(_lines(file, encoding), start=1):
            if line.strip(_SPACE):
                yield number, _object_of(line)

    columns: dict[str, None] = {}
    for _, cells in records():
        columns.update(dict.fromkeys(cells) if isinstance(cells, dict) else {})
    if not columns:
        raise CourseError(f"{file}: no line is a JSON object: write {{...}} a line, with a text")
    return _Source(file, tuple(columns), records)


def _object_of(line: str) -> dict[str, Any] | str:
    try:
        content = json.loads(line.strip(_SPACE))
    except json.JSONDecodeError as error:
        return f"no JSON: {error.msg} (character {error.pos + 1} of the line)"
    except (ValueError, RecursionError) as error:  # a number or nesting without end
        return f"no JSON: {error}"
    return content if isinstance(content, dict) else "no JSON object: write {...} a line"
