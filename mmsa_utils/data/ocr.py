"""Words in pictures, read by PP-OCR: once a picture, remembered by its content.

Needs PP-OCR (`make .venv/.extras`); readings that are in the cache already,
and posts without one, need nothing.
"""

import hashlib
import importlib.util
import json
import os
import re
from concurrent.futures import ProcessPoolExecutor
from functools import cache

from tqdm.auto import tqdm

from ..errors import CourseError
from ..paths import cache_folder
from ..version import __version__
from .images import decode_picture

# PP-OCR scales pictures up until the shorter side has this many pixels. Its own choice is
# 736; these pictures have at most 384, and looking at 480 is twice as fast.
SIDE = 480
_LETTERS = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")


def _cache_file():
    return cache_folder() / f"words-{SIDE}-{__version__}.jsonl"


def _remembered():
    """Readings by content. A line cut off by a kill is left out: its picture is read again."""
    if not _cache_file().exists():
        return {}
    lines = _cache_file().read_text(encoding="utf-8").splitlines()
    whole = [json.loads(line) for line in lines if line.endswith("}")]
    return {entry["content"]: entry for entry in whole}


def available():
    """Whether pictures can be read here: the extra `ocr` is installed."""
    return all(importlib.util.find_spec(name) for name in ("rapidocr_onnxruntime", "wordninja"))


@cache
def _engine():
    from rapidocr_onnxruntime import RapidOCR

    return RapidOCR(
        intra_op_num_threads=1, inter_op_num_threads=1, use_cls=False, det_limit_side_len=SIDE
    )


def split_words(text):
    """The words of a text that PP-OCR has run together: `DONOTPANIC` -> `DO NOT PANIC`."""
    import wordninja

    return " ".join(" ".join(wordninja.split(word)) for word in _LETTERS.findall(text))


def _read(task):
    """One picture's entry: its words, top to bottom, or what went wrong with it."""
    content, path = task
    try:
        # RapidOCR takes BGR, as OpenCV reads.
        found, _ = _engine()(decode_picture(path)[:, :, ::-1])
    except Exception as error:  # whatever a picture does to the engine, the others are read
        return {"content": content, "words": "", "error": f"{path.name}: {error}"}
    lines = " ".join(line for _, line, _ in found or [])
    return {"content": content, "words": split_words(lines), "error": ""}


def picture_key(path):
    """The name under which a picture's words are remembered: the SHA-256 of its bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_words(posts):
    """The words in the posts' pictures, and the pictures that could not be read.

    Args:
        posts: any posts.

    Returns:
        `(words, problems)`: a string a post, empty where no word was found, and a line for
        each picture on which the reading failed, which counts as one without words.

    Raises:
        CourseError: where pictures are left to read and the extra is not installed.
    """
    known, keys = _remembered(), [picture_key(post.picture) for post in posts]
    left = {key: post.picture for key, post in zip(keys, posts, strict=True) if key not in known}
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


def _read_all(left):
    _cache_file().parent.mkdir(parents=True, exist_ok=True)
    entries = {}
    with (
        ProcessPoolExecutor(os.cpu_count()) as pool,
        _cache_file().open("a", encoding="utf-8") as file,
    ):
        bar = tqdm(pool.map(_read, left.items(), chunksize=8), "words", len(left), leave=False)
        for entry in bar:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            entries[entry["content"]] = entry
    return entries
