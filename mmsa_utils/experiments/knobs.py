"""The knobs of `Config` as options of the command line, with their comments as help."""

import hashlib
import inspect
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, TypedDict

import tyro

from ..config import Config
from ..errors import CourseError
from ..settings import out_folder
from .recipes import Changes

_LINE = re.compile(r"^    (\w+): .+?(?:  # (.+))?$", re.MULTILINE)


def comments() -> dict[str, str]:
    """What the line of each knob in `config.py` says of it."""
    source = inspect.getsource(Config)
    names = {knob.name for knob in fields(Config)}
    return {name: text for name, text in _LINE.findall(source) if name in names}


def _default(value: object) -> str:
    return (" ".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)


def options(*, defaults: bool) -> Any:
    """A type for tyro that reads the knobs that are given, and no others, into a dictionary.

    Args:
        defaults: whether the help shows the defaults of `Config`; a run with recipes of its own
            has others.
    """
    says = comments()
    known = {
        knob.name: Annotated[
            knob.type,
            tyro.conf.arg(
                help=says[knob.name],
                help_behavior_hint=f"(default: {_default(knob.default)})" if defaults else "",
            ),
        ]
        for knob in fields(Config)
    }
    make: Any = TypedDict  # its fields are known at run time only
    return make("Knobs", known, total=False)


def refuse(changes: Changes, reasons: dict[str, str]) -> None:
    """Ends a command that sets some knobs itself.

    Args:
        reasons: by knob, who sets it.

    Raises:
        CourseError: at the first of these knobs that is given.
    """
    for name, reason in reasons.items():
        if name in changes:
            raise CourseError(f"--{name.replace('_', '-')} cannot be set here: {reason}")


def folder_of(changes: Changes, base: Path | None = None) -> Path:
    """Where a run with changed knobs writes: a folder of its own.

    Args:
        base: the folder of the runs on its posts; `out/` by default.
    """
    content = json.dumps(dict(changes), sort_keys=True)
    return (base or out_folder()) / "changed" / hashlib.sha256(content.encode()).hexdigest()[:12]
