"""Command line: `mmsa_utils COMMAND` or `python -m mmsa_utils COMMAND`."""

import argparse
import os
import sys
from pathlib import Path

from .errors import CourseError
from .paths import data_folder, out_folder

# The commands import what they need themselves: torch takes seconds to load, and
# `mmsa_utils --help` should not.


def check(arguments):
    """One table of every problem of a folder's posts."""
    from .data.posts import check_folder

    problems = check_folder(arguments.folder)
    if problems.empty:
        print(f"{arguments.folder}: no problems")
        return 0
    print(problems.to_string(index=False))
    print(f"{len(problems)} problem(s). Mend them, or train with --exclude-problems")
    return 1


def notebooks(arguments):
    """Runs the notebooks top to bottom; prints where to look and the figures of this run."""
    from .experiments.notebooks import FOLDER, run_notebooks

    if arguments.exclude_problems:
        os.environ["MMSA_EXCLUDE_PROBLEMS"] = "1"  # the kernels inherit it
    folder = FOLDER if arguments.save else out_folder() / "notebooks"
    run_notebooks(folder)
    print(f"\nExecuted notebooks: {folder}")
    return scores(arguments)


def scores(arguments):
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


def reference(arguments):
    """The full reference run on the course's posts; goes on where it was stopped."""
    from .experiments.reference import run_reference
    from .experiments.report import write_pages

    run_reference(exclude_problems=arguments.exclude_problems)
    write_pages()
    return 0


def ablations(arguments):
    """Every step of the ablation on the course's posts; goes on where it was stopped."""
    from .data.posts import load_dataset
    from .experiments.ablations import run_ablations
    from .paths import course_folder

    run_ablations(
        load_dataset(course_folder(), exclude_problems=arguments.exclude_problems, name="course")
    )
    return 0


def report(arguments):
    """Writes README.md and report.md from the records."""
    from .experiments.report import write_pages

    write_pages()
    return 0


def _parser():
    parser = argparse.ArgumentParser(prog="mmsa_utils", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(function):
        command = commands.add_parser(function.__name__, help=function.__doc__)
        command.set_defaults(function=function)
        return command

    add(check).add_argument("folder", type=Path, nargs="?", default=data_folder())
    run = add(notebooks)
    run.add_argument("--save", action="store_true", help="save the outputs in notebooks/ itself")
    add(scores)
    for command in (run, add(reference), add(ablations)):
        command.add_argument(
            "--exclude-problems", action="store_true", help="leave posts with problems out"
        )
    add(report)
    return parser


def main(arguments=None):
    """Entry point; returns the exit status. Bad input ends in one message, no traceback."""
    arguments = _parser().parse_args(arguments)
    try:
        return arguments.function(arguments)
    except CourseError as error:
        print(f"mmsa_utils: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
