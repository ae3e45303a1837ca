"""Pictures: decoding to RGB arrays, and facts about a file.

A file's content decides its format, its suffix does not. All that Pillow knows is read, HEIC too
where `pillow-heif` is installed, and of an animation the first frame.
"""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image

from ..errors import CourseError
from .image_faults import heif_reader, name_fault
from .orientation import exif_of_jpeg, upright, without_exif

MAX_PIXELS = 50_000_000  # a phone's picture has 12 to 50 million; more is taken for a bomb
SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"),
    *(".heic", ".heif"),
)
BLANK = 3  # grey levels of 255: a picture that spans fewer shows nothing

_NOT_OPENED = {"EPS", "WMF"}  # Pillow hands these to other programs
_filters = threading.Lock()  # the warning filters belong to the whole process


@contextmanager
def _quiet() -> Iterator[None]:
    """Pillow's warnings (of broken tags, of its own limit of pixels) are not shown."""
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# ---- from bytes to a picture --------------------------------------------------------------


@cache
def _formats() -> tuple[str, ...]:
    Image.preinit()  # the common ones first
    Image.init()
    heif_reader()
    return tuple(name for name in Image.ID if name not in _NOT_OPENED)


def _identify(raw: bytes) -> Image.Image:
    """The picture with its header read; broken EXIF is taken out of the way."""
    try:
        return Image.open(io.BytesIO(raw), formats=_formats())
    except Image.DecompressionBombError:
        raise
    except Exception:
        bare = without_exif(raw)
        if bare == raw:
            raise
        image = Image.open(io.BytesIO(bare), formats=_formats())
        if exif := exif_of_jpeg(raw):
            image.info["exif"] = exif  # its orientation may be readable
        return image


def _open(raw: bytes) -> Image.Image:
    """The picture, its pixels not read yet.

    Raises:
        Image.DecompressionBombError: where it has more than `MAX_PIXELS`.
        Exception: whatever Pillow raises where it cannot make sense of the bytes.
    """
    with _quiet():
        image = _identify(raw)
    if image.width * image.height > MAX_PIXELS:
        raise Image.DecompressionBombError
    return image


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """A picture of 16 or 32 bits or of floats as mode L, scaled and not clipped.

    Scaled from 0 to the top of the smallest usual range that holds all values: 255, 4095
    (cameras and scanners of 12 bits) or 65535, for floats also 1. So a picture of the whole
    range keeps its brightness, and one of fewer bits is not black. Values outside all of these
    (negative ones, 32 bits, units of measurement) are scaled from the least to the greatest.
    What is not a number is black.
    """
    with np.errstate(invalid="ignore"):  # floats that are no numbers, in several ways
        values = np.asarray(image).astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    tops = (1, 255, 65535) if image.mode == "F" else (255, 4095, 65535)
    top = next((top for top in tops if high <= top), None)
    if low >= 0 and top:
        low, high = 0.0, top
    share = np.clip((values - low) / ((high - low) or 1), 0, 1)
    grey = np.rint(np.nan_to_num(share) * 255).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[values == transparent] = 255  # laid on white, as all transparency
    return Image.fromarray(grey)


def _to_rgb(image: Image.Image) -> Image.Image:
    """Upright RGB: EXIF rotation applied, transparency laid on white, palettes resolved."""
    # Only of TIFF does Pillow warn while it reads pixels; other pictures are read side by side.
    with _quiet() if image.format == "TIFF" else nullcontext():
        image.load()
    with _quiet():
        image = upright(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _to_eight_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    return image.convert("RGB")


def decode_image(source: Path | bytes, *, least_side: int | None = None) -> np.ndarray:
    """The picture as an `(H, W, 3)` uint8 RGB array.

    `least_side` lets the JPEG decoder shrink while it reads (its `draft` mode): neither
    side gets shorter than that many pixels, and large photographs are read several times
    faster.

    Args:
        source: a picture's file, or the bytes of one.

    Raises:
        CourseError: naming the file and what it is, where it cannot be read.
    """
    name = "the picture" if isinstance(source, bytes) else source
    try:
        raw = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise CourseError(f"{name}: cannot be read as a picture: {error.strerror}") from error
    try:
        image = _open(raw)
        if least_side:
            image.draft("RGB", (least_side, least_side))
        return np.asarray(_to_rgb(image))
    except Exception as error:  # a broken file can raise anything
        what, remedy = name_fault(raw, error, max_pixels=MAX_PIXELS)
        raise CourseError(f"{name}: cannot be read as a picture: {what} ({remedy})") from error


# ---- facts ------------------------------------------------------------------------------


@dataclass(frozen=True)
class ImageFacts:
    """What is known of a picture file without an encoder. `error` is empty where all is well."""

    width: int = 0  # pixels, as is height
    height: int = 0
    mode: str = ""  # Pillow's name: RGB, L, RGBA, P ...
    phash: str = ""  # 64 bits as 16 hexadecimal digits; empty where the picture is blank
    error: str = ""  # what the file is instead of a readable picture
    remedy: str = ""  # what to do about it


def _perceptual_hash(image: Image.Image) -> str:
    """`imagehash.phash`, or nothing of a blank picture: its hash would be that of any other."""
    side = 4 * 8  # what phash of 8 x 8 bits looks at
    small = image.convert("L").resize((side, side), Image.Resampling.LANCZOS)
    return "" if np.ptp(np.asarray(small)) < BLANK else str(imagehash.phash(small))


def image_facts(raw: bytes) -> ImageFacts:
    """Facts of a picture file's bytes; what is wrong with it is said in `error`, never raised.

    The perceptual hash is `imagehash.phash` (64 bits, hexadecimal): pictures that look
    the same differ in few bits.
    """
    try:
        image = _open(raw)
        width, height, mode = image.width, image.height, image.mode
        image.draft("RGB", (128, 128))
        return ImageFacts(width, height, mode, _perceptual_hash(_to_rgb(image)))
    except Exception as error:  # a broken file can raise anything
        what, remedy = name_fault(raw, error, max_pixels=MAX_PIXELS)
        return ImageFacts(error=what, remedy=remedy)
