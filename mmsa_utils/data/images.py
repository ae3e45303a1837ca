"""Pictures: decoding to RGB arrays, and facts about a file."""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image, ImageOps

from ..errors import CourseError

MAX_PIXELS = 50_000_000  # a phone's picture has 12 to 50 million; more is taken for a bomb
SUFFIXES = (".jpg", ".jpeg", ".png")


def _open(raw: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():  # Pillow's own limits are wider than ours
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(raw))
        small = image.width * image.height <= MAX_PIXELS
    except Image.DecompressionBombError:
        small = False
    if not small:
        raise CourseError(f"more than {MAX_PIXELS:,} pixels (a decompression bomb?)")
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    """Upright RGB: EXIF rotation applied, transparency laid on white, palettes resolved."""
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    return image.convert("RGB")


def decode_image(path: Path, *, least_side: int | None = None) -> np.ndarray:
    """The picture as an `(H, W, 3)` uint8 RGB array.

    `least_side` lets the JPEG decoder shrink while it reads (its `draft` mode): neither
    side gets shorter than that many pixels, and large photographs are read several times
    faster.

    Raises:
        CourseError: naming the file, where it cannot be read.
    """
    try:
        image = _open(path.read_bytes())
        if least_side:
            image.draft("RGB", (least_side, least_side))
        return np.asarray(_to_rgb(image))
    except (OSError, SyntaxError, ValueError, CourseError) as error:
        raise CourseError(f"{path}: cannot be read as a picture: {error}") from error


@dataclass(frozen=True)
class ImageFacts:
    """What is known of a picture file without an encoder. `error` is empty where all is well."""

    width: int = 0  # pixels, as is height
    height: int = 0
    mode: str = ""  # Pillow's name: RGB, L, RGBA, P ...
    phash: str = ""  # 64 bits as 16 hexadecimal digits
    error: str = ""


def image_facts(raw: bytes) -> ImageFacts:
    """Facts of a picture file's bytes; what is wrong with it is said in `error`.

    The perceptual hash is `imagehash.phash` (64 bits, hexadecimal): pictures that look
    the same differ in few bits.
    """
    try:
        image = _open(raw)
        width, height, mode = image.width, image.height, image.mode
        image.draft("RGB", (128, 128))
        phash = str(imagehash.phash(_to_rgb(image)))
    except CourseError as error:
        return ImageFacts(error=f"refused: {error}")
    except (OSError, SyntaxError, ValueError) as error:
        kind = "truncated" if "truncated" in str(error) else "unreadable"
        return ImageFacts(error=f"{kind} picture")
    return ImageFacts(width, height, mode, phash)
