"""The committed notebooks and their solutions: how they read, and that they were run.

What their cells print is nbval's to compare (`make notebook-tests`).
"""

import itertools
import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from mmsa_utils.exercises import known_exercises
from mmsa_utils.experiments.front import notebook_minutes
from mmsa_utils.experiments.notebooks import PARAMETERS, notebook_files, solution_files

NOTEBOOKS = notebook_files()
COURSE = [
    "01_data_exploration", "02_augmentation_preview", "03_text_only", "04_image_only",
    "05_fused", "06_result_analysis", "07_your_own_post", "08_why", "09_pitfalls",
]  # fmt: skip
LONGEST_CELL = 15  # lines
WORDS_A_LINE = 8  # words of prose for each line of code
EXPLAINED = 0.9  # share of the cells that have prose before them
EXERCISES = 3
UNCHECKED = 1 / 4  # share of the outputs
CHECK = re.compile(r'check\("(\d+\.\d+)", .+\)')
BAR = re.compile(r"\d+%\||\bit/s|/s\]|s/it")

every = pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
every_solution = pytest.mark.parametrize("file", solution_files(), ids=lambda file: file.stem)
each = pytest.mark.parametrize(
    "file", [*NOTEBOOKS, *solution_files()], ids=lambda file: f"{file.parent.name}-{file.stem}"
)


def cells_of(file: Path) -> list[NotebookNode]:
    return nbformat.read(file, as_version=4).cells


def code_cells(file: Path) -> list[NotebookNode]:
    return [cell for cell in cells_of(file) if cell.cell_type == "code"]


def prose_of(file: Path) -> list[str]:
    return [cell.source for cell in cells_of(file) if cell.cell_type == "markdown"]


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def code_lines(cell: NotebookNode) -> list[str]:
    """The lines that do something."""
    lines = (line.strip() for line in cell.source.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def said_by(cell: NotebookNode) -> str:
    """What is printed, and the text form of what is shown."""
    shown = (out.get("text") or out.get("data", {}).get("text/plain", "") for out in cell.outputs)
    return "".join(shown)


def number_of(file: Path) -> int:
    return int(file.stem[:2])


def test_the_nine_notebooks_are_there_and_each_has_solutions():
    assert [file.stem for file in NOTEBOOKS][:9] == COURSE
    assert [file.stem for file in solution_files()] == [file.stem for file in NOTEBOOKS]


# ---- how a notebook reads ---------------------------------------------------------------


def is_plain_setup(cell: NotebookNode) -> bool:
    """What every notebook begins with: imports, parameters, the device; and a line that checks."""
    imports = ("import ", "from ", "figures.use_style()", ")")
    inside = re.sub(r"\([^()]*\)", "()", cell.source)  # an import may go over several lines
    lines = [line for line in inside.splitlines() if line and not line.startswith("#")]
    return (
        PARAMETERS in tags(cell)
        or all(line.startswith(imports) for line in lines)
        or cell.source.strip() == 'print("device:", pick_device())'
        or CHECK.fullmatch(cell.source.strip()) is not None
    )


@every
def test_prose_stands_before_nine_cells_in_ten(file):
    cells = cells_of(file)
    pairs = list(zip([None, *cells], cells, strict=False))
    explained = {
        index: before is not None and before.cell_type == "markdown"
        for index, (before, cell) in enumerate(pairs)
        if cell.cell_type == "code" and not is_plain_setup(cell)
    }
    bare = [cells[index].source[:60] for index, has_prose in explained.items() if not has_prose]
    assert sum(explained.values()) >= EXPLAINED * len(explained), bare


@every
def test_there_are_eight_words_of_prose_to_a_line_of_code(file):
    words = sum(len(text.split()) for text in prose_of(file))
    lines = sum(len(code_lines(cell)) for cell in code_cells(file))
    assert words >= WORDS_A_LINE * lines, f"{words / lines:.1f}"


@each
def test_cells_are_short(file):
    long = [cell.source for cell in code_cells(file) if cell.source.count("\n") >= LONGEST_CELL]
    assert long == []


@every
def test_it_opens_with_what_is_to_come_and_what_is_needed(file):
    opening = prose_of(file)[0]
    assert opening.startswith(f"# {number_of(file)} · ")
    parts = ("What you will see", "You need", "Time")
    assert [part for part in parts if f"**{part}**" not in opening] == []
    assert "?" not in notebook_minutes()[number_of(file)], "README's map takes them from here"
    links = {"../README.md", "../GLOSSARY.md", *neighbours(file)}
    assert links - set(links_of(opening)) == set()


@every
def test_it_shows_the_device_among_its_first_cells(file):
    assert any("pick_device(" in cell.source for cell in code_cells(file)[:6])


@every
def test_it_closes_with_exercises_what_was_learned_and_where_to_go(file):
    text = "\n".join(prose_of(file))
    exercises, learned = text.find("\n## Exercises"), text.find("\n## What we learned")
    assert 0 < exercises < learned
    ends = {*neighbours(file), "../README.md"}
    assert ends - set(links_of(text[learned:])) == set()


def neighbours(file: Path) -> list[str]:
    """The names of the notebooks before and after."""
    at = NOTEBOOKS.index(file)
    return [other.name for other in NOTEBOOKS[max(at - 1, 0) : at + 2] if other != file]


def links_of(text: str) -> list[str]:
    """Where links lead, without the place on a page; not those to the web."""
    return re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)


# ---- what was saved ---------------------------------------------------------------------


@each
def test_saved_by_one_clean_execution(file):
    cells = code_cells(file)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert all(output.output_type != "error" for output in outputs)
    assert all(output.get("name") != "stderr" for output in outputs)


@each
def test_no_progress_bar_was_saved(file):
    assert "widgets" not in nbformat.read(file, as_version=4).metadata
    assert [said_by(cell) for cell in code_cells(file) if BAR.search(said_by(cell))] == []


@each
def test_few_outputs_are_unchecked(file):
    # Solutions measure effects, which differ between machines; what their checks say does not.
    share = UNCHECKED if file in NOTEBOOKS else 2 * UNCHECKED
    with_output = [cell for cell in code_cells(file) if cell.outputs]
    ignored = [cell for cell in with_output if "nbval-ignore-output" in tags(cell)]
    assert len(ignored) <= len(with_output) * share
    assert [cell.source for cell in ignored if CHECK.search(cell.source)] == []


# ---- exercises and solutions ------------------------------------------------------------


def checks_of(file: Path) -> dict[str, str]:
    """What the checks of exercises say, by their numbers."""
    said = {}
    for cell in code_cells(file):
        lines = said_by(cell).splitlines()
        for number in CHECK.findall(cell.source):
            said[number] = "\n".join(line for line in lines if line.startswith(f"{number}: "))
    return said


@every
def test_a_notebook_has_exercises_and_each_waits_for_an_answer(file):
    said = checks_of(file)
    assert list(said) == known_exercises(number_of(file))
    assert len(said) >= EXERCISES
    assert {n: line for n, line in said.items() if line != f"{n}: not answered yet."} == {}


@every
def test_an_exercise_is_a_task_a_start_and_a_check(file):
    cells, text = code_cells(file), "\n".join(prose_of(file))
    for before, cell in itertools.pairwise(cells):
        if match := CHECK.fullmatch(cell.source.strip()):
            assert "..." in before.source, f"{match[1]} has no place for an answer"
            assert match[1] in text, f"{match[1]} has no task"


@every
def test_the_exercises_lead_to_their_solutions(file):
    assert f"solutions/{file.name}" in links_of("\n".join(prose_of(file)))


@every_solution
def test_every_exercise_is_solved_and_its_check_says_so(file):
    said = checks_of(file)
    assert list(said) == known_exercises(number_of(file))
    assert [
        line for number, line in said.items() if not line.startswith(f"{number}: right. ")
    ] == []


@every_solution
def test_a_solution_leads_back_and_is_explained(file):
    text = "\n".join(prose_of(file))
    assert f"../{file.name}" in links_of(text)
    assert all(number in text for number in known_exercises(number_of(file)))
