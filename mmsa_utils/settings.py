"""What environment variables say. They are read here and nowhere else in the package.

In a clone of the course, relative paths and defaults count from the project, not from where a
process happens to run: a notebook's kernel runs in notebooks/, `make` in the project. Outside
a clone they count from the working directory.
"""

import os
from pathlib import Path

from platformdirs import user_cache_path

from .errors import CourseError
from .paths import COURSE, DEMO, PROJECT, in_clone


def _base() -> Path:
    return PROJECT if in_clone() else Path.cwd()


def _named(variable: str) -> Path | None:
    """The folder that a variable names, absolute; None where it is not set or empty."""
    value = os.environ.get(variable)
    return (_base() / Path(value).expanduser()).resolve() if value else None


def data_folder() -> Path:
    """The posts to work on: `MMSA_DATA`, else `data/course` if filled, else the demo set.

    Raises:
        CourseError: outside a clone, where there is no demo set, without `MMSA_DATA`.
    """
    named = _named("MMSA_DATA")
    if named:
        return named
    if not in_clone():
        raise CourseError(
            "Which posts? There is no clone of the course here to take them from: set MMSA_DATA "
            "to their folder"
        )
    return COURSE if (COURSE / "train.txt").is_file() else DEMO


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


def device_name() -> str:
    """The device that `device="auto"` stands for: `MMSA_DEVICE`, else "auto", the fastest."""
    return os.environ.get("MMSA_DEVICE") or "auto"
