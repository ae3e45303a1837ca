"""Words in pictures, read by PP-OCR: once a picture, remembered by its content.

Needs PP-OCR (`make .venv/.extras`); readings that are in the cache already,
and posts without one, need nothing.
"""

import importlib.util
import json
import logging
import os
import re
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from ..errors import CourseError
from ..io import Record, file_sha256
from ..settings import cache_folder
from ..version import __version__
from .images import decode_image
from .posts import Post

# PP-OCR scales pictures up until the shorter side has this many pixels. Its own choice is
# 736; these pictures have at most 384, and looking at 480 is twice as fast.
SIDE = 480
_LETTERS = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")


def cache_file() -> Path:
    """Where readings are kept: a JSON object a line, with the keys content, words and error."""
    return cache_folder() / f"words-{SIDE}-{__version__}.jsonl"


def _remembered() -> dict[str, Record]:
    """Readings by content. A line cut off by a kill is left out: its picture is read again."""
    file = cache_file()
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    whole = [json.loads(line) for line in lines if line.endswith("}")]
    return {entry["content"]: entry for entry in whole}


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


def _read(task: tuple[str, Path]) -> Record:
    """One picture's entry: its words, top to bottom, or what went wrong with it."""
    content, path = task
    try:
        # RapidOCR takes BGR, as OpenCV reads.
        found = _engine()(decode_image(path)[:, :, ::-1]).txts
    except Exception as error:  # whatever a picture does to the engine, the others are read
        return {"content": content, "words": "", "error": f"{path.name}: {error}"}
    return {"content": content, "words": split_words(" ".join(found or ())), "error": ""}


def image_key(path: Path) -> str:
    """The name under which a picture's words are remembered: the SHA-256 of its bytes."""
    return file_sha256(path)


def read_words(posts: Sequence[Post]) -> tuple[list[str], list[str]]:
    """The words in the posts' pictures, and the pictures that could not be read.

    Args:
        posts: any posts.

    Returns:
        `(words, problems)`: a string a post, empty where no word was found, and a line for
        each picture on which the reading failed, which counts as one without words.

    Raises:
        CourseError: where pictures are left to read and the extra is not installed.
    """
    known, keys = _remembered(), [image_key(post.image) for post in posts]
    left = {key: post.image for key, post in zip(keys, posts, strict=True) if key not in known}
    if left and not available():
        raise CourseError(
            f"{len(left)} pictures have not been read for words, and PP-OCR is not installed: "
            "`make .venv/.extras` installs it, or do without the words"
        )
    if left:
        known |= _read_all(left)
    entries = [known[key] for key in keys]
    problems = [entry["error"] for entry in entries if entry["error"]]
    return [entry["words"] for entry in entries], problems


def _read_all(left: dict[str, Path]) -> dict[str, Record]:
    cache_file().parent.mkdir(parents=True, exist_ok=True)
    entries = {}
    with (
        ProcessPoolExecutor(os.cpu_count()) as pool,
        cache_file().open("a", encoding="utf-8") as file,
    ):
        found = pool.map(_read, left.items(), chunksize=8)
        for entry in tqdm(found, "words", len(left), leave=False):
            file.write(json.dumps(entry) + "\n")
            file.flush()
            entries[entry["content"]] = entry
    return entries
