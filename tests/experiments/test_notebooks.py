"""Notebooks run from outside, with changed parameters: on tiny ones made here."""

import nbformat
import pytest

from mmsa_utils.errors import CourseError
from mmsa_utils.experiments.notebooks import run_notebooks

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


def test_a_notebook_without_the_cell_cannot_be_changed_and_is_named(tmp_path):
    file = write(tmp_path / "1.ipynb", SHOW, tag="other")
    with pytest.raises(CourseError, match=r"1\.ipynb.*'parameters'.*knobs"):
        run_notebooks(tmp_path / "out", knobs={"epochs": 3}, files=[file])


def test_a_value_that_is_not_allowed_is_refused_before_anything_runs(tmp_path):
    file = write(tmp_path / "1.ipynb", PARAMETERS, SHOW)
    with pytest.raises(CourseError, match="epochs=0"):
        run_notebooks(tmp_path / "out", knobs={"epochs": 0}, files=[file])
    assert not (tmp_path / "out").exists()


def test_bad_input_shows_its_message_alone_and_another_error_its_traceback(tmp_path):
    message = "from mmsa_utils.errors import CourseError\nraise CourseError('no posts there')"
    with pytest.raises(CourseError) as error:
        run_notebooks(tmp_path / "out", files=[write(tmp_path / "1.ipynb", message)])
    assert str(error.value) == "1.ipynb stopped at a cell:\nno posts there"
    with pytest.raises(CourseError, match=r"2\.ipynb(.|\n)*ZeroDivisionError"):
        run_notebooks(tmp_path / "out", files=[write(tmp_path / "2.ipynb", "1 / 0")])
