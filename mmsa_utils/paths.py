"""Where things lie: the project, the data, the cache and the output folder."""

import os
from pathlib import Path

from .errors import CourseError

PROJECT = Path(__file__).resolve().parents[1]
DEMO = PROJECT / "data" / "demo"
COURSE = PROJECT / "data" / "course"
RESULTS = PROJECT / "results"
IMAGES = PROJECT / "images"


def _folder(variable, default):
    # From the project, not from where a process happens to run: a notebook's kernel runs
    # in notebooks/, `make` in the project.
    return (PROJECT / Path(os.environ.get(variable) or default).expanduser()).resolve()


def data_folder():
    """The posts to work on: `MMSA_DATA`, else `data/course` if filled, else the demo set."""
    if os.environ.get("MMSA_DATA"):
        return _folder("MMSA_DATA", DEMO)
    return COURSE if (COURSE / "train.txt").is_file() else DEMO


def course_folder():
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


def tweets_folder():
    """Labelled tweets to tune the text encoder on: `MMSA_TWEETS`, else `data/tweets`."""
    return _folder("MMSA_TWEETS", PROJECT / "data" / "tweets")


def cache_folder():
    """Encoder outputs and picture facts, by content: safe to keep, slow to make again."""
    return _folder("MMSA_CACHE", PROJECT / ".cache")


def out_folder():
    """Everything that notebooks and runs write: checkpoints, records, predictions."""
    return _folder("MMSA_OUT", PROJECT / "out")
