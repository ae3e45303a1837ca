"""What is slow to compute, kept on disk by a hash of what it was computed from.

SQLite, which comes with Python, does the work: its locks let processes share a file, its
transactions leave a file whole after a kill. (diskcache, the usual layer above it, unpickles
what it finds and has had no release since 2023.) Nothing is ever unpickled here: a row is JSON,
or the bytes of an array, and has a checksum.
"""

import json
import sqlite3
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .settings import cache_folder

PATIENCE = 30.0  # seconds to wait for another process that writes
_AT_ONCE = 500  # keys a query; old builds of SQLite allow 999
_TABLE = (
    "CREATE TABLE items "
    "(key TEXT PRIMARY KEY, kind TEXT NOT NULL, value BLOB NOT NULL, checksum INTEGER NOT NULL)"
)

# What SQLite says where a folder, a disk or another process keeps a file from it.
_OUT_OF_REACH = {
    *(sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM),
    *(sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL),
    *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_AUTH),
}

_Row = tuple[str, bytes]  # kind and value
_Stamp = tuple[int, int, int]


class _BrokenError(Exception):
    """The file holds something that was not written here."""


# ---- rows -------------------------------------------------------------------------------


def _encode(value: Any) -> _Row:
    if not isinstance(value, np.ndarray):
        return "json", json.dumps(value).encode()
    if value.dtype.kind not in "biufc":
        raise TypeError(f"an array of {value.dtype} is not kept: numbers and booleans are")
    return json.dumps([value.dtype.str, *value.shape]), value.tobytes()


def _decode(row: _Row) -> Any:
    """The value of a row; an array is a view of its bytes, which cannot be written to."""
    kind, value = row
    if kind == "json":
        return json.loads(value)
    dtype, *shape = json.loads(kind)
    return np.frombuffer(value, dtype).reshape(shape)


def _checksum(key: str, row: _Row) -> int:
    kind, value = row
    return zlib.crc32(value, zlib.crc32(f"{key}\n{kind}".encode()))


def _checked(key: Any, kind: Any, value: Any, checksum: Any) -> tuple[str, _Row]:
    types = isinstance(key, str), isinstance(kind, str), isinstance(value, bytes)
    if not all(types) or _checksum(key, (kind, value)) != checksum:
        raise _BrokenError("a row is not what was written")
    try:
        _decode((kind, value))
    except (TypeError, ValueError) as error:  # it was written by somebody else
        raise _BrokenError(f"a row is no value: {error}") from error
    return key, (kind, value)


# ---- the file ---------------------------------------------------------------------------


@contextmanager
def _connected(file: Path, mode: str, patience: float) -> Iterator[sqlite3.Connection]:
    # A connection an operation: none is ever open across a fork or in two threads.
    _check_head(file)
    address = f"{file.absolute().as_uri()}?mode={mode}"
    with closing(
        sqlite3.connect(address, uri=True, timeout=patience, isolation_level=None)
    ) as connection:
        connection.text_factory = lambda raw: raw.decode(errors="replace")
        yield connection


def _check_head(file: Path) -> None:
    # SQLite takes a file of a newer version, or what looks like one, for read-only.
    if file.exists():
        with file.open("rb") as opened:
            head = opened.read(20)
        if head and (head[:16] != b"SQLite format 3\0" or head[18:] != b"\1\1"):
            raise _BrokenError("file is not a database")


def _has_table(connection: sqlite3.Connection) -> bool:
    """Whether there is our table: there is none if a process was killed while it made the file."""
    found = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'items'").fetchone()
    if found not in (None, (_TABLE,)):
        raise _BrokenError("its table is not ours")
    return found is not None


def _read(file: Path, keys: Sequence[str], patience: float) -> dict[str, _Row]:
    found: dict[str, _Row] = {}
    with _connected(file, "rw", patience) as connection:
        if not _has_table(connection):
            return {}
        for start in range(0, len(keys), _AT_ONCE):
            asked = keys[start : start + _AT_ONCE]
            marks = ",".join("?" * len(asked))
            query = f"SELECT key, kind, value, checksum FROM items WHERE key IN ({marks})"
            found |= (_checked(*row) for row in connection.execute(query, asked))
    return found


def _write(file: Path, rows: Mapping[str, _Row], patience: float) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with _connected(file, "rwc", patience) as connection, connection:
        connection.execute("BEGIN IMMEDIATE")
        if not _has_table(connection):
            connection.execute(_TABLE)
        connection.executemany(
            "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?)",
            [(key, *row, _checksum(key, row)) for key, row in rows.items()],
        )


def _stamp(file: Path) -> _Stamp | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _is_broken(error: Exception) -> bool:
    """Whether a file is no database of ours any more, not just out of reach."""
    if isinstance(error, _BrokenError | UnicodeDecodeError):  # also of SQLite's own message
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code == sqlite3.SQLITE_IOERR_SHORT_READ:
        return code is not None
    return code & 0xFF not in _OUT_OF_REACH  # what we ask for is right: the file is not


# ---- the cache --------------------------------------------------------------------------


@dataclass
class _Memory:
    """What this process knows of a file: rows that it has read or written, and what is unsaved."""

    rows: dict[str, _Row] = field(default_factory=dict)
    unsaved: dict[str, _Row] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)  # "read", "written": what did not work last


_MEMORY: dict[Path, _Memory] = {}


def forget() -> None:
    """Empties the memory of this process; the files stay. What could not be written is lost."""
    _MEMORY.clear()


class ContentCache:
    """A dictionary on disk, by content hash. Processes may share it, and threads.

    It never stops a computation: a file that is broken is made anew, one that cannot be read or
    written is done without, each with one warning that names it. What was set is found
    again as long as the process lives, and written with what is set next.

    Args:
        name: of the file, without its suffix. It should name whatever else the values depend
            on, such as a version.
        folder: of the file, by default `settings.cache_folder()`. It need not exist.

    Attributes:
        file: the database. Deleting it, while no process uses it, empties the cache.
    """

    def __init__(self, name: str, *, folder: Path | None = None) -> None:
        self.file = (folder or cache_folder()).absolute() / f"{name}.sqlite"

    @property
    def _memory(self) -> _Memory:
        return _MEMORY.setdefault(self.file, _Memory())

    def get_many(self, keys: Sequence[str]) -> dict[str, Any]:
        """The values of those keys that are known.

        Arrays are read-only, and held in memory once a process; other values are the caller's
        own.
        """
        there = _stamp(self.file) is not None
        if not there:
            self._memory.rows = dict(self._memory.unsaved)
        wanted, rows = list(dict.fromkeys(keys)), self._memory.rows
        left = [key for key in wanted if key not in rows]
        if left and there:
            self._reach("read", lambda patience: rows.update(_read(self.file, left, patience)))
        return {key: _decode(rows[key]) for key in wanted if key in rows}

    def set_many(self, items: Mapping[str, Any]) -> None:
        """Keeps values: numpy arrays of numbers, or whatever JSON can say.

        Raises:
            TypeError: where a value is neither.
        """
        rows = {key: _encode(value) for key, value in items.items()}
        self._memory.rows.update(rows)
        self._memory.unsaved.update(rows)
        if not self._memory.unsaved:
            return
        if self._reach("written", self._save) == "made anew":
            self._reach("written", self._save)

    def _save(self, patience: float) -> None:
        unsaved = self._memory.unsaved
        rows = dict(unsaved)
        _write(self.file, rows, patience)
        for key, row in rows.items():
            if unsaved.get(key) is row:  # no other thread has set it meanwhile
                del unsaved[key]

    def _reach(self, kind: str, action: Callable[[float], None]) -> str:
        """Reads or writes the file: `done`, or how it went wrong."""
        failing, stamp = self._memory.failing, _stamp(self.file)
        try:
            action(0 if kind in failing else PATIENCE)
        except (OSError, sqlite3.Error, UnicodeDecodeError, _BrokenError) as error:
            if _is_broken(error) and self._removed(stamp):
                warnings.warn(f"{self.file} is broken ({error}): it is made anew", stacklevel=3)
                self._memory.unsaved.update(self._memory.rows)
                return "made anew"
            if not failing:
                advice = "this process does without it"
                warnings.warn(f"{self.file} cannot be {kind} ({error}): {advice}", stacklevel=3)
            failing.add(kind)
            return "failed"
        failing.discard(kind)
        return "done"

    def _removed(self, stamp: _Stamp | None) -> bool:
        """Whether the broken file is gone, through us or another process that found it first."""
        if _stamp(self.file) != stamp:
            return True
        try:
            # The journal first: it would be taken for that of the new file.
            self.file.with_name(f"{self.file.name}-journal").unlink(missing_ok=True)
            self.file.unlink(missing_ok=True)
        except OSError:
            return False
        return True
