"""Lists of posts: a guid and a tag a line, in the forms in which programs write such tables.

The header, if there is one, says which columns are meant; separators, quotes, index columns,
empty cells and encodings may be any. A fault of the whole list is one error with its remedy.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..config import LABELS
from ..errors import CourseError
from ..io import Record
from .classes import NO_TAG, by_tag, folded, other_classes, own, owner
from .problems import make_problem
from .tables import Row, read_table

LABELLED, UNLABELLED = "train.txt", "test_without_label.txt"

_NOT_PLAIN = re.compile(r"[\0-\x1f\x7f/\\]|\A\.|\A.{201,}")
_ANY_SEPARATOR = re.compile(r"[,;\t|]")


@dataclass(frozen=True)
class Entry:
    """A line of a list. `tag` is one of the classes, or empty in a list without labels."""

    where: str  # file and line
    guid: str
    tag: str


@dataclass
class ListContent:
    """What a list says, what is wrong with single lines of it, and what is worth knowing."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[Record] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Columns:
    """Where guid and tag stand; `tag` is None where there are no tags."""

    guid: int
    tag: int | None
    count: int

    def pick(self, cells: Sequence[str]) -> tuple[str, str] | None:
        """`(guid, tag)` of a row, the tag as `folded` gives it; None where it has other cells."""
        needed = self.guid if self.tag is None else max(self.guid, self.tag)
        if any(cells[self.count :]) or len(cells) <= needed:
            return None
        return cells[self.guid], "" if self.tag is None else folded(cells[self.tag])

    def after_names(self) -> "_Columns":
        """The same columns, one further right."""
        return _Columns(self.guid + 1, None if self.tag is None else self.tag + 1, self.count + 1)


def read_list(
    path: Path, *, has_files: Callable[[str], bool], classes: Sequence[str] = LABELS
) -> ListContent:
    """Reads `train.txt`, whose posts have labels, or another list, whose posts have none.

    Args:
        path: of the list.
        has_files: whether there are files of a guid: that tells a post from a header.
        classes: what tags may be.

    Raises:
        CourseError: for a fault of the whole list: no text, another header, other tags.
    """
    rows, encoding = read_table(path)
    content = ListContent()
    if not rows:
        return content
    if "replaced" in encoding:
        content.notes.append(f"{path.name} was read as {encoding}")
    known = by_tag(classes) if path.name == LABELLED else {}
    refuse_mvsa(path, rows)
    columns = _find_columns(path, rows, has_files, known)
    body = rows[_is_header(rows[0]) :]
    if _have_names(columns, body, NO_TAG.union(by_tag(classes))):
        columns = columns.after_names()
        content.notes.append(f"{path.name}: the first column, which has no name, is not used")
    else:
        content.notes += _unused(path.name, columns, rows)
    found = [(number, cells, columns.pick(cells)) for number, cells in body]
    tags = [picked[1] for _, _, picked in found if picked]
    if found and not tags:
        raise CourseError(
            f"{path}: no line is guid,tag (the first is {','.join(found[0][1])!r}): "
            "write a guid and a tag a line"
        )
    if known:
        require_known(path, tags, classes)
    else:
        content.notes += _not_looked_at(path.name, tags)
    for number, cells, picked in found:
        _add(content, f"{path.name}:{number}", cells, picked, known)
    return content


# ---- columns ----------------------------------------------------------------------------


def _names(row: Row) -> list[str]:
    """A row as the names of columns, in lower case, also if it has a separator of its own."""
    cells = row[1] if len(row[1]) > 1 else _ANY_SEPARATOR.split(row[1][0])
    return [cell.strip().strip("\"'").casefold() for cell in cells]


def _is_header(row: Row) -> bool:
    return "guid" in _names(row)


def _find_columns(
    path: Path, rows: list[Row], has_files: Callable[[str], bool], known: Mapping[str, str]
) -> _Columns:
    """Where guid and tag stand, by the header or, without one, in the first two columns.

    Args:
        known: the classes by their tags; none where posts have no tags.
    """
    names = _names(rows[0])
    if "guid" in names and (not known or "tag" in names):
        tag = names.index("tag") if "tag" in names else None
        return _Columns(names.index("guid"), tag, len(names))
    if "guid" in names or _is_other_header(rows, has_files, known or NO_TAG):
        raise CourseError(
            f"{path}: its header is {','.join(rows[0][1])}: write guid,tag in its place "
            f"(guid: the name of a post's files; tag: {', '.join(known.values()) or 'null'})"
        )
    one = not known and all(len(cells) < 2 or not any(cells[1:]) for _, cells in rows)
    return _Columns(0, None if one else 1, 2)


def _is_other_header(
    rows: list[Row], has_files: Callable[[str], bool], tags: Collection[str]
) -> bool:
    """Whether the first row is none of a post: no tag that is known, no guid that has files."""
    first = rows[0][1]
    if has_files(first[0]) or any(char.isdigit() for char in "".join(first)) or len(rows) < 2:
        return False
    return len(first) != 2 or folded(first[1]) not in tags


def _have_names(columns: _Columns, body: list[Row], tags: Collection[str]) -> bool:
    """Whether each row begins with a name or number of its own, for which there is no header."""
    if columns.tag is None or not body:
        return False
    tag = columns.tag + 1
    return all(
        len(cells) == columns.count + 1 and all(cells[:tag]) and folded(cells[tag]) in tags
        for _, cells in body
    )


def _unused(name: str, columns: _Columns, rows: list[Row]) -> list[str]:
    """A note about columns with something in them that are neither guid nor tag."""
    header = _names(rows[0]) if _is_header(rows[0]) else [""] * columns.count
    used = {columns.guid, columns.tag}
    others = [
        header[index] or "an index without a name"
        for index in range(columns.count)
        if index not in used and any(len(row) > index and row[index] for _, row in rows[1:])
    ]
    return [f"{name}: columns that are not used: {', '.join(others)}"] if others else []


# ---- tags -------------------------------------------------------------------------------


def refuse_mvsa(path: Path, rows: list[Row]) -> None:
    """Ends where this is MVSA's own list: two labels a post, of the text and of the picture.

    Raises:
        CourseError: naming the command that makes a list of it.
    """
    joined = [",".join(row).casefold() for _, row in rows[:9]]  # tabs and commas in one line
    cells = [[part.strip() for part in _ANY_SEPARATOR.split(line)] for line in joined]
    by_header = [cell for cell in cells[0] if cell][:3] == ["id", "text", "image"]
    pairs = [len(row) >= 3 and {row[1], row[2]} <= set(LABELS) for row in cells[1:]]
    if by_header or (pairs and all(pairs)):
        raise CourseError(
            f"{path} is the list of MVSA (ID, label of the text, label of the picture), and here "
            f"a post has one tag: `mmsa_utils import-mvsa {path.parent} --out FOLDER` makes a "
            "folder of posts of it"
        )


def require_known(path: Path, tags: Sequence[str], classes: Sequence[str]) -> None:
    """Ends where no tag at all is one of the classes.

    Raises:
        CourseError: naming the tags, and how to map them.
    """
    if not tags or set(tags) & set(by_tag(classes)):
        return
    counts = Counter(tags)
    most = ", ".join(sorted((tag or repr(tag) for tag in counts), key=_in_order)[:6])
    if set(tags) <= NO_TAG:
        remedy = f"this list is for posts with a tag, those without go into {UNLABELLED}"
    else:
        pairs = ", ".join(f"{label} for {tag}" for tag, label in _mapping(list(counts), classes))
        remedy = f"write {pairs or 'one of these for each of yours'}, or {other_classes(classes)}"
    more = f" and {len(counts) - 6} more" if len(counts) > 6 else ""
    raise CourseError(
        f"{path}: your tags are {most}{more}; {owner(classes)} has {', '.join(classes)}: {remedy}"
    )


def _in_order(tag: str) -> tuple[float, str]:
    try:
        return float(tag), tag
    except ValueError:
        return float("inf"), tag


def _mapping(tags: list[str], classes: Sequence[str]) -> list[tuple[str, str]]:
    """`(tag, class)` where it is plain what tags mean: from bad to good in numbers, or short."""
    tags = sorted(tags, key=_in_order)
    numbers = all(_in_order(tag)[0] < float("inf") for tag in tags)
    if numbers and len(tags) == len(classes) and not own(classes):
        return list(zip(tags, classes, strict=True))
    names = by_tag(classes).items()
    short = [(tag, name) for tag in tags for key, name in names if tag and key.startswith(tag)]
    plain = len({tag for tag, _ in short}) == len(short) == len(tags)
    return short if plain else []


def _not_looked_at(name: str, tags: Sequence[str]) -> list[str]:
    count = sum(tag not in NO_TAG for tag in tags)
    return [f"{name}: {count} tag(s) are not looked at: its posts have none here"] if count else []


# ---- lines ------------------------------------------------------------------------------


def _add(
    content: ListContent,
    where: str,
    cells: Sequence[str],
    picked: tuple[str, str] | None,
    known: Mapping[str, str],
) -> None:
    """One line: an entry, or what is wrong with it."""
    if picked is None:
        problem, advice = "not two cells", "write it as guid,tag"
    elif not picked[0]:
        problem, advice = "no guid", "write it as guid,tag"
    elif _NOT_PLAIN.search(picked[0]):
        problem, advice = "guid is not a plain file name", "use the name of its files"
    elif known and picked[1] not in known:
        problem, advice = f"unknown tag {picked[1]!r}", f"use one of: {', '.join(known.values())}"
    else:
        tag = known[picked[1]] if known else ""
        content.entries.append(Entry(where, picked[0], tag))
        return
    guid = picked[0] if picked else next(iter(cells), "")
    content.problems.append(make_problem(where, guid, problem, advice))
