"""A course on multimodal sentiment analysis: `mmsa_utils COMMAND`, `python -m mmsa_utils COMMAND`.

`mmsa_utils COMMAND --help` shows a command's options.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from .errors import CourseError
from .experiments import knobs as knob_options
from .io import Record
from .paths import IMAGES, NOTEBOOKS, RESULTS, require_clone
from .settings import course_folder, data_folder, out_folder

# The commands import what they need themselves: torch takes seconds to load, and
# `mmsa_utils --help` should not.

_Flag = tyro.conf.FlagCreatePairsOff[bool]
_Exclude = Annotated[_Flag, tyro.conf.arg(help="leave posts with problems out")]
_Save = Annotated[_Flag, tyro.conf.arg(help="save the outputs in notebooks/ itself")]
_Folder = Annotated[
    tyro.conf.Positional[Path | None],
    tyro.conf.arg(help="of posts; by default MMSA_DATA, else data/course, else the demo set"),
]


def _knobs(*, defaults: bool) -> object:
    return tyro.conf.arg(name="", constructor=knob_options.options(defaults=defaults))


_Knobs = Annotated[Record, _knobs(defaults=True)]
_RecipeKnobs = Annotated[Record, _knobs(defaults=False)]

_MODE = {"mode": "this command goes through text, image and fused by itself"}
_HEAD = {"head": "notebooks 5 and 6 compare all heads and choose one"}
_FINETUNE = {"finetune": "the ablation trains encoders along in steps of its own"}


def check(folder: _Folder = None) -> int:
    """One table of every problem of a folder's posts."""
    from .data.posts import check_folder

    folder = folder or data_folder()
    problems = check_folder(folder)
    if problems.empty:
        print(f"{folder}: no problems")
        return 0
    print(problems.to_string(index=False))
    print(f"{len(problems)} problem(s). Mend them, or train with --exclude-problems")
    return 1


def notebooks(*, save: _Save = False, exclude_problems: _Exclude = False, knobs: _Knobs) -> int:
    """Runs the notebooks top to bottom; prints where to look and the figures of this run."""
    require_clone("Running the notebooks")
    knob_options.refuse(knobs, _MODE | _HEAD)
    if save and (exclude_problems or knobs):
        raise CourseError("--save goes with no other option: it saves the notebooks as they are")
    from .experiments.notebooks import run_notebooks

    folder = NOTEBOOKS if save else out_folder() / "notebooks"
    run_notebooks(folder, exclude_problems=exclude_problems, knobs=knobs)
    print(f"\nExecuted notebooks: {folder}")
    return scores()


def scores() -> int:
    """Prints the table of the notebooks' cross-validated figures."""
    from .config import MODES
    from .evaluation.analysis import score_table
    from .evaluation.records import load_record

    folder = out_folder() / data_folder().name
    table = score_table([load_record(folder, mode) for mode in MODES])
    print(f"\nCross-validation on {data_folder()} (± deviation over folds):")
    print(table[["accuracy", "macro-F1"]].to_string())
    print(f"\nRecords and predictions: {folder}\nThe reference run on real posts: report.md")
    return 0


def reference(*, exclude_problems: _Exclude = False, knobs: _RecipeKnobs) -> int:
    """The full reference run on the course's posts; goes on where it was stopped.

    With changed knobs it writes to out/ and leaves results/, images/ and the pages alone.
    """
    require_clone("The reference run")
    knob_options.refuse(knobs, _MODE)
    from .data.posts import load_dataset
    from .encoders import weights
    from .experiments.recipes import reference_recipes
    from .experiments.reference import Reference, run_reference
    from .experiments.report import write_pages

    recipes = reference_recipes(knobs)
    folder = _results(knobs)
    run_reference(
        Reference(
            dataset=load_dataset(course_folder(), exclude_problems=exclude_problems, name="course"),
            recipes=recipes,
            folder=folder,
            images=folder / "images" if knobs else IMAGES,
            weights=folder / "weights" if knobs else weights.FOLDER,
        )
    )
    if not knobs:
        write_pages()
    return 0


def ablations(*, exclude_problems: _Exclude = False, knobs: _RecipeKnobs) -> int:
    """Every step of the ablation on the course's posts; goes on where it was stopped.

    With changed knobs it writes to out/ and leaves results/ alone.
    """
    require_clone("The ablation")
    knob_options.refuse(knobs, _MODE | _FINETUNE)
    from .data.posts import load_dataset
    from .experiments.ablations import run_ablations
    from .experiments.recipes import reference_recipes

    recipes = reference_recipes(knobs)
    dataset = load_dataset(course_folder(), exclude_problems=exclude_problems, name="course")
    run_ablations(dataset, recipes, _results(knobs))
    return 0


def report() -> int:
    """Writes README.md and report.md from the records."""
    require_clone("The report")
    from .experiments.report import write_pages

    write_pages()
    return 0


def _results(knobs: Record) -> Path:
    """Where a run's records go: those of the course are for the unchanged recipes alone."""
    if not knobs:
        return RESULTS / "course"
    folder = knob_options.folder_of(knobs)
    print(f"Changed: {knobs}. Results go to {folder}; results/ and the pages stay as they are")
    return folder


COMMANDS = (check, notebooks, scores, reference, ablations, report)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status. Bad input ends in one message, no traceback."""
    try:
        return tyro.extras.subcommand_cli_from_dict(
            {command.__name__: command for command in COMMANDS},
            prog="mmsa_utils",
            description=__doc__,
            args=arguments,
        )
    except CourseError as error:
        print(f"mmsa_utils: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
