"""The register of exercises, and what is said of an answer."""

import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CourseError

Check = Callable[[Any], object]  # is this answer right?


@dataclass(frozen=True)
class Exercise:
    """A task of a notebook.

    Attributes:
        number: the notebook's, a dot, and a running number, such as "3.1".
        is_right: whether an answer is right, found by comparing it with one that it computes.
        hint: a sentence for who is not there yet, which does not give the answer.
        why: a sentence for who is: why it matters.
    """

    number: str
    is_right: Check
    hint: str
    why: str


class NotAnswered(Exception):
    """An answer's part is still the `...` that the notebook begins with.

    `check` finds this out itself of values and functions. Where an answer is a class, its check
    raises this.
    """


class _FunctionError(Exception):
    """What a student's function ended with."""


_EXERCISES: dict[str, Exercise] = {}


# ---- the register -----------------------------------------------------------------------


def exercise(number: str, *, hint: str, why: str) -> Callable[[Check], Check]:
    """Registers the check of an exercise.

    The check takes an answer and says whether it is right; what it raises counts as "not yet".
    Heavy things it imports inside, for the answers of one notebook shall not cost all libraries.

    >>> @exercise("0.1", hint="Count them.", why="Three classes: guessing gets a third right.")
    ... def classes(answer: object) -> bool:
    ...     return answer == 3

    Raises:
        ValueError: where another check has the number already.
    """

    def register(is_right: Check) -> Check:
        other = _EXERCISES.get(number)
        if other and _name(other.is_right) != _name(is_right):  # the same one: a module reloaded
            raise ValueError(f"exercise {number} is {_name(other.is_right)} already")
        _EXERCISES[number] = Exercise(number, is_right, hint, why)
        return is_right

    return register


def _name(function: Check) -> str:
    return f"{function.__module__}.{getattr(function, '__qualname__', function)}"


def known_exercises(notebook: int | None = None) -> list[str]:
    """The numbers of a notebook's exercises, or of all, in order."""
    modules = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    for name in modules:
        if name.startswith("notebook_") and notebook in (None, int(name[-2:])):
            importlib.import_module(f".{name}", __package__)
    numbers = [number for number in _EXERCISES if notebook in (None, _notebook(number))]
    return sorted(numbers, key=lambda number: [int(part) for part in number.split(".")])


def _notebook(number: str) -> int | None:
    """The notebook that an exercise belongs to; None where the number is none."""
    match = re.fullmatch(r"(\d+)\.\d+", number)
    return int(match[1]) if match else None


def _find(number: str) -> Exercise:
    if number not in _EXERCISES:
        notebook = _notebook(number)
        known = (notebook is not None and known_exercises(notebook)) or known_exercises()
        if number not in known:
            raise CourseError(f"no exercise {number!r}; there are {', '.join(known)}")
    return _EXERCISES[number]


# ---- an answer --------------------------------------------------------------------------


def check(number: str, answer: object) -> None:
    """Prints whether an answer is right, or a hint; never the answer, never a traceback.

    Args:
        number: of the exercise, such as "3.1".
        answer: a value, or the function or class that was to be written.

    Raises:
        CourseError: where no exercise has the number.
    """
    print(verdict(number, answer))


def verdict(number: str, answer: object) -> str:
    """The line that `check` prints."""
    asked = _find(str(number))
    said = _judge(asked, answer)
    return f"{asked.number}: {said}"


def _judge(asked: Exercise, answer: object) -> str:
    try:
        _refuse_unanswered(answer)
        right = bool(asked.is_right(_watched(answer) if inspect.isroutine(answer) else answer))
    except NotAnswered:
        return "not answered yet."
    except _FunctionError as error:
        return f"not yet. Your function ended with {error}"
    except Exception as error:
        if inspect.isclass(answer):
            return f"not yet. Your class ended with {_in_a_line(error)}"
        return f"not yet. {asked.hint} (It could not be compared: {_in_a_line(error)})"
    return f"right. {asked.why}" if right else f"not yet. {asked.hint}"


def _watched(function: Callable[..., object]) -> Callable[..., object]:
    """A student's function, whose errors and `...` are told from those of the check."""

    @functools.wraps(function)
    def watched(*args: object, **kwargs: object) -> object:
        try:
            given = function(*args, **kwargs)
        except Exception as error:
            raise _FunctionError(_in_a_line(error)) from error
        _refuse_unanswered(given)
        return given

    return watched


def _refuse_unanswered(value: object) -> None:
    """Of a tuple, a list or a dictionary each part is looked at."""
    parts = list(value.values()) if isinstance(value, dict) else value
    inside = parts if isinstance(parts, list | tuple) else []
    if value is None or value is ... or any(part is ... for part in inside):
        raise NotAnswered


def _in_a_line(error: Exception) -> str:
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
