"""The commands of the course itself: its posts, notebooks, records and pages."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..config import MODES, Config
from ..errors import CourseError
from ..experiments import knobs as knob_options
from ..io import Record
from ..paths import NOTEBOOKS, require_clone
from ..settings import course_folder, data_folder, out_folder, run_folder
from .options import (
    Classes,
    Exclude,
    Flag,
    Folder,
    Knobs,
    RecipeKnobs,
    fit_posts,
    of_learning,
    on_all_cores,
    split_classes,
)

if TYPE_CHECKING:
    from ..data.checking import FolderReport
    from ..data.posts import Dataset
    from ..experiments.places import Place

_Save = Annotated[Flag, tyro.conf.arg(help="save the outputs in notebooks/ itself")]
_Folds = Annotated[int, tyro.conf.arg(help="as training is to have them")]


def _names(such_as: str, *, default: str) -> object:
    """What the help says of an option that names parts of a run."""
    return tyro.conf.arg(
        metavar="NAME [NAME ...]",
        help=f"run only these, such as {such_as}",
        help_behavior_hint=f"(default: {default})",
    )


_Stages = Annotated[tuple[str, ...], _names('"model card"', default="all")]
_Tracks = Annotated[
    tuple[str, ...], _names('"heads" or "text fine-tuning"', default='all but "blend"')
]

_Records = Annotated[
    tyro.conf.Positional[Path | None],
    tyro.conf.arg(help="of records, for a report of your own; by default the course's pages"),
]

_MODE = {"mode": "this command goes through text, image and fused by itself"}
_HEAD = {"head": "notebooks 5 and 6 compare all heads and choose one"}
_FINETUNE = {"finetune": "the ablation trains encoders along in steps of its own"}


def check(
    folder: Folder = None,
    *,
    folds: _Folds = Config.folds,
    inner_folds: _Folds = Config.inner_folds,
    classes: Classes = None,
) -> int:
    """Every problem of a folder's posts, and whether they can be trained on."""
    from ..data import checking

    sizes = Config(folds=folds, inner_folds=inner_folds)  # says what is wrong with them
    folder = folder or data_folder()
    found = checking.report(
        folder,
        folds=sizes.folds,
        inner_folds=sizes.inner_folds,
        classes=split_classes(classes),
    )
    return _print_check(folder, found)


def _print_check(folder: Path, found: "FolderReport") -> int:
    from ..data.problems import condense

    problems = len(found.problems)
    if problems:
        remedy = "" if found.faults else ". Mend them, or train with --exclude-problems"
        table = condense(found.problems).to_string(index=False)
        print(f"{table}\n{problems} problem(s){remedy}")
    for line in [*found.notes, *found.faults]:
        print(line)
    if found.faults:
        print(f"{folder}: cannot be trained on")
    elif not problems:
        print(f"{folder}: no problems")
    return 1 if problems or found.faults else 0


def notebooks(*, save: _Save = False, exclude_problems: Exclude = False, knobs: Knobs) -> int:
    """Runs the notebooks top to bottom; prints where to look and the figures of this run."""
    require_clone("Running the notebooks")
    knob_options.refuse(knobs, _MODE | _HEAD)
    if save and (exclude_problems or knobs):
        raise CourseError("--save goes with no other option: it saves the notebooks as they are")
    from ..experiments.notebooks import run_notebooks

    folder = NOTEBOOKS if save else out_folder() / "notebooks"
    dataset = fit_posts(data_folder(), exclude_problems=exclude_problems, knobs=knobs)
    run_notebooks(folder, exclude_problems=exclude_problems, knobs=knobs)
    print(f"\nExecuted notebooks: {folder}")
    return _print_scores(dataset)


def scores(*, exclude_problems: Exclude = False) -> int:
    """Prints the table of the notebooks' cross-validated figures."""
    from ..data.posts import load_dataset

    return _print_scores(load_dataset(data_folder(), exclude_problems=exclude_problems))


def _print_scores(dataset: "Dataset") -> int:
    from ..evaluation.analysis import score_table
    from ..evaluation.records import load_record

    folder = run_folder(dataset.name, dataset.fingerprint)
    records = [load_record(folder, mode, fingerprint=dataset.fingerprint) for mode in MODES]
    table = score_table(records)
    print(f"\nCross-validation on {data_folder()} (± deviation over folds):")
    print(table[["accuracy", "macro-F1"]].to_string())
    print(f"\nRecords and predictions: {folder}\nThe reference run on real posts: report.md")
    return 0


def reference(
    *, stages: _Stages = (), exclude_problems: Exclude = False, knobs: RecipeKnobs
) -> int:
    """The full reference run, on the course's posts or your own; goes on where it was stopped.

    On other posts than the course's it writes to a folder of its own in results/, with changed
    knobs to out/; this course's results, images and pages stay as they are. It uses all cores:
    --jobs 1 learns folds one after the other.
    """
    require_clone("The reference run")
    knob_options.refuse(knobs, _MODE)
    from ..experiments.places import named
    from ..experiments.recipes import reference_recipes
    from ..experiments.reference import Reference, run_reference

    recipes = reference_recipes(on_all_cores(knobs))
    posts = fit_posts(course_folder(), exclude_problems=exclude_problems, knobs=knobs)
    dataset = named(posts)
    place = _place(dataset, knobs)
    run_reference(
        Reference(
            dataset=dataset,
            recipes=recipes,
            folder=place.folder,
            images=place.images,
            weights=place.weights,
        ),
        stages=stages,
    )
    if stages:
        print("No page was written: the whole run writes them")
    else:
        _write_pages(place)
    return 0


def _write_pages(place: "Place") -> None:
    from ..experiments.report import write_own_report, write_pages

    if place.is_course:
        write_pages()
    else:
        print(f"Report: {write_own_report(place.folder)}")


def ablations(
    *, tracks: _Tracks = (), exclude_problems: Exclude = False, knobs: RecipeKnobs
) -> int:
    """Every step of the ablation, on the course's posts or your own; goes on where it stopped.

    It writes where the reference run does, and uses as many cores. Rows of tracks that are not
    run stay as they are.
    """
    require_clone("The ablation")
    knob_options.refuse(knobs, _MODE | _FINETUNE)
    from ..experiments.ablations import run_ablations
    from ..experiments.places import named
    from ..experiments.recipes import reference_recipes

    recipes = reference_recipes(on_all_cores(knobs))
    posts = fit_posts(course_folder(), exclude_problems=exclude_problems, knobs=knobs)
    dataset = named(posts)
    run_ablations(dataset, recipes, _place(dataset, knobs).folder, tracks=tracks)
    return 0


def report(folder: _Records = None) -> int:
    """Writes the course's pages from its records; of a folder, a skeleton of your own report.

    The pages are README.md, report.md, report.zh.md and MODEL_CARD.md. The skeleton goes into
    the folder: tables and figures are filled in, and it says what is left to write. One that you
    have written in stays, and the next one gets a number.
    """
    from ..experiments.report import write_own_report, write_pages

    if folder:
        print(f"Report: {write_own_report(folder)}")
    else:
        require_clone("The report")
        write_pages()
    return 0


def _place(dataset: "Dataset", knobs: Record) -> "Place":
    """Where a run writes; said, where it is not the course's own place."""
    from ..experiments.places import place_of

    changed = of_learning(knobs)
    place = place_of(dataset, changed)
    if not place.is_course:
        why = f"Changed: {changed}" if changed else "These are not the course's own posts"
        print(f"{why}. Results go to {place.folder}; the course's results and pages stay")
    return place
