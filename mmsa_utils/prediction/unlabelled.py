"""The unlabelled posts of a folder for prediction: in their order, with those that have faults."""

import sys
from pathlib import Path

from ..data.decoding import decode, is_visible
from ..data.lists import UNLABELLED, Entry, read_list
from ..data.posts import Post
from ..data.reading import Files, Outcome, PostReader
from ..errors import CourseError
from ..io import Record
from .posts import make_post

Listed = tuple[str, Post | str]  # a guid, and its post or what is wrong with it


def read_unlabelled(folder: Path, *, missing_ok: bool = False) -> list[Listed]:
    """A guid a line of test_without_label.txt, and its post or what is wrong with it.

    Args:
        folder: in the course's layout; train.txt is not needed.
        missing_ok: a post whose text alone can be read is a post without a picture, and that is
            said on standard error.

    Raises:
        CourseError: in one line, where the list is missing or cannot be read as a whole.
    """
    file = folder / UNLABELLED
    if not file.is_file():
        raise CourseError(
            f"{file} is missing: list there the guids of the posts to predict, or name a file "
            "of posts, .csv or .jsonl"
        )
    files = Files(folder / "data")
    content = read_list(file, has_files=lambda guid: bool(files.stems(guid)))
    for note in content.notes:
        print(f"{folder}: {note}", file=sys.stderr)
    posts = _read(files, content.entries, missing_ok=missing_ok)
    lines = {entry.where: post for entry, post in zip(content.entries, posts, strict=True)}
    lines |= {row["file"]: (row["guid"], _said(row["guid"], [row])) for row in content.problems}
    return [lines[where] for where in sorted(lines, key=_line)]


def _line(where: str) -> int:
    """The number at the end of `test_without_label.txt:7`."""
    return int(where.rpartition(":")[2])


def _said(guid: str, problems: list[Record]) -> str:
    said = (f"{row['file']}: {row['problem']} ({row['what to do']})" for row in problems)
    return f"{guid}: {'; '.join(said)}"


def _read(files: Files, entries: list[Entry], *, missing_ok: bool) -> list[Listed]:
    stems = [sorted(files.stems(entry.guid)) or [entry.guid] for entry in entries]
    named = [(entry.guid, found[0]) for entry, found in zip(entries, stems, strict=True)]
    outcomes = PostReader(files).read(named)
    posts: list[Listed] = []
    for (guid, stem), found, outcome in zip(named, stems, outcomes, strict=True):
        if len(found) > 1:
            posts.append((guid, f"{guid}: may be {' or '.join(found)}: write one of these"))
        else:
            alone = _text_alone(files, guid, stem) if missing_ok and not outcome[0] else None
            posts.append((guid, alone or _post(guid, outcome)))
    return posts


def _post(guid: str, outcome: Outcome) -> Post | str:
    found, problems = outcome
    return Post(guid=guid, label=None, **vars(found)) if found else _said(guid, problems)


def _text_alone(files: Files, guid: str, stem: str) -> Post | None:
    """The post without its picture, where its text can be read."""
    try:
        (file,) = files.texts(stem)
        text, _ = decode(file.read_bytes())
    except (ValueError, OSError, CourseError):
        return None
    if not is_visible(text):
        return None
    print(f"{guid}: the picture was left out: it cannot be read", file=sys.stderr)
    return make_post(text.strip(), guid=guid)
