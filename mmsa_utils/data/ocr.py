"""Words in pictures, read by PP-OCR: once a picture, remembered by its content.

Needs PP-OCR (`make .venv/.extras`); readings that are in the cache already,
and posts without one, need nothing.
"""

import importlib.util
import logging
import os
import re
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from ..cache import ContentCache
from ..errors import CourseError
from ..io import Record
from ..progress import progress_bar
from ..version import __version__
from .images import decode_image
from .posts import Post

# PP-OCR scales pictures up until the shorter side has this many pixels. Its own choice is
# 736; these pictures have at most 384, and looking at 480 is twice as fast.
SIDE = 480
_SAVE_EVERY = 16  # pictures: seconds of reading
_NO_PICTURE: Record = {"words": "", "error": ""}
_FAILED: set[str] = set()  # pictures, by key, on which this process has failed
_LETTERS = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")


def open_cache() -> ContentCache:
    """Readings by `Post.image_key`: `{"words": ..., "error": ...}`, one of them empty."""
    return ContentCache(f"words-{SIDE}-{__version__}")


def available() -> bool:
    """Whether pictures can be read here: the extra `ocr` is installed."""
    return all(importlib.util.find_spec(name) for name in ("rapidocr", "wordninja"))


@cache
def _engine() -> Any:  # RapidOCR, which has no types
    # It says on stderr of every picture that it found no words. Its process does nothing else.
    logging.disable(logging.WARNING)
    from rapidocr import RapidOCR

    threads = "EngineConfig.onnxruntime.{}_op_num_threads"
    return RapidOCR(
        params={
            "Global.use_cls": False,  # upside down
            "Det.limit_side_len": SIDE,
            threads.format("intra"): 1,
            threads.format("inter"): 1,
        }
    )


def split_words(text: str) -> str:
    """The words of a text that PP-OCR has run together: `DONOTPANIC` -> `DO NOT PANIC`."""
    import wordninja

    return " ".join(" ".join(wordninja.split(word)) for word in _LETTERS.findall(text))


def _read(image: Path | bytes) -> Record:
    """One picture's entry: its words, top to bottom, or what went wrong with it."""
    try:
        # RapidOCR takes BGR, as OpenCV reads.
        found = _engine()(decode_image(image)[:, :, ::-1]).txts
    except Exception as error:  # whatever a picture does to the engine, the others are read
        name = "the picture" if isinstance(image, bytes) else image.name
        return {"words": "", "error": f"{name}: {error}"}
    return {"words": split_words(" ".join(found or ())), "error": ""}


def _is_to_be_read(key: str, known: dict[str, Record]) -> bool:
    # What failed is tried again once a process: what was in the way may have been mended.
    if key not in known:
        return True
    return bool(known[key]["error"]) and key not in _FAILED and available()


def read_words(posts: Sequence[Post], *, keep: bool = True) -> tuple[list[str], list[str]]:
    """The words in the posts' pictures, and the pictures that could not be read.

    Args:
        posts: any posts.
        keep: whether what is read now is kept on disk, in clear; readings that are kept there
            already are used either way.

    Returns:
        `(words, problems)`: a string a post, empty where no word was found, and a line for
        each picture on which the reading failed, which counts as one without words.

    Raises:
        CourseError: where pictures are left to read and the extra is not installed.
    """
    store = open_cache()
    known = store.get_many([post.image_key for post in posts])
    known |= {post.image_key: _NO_PICTURE for post in posts if not post.has_image}
    left = {p.image_key: p.image for p in posts if _is_to_be_read(p.image_key, known)}
    if left and not available():
        raise CourseError(
            f"{len(left)} pictures have not been read for words, and PP-OCR is not installed: "
            "`make .venv/.extras` installs it, or do without the words"
        )
    if left:
        known |= _read_all(left, store if keep else None)
    entries = [known[post.image_key] for post in posts]
    problems = [entry["error"] for entry in entries if entry["error"]]
    return [entry["words"] for entry in entries], problems


def _read_all(left: dict[str, Path | bytes], store: ContentCache | None) -> dict[str, Record]:
    entries, unsaved = {}, {}
    with ProcessPoolExecutor(min(len(left), os.cpu_count() or 1)) as pool:
        found = pool.map(_read, left.values(), chunksize=8)
        for key, entry in zip(left, progress_bar(found, "words", total=len(left)), strict=True):
            entries[key] = unsaved[key] = entry
            if store and len(unsaved) == _SAVE_EVERY:
                store.set_many(unsaved)
                unsaved = {}
    if store:
        store.set_many(unsaved)
    _FAILED.update(key for key, entry in entries.items() if entry["error"])
    return entries
