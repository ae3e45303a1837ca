"""Tables as text: the cells of each line, whatever separates them."""

import csv
import io
import re
from pathlib import Path

from ..errors import CourseError
from .decoding import NotText, decode

Row = tuple[int, list[str]]  # the number of its line, and its cells without spaces around them

SEPARATORS = (",", ";", "\t", "|")
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx, .ods and other zip files; .xls
NAMED_SEPARATOR = r"\"?sep=([,;|\t])\"?\s*"  # a first line, by Excel, in capitals or not
_NAMED_SEPARATOR = re.compile(rf"\A\s*{NAMED_SEPARATOR}\n", re.IGNORECASE)


def read_table(path: Path) -> tuple[list[Row], str]:
    """`(rows, encoding)` of a table, without its empty lines.

    Raises:
        CourseError: where it is a folder, cannot be read, or is no text.
    """
    if path.is_dir():
        raise CourseError(f"{path} is a folder: put the list itself there, a text file")
    if not path.is_file():
        raise CourseError(f"{path} is no file: put the list itself there, a text file")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}") from error
    if raw.startswith(WORKBOOKS):
        raise CourseError(f"{path} is a workbook or an archive: save it as a text, guid,tag a line")
    try:
        text, encoding = decode(raw)
    except NotText as error:
        raise CourseError(f"{path} is {error}: save it as a text, guid,tag a line") from error
    return parse_table(text), encoding


def parse_table(text: str) -> list[Row]:
    """The rows of a table, without the empty ones."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    named = _NAMED_SEPARATOR.match(text)
    skipped = 1 if named else 0
    body = text[named.end() :] if named else text
    separator = named[1] if named else _separator(body.split("\n"))
    rows = (separator != " " and _quoted(body, separator)) or _plain(body, separator)
    stripped = ((number + skipped, [cell.strip() for cell in cells]) for number, cells in rows)
    return [(number, cells) for number, cells in stripped if any(cells)]


def _separator(lines: list[str]) -> str:
    """What stands in most lines below the header, as often in each."""
    lines = [line for line in lines if line.strip()]
    below = lines[1:] or lines

    def fit(separator: str) -> tuple[int, int]:
        counts = [line.count(separator) for line in below]
        return sum(count > 0 for count in counts), -len(set(counts))

    best = max(SEPARATORS, key=fit)  # the first of equal ones
    words = {len(line.split()) for line in lines}
    return " " if fit(best)[0] == 0 and words == {2} else best


def _quoted(text: str, separator: str) -> list[Row] | None:
    """Rows whose cells may be in quotes; None where a quote is not closed on its line."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    rows = []
    try:
        for cells in reader:
            if any("\n" in cell for cell in cells):
                return None
            rows.append((reader.line_num, cells))
    except csv.Error:
        return None
    return rows


def _plain(text: str, separator: str) -> list[Row]:
    """Rows taken as they stand, so that a quote too many costs no line but its own."""
    return [
        (number, [cell.strip().strip("\"'") for cell in line.split(separator.strip(" ") or None)])
        for number, line in enumerate(text.split("\n"), start=1)
    ]
