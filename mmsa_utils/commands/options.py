"""Options that commands share, and the check of posts before a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..config import MACHINE, Config
from ..errors import CourseError
from ..experiments import knobs as knob_options
from ..io import Record

if TYPE_CHECKING:
    from ..data.posts import Dataset

Flag = tyro.conf.FlagCreatePairsOff[bool]
Exclude = Annotated[Flag, tyro.conf.arg(help="leave posts with problems out")]
Folder = Annotated[
    tyro.conf.Positional[Path | None],
    tyro.conf.arg(help="of posts; by default MMSA_DATA, else data/course, else the demo set"),
]
Classes = Annotated[
    str | None,
    tyro.conf.arg(
        metavar="A,B",
        help="names of the classes, with commas; by default those in the folder's classes.txt, "
        "else negative,neutral,positive",
    ),
]


def _knobs(*, defaults: bool) -> object:
    return tyro.conf.arg(name="", constructor=knob_options.options(defaults=defaults))


Knobs = Annotated[Record, _knobs(defaults=True)]
RecipeKnobs = Annotated[Record, _knobs(defaults=False)]


def on_all_cores(knobs: Record) -> Record:
    """The knobs with a process for each core, `jobs=0`, unless they say how many."""
    return {"jobs": 0, **knobs}


def of_learning(knobs: Record) -> Record:
    """Those of the knobs that change what is learnt, not only where and how fast."""
    return {name: value for name, value in knobs.items() if name not in MACHINE}


def split_classes(names: str | None) -> tuple[str, ...] | None:
    """The names in `a,b`; None where none are given.

    Raises:
        CourseError: where they cannot be the names of classes.
    """
    if names is None:
        return None
    from ..data.classes import check_classes

    return check_classes([name.strip() for name in names.split(",")])


class UnfitPosts(CourseError):
    """Posts that cannot be trained on: what `check` says, met by another command."""


def fit_posts(
    folder: Path,
    *,
    exclude_problems: bool,
    knobs: Record,
    classes: tuple[str, ...] | None = None,
) -> "Dataset":
    """The posts to train on, after the check, so that it speaks before anything is run.

    Raises:
        UnfitPosts: saying what `check` says.
    """
    from ..data import checking
    from ..data.posts import load_dataset

    sizes = Config(**{knob: knobs[knob] for knob in ("folds", "inner_folds") if knob in knobs})
    faults = checking.report(
        folder, folds=sizes.folds, inner_folds=sizes.inner_folds, classes=classes
    ).faults
    if faults:
        raise UnfitPosts("\n".join(faults))
    try:
        return load_dataset(folder, exclude_problems=exclude_problems, classes=classes)
    except CourseError as error:
        raise UnfitPosts(str(error)) from error
