"""Where the parts of the course lie in its clone, and whether this is one.

A package that was installed without the clone (`pip install .`) has its own resources (the
weights, the demo sentences, the templates), but none of the folders below.
"""

import re
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from .errors import CourseError

PROJECT = Path(__file__).resolve().parents[1]
DEMO = PROJECT / "data" / "demo"
COURSE = PROJECT / "data" / "course"
RESULTS = PROJECT / "results"
IMAGES = PROJECT / "images"
NOTEBOOKS = PROJECT / "notebooks"
POSTS_FILES = ("posts.csv", "posts.jsonl")  # each a list of posts in place of train.txt


def in_clone() -> bool:
    """Whether the package runs from a clone of the course, with data, notebooks and results."""
    return (PROJECT / "pyproject.toml").is_file() and NOTEBOOKS.is_dir()


def require_clone(what: str) -> None:
    """Ends what cannot work without the clone.

    Args:
        what: the subject of the message, such as "the reference run".

    Raises:
        CourseError: where the package was installed without its clone.
    """
    if not in_clone():
        raise CourseError(
            f"{what} needs a clone of the course, and this package was installed without one: "
            "clone the project and install it from there with `pip install --editable .`"
        )


# ---- a list of posts in the wrong place --------------------------------------------------

_LIST = re.compile(r"train\.(txt|csv|tsv)(\.txt)?|train", re.IGNORECASE)
_DEPTH = 3  # folders below the one that is named
_ENTRIES = 100_000  # looked at


def find_list(folder: Path) -> str | None:
    """Where below a folder a list of posts lies that is not its own `train.txt`.

    Looks for other spellings (`train.txt.txt`, `Train.txt`), in folders below, and in zip
    files.

    Returns:
        The place, relative to the folder, and what to do with it; None where there is none.
    """
    paths = list(islice(_below(folder, _DEPTH), _ENTRIES))
    for path in paths:
        if _LIST.fullmatch(path.name) and path.is_file():
            place = path.relative_to(folder)
            if path.parent == folder:
                return f"{place} (rename it to train.txt)"
            return f"{place} (name {path.parent}, or move what is in it up)"
    for path in paths:
        if path.suffix.lower() == ".zip" and _holds_a_list(path):
            return f"{path.relative_to(folder)} (unpack it)"
    return None


def _below(folder: Path, depth: int) -> Iterator[Path]:
    """What lies in a folder and in those below, the nearest first; unreadable ones are left out."""
    try:
        entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return
    yield from entries
    if depth:
        for path in entries:
            if path.is_dir() and not path.is_symlink():
                yield from _below(path, depth - 1)


def _holds_a_list(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return any(_LIST.fullmatch(name.rsplit("/", 1)[-1]) for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
