"""Runs the course's notebooks top to bottom, each in a fresh kernel."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from ..config import MODES, Config
from ..errors import CourseError
from ..io import replacing
from ..paths import NOTEBOOKS
from .recipes import Changes

PARAMETERS = "parameters"  # the tag of the cell whose values can be set from outside


def notebook_files() -> list[Path]:
    """The notebooks in the order of their numbers."""
    return sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))


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


def _execute(book: NotebookNode, folder: Path) -> None:
    # The kernel works where the notebook lies, as in JupyterLab.
    client = NotebookClient(
        book,
        timeout=None,  # one's own posts may be many
        kernel_name="python3",
        extra_arguments=["--log-level=40"],  # its warnings would break the progress lines
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    book.metadata.pop("widgets", None)  # progress bars: state that no reader needs
    for cell in book.cells:
        cell.metadata.pop("execution", None)  # time stamps: a change at every run


def _run(file: Path, values: Mapping[str, object]) -> NotebookNode:
    book: NotebookNode = nbformat.read(file, as_version=4)
    try:
        if values:
            set_parameters(book, values)
        _execute(book, file.parent)
    except CourseError as error:
        raise CourseError(f"{file.name}: {error}") from error
    except (CellExecutionError, DeadKernelError) as error:
        # Bad input has said what is wrong; anything else needs its traceback.
        bad_input = getattr(error, "ename", "") == "CourseError"
        words = getattr(error, "evalue", "") if bad_input else error
        raise CourseError(f"{file.name} stopped at a cell:\n{words}") from error
    return book


def run_notebooks(
    folder: Path,
    *,
    exclude_problems: bool = False,
    knobs: Changes | None = None,
    files: Sequence[Path] | None = None,
) -> None:
    """Executes notebooks and saves the executed copies in a folder.

    Args:
        exclude_problems: leave out posts with problems.
        knobs: of `Config`, set to other values in every notebook.
        files: the notebooks, in order; the course's by default.

    Raises:
        CourseError: naming the notebook and the error, at the first cell that fails; before
            that, where a knob's value is not allowed.
    """
    files = notebook_files() if files is None else files
    values: dict[str, object] = {"exclude_problems": True} if exclude_problems else {}
    if knobs:
        for mode in MODES:
            Config(mode=mode, **knobs)  # says what is wrong before anything is run
        values["knobs"] = dict(knobs)
    for number, file in enumerate(files, start=1):
        print(f"[{number}/{len(files)}] {file.name} ... ", end="", flush=True)
        start = time.perf_counter()
        book = _run(file, values)
        with replacing(folder / file.name) as temporary:
            nbformat.write(book, temporary)
        print(f"{time.perf_counter() - start:.0f} s", flush=True)
