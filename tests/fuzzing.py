"""Byte changes of the files of a small folder of posts, and what must hold after each.

The fuzz test makes 300 of them with a fixed seed. For more, with a seed that is printed:

    python -m tests.fuzzing [COUNT] [--seed SEED]
"""

import argparse
import contextlib
import faulthandler
import io
import os
import random
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from mmsa_utils.config import LABELS
from mmsa_utils.data import Dataset, check_folder, decode_image, load_dataset, report
from mmsa_utils.errors import CourseError

T = TypeVar("T")
Style = tuple[str, str, str, str]  # of a list

LIMIT = 120  # seconds for one folder, against endless loops; sound ones take a tenth of a second
TOGETHER = 8  # changed posts in one folder: less than half of them
KINDS = {"picture": 0.5, "text": 0.25, "list": 0.25}  # what is changed, and how often

# A picture a post: suffix, Pillow's mode, format and options.
PICTURES = [
    ("jpg", "RGB", "JPEG", {}),
    ("jpg", "RGB", "JPEG", {"progressive": True, "exif": 6}),
    ("jpeg", "L", "JPEG", {"quality": 30}),
    ("jpg", "CMYK", "JPEG", {}),
    ("png", "RGB", "PNG", {}),
    ("png", "P", "PNG", {"transparency": 3}),
    ("png", "RGBA", "PNG", {"exif": 3}),
    ("png", "I;16", "PNG", {}),
    ("png", "1", "PNG", {}),
    ("webp", "RGB", "WEBP", {"exif": 8}),
    ("webp", "RGBA", "WEBP", {"lossless": True, "frames": 3}),
    ("gif", "P", "GIF", {"frames": 3}),
    ("bmp", "RGB", "BMP", {}),
    ("bmp", "P", "BMP", {}),
    ("tif", "RGB", "TIFF", {"exif": 6}),
    ("tiff", "L", "TIFF", {"compression": "tiff_lzw"}),
    ("tiff", "RGB", "TIFF", {"compression": "jpeg"}),
    ("tiff", "1", "TIFF", {"compression": "group4"}),
    ("tiff", "F", "TIFF", {}),
    ("avif", "RGB", "AVIF", {"exif": 6}),
    ("jpg", "RGBA", "AVIF", {}),  # under another suffix
    ("jpg", "RGB", "WEBP", {}),
    ("jpg", "RGB", "JPEG2000", {}),
    ("jpg", "RGB", "GIF", {}),
]
TEXTS = [
    (
        "A grey day, and still: no rain yet \U0001f600 #sunday @friend https://example.org/{}",
        "utf-8",
    ),
    ("Never again… that café – “the best” – number {}", "cp1252"),
    ("今天天气很好，我们去公园……第{}次", "gb18030"),
    ("Something à la carte, ça va {}", "utf-16"),
    ("مرحبا بالعالم {}", "utf-8-sig"),
    ("今天天气很好，我们去公园……第{}次", "utf-8"),
]
LISTS = [  # encoding, separator, end of line, quotation mark
    ("utf-8", ",", "\n", ""),
    ("utf-8-sig", ",", "\r\n", ""),
    ("utf-16", ",", "\r\n", ""),
    ("utf-8", "\t", "\n", ""),
    ("utf-8", ";", "\n", ""),
    ("utf-8", ",", "\n", '"'),
]
TRAIN, TEST = "train.txt", "test_without_label.txt"


@dataclass(frozen=True)
class Change:
    """One file of the folder with other bytes."""

    number: int
    file: str
    what: str
    raw: bytes


@dataclass(frozen=True)
class Failure:
    """A change after which something did not hold."""

    change: Change
    complaint: str

    def __str__(self) -> str:
        change = self.change
        return f"change {change.number}: {change.file}, {change.what}\n{self.complaint}"


# ---- a sound folder ---------------------------------------------------------------------


def _pixels(number: int, mode: str) -> Image.Image:
    rng = np.random.default_rng(number)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    image = coarse.resize((48, 36), Image.Resampling.BICUBIC)
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    return image.convert(mode)


def _picture(number: int, mode: str, kind: str, options: dict) -> bytes:
    options = dict(options)
    image = _pixels(number, mode)
    if "exif" in options:
        exif = image.getexif()
        exif[0x0112], exif[0x010F] = options.pop("exif"), "A camera"
        options["exif"] = exif
    if frames := options.pop("frames", 0):
        others = [_pixels(number + 100 * (frame + 1), mode) for frame in range(frames - 1)]
        options |= {"save_all": True, "append_images": others}
    raw = io.BytesIO()
    image.save(raw, kind, **options)
    return raw.getvalue()


def _line(row: tuple[str, str], style: Style) -> str:
    _, separator, _, quote = style
    return separator.join(f"{quote}{cell}{quote}" for cell in row)


def _list(rows: list[tuple[str, str]], style: Style) -> bytes:
    encoding, _, end, _ = style
    return "".join(_line(row, style) + end for row in [("guid", "tag"), *rows]).encode(encoding)


def sound_rows() -> dict[str, list[tuple[str, str]]]:
    """The rows of both lists: `{name: [(guid, tag)]}`; a fifth of the posts is unlabelled."""
    rows: dict[str, list[tuple[str, str]]] = {TRAIN: [], TEST: []}
    for number in range(len(PICTURES)):
        name, tag = (TEST, "null") if number % 5 == 4 else (TRAIN, LABELS[number % 3])
        rows[name].append((str(number + 1), tag))
    return rows


def sound_files() -> dict[str, bytes]:
    """A folder of posts in which nothing is wrong: `{name: bytes}`."""
    files = {name: _list(rows, LISTS[0]) for name, rows in sound_rows().items()}
    for number, (suffix, mode, kind, options) in enumerate(PICTURES):
        text, encoding = TEXTS[number % len(TEXTS)]
        files[f"data/{number + 1}.txt"] = text.format(number).encode(encoding)
        files[f"data/{number + 1}.{suffix}"] = _picture(number, mode, kind, options)
    return files


# ---- changes ----------------------------------------------------------------------------


def _place(rng: random.Random, size: int) -> int:
    """A place in a file, in its head (where formats keep what matters) half of the time."""
    return rng.randrange(min(size, 200) if rng.random() < 0.5 else size)


def _some_bytes(rng: random.Random, raw: bytes) -> bytes:
    size = rng.choice((1, 1, 2, 4, 16, 64))
    start = rng.randrange(len(raw))
    kinds = (rng.randbytes(size), b"\0" * size, b"\xff" * size, raw[start : start + size])
    return rng.choice(kinds)


def _flip(rng: random.Random, raw: bytes) -> bytes:
    changed = bytearray(raw)
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[_place(rng, len(raw))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(rng: random.Random, raw: bytes) -> bytes:
    return raw[: _place(rng, len(raw))]


def _take_out(rng: random.Random, raw: bytes) -> bytes:
    place = _place(rng, len(raw))
    return raw[:place] + raw[place + rng.choice((1, 2, 16, 64)) :]


def _insert(rng: random.Random, raw: bytes) -> bytes:
    place = _place(rng, len(raw))
    return raw[:place] + _some_bytes(rng, raw) + raw[place:]


def _overwrite(rng: random.Random, raw: bytes) -> bytes:
    place, new = _place(rng, len(raw)), _some_bytes(rng, raw)
    return raw[:place] + new + raw[place + len(new) :]


def _swap(rng: random.Random, raw: bytes) -> bytes:
    first, second, third = sorted(rng.randrange(len(raw) + 1) for _ in range(3))
    return raw[:first] + raw[second:third] + raw[first:second] + raw[third:]


CHANGES: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "bits flipped": _flip,
    "end cut off": _cut,
    "bytes taken out": _take_out,
    "bytes inserted": _insert,
    "bytes overwritten": _overwrite,
    "blocks swapped": _swap,
}


def make_change(number: int, *, seed: int, files: dict[str, bytes], kind: str) -> Change:
    """The change of that number; the same whenever it is asked for."""
    rng = random.Random(f"{seed} {number}")
    style = None
    if kind == "list":
        name, style = rng.choice((TRAIN, TRAIN, TEST)), rng.choice(LISTS)
        raw = _list(sound_rows()[name], style)
    else:
        is_text = kind == "text"
        name = rng.choice([n for n in files if n[:5] == "data/" and n.endswith(".txt") == is_text])
        raw = files[name]
    what = rng.choice(list(CHANGES))
    suffix = f" of a list in {style}" if style else ""
    return Change(number, name, what + suffix, CHANGES[what](rng, raw))


# ---- what must hold ---------------------------------------------------------------------


def _within_limit(call: Callable[[], T]) -> T:
    """What `call` returns or raises, or TimeoutError."""
    results: list[T] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            results.append(call())
        except BaseException as error:  # handed on below
            errors.append(error)

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    thread.join(LIMIT)
    if thread.is_alive():
        raise TimeoutError(f"not done in {LIMIT} seconds")
    if errors:
        raise errors[0]
    return results[0]


def _guid(change: Change) -> str:
    return Path(change.file).stem


def _intact(change: Change) -> set[str]:
    """The guids of a changed list's lines that are still as they were."""
    style = next(style for style in LISTS if str(style) in change.what)
    lines = change.raw.decode(style[0], errors="replace").split(style[2])[1:-1]
    return {row[0] for row in sound_rows()[change.file] if _line(row, style) in lines}


def _complaints_of_posts(dataset: Dataset, listed: set[str], sound: set[str]) -> list[str]:
    read = {post.guid for post in dataset.posts}
    lost = listed - read - set(dataset.excluded["guid"])
    complaints = [f"lost without a row: {sorted(lost)}"] if lost else []
    if harmed := sound - read:
        complaints.append(f"sound, and not read: {sorted(harmed)}\n{dataset.excluded.to_string()}")
    for post in dataset.posts:
        if not post.text.strip() or "\0" in post.text:
            complaints.append(f"{post.guid}: taken for a text: {post.text[:60]!r}")
        post.text.encode()  # no half characters
        if post.guid not in sound:  # what is taken for sound must be usable later
            decode_image(post.image)
            decode_image(post.image, least_side=16)
    rows = dataset.excluded
    if not (rows["problem"].str.len() > 0).all() or not (rows["what to do"].str.len() > 0).all():
        complaints.append(f"a row says nothing:\n{rows.to_string()}")
    return complaints


def _complaint(folder: Path, changes: list[Change]) -> str:
    """What does not hold of the folder with these changes; empty where all does."""
    all_rows = sound_rows()
    everyone = {guid for rows in all_rows.values() for guid, _ in rows}
    lists = [change for change in changes if change.file in all_rows]
    listed = set(everyone)
    for change in lists:
        listed -= {guid for guid, _ in all_rows[change.file]} - _intact(change)
    sound = set() if lists else everyone - {_guid(change) for change in changes}
    try:
        _within_limit(lambda: report(folder))  # which says what the others raise
    except Exception:
        return traceback.format_exc()
    try:
        table = _within_limit(lambda: check_folder(folder))
        dataset = _within_limit(lambda: load_dataset(folder, exclude_problems=True))
        complaints = _complaints_of_posts(dataset, listed, sound)
        if len(table) != len(dataset.excluded):
            complaints.append("check_folder and load_dataset do not agree")
        return "\n".join(complaints)
    except CourseError as error:  # of a whole list; never because of some posts
        return "" if lists else f"a few posts stop all: {error}"
    except Exception:
        return traceback.format_exc()


def _complaint_of(folder: Path, files: dict[str, bytes], changes: list[Change]) -> str:
    for change in changes:
        (folder / change.file).write_bytes(change.raw)
    try:
        return _complaint(folder, changes)
    finally:
        for change in changes:
            (folder / change.file).write_bytes(files[change.file])


def _batches(changes: list[Change]) -> list[list[Change]]:
    """Changes that go into one folder together: of different posts; a list's change alone."""
    batches: list[list[Change]] = []
    open_batch: list[Change] = []
    for change in changes:
        if not change.file.startswith("data/"):
            batches.append([change])
            continue
        if len(open_batch) == TOGETHER or _guid(change) in map(_guid, open_batch):
            batches.append(open_batch)
            open_batch = []
        open_batch.append(change)
    return batches + ([open_batch] if open_batch else [])


def fuzz(
    count: int, *, seed: int, folder: Path, progress: Callable[[int], None] = lambda done: None
) -> list[Failure]:
    """Makes `count` changes, one after the other, and returns those after which not all held.

    Args:
        folder: an empty one to work in.
        progress: called with the number of changes done so far.
    """
    files = sound_files()
    (folder / "data").mkdir()
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    if complaint := _complaint(folder, []):
        return [Failure(Change(-1, "none", "the sound folder", b""), complaint)]
    kinds = random.Random(seed).choices(list(KINDS), list(KINDS.values()), k=count)
    changes = [
        make_change(number, seed=seed, files=files, kind=kind) for number, kind in enumerate(kinds)
    ]
    failures, done = [], 0
    for batch in _batches(changes):
        if complaint := _complaint_of(folder, files, batch):
            alone = [Failure(one, _complaint_of(folder, files, [one])) for one in batch]
            found = [failure for failure in alone if failure.complaint]
            failures += found or [Failure(batch[0], f"only with others: {complaint}")]
        done += len(batch)
        progress(done)
    return failures


# ---- from the command line --------------------------------------------------------------


@contextlib.contextmanager
def _errors_into(path: Path) -> Iterator[None]:
    """What is said of each folder, and by the decoders of pictures, which write past Python."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with path.open("w") as file:
        os.dup2(file.fileno(), 2)
        faulthandler.enable(file)  # should one of them crash
        try:
            yield
        finally:
            faulthandler.disable()
            sys.stderr.flush()
            os.dup2(terminal, 2)


def main() -> int:
    """Runs many changes; those that fail are kept in `out/fuzz`. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Byte changes of files of posts")
    parser.add_argument("count", type=int, nargs="?", default=10_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"{options.count} changes, --seed {options.seed}", flush=True)
    start, told = time.monotonic(), time.monotonic()

    def progress(done: int) -> None:
        nonlocal told
        if time.monotonic() - told > 15 or done == options.count:
            told = time.monotonic()
            print(f"{done} of {options.count} after {told - start:.0f} s", flush=True)

    kept = Path("out/fuzz")
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, _errors_into(kept / "stderr.txt"):
        os.environ["MMSA_CACHE"] = f"{scratch}/cache"
        folder = Path(scratch) / "posts"
        folder.mkdir()
        failures = fuzz(options.count, seed=options.seed, folder=folder, progress=progress)
    for failure in failures:
        change = failure.change
        file = kept / f"{options.seed}-{change.number}-{Path(change.file).name}"
        file.write_bytes(change.raw)
        print(f"\n{failure}\nkept as {file}")
    print(f"{len(failures)} of {options.count} changes failed")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
