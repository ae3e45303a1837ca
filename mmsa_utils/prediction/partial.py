"""A file of rows that grows as they come; after an interruption it goes on behind the last one.

Until it is whole it is `<name>.part`, and `<name>.part.json` says what it is made from.
"""

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from filelock import FileLock, Timeout

from ..errors import CourseError
from ..io import Record, load_json, replacing, save_json


class Rows(Protocol):
    """A way to write rows."""

    head: bytes  # before the first row; ends its line

    def encode(self, row: Record) -> bytes:
        """A row, with the end of its last line."""

    def decode(self, raw: bytes) -> Record:
        """What `encode` made bytes of, as far as they say it."""

    def is_open(self, raw: bytes) -> bool:
        """Whether a row goes on after a piece of whole lines."""


class CsvRows:
    """Rows of a CSV file in UTF-8; a cell that is neither a string nor nothing is JSON."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = list(columns)
        self.head = self._line(self.columns)

    def _line(self, cells: Sequence[str]) -> bytes:
        line = io.StringIO()
        # The usual end of a row, because older Pythons put only its letters in quotes.
        csv.writer(line, lineterminator="\r\n").writerow(cells)
        return line.getvalue().removesuffix("\r\n").encode("utf-8", "backslashreplace") + b"\n"

    def encode(self, row: Record) -> bytes:
        """A row, with the end of its last line."""
        values = (row.get(name) for name in self.columns)
        return self._line(
            [
                "" if value is None else value if isinstance(value, str) else _json(value)
                for value in values
            ]
        )

    def decode(self, raw: bytes) -> Record:
        """The cells as strings."""
        (cells,) = csv.reader(io.StringIO(raw.decode(), newline=""))
        return dict(zip(self.columns, cells, strict=True))

    def is_open(self, raw: bytes) -> bool:
        """Whether a cell in quotes goes on: their number is odd."""
        return raw.count(b'"') % 2 == 1


class JsonRows:
    """Rows of JSON lines: an object each."""

    head = b""

    def encode(self, row: Record) -> bytes:
        """A row, with the end of its line."""
        return _json(row).encode("utf-8", "backslashreplace") + b"\n"

    def decode(self, raw: bytes) -> Record:
        """The object."""
        return json.loads(raw)

    def is_open(self, raw: bytes) -> bool:
        """Never: a row is a line."""
        return False


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


class PartialFile:
    """A file that is made row by row, by one process at a time; a context manager.

    Inside of it rows are appended. Where that ends, `finish` puts the file in its place; where
    it is left before, whatever the reason, the next one with the same arguments goes on.

    Args:
        out: the file; its folder is made where it is missing.
        rows: how rows are written.
        made_from: JSON that says all that rows depend on, by the words that name it to a user.

    Attributes:
        done: how many rows are written.

    Raises:
        CourseError: on entering, where another process is at it, or what was begun is made from
            something else.
    """

    def __init__(self, out: Path, rows: Rows, made_from: Record) -> None:
        self.out, self.rows, self.made_from = out, rows, made_from
        self.part = out.with_name(f"{out.name}.part")
        self._manifest = out.with_name(f"{out.name}.part.json")
        self._lock = FileLock(f"{self.part}.lock")
        self.done = 0

    def __enter__(self) -> Self:
        self.out.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise CourseError(f"{self.part}: another process is writing it: let it end") from None
        try:
            self._begin()
        except BaseException:
            self._unlock()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._unlock()

    def _unlock(self) -> None:
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)

    def _begin(self) -> None:
        """Opens the part behind its last whole row."""
        if self.part.exists():
            self._require_same()
        else:
            save_json(self.made_from, self._manifest)
        self._file: BinaryIO = self.part.open("ab")
        ends = [len(raw) for raw in self._pieces()]
        self._file.truncate(sum(ends))
        if not ends:
            self._file.write(self.rows.head)
        self.done = max(len(ends) - bool(self.rows.head), 0)

    def _require_same(self) -> None:
        before = load_json(self._manifest) if self._manifest.exists() else {}
        other = [name for name, value in self.made_from.items() if before.get(name) != value]
        if other:
            raise CourseError(
                f"{self.part} is of a run that was interrupted, with another "
                f"{' and another '.join(other)}: remove it to begin anew, or name another --out"
            )

    def _pieces(self) -> Iterator[bytes]:
        """The head, if there is one, and the rows, as bytes, each of them whole."""
        lines: list[bytes] = []
        is_open = False
        with self.part.open("rb") as file:
            for line in file:
                lines.append(line)
                is_open ^= self.rows.is_open(line)
                if not is_open and line.endswith(b"\n"):
                    yield b"".join(lines)
                    lines = []

    def written(self) -> Iterator[Record]:
        """The rows that are written already."""
        self._file.flush()
        return map(self.rows.decode, islice(self._pieces(), bool(self.rows.head), None))

    def append(self, rows: Sequence[Record]) -> None:
        """Writes rows to the disk."""
        self._file.write(b"".join(map(self.rows.encode, rows)))
        self._file.flush()
        self.done += len(rows)

    def finish(self, rows: Rows | None = None) -> None:
        """Puts the file in its place, whole.

        Args:
            rows: another way to write the rows there; by default they stay as they are.
        """
        self._file.flush()
        if rows:
            with replacing(self.out) as temporary, temporary.open("wb") as file:
                file.write(rows.head)
                file.writelines(map(rows.encode, self.written()))
            self._file.close()  # Windows neither removes nor moves a file that is open
            self.part.unlink()
        else:
            self._file.close()
            os.replace(self.part, self.out)
        self._manifest.unlink(missing_ok=True)
