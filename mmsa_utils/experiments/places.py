"""Where a run's records, figures, weights and pages go: to the course's own, or elsewhere.

The course's own results, figures, shipped weights and pages are those of the course's own posts,
which are known by their fingerprint in `results/course`, whatever their folder is called. A run
on other posts has a folder of its own in `results/`, one with changed knobs a folder under `out/`.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from ..data.posts import Dataset
from ..encoders import weights
from ..evaluation.folders import fingerprint_of
from ..paths import IMAGES, RESULTS
from ..settings import run_folder
from . import knobs
from .recipes import Changes

COURSE_NAME = "course"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a run writes."""

    folder: Path  # of records and predictions
    images: Path  # of figures
    weights: Path  # of the network that is shipped
    is_course: bool  # whether README.md and report.md are about it


def is_course(dataset: Dataset, *, results: Path = RESULTS) -> bool:
    """Whether these are the posts that `results/course` is about."""
    return fingerprint_of(results / COURSE_NAME) == dataset.fingerprint


def named(dataset: Dataset, *, results: Path = RESULTS) -> Dataset:
    """The dataset, by the course's name where it is the course's, by its folder's otherwise."""
    return replace(dataset, name=COURSE_NAME) if is_course(dataset, results=results) else dataset


def place_of(dataset: Dataset, changes: Changes | None = None, *, results: Path = RESULTS) -> Place:
    """Where a run on these posts writes.

    Args:
        changes: knobs that differ from the recipes.
        results: the folder that has `course/` in it.
    """
    if is_course(dataset, results=results) and not changes:
        folder = results / COURSE_NAME
        return Place(folder=folder, images=IMAGES, weights=weights.FOLDER, is_course=True)
    if changes:
        base = run_folder(dataset.name, dataset.fingerprint)
        return _own_place(knobs.folder_of(changes, base))
    return _own_place(_free_folder(dataset, results))


def _own_place(folder: Path) -> Place:
    return Place(
        folder=folder, images=folder / "images", weights=folder / "weights", is_course=False
    )


def _free_folder(dataset: Dataset, results: Path) -> Path:
    """`results/<name>`; with the fingerprint in it where other posts have taken that."""
    folder = results / (dataset.name or "posts")
    taken = fingerprint_of(folder) not in (None, dataset.fingerprint)
    if taken or dataset.name == COURSE_NAME:
        return results / f"{folder.name}-{dataset.fingerprint[:8]}"
    return folder
