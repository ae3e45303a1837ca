"""Runs the course's notebooks top to bottom, each in a fresh kernel."""

import asyncio
import itertools
import logging
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from ..config import MODES, Config
from ..errors import CourseError
from ..io import refusal, replacing
from ..paths import NOTEBOOKS
from ..settings import out_folder, without_progress
from .recipes import Changes

PARAMETERS = "parameters"  # the tag of the cell whose values can be set from outside
KERNEL = "python3"  # of the Python that runs this
SOLUTIONS = NOTEBOOKS / "solutions"

_STOPS = (signal.SIGINT, signal.SIGTERM)
_SILENCE = logging.getLogger(f"{__name__}.silence")  # Jupyter logs each error that it raises
_SILENCE.disabled = True


def notebook_files() -> list[Path]:
    """The notebooks in the order of their numbers."""
    return sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))


def solution_files() -> list[Path]:
    """The worked solutions of their exercises, each named as its notebook."""
    return sorted(SOLUTIONS.glob("[0-9]*.ipynb"))


def set_parameters(book: NotebookNode, values: Mapping[str, object]) -> None:
    """Inserts a cell that sets values, after the cell with the tag `parameters`.

    Raises:
        CourseError: where the notebook has no such cell.
    """
    tagged = [PARAMETERS in cell.metadata.get("tags", []) for cell in book.cells]
    if not any(tagged):
        raise CourseError(f"no cell has the tag {PARAMETERS!r}: {', '.join(values)} cannot be set")
    cell = nbformat.v4.new_code_cell("\n".join(f"{k} = {v!r}" for k, v in values.items()))
    cell.metadata["tags"] = ["injected-parameters"]  # as papermill calls it
    book.cells.insert(tagged.index(True) + 1, cell)


# ---- one notebook -----------------------------------------------------------------------


class _Client(NotebookClient):
    """A client that ends at Ctrl-C: nbclient's own takes it for the death of its kernel."""

    stopped_by: signal.Signals | None = None

    async def async_start_new_kernel(self, **kwargs: Any) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def stop(number: signal.Signals) -> None:
            self.stopped_by = number
            if task:
                task.cancel()

        with suppress(RuntimeError, ValueError):  # not on Windows, and in the main thread only
            for number in _STOPS:
                loop.add_signal_handler(number, stop, number)
        # A bar that has gone leaves a line in the saved notebook, and not where nothing had to be
        # computed: saved copies have none.
        await super().async_start_new_kernel(env=without_progress(), **kwargs)

    def _cleanup_kernel(self) -> None:
        """At Python's end: nbclient's own fails there where a kernel was given up already."""
        if self.km is not None:
            super()._cleanup_kernel()


def _clear(book: NotebookNode) -> None:
    """Removes what an earlier run left: after a cell that fails there shall be nothing."""
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def _execute(book: NotebookNode, folder: Path) -> None:
    numbers = itertools.count(1)

    def number(cell: NotebookNode, **_: object) -> None:
        cell.execution_count = next(numbers)  # at once: a kernel that dies does not say it

    # The kernel works where the notebook lies, as in JupyterLab.
    client = _Client(
        book,
        log=_SILENCE,
        on_cell_execute=number,
        timeout=None,  # one's own posts may be many
        kernel_name=KERNEL,
        extra_arguments=["--log-level=50"],  # its warnings would break the progress lines
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        asyncio.run(client.async_execute())
    except (Exception, asyncio.CancelledError) as error:
        if client.stopped_by == signal.SIGINT:
            raise KeyboardInterrupt from None
        if client.stopped_by:
            raise SystemExit(128 + client.stopped_by) from None
        if isinstance(error, CellExecutionError | DeadKernelError):
            raise
        raise _no_kernel(error) from error
    finally:
        book.metadata.pop("widgets", None)  # progress bars: state that no reader needs
        for cell in book.cells:
            cell.metadata.pop("execution", None)  # time stamps: a change at every run


class _NoKernel(CourseError):
    """No notebook can be run here."""


def _no_kernel(error: BaseException) -> BaseException:
    """What is to be said where a kernel does not start; an error that is none of these itself."""
    if isinstance(error, NoSuchKernel):
        reason = f"Jupyter knows no kernel {KERNEL!r}"
    elif isinstance(error, OSError):
        reason = refusal(error)
    elif isinstance(error, RuntimeError):
        reason = str(error)
    else:
        return error
    return _NoKernel(
        f"the notebooks' kernel cannot start ({reason}): install the project's packages again "
        "(delete .venv/.ready, then `make run`; in an environment of your own "
        "`pip install --force-reinstall ipykernel`)"
    )


def _failed_cell(book: NotebookNode) -> int:
    """The number in brackets of the last cell that was begun."""
    return max(cell.get("execution_count") or 0 for cell in book.cells)


def _fault(book: NotebookNode, error: CellExecutionError | DeadKernelError) -> str:
    """The cell and its error, in a line or a few; the traceback stands in the notebook."""
    if isinstance(error, DeadKernelError):
        what = "its kernel died (was the memory enough?)"
    elif error.ename == "CourseError":  # bad input has said what is wrong
        what = error.evalue
    else:
        what = f"{error.ename}: {error.evalue}"
    return f"cell [{_failed_cell(book)}]: {what}"


def _saved_as(file: Path, folder: Path) -> tuple[Path, Path]:
    """Where a notebook's copy goes that ended well, and one that did not.

    What lies in the folder itself, or below it, is saved in its own place, but never a copy that
    did not end well.
    """
    if not file.is_relative_to(folder):
        return folder / file.name, folder / file.name
    return file, out_folder() / "notebooks" / file.relative_to(folder)


def _run(file: Path, values: Mapping[str, object], folder: Path) -> str | None:
    """Runs a notebook and saves it, as far as it got; what went wrong, or None."""
    try:
        book: NotebookNode = nbformat.read(file, as_version=4)
        if values:
            set_parameters(book, values)
    except CourseError as error:
        return str(error)
    except (OSError, nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
        return f"not readable as a notebook: {error}"
    whole, cut = _saved_as(file, folder)
    _clear(book)
    try:
        _execute(book, file.parent)
    except (CellExecutionError, DeadKernelError) as error:
        _save(book, cut)
        return f"{_fault(book, error)}\nsaved as far as it got: {cut}"
    except (KeyboardInterrupt, SystemExit):
        _save(book, cut)
        raise
    _save(book, whole)
    return None


def _save(book: NotebookNode, file: Path) -> None:
    with replacing(file) as temporary:
        nbformat.write(book, temporary)


# ---- all of them ------------------------------------------------------------------------


def _files_for(folder: Path) -> list[Path]:
    """Whoever runs the course wants its notebooks; who saves them in place, the solutions too."""
    return notebook_files() + (solution_files() if folder == NOTEBOOKS else [])


def _name(file: Path) -> str:
    """A solution has its notebook's name: its folder tells them apart."""
    return str(file.relative_to(NOTEBOOKS)) if file.is_relative_to(NOTEBOOKS) else file.name


def run_notebooks(
    folder: Path,
    *,
    exclude_problems: bool = False,
    knobs: Changes | None = None,
    files: Sequence[Path] | None = None,
) -> None:
    """Executes notebooks and saves the executed copies in a folder, or in place, if it is theirs.

    One that fails is saved as far as it got, and the others are still run. A stop (Ctrl-C)
    ends all of them, and saves the one that was running.

    Args:
        exclude_problems: leave out posts with problems.
        knobs: of `Config`, set to other values in every notebook.
        files: the notebooks, in order; by default the course's, with the solutions where they
            are saved in place.

    Raises:
        CourseError: at the end, naming each notebook that failed with its cell and error; at
            once, where no kernel can be started; before that, where a knob's value is not
            allowed.
    """
    files = _files_for(folder) if files is None else files
    values: dict[str, object] = {"exclude_problems": True} if exclude_problems else {}
    if knobs:
        for mode in MODES:
            Config(mode=mode, **knobs)  # says what is wrong before anything is run
        values["knobs"] = dict(knobs)
    faults = {}
    for number, file in enumerate(files, start=1):
        print(f"[{number}/{len(files)}] {_name(file)} ... ", end="", flush=True)
        start = time.perf_counter()
        try:
            fault = _run(file, values, folder)
        except BaseException:
            print(flush=True)  # what stops all has a line of its own
            raise
        seconds = f"{time.perf_counter() - start:.0f} s"
        print(f"failed after {seconds}" if fault else seconds, flush=True)
        if fault:
            faults[_name(file)] = fault
    if faults:
        listed = "\n".join(f"{name}, {fault}" for name, fault in faults.items())
        raise CourseError(f"{len(faults)} of {len(files)} notebooks failed\n{listed}")
