"""The files of single posts: found by guid, read, and whatever is wrong with them named."""

import hashlib
import html
import os
import re
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from ..cache import ContentCache
from ..errors import CourseError
from ..io import Record
from ..progress import progress_bar
from ..sources import source_digest
from .decoding import NotText, decode, is_visible
from .images import SUFFIXES, ImageFacts, image_facts
from .problems import make_problem

_TEXT = ".txt"
_NUMBER = re.compile(r"0*(\d+)(?:\.0+)?")
_AT_ONCE = 64  # posts whose bytes are in memory together
_MANY = 1000  # posts that take long enough for a bar
# What facts depend on beside a picture's bytes.
_SOURCES = [Path(__file__).with_name(f"{n}.py") for n in ("images", "image_faults", "orientation")]


@dataclass(frozen=True)
class PostFiles:
    """What is read of a post."""

    text: str
    encoding: str
    image: Path
    content: str  # SHA-256 over the bytes of text and picture
    image_key: str  # SHA-256 of the picture's bytes
    facts: ImageFacts


Outcome = tuple[PostFiles | None, list[Record]]  # None where there are problems


def _key(name: str) -> str:
    """What names that are meant alike have in common: 0001, 1, 1.0 and 1.jpg."""
    name = unicodedata.normalize("NFC", name).casefold()
    for suffix in (_TEXT, *SUFFIXES):
        name = name.removesuffix(suffix)
    number = _NUMBER.fullmatch(name)
    return number[1] if number else name


@dataclass(frozen=True)
class Raw:
    """A post as bytes, before it is looked at, and where its parts stand."""

    guid: str
    text_place: str
    image_place: str
    text: bytes
    image: bytes
    image_file: Path
    key: str  # SHA-256 of the picture


class Files:
    """The files of a folder, by the names of posts.

    Raises:
        CourseError: where it is no folder that can be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.of_stem: dict[str, list[Path]] = {}
        self._alike: dict[str, set[str]] = {}
        try:
            paths = sorted(folder.iterdir())
        except OSError as error:
            what = f"{folder} is no folder that can be read ({error.strerror})"
            raise CourseError(f"{what}: put the posts' files there") from error
        for path in paths:
            if not path.name.startswith("."):
                self.of_stem.setdefault(path.stem, []).append(path)
                self._alike.setdefault(_key(path.stem), set()).add(path.stem)

    def stems(self, guid: str) -> set[str]:
        """The names that files of a guid may have: its own, else those that are meant alike."""
        if guid in self.of_stem:
            return {guid}
        return self._alike.get(_key(guid), set())

    def texts(self, stem: str) -> list[Path]:
        """Files of that name that are texts by their suffix."""
        return self._with_suffix(stem, (_TEXT,))

    def images(self, stem: str) -> list[Path]:
        """Files of that name that are pictures by their suffix."""
        return self._with_suffix(stem, SUFFIXES)

    def load(self, guid: str, stem: str) -> Raw | list[Record]:
        """A post's bytes, or what is wrong with its files."""
        texts, images = self.texts(stem), self.images(stem)
        others = [path for path in self.of_stem.get(stem, []) if path not in texts + images]
        problems = [
            make_problem(self.folder / f"{guid}{suffix}", guid, *_not_one(kind, len(found), others))
            for kind, suffix, found in (("text", _TEXT, texts), ("picture", ".jpg", images))
            if len(found) != 1
        ]
        if problems:
            return problems
        text_file, image_file = texts[0], images[0]
        problems = [
            make_problem(path, guid, *fault)
            for path in (text_file, image_file)
            if (fault := unreadable(path))
        ]
        if problems:
            return problems
        try:
            text, image = text_file.read_bytes(), image_file.read_bytes()
        except Exception as error:  # whatever happens to one post, the others are read
            return [unexpected(text_file, guid, error)]
        key = hashlib.sha256(image).hexdigest()
        return Raw(guid, str(text_file), str(image_file), text, image, image_file, key)

    def _with_suffix(self, stem: str, suffixes: Sequence[str]) -> list[Path]:
        return [path for path in self.of_stem.get(stem, []) if path.suffix.lower() in suffixes]


class Source(Protocol):
    """Where posts lie."""

    def load(self, guid: str, name: str, /) -> Raw | list[Record]:
        """A post's bytes, or what is wrong with it."""


class PostReader:
    """Reads posts from where they lie; remembers facts of pictures by their content."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.cache = ContentCache(f"image_facts-{source_digest(_SOURCES)}")

    def read(self, posts: Sequence[tuple[str, str]]) -> list[Outcome]:
        """Reads posts, given as `(guid, name)`: the name by which the source knows each.

        Whatever goes wrong with one post is a problem of that post, and the others are read.
        """
        outcomes: list[Outcome] = []
        with (
            ThreadPoolExecutor() as pool,
            progress_bar(None, "reading posts", total=len(posts), shown=len(posts) >= _MANY) as bar,
        ):
            for start in range(0, len(posts), _AT_ONCE):
                outcomes += self._read_some(posts[start : start + _AT_ONCE], pool)
                bar.update(len(outcomes) - start)
        return outcomes

    def _read_some(
        self, posts: Sequence[tuple[str, str]], pool: ThreadPoolExecutor
    ) -> list[Outcome]:
        loaded = list(pool.map(lambda post: self.source.load(*post), posts))
        facts = self._facts({raw.key: raw.image for raw in loaded if isinstance(raw, Raw)}, pool)
        return [
            _judge(raw, facts[raw.key]) if isinstance(raw, Raw) else (None, raw) for raw in loaded
        ]

    def _facts(self, images: dict[str, bytes], pool: ThreadPoolExecutor) -> dict[str, ImageFacts]:
        known = self.cache.get_many(list(images))
        left = [key for key in images if key not in known]
        found = pool.map(lambda key: image_facts(images[key]), left)
        new = dict(zip(left, found, strict=True))
        # A fault may be this machine's (a reader that is not installed), so it is not kept.
        self.cache.set_many({key: asdict(fact) for key, fact in new.items() if not fact.error})
        return {key: ImageFacts(**fact) for key, fact in known.items()} | new


def _not_one(kind: str, count: int, others: Sequence[Path]) -> tuple[str, str]:
    if count:
        return f"{count} {kind}s for one post", "leave one"
    if others:
        return f"missing {kind}", f"there is {others[0].name}: save it as a {kind}"
    return f"missing {kind}", f"add the {kind} or take the post out of the list"


def unreadable(path: Path) -> tuple[str, str] | None:
    """What keeps a path from being read as a file. Reading a pipe would never end.

    No path is an error here, not even one that is too long or in a folder that is locked.
    """
    if os.path.islink(path) and not os.path.exists(path):
        return "a link that leads nowhere", "put the file itself in its place"
    if not os.path.isfile(path):
        kind = "a folder" if os.path.isdir(path) else "a device or pipe"
        return f"{kind}, not a file", "put the file itself in its place"
    return None


def unexpected(where: Path | str, guid: str, error: Exception) -> Record:
    """The problem of a post that failed in a way that nobody foresaw."""
    lines = str(error).splitlines() or [""]
    what = f"cannot be read: {type(error).__name__} {lines[0]}".strip()
    return make_problem(where, guid, what, "put the file there anew")


def _judge(raw: Raw, facts: ImageFacts) -> Outcome:
    """The post of these bytes, unless something is wrong with them."""
    problems = []
    text, encoding = "", ""
    try:
        text, encoding = decode(raw.text)
        if not is_visible(html.unescape(text)):
            problem = ("empty text", "write the tweet into it")
            problems.append(make_problem(raw.text_place, raw.guid, *problem))
    except NotText as error:
        advice = "save the tweet there as a text, in UTF-8"
        problems.append(make_problem(raw.text_place, raw.guid, str(error), advice))
    except Exception as error:  # whatever happens to one post, the others are read
        problems.append(unexpected(raw.text_place, raw.guid, error))
    if facts.error:
        advice = facts.remedy or "save the picture anew"
        problems.append(make_problem(raw.image_place, raw.guid, facts.error, advice))
    if problems:
        return None, problems
    content = hashlib.sha256(raw.text + b"\0" + raw.image).hexdigest()
    return PostFiles(text.strip(), encoding, raw.image_file, content, raw.key, facts), []
