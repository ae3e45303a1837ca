"""A course on multimodal sentiment analysis: `mmsa_utils COMMAND`, `python -m mmsa_utils COMMAND`.

`mmsa_utils COMMAND --help` shows a command's options. Exit status: 0 where all went well; 1
where the posts are not fit to be trained on; 2 where something else stopped the command (bad
usage, a notebook that failed, a full disk); 130 after Ctrl-C.
"""

import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from .config import MODES, Config
from .errors import CourseError
from .experiments import knobs as knob_options
from .io import Record, refusal
from .paths import NOTEBOOKS, require_clone
from .settings import course_folder, data_folder, out_folder, run_folder

if TYPE_CHECKING:
    from .data.checking import FolderReport
    from .data.posts import Dataset
    from .experiments.places import Place

# The commands import what they need themselves: torch takes seconds to load, and
# `mmsa_utils --help` should not.

_Flag = tyro.conf.FlagCreatePairsOff[bool]
_Exclude = Annotated[_Flag, tyro.conf.arg(help="leave posts with problems out")]
_Save = Annotated[_Flag, tyro.conf.arg(help="save the outputs in notebooks/ itself")]
_Folder = Annotated[
    tyro.conf.Positional[Path | None],
    tyro.conf.arg(help="of posts; by default MMSA_DATA, else data/course, else the demo set"),
]

_Folds = Annotated[int, tyro.conf.arg(help="as training is to have them")]


def _knobs(*, defaults: bool) -> object:
    return tyro.conf.arg(name="", constructor=knob_options.options(defaults=defaults))


_Knobs = Annotated[Record, _knobs(defaults=True)]
_RecipeKnobs = Annotated[Record, _knobs(defaults=False)]

_MODE = {"mode": "this command goes through text, image and fused by itself"}
_HEAD = {"head": "notebooks 5 and 6 compare all heads and choose one"}
_FINETUNE = {"finetune": "the ablation trains encoders along in steps of its own"}


class _UnfitPosts(CourseError):
    """Posts that cannot be trained on: what `check` says, met by another command."""


def _fit_posts(folder: Path, *, exclude_problems: bool, knobs: Record) -> "Dataset":
    """The posts to train on, after the check, so that it speaks before anything is run."""
    from .data import checking
    from .data.posts import load_dataset

    sizes = Config(**{knob: knobs[knob] for knob in ("folds", "inner_folds") if knob in knobs})
    faults = checking.report(folder, folds=sizes.folds, inner_folds=sizes.inner_folds).faults
    if faults:
        raise _UnfitPosts("\n".join(faults))
    try:
        return load_dataset(folder, exclude_problems=exclude_problems)
    except CourseError as error:
        raise _UnfitPosts(str(error)) from error


def check(
    folder: _Folder = None,
    *,
    folds: _Folds = Config.folds,
    inner_folds: _Folds = Config.inner_folds,
) -> int:
    """Every problem of a folder's posts, and whether they can be trained on."""
    from .data import checking

    sizes = Config(folds=folds, inner_folds=inner_folds)  # says what is wrong with them
    folder = folder or data_folder()
    found = checking.report(folder, folds=sizes.folds, inner_folds=sizes.inner_folds)
    return _print_check(folder, found)


def _print_check(folder: Path, found: "FolderReport") -> int:
    problems = len(found.problems)
    if problems:
        remedy = "" if found.faults else ". Mend them, or train with --exclude-problems"
        print(f"{found.problems.to_string(index=False)}\n{problems} problem(s){remedy}")
    for line in [*found.notes, *found.faults]:
        print(line)
    if found.faults:
        print(f"{folder}: cannot be trained on")
    elif not problems:
        print(f"{folder}: no problems")
    return 1 if problems or found.faults else 0


def notebooks(*, save: _Save = False, exclude_problems: _Exclude = False, knobs: _Knobs) -> int:
    """Runs the notebooks top to bottom; prints where to look and the figures of this run."""
    require_clone("Running the notebooks")
    knob_options.refuse(knobs, _MODE | _HEAD)
    if save and (exclude_problems or knobs):
        raise CourseError("--save goes with no other option: it saves the notebooks as they are")
    from .experiments.notebooks import run_notebooks

    folder = NOTEBOOKS if save else out_folder() / "notebooks"
    dataset = _fit_posts(data_folder(), exclude_problems=exclude_problems, knobs=knobs)
    run_notebooks(folder, exclude_problems=exclude_problems, knobs=knobs)
    print(f"\nExecuted notebooks: {folder}")
    return _print_scores(dataset)


def scores(*, exclude_problems: _Exclude = False) -> int:
    """Prints the table of the notebooks' cross-validated figures."""
    from .data.posts import load_dataset

    return _print_scores(load_dataset(data_folder(), exclude_problems=exclude_problems))


def _print_scores(dataset: "Dataset") -> int:
    from .evaluation.analysis import score_table
    from .evaluation.records import load_record

    folder = run_folder(dataset.name, dataset.fingerprint)
    records = [load_record(folder, mode, fingerprint=dataset.fingerprint) for mode in MODES]
    table = score_table(records)
    print(f"\nCross-validation on {data_folder()} (± deviation over folds):")
    print(table[["accuracy", "macro-F1"]].to_string())
    print(f"\nRecords and predictions: {folder}\nThe reference run on real posts: report.md")
    return 0


def reference(*, exclude_problems: _Exclude = False, knobs: _RecipeKnobs) -> int:
    """The full reference run, on the course's posts or your own; goes on where it was stopped.

    On other posts than the course's it writes to a folder of its own in results/, with changed
    knobs to out/; this course's results, images and pages stay as they are.
    """
    require_clone("The reference run")
    knob_options.refuse(knobs, _MODE)
    from .experiments.places import named
    from .experiments.recipes import reference_recipes
    from .experiments.reference import Reference, run_reference
    from .experiments.report import write_own_report, write_pages

    recipes = reference_recipes(knobs)
    posts = _fit_posts(course_folder(), exclude_problems=exclude_problems, knobs=knobs)
    dataset = named(posts)
    place = _place(dataset, knobs)
    run_reference(
        Reference(
            dataset=dataset,
            recipes=recipes,
            folder=place.folder,
            images=place.images,
            weights=place.weights,
        )
    )
    if place.is_course:
        write_pages()
    else:
        print(f"Report: {write_own_report(place.folder)}")
    return 0


def ablations(*, exclude_problems: _Exclude = False, knobs: _RecipeKnobs) -> int:
    """Every step of the ablation, on the course's posts or your own; goes on where it stopped.

    It writes where the reference run does.
    """
    require_clone("The ablation")
    knob_options.refuse(knobs, _MODE | _FINETUNE)
    from .experiments.ablations import run_ablations
    from .experiments.places import named
    from .experiments.recipes import reference_recipes

    recipes = reference_recipes(knobs)
    posts = _fit_posts(course_folder(), exclude_problems=exclude_problems, knobs=knobs)
    dataset = named(posts)
    run_ablations(dataset, recipes, _place(dataset, knobs).folder)
    return 0


def report() -> int:
    """Writes README.md and report.md from the records."""
    require_clone("The report")
    from .experiments.report import write_pages

    write_pages()
    return 0


def _place(dataset: "Dataset", knobs: Record) -> "Place":
    """Where a run writes; said, where it is not the course's own place."""
    from .experiments.places import place_of

    place = place_of(dataset, knobs)
    if not place.is_course:
        why = f"Changed: {knobs}" if knobs else "These are not the course's own posts"
        print(f"{why}. Results go to {place.folder}; the course's results and pages stay")
    return place


COMMANDS = (check, notebooks, scores, reference, ablations, report)


# ---- output and exit status ---------------------------------------------------------------


def _print_anything() -> None:
    """Lets output that is not UTF-8 show what it cannot write as \\x.. instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _output_fails() -> bool:
    """Whether standard output takes nothing more; if so, the rest goes nowhere.

    Else Python would try again at its end, and complain.
    """
    try:
        print(end="", flush=True)
    except OSError:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _stop(message: str, status: int) -> int:
    with suppress(OSError):  # nobody may be listening
        print(message, file=sys.stderr, flush=True)
    return status


def _run(arguments: Sequence[str] | None) -> int:
    try:
        return tyro.extras.subcommand_cli_from_dict(
            {command.__name__: command for command in COMMANDS},
            prog="mmsa_utils",
            description=__doc__,
            args=arguments,
        )
    finally:
        if sys.stdout:
            sys.stdout.flush()  # now, where an error has somebody to say it


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status. What stops a command ends in one message."""
    _print_anything()
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return _stop("\nmmsa_utils: stopped", 130)
    except BrokenPipeError:  # `| head` has seen enough
        _output_fails()
        return 128 + 13
    except _UnfitPosts as error:
        return _stop(f"mmsa_utils: {error}", 1)
    except CourseError as error:
        return _stop(f"mmsa_utils: {error}", 2)
    except OSError as error:  # a full disk, a folder that is not to be written
        if error.filename is None and _output_fails():
            return _stop(f"mmsa_utils: standard output: {error.strerror}", 2)
        return _stop(f"mmsa_utils: {refusal(error)}", 2)


if __name__ == "__main__":
    sys.exit(main())
