"""The notebooks' exercises: a check of each, which says right or not without giving the answer.

>>> from mmsa_utils.exercises import check
>>> check("1.1", ...)
1.1: not answered yet.

The checks of a notebook are in a module of its number and are loaded when one of them is asked.
"""

from .core import NotAnswered, check, exercise, known_exercises, verdict

__all__ = ["NotAnswered", "check", "exercise", "known_exercises", "verdict"]
