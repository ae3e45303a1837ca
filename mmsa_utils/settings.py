"""What environment variables say. They are read here and nowhere else in the package.

In a clone of the course, relative paths and defaults count from the project, not from where a
process happens to run: a notebook's kernel runs in notebooks/, `make` in the project. Outside
a clone they count from the working directory.
"""

import os
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

from .config import ENGINES
from .errors import CourseError
from .paths import COURSE, DEMO, POSTS_FILES, PROJECT, find_list, in_clone


def _base() -> Path:
    return PROJECT if in_clone() else Path.cwd()


def _named(variable: str) -> Path | None:
    """The folder that a variable names, absolute; None where it is not set or empty.

    Raises:
        CourseError: where the name cannot be a folder's: a `~user` that is not known here, a
            link that leads to itself.
    """
    value = os.environ.get(variable)
    if not value:
        return None
    try:
        return (_base() / Path(value).expanduser()).resolve()
    except (RuntimeError, OSError, ValueError) as error:
        raise CourseError(
            f"{variable}={value} names no folder ({error}): set it to a path"
        ) from error


def data_folder() -> Path:
    """The posts to work on: `MMSA_DATA`, else `data/course` if filled, else the demo set.

    An existing but empty `data/course` is said, in one line and once a process.

    Raises:
        CourseError: outside a clone, where there is no demo set, without `MMSA_DATA`; where
            `data/course` holds files but no list of posts.
    """
    named = _named("MMSA_DATA")
    if named:
        return named
    if not in_clone():
        raise CourseError(
            "Which posts? There is no clone of the course here to take them from: set MMSA_DATA "
            "to their folder"
        )
    return COURSE if _is_filled(COURSE) else DEMO


def _is_filled(folder: Path) -> bool:
    """Whether a folder holds posts; False where it is not there or there is nothing in it."""
    if any(os.path.lexists(folder / name) for name in ("train.txt", *POSTS_FILES)):
        return True
    if not os.path.lexists(folder):
        return False
    try:
        names = os.listdir(folder)
    except OSError as error:  # a file, a link that leads nowhere, or not for us
        raise CourseError(f"{folder} is no folder that can be read: {error.strerror}") from error
    if all(name.startswith(".") for name in names):
        _say_empty(folder)
        return False
    found = find_list(folder)
    where = f"but there is a list of posts: {found}" if found else "and no list of posts in it"
    raise CourseError(
        f"{folder / 'train.txt'} is missing, {where}. The layout is in data/README.md; to work "
        "on the demo set, empty this folder or set MMSA_DATA=data/demo"
    )


@cache
def _say_empty(folder: Path) -> None:
    print(f"{folder} is empty: this is the demo set")


def course_folder() -> Path:
    """The course's own posts, for the reference run.

    Raises:
        CourseError: where neither `MMSA_DATA` nor `data/course` holds them.
    """
    folder = data_folder()
    if folder == DEMO:
        raise CourseError(
            "The reference run needs the course's posts. Put them into data/course "
            "(layout: data/README.md) or name their folder: MMSA_DATA=/path make reference"
        )
    return folder


def tweets_folder() -> Path:
    """Labelled tweets to tune the text encoder on: `MMSA_TWEETS`, else `data/tweets`."""
    return _named("MMSA_TWEETS") or _base() / "data" / "tweets"


def cache_folder() -> Path:
    """Encoder outputs and picture facts, by content: safe to keep, slow to make again.

    `MMSA_CACHE`, else `.cache` in the clone, else the user's cache folder.
    """
    named = _named("MMSA_CACHE")
    if named:
        return named
    return PROJECT / ".cache" if in_clone() else user_cache_path("mmsa_utils")


def out_folder() -> Path:
    """Everything that notebooks and runs write: checkpoints, records, predictions.

    `MMSA_OUT`, else `out`.
    """
    return _named("MMSA_OUT") or _base() / "out"


def run_folder(name: str, fingerprint: str) -> Path:
    """Where the runs on one data set write, under `out/`: data sets named alike never mix.

    Args:
        name: of the data set.
        fingerprint: of its posts, see `mmsa_utils.data.posts.Dataset`.
    """
    return out_folder() / f"{name}-{fingerprint[:8]}"


def device_name() -> str:
    """The device that `device="auto"` stands for: `MMSA_DEVICE`, else "auto", the fastest."""
    return os.environ.get("MMSA_DEVICE") or "auto"


def engine_name() -> str:
    """The engine that `engine="auto"` stands for: `MMSA_ENGINE`, else "auto", the fastest.

    Raises:
        CourseError: for a value that is not known.
    """
    value = os.environ.get("MMSA_ENGINE") or "auto"
    if value not in ("auto", *ENGINES):
        raise CourseError(f"MMSA_ENGINE={value}: set it to one of auto, {', '.join(ENGINES)}")
    return value


def shows_progress() -> bool:
    """Whether progress bars are drawn: not with `MMSA_PROGRESS=off`, as where notebooks are saved.

    Raises:
        CourseError: for another value than `on` or `off`.
    """
    value = os.environ.get("MMSA_PROGRESS") or "on"
    if value not in ("on", "off"):
        raise CourseError(f"MMSA_PROGRESS={value}: set it to on or off")
    return value == "on"


def without_progress() -> dict[str, str]:
    """All environment variables, for a process that is to draw no progress bars."""
    return {**os.environ, "MMSA_PROGRESS": "off"}
