"""A course on multimodal sentiment analysis: `mmsa_utils COMMAND`, `python -m mmsa_utils COMMAND`.

`mmsa_utils COMMAND --help` shows a command's options. Exit status: 0 where all went well; 1
where the posts are not fit to be trained on; 2 where something else stopped the command (bad
usage, a notebook that failed, a full disk); 130 after Ctrl-C.
"""

import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

import tyro

from .commands import course, predict, train
from .commands.options import UnfitPosts
from .errors import CourseError
from .io import refusal

COMMANDS: dict[str, Callable[..., int]] = {
    "check": course.check,
    "notebooks": course.notebooks,
    "scores": course.scores,
    "reference": course.reference,
    "ablations": course.ablations,
    "report": course.report,
    "predict": predict.predict,
    "train": train.train,
    "import-mvsa": train.import_mvsa,
}


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
            COMMANDS,
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
    except UnfitPosts as error:
        return _stop(f"mmsa_utils: {error}", 1)
    except CourseError as error:
        return _stop(f"mmsa_utils: {error}", 2)
    except OSError as error:  # a full disk, a folder that is not to be written
        if error.filename is None and _output_fails():
            return _stop(f"mmsa_utils: standard output: {error.strerror}", 2)
        return _stop(f"mmsa_utils: {refusal(error)}", 2)


if __name__ == "__main__":
    sys.exit(main())
