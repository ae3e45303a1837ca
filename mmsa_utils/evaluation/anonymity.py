"""Rows of a table of predictions that say nothing of the posts behind them.

What is promised: a table that is given away holds no text, no picture and no guid, and the
number of a row says nothing. The rows are shuffled by a salt, a random number that lies under
`out/`, outside git, and stands in no record. All runs on one machine use the same salt, so that a
row is the same post in every run and with every seed.

What is not promised: whoever holds the posts knows their labels, and can work out in which folds
each was scored and what a model says of it. By these, and by earlier versions of a table,
rows can be found again. The promise is to those who do not hold the posts.
"""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

import numpy as np

from ..data.posts import Dataset
from ..errors import CourseError
from ..settings import out_folder

SALT_FILE = "salt"
_BYTES = 32


def load_salt(folder: Path | None = None) -> bytes:
    """The salt that rows are shuffled by; drawn and saved where there is none.

    Args:
        folder: of the file `salt`; `out/` by default.

    Raises:
        CourseError: where the file holds something else.
    """
    file = (folder or out_folder()) / SALT_FILE
    if not file.exists():
        _draw(file)
    try:
        salt = bytes.fromhex(file.read_text(encoding="ascii"))
    except ValueError:
        salt = b""
    if len(salt) != _BYTES:
        raise CourseError(
            f"{file} is no salt: remove it, and the tables of predictions (oof.csv) that were "
            "shuffled by it; a new start makes both anew"
        )
    return salt


def _draw(file: Path) -> None:
    """Writes a random salt that nobody else may read, unless another process is faster."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(secrets.token_hex(_BYTES) + "\n")
        _move_unless_there(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def _move_unless_there(temporary: Path, file: Path) -> None:
    """Whole or not at all, and never in the place of a salt that is in use."""
    try:
        with suppress(FileExistsError):
            os.link(temporary, file)
    except OSError:  # a file system without links
        if not file.exists():
            os.replace(temporary, file)


def anonymous_rows(dataset: Dataset, *, salt: bytes) -> np.ndarray:
    """`(N,)` int array: each labelled post's number in oof.csv, the same in every run.

    A shuffle that depends on the posts and the salt. Whoever has no salt cannot work it out.

    Args:
        salt: see `load_salt`.
    """
    key = hashlib.sha256(salt + dataset.fingerprint.encode()).digest()
    seed = int.from_bytes(key, "big")
    return np.random.default_rng(seed).permutation(len(dataset.labelled))


def in_row_order(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """`(N,)` values of posts in the dataset's order, put in the order of the table's rows.

    Args:
        rows: `(N,)`, see `anonymous_rows`.
    """
    ordered = np.empty_like(values)
    ordered[rows] = values
    return ordered
