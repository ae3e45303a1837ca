"""What is said of an answer, on exercises made here; that each notebook's checks are in order."""

import subprocess
import sys

import numpy as np
import pytest

from mmsa_utils.errors import CourseError
from mmsa_utils.exercises import NotAnswered, check, core, exercise, known_exercises, verdict


@pytest.fixture(autouse=True)
def _register(monkeypatch):
    """Exercises of this file only, in a notebook that there is not."""
    known_exercises()  # now: a module that is loaded later would register with what is undone
    monkeypatch.setattr(core, "_EXERCISES", {})

    @exercise("77.1", hint="Count them.", why="Guessing gets a third right.")
    def value(answer):
        return answer == 3

    @exercise("77.2", hint="Halve the sum.", why="The mean of two.")
    def function(answer):
        return np.allclose(answer(np.ones(2), np.zeros(2)), 0.5)

    @exercise("77.3", hint="Close, with a tolerance.", why="Floats.")
    def array(answer):
        return np.isclose(answer, [0.1, 0.2]).all()

    @exercise("77.10", hint="Add.", why="Classes.")
    def class_(answer):
        made = answer()
        if made.forward(1) is None:
            raise NotAnswered
        return made.forward(1) == 2


RIGHT_1 = "77.1: right. Guessing gets a third right."


def test_check_prints_one_line(capsys):
    check("77.1", 3)
    assert capsys.readouterr().out == f"{RIGHT_1}\n"


def test_right_and_wrong_values():
    assert verdict("77.1", 3) == RIGHT_1
    assert verdict("77.1", 4) == "77.1: not yet. Count them."
    assert verdict("77.3", np.array([0.1, 0.2])) == "77.3: right. Floats."


@pytest.mark.parametrize("answer", [..., None, (1, ...), [...], {"a": 1, "b": ...}])
def test_dots_are_no_answer(answer):
    assert verdict("77.1", answer) == "77.1: not answered yet."


def test_right_and_wrong_functions():
    assert verdict("77.2", lambda a, b: (a + b) / 2) == "77.2: right. The mean of two."
    assert verdict("77.2", lambda a, b: a + b) == "77.2: not yet. Halve the sum."


@pytest.mark.parametrize("given", [..., None, (..., ...)])
def test_a_function_that_gives_dots_or_nothing_is_no_answer(given):
    assert verdict("77.2", lambda a, b: given) == "77.2: not answered yet."


def test_an_error_in_a_students_function_is_said_in_the_line():
    def answer(a, b):
        raise ValueError("no sum\nsecond line")

    said = verdict("77.2", answer)
    assert said == "77.2: not yet. Your function ended with ValueError: no sum"


def test_a_function_with_other_parameters_is_told_so():
    assert "Your function ended with TypeError" in verdict("77.2", lambda a: a)


def test_what_cannot_be_compared_is_not_right_and_gets_the_hint():
    for answer in (np.ones(3), "a third"):
        said = verdict("77.3", answer)
        assert said.startswith("77.3: not yet. Close, with a tolerance. (It could not be compared")
        assert "\n" not in said


def test_a_value_where_a_function_is_asked_is_not_right():
    assert verdict("77.2", 0.5).startswith("77.2: not yet. Halve the sum.")


def test_a_class_is_given_to_its_check_as_it_is():
    class Answer:
        def forward(self, x):
            return self.step(x)

        def step(self, x):
            return x + 1

    class Empty(Answer):
        def step(self, x): ...

    class Broken(Answer):
        def step(self, x):
            return x.shape

    assert verdict("77.10", Answer) == "77.10: right. Classes."
    assert verdict("77.10", Empty) == "77.10: not answered yet."
    assert "Your class ended with AttributeError: 'int'" in verdict("77.10", Broken)


def test_a_number_that_there_is_not_names_the_notebooks_own():
    with pytest.raises(CourseError, match=r"no exercise '77\.4'; there are 77\.1, .*77\.10$"):
        verdict("77.4", 3)


@pytest.mark.parametrize("number", ["78.1", "one", "77", ""])
def test_a_number_of_no_notebook_names_all(number):
    with pytest.raises(CourseError, match=r"77\.1"):
        verdict(number, 3)


def test_numbers_are_sorted_as_numbers():
    assert known_exercises(77) == ["77.1", "77.2", "77.3", "77.10"]


def test_a_number_is_given_once():
    with pytest.raises(ValueError, match=r"77\.1 is .*value already"):

        @exercise("77.1", hint="", why="")
        def other(answer): ...


def test_a_stop_is_not_taken_for_a_wrong_answer():
    def answer(a, b):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verdict("77.2", answer)


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_importing_loads_neither_torch_nor_a_notebooks_checks():
    loaded = python("import sys, mmsa_utils.exercises; print(*sys.modules)").split()
    assert "mmsa_utils.exercises.core" in loaded
    heavy = {"torch", "pandas", "sklearn", "mmsa_utils.data"}
    assert [name for name in loaded if name in heavy or ".notebook_" in name] == []


def test_each_notebooks_checks_are_in_its_module_and_complete():
    # In a process of its own: loading them there leaves this one's libraries as they were.
    code = "from mmsa_utils.exercises import core, known_exercises as known; known()\n"
    code += "for e in core._EXERCISES.values():\n"
    code += "    print(e.number, e.is_right.__module__[-2:], bool(e.hint and e.why), sep='|')"
    for line in python(code).splitlines():
        number, module, complete = line.split("|")
        assert (int(number.split(".")[0]), complete) == (int(module), "True")
