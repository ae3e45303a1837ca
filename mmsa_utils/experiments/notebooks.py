"""Runs the course's notebooks top to bottom, each in a fresh kernel."""

import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from ..errors import CourseError
from ..io import replacing
from ..paths import PROJECT

FOLDER = PROJECT / "notebooks"


def notebook_files():
    """The notebooks in the order of their numbers."""
    return sorted(FOLDER.glob("[0-9]*.ipynb"))


def _execute(book):
    # The kernel works where the notebook lies, as in JupyterLab.
    client = NotebookClient(
        book,
        timeout=None,  # one's own posts may be many
        kernel_name="python3",
        extra_arguments=["--log-level=40"],  # its warnings would break the progress lines
        resources={"metadata": {"path": str(FOLDER)}},
    )
    client.execute()
    book.metadata.pop("widgets", None)  # progress bars: state that no reader needs
    for cell in book.cells:
        cell.metadata.pop("execution", None)  # time stamps: a change at every run


def run_notebooks(folder):
    """Executes all notebooks and saves the executed copies in a folder.

    Raises:
        CourseError: naming the notebook and the error, at the first cell that fails.
    """
    files = notebook_files()
    for number, file in enumerate(files, start=1):
        print(f"[{number}/{len(files)}] {file.name} ... ", end="", flush=True)
        start = time.perf_counter()
        book = nbformat.read(file, as_version=4)
        try:
            _execute(book)
        except (CellExecutionError, DeadKernelError) as error:
            # Bad input has said what is wrong; anything else needs its traceback.
            bad_input = getattr(error, "ename", "") == "CourseError"
            words = error.evalue if bad_input else error
            raise CourseError(f"{file.name} stopped at a cell:\n{words}") from error
        with replacing(folder / file.name) as temporary:
            nbformat.write(book, temporary)
        print(f"{time.perf_counter() - start:.0f} s", flush=True)
