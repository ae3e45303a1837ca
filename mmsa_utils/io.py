"""Files that are either whole or absent, JSON, a file's hash, and what the machine refused."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from .errors import CourseError

Record = dict[str, Any]  # a JSON object

_FREE_SPACE = "free some space, or set MMSA_OUT and MMSA_CACHE to folders on another disk"
_ALLOW = "allow writing there, or set MMSA_OUT and MMSA_CACHE to other folders"
_ADVICE = {
    errno.ENOSPC: _FREE_SPACE,
    errno.EDQUOT: _FREE_SPACE,
    errno.EFBIG: _FREE_SPACE,
    errno.EACCES: _ALLOW,
    errno.EPERM: _ALLOW,
    errno.EROFS: _ALLOW,
}
_PROBE = b"\0" * 65536  # larger than what a full disk may still have in a started block


def refusal(error: OSError) -> str:
    """What the machine refused, in a line: the file, the reason, and what to do where known."""
    reason = error.strerror or str(error) or type(error).__name__
    named = f"{error.filename}: {reason}" if error.filename else reason
    advice = _ADVICE.get(error.errno or 0)
    return f"{named}: {advice}" if advice else named


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; renames it into place if nothing went wrong.

    What is written there may be a file or a folder. A process that is killed meanwhile
    leaves the old file, or none, but never half a file; of two that write at once, the last
    one wins. An error in the body comes out as it is, and what was half written is removed.

    Raises:
        OSError: naming `path`, where the machine does not take it (a full disk, a folder that
            is not to be written).
    """
    temporary = path.with_name(f".{path.stem[:60]}.{uuid4().hex[:12]}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _put_in_place(temporary, path)
    except OSError as error:
        named = _naming(error, temporary, path)
        if named is error:
            raise
        raise named from error
    except Exception as error:
        # torch and safetensors say nothing of the disk, or in errors of their own.
        if full := _refused_write(temporary):
            raise OSError(full.errno, full.strerror, str(path)) from error
        raise
    finally:
        _discard(temporary)


def _put_in_place(temporary: Path, path: Path) -> None:
    """Renames; a folder that is there already, or comes meanwhile, makes room."""
    while True:
        try:
            os.replace(temporary, path)
            return
        except OSError as error:
            there = error.errno in (errno.ENOTEMPTY, errno.EEXIST) or path.is_dir()
            if not (there and temporary.is_dir()):
                raise
        old = temporary.with_name(f"{temporary.name}.old")
        with suppress(FileNotFoundError):  # another process was faster
            os.replace(path, old)
        _discard(old)


def _naming(error: OSError, temporary: Path, path: Path) -> OSError:
    """The error with the name of the file that was meant, where it has the temporary one or none.

    An error of another file stays what it is.
    """
    name = str(path) if error.filename is None else str(error.filename)
    if error.filename is not None and str(temporary) not in name:
        return error
    told = error
    if error.errno is None:  # numpy says only how much it could write
        told = _refused_write(temporary) or OSError(errno.EIO, str(error))
    return OSError(told.errno, told.strerror, name.replace(str(temporary), str(path)))


def _refused_write(temporary: Path) -> OSError | None:
    """The error of a small write beside a file; None where it works."""
    probe = temporary.with_name(f"{temporary.name}.probe")
    try:
        probe.write_bytes(_PROBE)
    except OSError as error:
        return error
    finally:
        _discard(probe)
    return None


def _discard(path: Path) -> None:
    with suppress(OSError):  # an error here would hide the one that matters
        if path.is_dir() and not path.is_symlink():
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
