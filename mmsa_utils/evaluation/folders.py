"""Whose runs a folder of records holds: those on one data set, known by its fingerprint.

Two folders of posts may be named alike. Records and tables of predictions of other posts are
refused, so that they never stand in one table.
"""

from contextlib import suppress
from pathlib import Path

from ..data.posts import Dataset
from ..errors import CourseError
from ..io import load_json, save_json

FACTS = "oof.json"  # beside oof.csv, which has no place for it


def fingerprint_of(folder: Path) -> str | None:
    """The fingerprint of the posts whose runs a folder holds; None where it holds none."""
    with suppress(CourseError, KeyError, TypeError):
        return str(load_json(folder / FACTS)["fingerprint"])
    for file in sorted(folder.glob("*.json")):
        with suppress(CourseError, KeyError, TypeError):
            return str(load_json(file)["dataset"]["fingerprint"])
    return None


def claim_folder(folder: Path, dataset: Dataset) -> None:
    """Makes a folder that of a data set: from then on, runs on other posts are refused there.

    Raises:
        CourseError: where it holds runs on other posts.
    """
    found = fingerprint_of(folder)
    if found not in (None, dataset.fingerprint):
        raise CourseError(
            f"{folder} holds runs on other posts (fingerprint {found}) than these "
            f"({dataset.name}, {dataset.fingerprint}): save to another folder, or remove this one"
        )
    if found is None or not (folder / FACTS).exists():
        facts = {"fingerprint": dataset.fingerprint, "posts": len(dataset.labelled)}
        save_json(facts, folder / FACTS)


def require_own(file: Path, found: str | None, fingerprint: str | None) -> None:
    """Ends the reading of what is not of the posts at hand.

    Args:
        file: for the message.
        found: the fingerprint that it has; None where it has none.
        fingerprint: the one that it should have; None where any will do.

    Raises:
        CourseError: where it is another.
    """
    if fingerprint in (None, found):
        return
    says = f"is of other posts (fingerprint {found})" if found else "does not say of which posts"
    raise CourseError(
        f"{file} {says}; these have {fingerprint}: run the step that writes it on these posts"
    )
