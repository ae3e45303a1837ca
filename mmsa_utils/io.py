"""Files that are either whole or absent, JSON, and a file's hash."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import CourseError

Record = dict[str, Any]  # a JSON object


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; renames it into place if nothing went wrong.

    What is written there may be a file or a folder. A process that is killed meanwhile
    leaves the old file, or none, but never half a file. An error in the body comes out as
    it is, and what was half written is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        _discard(temporary)


def _discard(path: Path) -> None:
    with suppress(OSError):  # an error here would hide the one that matters
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def load_json(file: Path) -> Any:
    """A JSON file's content.

    Raises:
        CourseError: where it is missing or no JSON.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(f"{file} is missing: run the step that writes it first") from None
    except ValueError as error:
        raise CourseError(f"{file} is not readable as JSON ({error}): make it again") from error


def save_json(content: Any, file: Path) -> None:
    """Writes JSON, whole or not at all."""
    with replacing(file) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, hexadecimal, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
