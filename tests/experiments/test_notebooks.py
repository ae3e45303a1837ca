"""Notebooks run from outside, with changed parameters: on tiny ones made here."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from mmsa_utils.errors import CourseError
from mmsa_utils.experiments import notebooks
from mmsa_utils.experiments.notebooks import run_notebooks
from mmsa_utils.io import save_json

PARAMETERS = "exclude_problems = False\nknobs = {}"
SHOW = "print(exclude_problems, knobs)"


def write(file, *sources, tag="parameters"):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = [tag]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), file)
    return file


def printed(file):
    cells = nbformat.read(file, as_version=4).cells
    return "".join(output.text for cell in cells for output in cell.get("outputs", []))


def test_without_changes_a_notebook_is_run_as_it_is(tmp_path):
    file = write(tmp_path / "1.ipynb", PARAMETERS, SHOW)
    run_notebooks(tmp_path / "out", files=[file])
    assert printed(tmp_path / "out" / "1.ipynb") == "False {}\n"
    assert len(nbformat.read(tmp_path / "out" / "1.ipynb", as_version=4).cells) == 2


def test_changed_values_reach_every_notebook_and_the_file_itself_stays(tmp_path, capsys):
    files = [write(tmp_path / f"{number}.ipynb", PARAMETERS, SHOW) for number in (1, 2)]
    before = files[0].read_bytes()
    knobs = {"epochs": 3, "seeds": (0, 1)}
    run_notebooks(tmp_path / "out", exclude_problems=True, knobs=knobs, files=files)
    for file in files:
        assert printed(tmp_path / "out" / file.name) == f"True {knobs}\n"
    assert files[0].read_bytes() == before
    assert "[2/2] 2.ipynb" in capsys.readouterr().out


def test_a_notebook_runs_where_it_lies(tmp_path):
    (tmp_path / "beside.txt").write_text("here")
    file = write(tmp_path / "1.ipynb", "print(open('beside.txt').read())")
    run_notebooks(tmp_path / "out", files=[file])
    assert printed(tmp_path / "out" / "1.ipynb") == "here\n"


# ---- solutions --------------------------------------------------------------------------


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one notebook and its solution, of the same name, in place of the real one."""
    monkeypatch.setenv("MMSA_OUT", str(tmp_path / "elsewhere"))
    folder = tmp_path / "notebooks"
    (folder / "solutions").mkdir(parents=True)
    monkeypatch.setattr(notebooks, "NOTEBOOKS", folder)
    monkeypatch.setattr(notebooks, "SOLUTIONS", folder / "solutions")
    write(folder / "01_a.ipynb", PARAMETERS, "print('task')")
    write(folder / "solutions" / "01_a.ipynb", "print('solved')", tag="other")
    return folder


def test_who_runs_the_course_gets_its_notebooks_alone(course, tmp_path, capsys):
    run_notebooks(tmp_path / "out", knobs={"epochs": 3})
    assert [file.name for file in (tmp_path / "out").rglob("*")] == ["01_a.ipynb"]
    assert "[1/1] 01_a.ipynb" in capsys.readouterr().out


def test_who_saves_it_in_place_saves_the_solutions_too(course, capsys):
    run_notebooks(course)
    assert printed(course / "01_a.ipynb") == "task\n"
    assert printed(course / "solutions" / "01_a.ipynb") == "solved\n"
    assert f"[2/2] {Path('solutions', '01_a.ipynb')}" in capsys.readouterr().out


def test_a_solution_that_fails_is_told_from_its_notebook(course, tmp_path):
    write(course / "01_a.ipynb", "1 / 0")
    write(course / "solutions" / "01_a.ipynb", "print('one')", "[][0]")
    with pytest.raises(CourseError, match="2 of 2 notebooks failed") as error:
        run_notebooks(course)
    assert f"{Path('solutions', '01_a.ipynb')}, cell [2]: IndexError" in str(error.value)
    kept = tmp_path / "elsewhere" / "notebooks"
    assert printed_until_error(kept / "solutions" / "01_a.ipynb") == "one\n"
    assert (kept / "01_a.ipynb").exists()


def test_a_notebook_without_the_cell_cannot_be_changed_and_is_named(tmp_path):
    file = write(tmp_path / "1.ipynb", SHOW, tag="other")
    with pytest.raises(CourseError, match=r"1\.ipynb.*'parameters'.*knobs"):
        run_notebooks(tmp_path / "out", knobs={"epochs": 3}, files=[file])


def test_a_value_that_is_not_allowed_is_refused_before_anything_runs(tmp_path):
    file = write(tmp_path / "1.ipynb", PARAMETERS, SHOW)
    with pytest.raises(CourseError, match="epochs=0"):
        run_notebooks(tmp_path / "out", knobs={"epochs": 0}, files=[file])
    assert not (tmp_path / "out").exists()


# ---- what goes wrong --------------------------------------------------------------------


def outputs(file):
    return [cell.outputs for cell in nbformat.read(file, as_version=4).cells]


def test_one_that_fails_is_saved_as_far_as_it_got_and_the_others_are_run(tmp_path):
    out = tmp_path / "out"
    bad = write(tmp_path / "1.ipynb", PARAMETERS, SHOW, "'a' + 1", "print('after')")
    book = nbformat.read(bad, as_version=4)
    book.cells[-1].outputs = [nbformat.v4.new_output("stream", text="of an earlier run")]
    nbformat.write(book, bad)
    good = write(tmp_path / "2.ipynb", PARAMETERS, SHOW)
    with pytest.raises(CourseError) as error:
        run_notebooks(out, files=[bad, good])
    said = str(error.value)
    assert "1 of 2 notebooks failed" in said
    assert "1.ipynb, cell [3]: TypeError: can only concatenate str" in said
    assert str(out / "1.ipynb") in said
    assert printed(out / "2.ipynb") == "False {}\n"
    nothing, shown, failed, after = outputs(out / "1.ipynb")
    assert (nothing, after) == ([], [])
    assert shown[0].text == "False {}\n"
    assert failed[0].ename == "TypeError"


def test_bad_input_is_named_by_its_message_alone(tmp_path):
    message = "from mmsa_utils.errors import CourseError\nraise CourseError('no posts there')"
    with pytest.raises(CourseError, match=r"1\.ipynb, cell \[1\]: no posts there\n"):
        run_notebooks(tmp_path / "out", files=[write(tmp_path / "1.ipynb", message)])


def test_a_kernel_that_dies_is_named_with_its_cell(tmp_path):
    file = write(tmp_path / "1.ipynb", "print('one')", "import os; os._exit(9)", "print('three')")
    with pytest.raises(CourseError, match=r"1\.ipynb, cell \[2\]: its kernel died"):
        run_notebooks(tmp_path / "out", files=[file])
    assert printed(tmp_path / "out" / "1.ipynb") == "one\n"


def test_a_notebook_that_fails_is_never_saved_over_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_OUT", str(tmp_path / "elsewhere"))
    file = write(tmp_path / "1.ipynb", "print('one')", "1 / 0")
    before = file.read_bytes()
    with pytest.raises(CourseError, match="ZeroDivisionError"):
        run_notebooks(tmp_path, files=[file])
    assert file.read_bytes() == before
    assert printed_until_error(tmp_path / "elsewhere" / "notebooks" / "1.ipynb") == "one\n"


def printed_until_error(file):
    return outputs(file)[0][0].text


def test_a_file_that_is_no_notebook_is_named_and_the_others_are_run(tmp_path):
    (tmp_path / "1.ipynb").write_text("{cut")
    files = [tmp_path / "1.ipynb", write(tmp_path / "2.ipynb", "print(2)")]
    with pytest.raises(CourseError, match=r"1\.ipynb, not readable as a notebook"):
        run_notebooks(tmp_path / "out", files=files)
    assert printed(tmp_path / "out" / "2.ipynb") == "2\n"


def test_a_kernel_that_jupyter_does_not_know_stops_all_at_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(notebooks, "KERNEL", "no-such-kernel")
    files = [write(tmp_path / f"{number}.ipynb", SHOW) for number in (1, 2)]
    with pytest.raises(CourseError, match=r"kernel cannot start.*'no-such-kernel'.*ipykernel"):
        run_notebooks(tmp_path / "out", files=files)
    assert "[2/2]" not in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", [["no-such-program"], [sys.executable, "-c", "exit(1)"]])
def test_a_kernel_that_does_not_start_is_said_in_one_line(command, tmp_path, monkeypatch):
    kernel = tmp_path / "share" / "kernels" / "broken"
    save_json(
        {"argv": [*command, "{connection_file}"], "display_name": "broken", "language": "python"},
        kernel / "kernel.json",
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    monkeypatch.setattr(notebooks, "KERNEL", "broken")
    with pytest.raises(CourseError, match="kernel cannot start") as error:
        run_notebooks(tmp_path / "out", files=[write(tmp_path / "1.ipynb", SHOW)])
    assert "\n" not in str(error.value)


STOPPED = """
import signal, sys
from pathlib import Path
from mmsa_utils.experiments.notebooks import run_notebooks
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background job
file = Path(sys.argv[1])
try:
    run_notebooks(file.parent / "out", files=[file, file])
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_ends_the_kernel_too_and_saves_what_there_is(number, status, tmp_path):
    wait = "import os, time\nopen('kernel', 'w').write(f'{os.getpid()}.')\ntime.sleep(60)"
    file = write(tmp_path / "1.ipynb", "print('one')", wait)
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED, str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    kernel = tmp_path / "kernel"
    wait_for(lambda: kernel.exists() and kernel.read_text().endswith("."))
    process.send_signal(number)
    printed_lines, complaints = process.communicate(timeout=60)
    assert process.returncode == status
    assert "[2/2]" not in printed_lines
    assert "Traceback" not in complaints
    wait_for(lambda: not is_running(int(kernel.read_text().rstrip("."))))
    assert printed_until_error(tmp_path / "out" / "1.ipynb") == "one\n"


def wait_for(holds, seconds=90):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def is_running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
