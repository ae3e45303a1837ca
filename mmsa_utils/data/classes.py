"""The classes of a folder of posts: the course's three, or those that its classes.txt names.

`classes` are names everywhere, in the order of label indices: label 0 is `classes[0]`. Tags
are matched to them without regard to case.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ..config import LABELS
from ..errors import CourseError
from .decoding import NotText, decode

FILE = "classes.txt"
# What programs write where there is no tag.
NO_TAG = frozenset(("null", "", "none", "nan", "na", "n/a", "?", "-"))

_LONGEST = 40  # letters of a name: it stands in tables and figures
# Columns of tables that have a column a class as well.
_COLUMNS = frozenset(
    (
        *("run", "seed", "row", "fold", "label", "guid", "tag"),
        *("text", "image", "predicted", "note", "error"),
    )
)
_SEPARATOR = re.compile(r"[,;|/\\\0-\x1f\x7f\x85\u2028\u2029]")


def load_classes(folder: Path | str) -> tuple[str, ...]:
    """The names in a folder's classes.txt, one a line; the course's classes where it has none.

    Raises:
        CourseError: in one line, where the file cannot be read or its names are no classes.
    """
    file = Path(folder) / FILE
    if not file.exists() and not file.is_symlink():
        return LABELS
    if not file.is_file():
        raise CourseError(f"{file} is no file: write the names of the classes there, one a line")
    try:
        text, _ = decode(file.read_bytes())
    except OSError as error:
        raise CourseError(f"{file} cannot be read: {error.strerror}") from error
    except NotText as error:
        raise CourseError(f"{file} is {error}: write one class a line, in UTF-8") from error
    try:
        return check_classes([line for line in text.splitlines() if line.strip()])
    except CourseError as error:
        raise CourseError(f"{file}: {error}") from error


def check_classes(names: Sequence[str]) -> tuple[str, ...]:
    """The names of classes without the spaces around them, if they can be classes.

    Raises:
        CourseError: in one line: there are fewer than two, two are equal (but for case), or one
            is empty, too long, means "no tag", is the name of a column, or would not stay whole
            in a list or a file's name.
    """
    classes = tuple(name.strip() for name in names)
    for name in classes:
        if fault := _fault(name):
            raise CourseError(f"{name[:_LONGEST]!r} cannot be a class: {fault}")
    if len(classes) < 2:
        named = f"one class, {classes[0]}" if classes else "no class"
        raise CourseError(f"there is {named}: name two or more, one a line")
    key, count = Counter(map(folded, classes)).most_common(1)[0]
    if count > 1:
        alike = [name for name in classes if folded(name) == key]
        raise CourseError(f"two classes are the same, {alike[0]} and {alike[1]}: name each once")
    return classes


def _fault(name: str) -> str:
    """What keeps a name from being a class, and what to do; nothing where it can be one."""
    if name.casefold() in NO_TAG:
        return 'that means "no tag": choose another name'
    if name.casefold() in _COLUMNS:
        return "a column of tables has this name: choose another one"
    if _SEPARATOR.search(name):
        return "write one name a line, without commas, tabs, slashes, semicolons or bars"
    if len(name) > _LONGEST:
        return f"it has {len(name)} letters: use {_LONGEST} at most"
    return ""


def folded(name: str) -> str:
    """What a class and the tags that mean it have in common."""
    return unicodedata.normalize("NFC", name.casefold())


def by_tag(classes: Sequence[str]) -> dict[str, str]:
    """The class that a tag means, by the tag as `folded` gives it."""
    return {folded(name): name for name in classes}


def own(classes: Sequence[str]) -> bool:
    """Whether these are other classes than the course's."""
    return tuple(classes) != LABELS


def owner(classes: Sequence[str]) -> str:
    """Who has these classes, for messages."""
    return "this folder" if own(classes) else "this course"


def other_classes(classes: Sequence[str]) -> str:
    """What to do where posts have other classes than these."""
    if own(classes):
        return f"name yours in {FILE}, one a line"
    return f"name yours in a file {FILE} beside the list, one a line"
