"""One's own text and picture as a post."""

import hashlib
import io
import os
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image

from ..data.decoding import whole
from ..data.images import ImageFacts, image_facts
from ..data.posts import Post
from ..data.reading import unreadable
from ..errors import CourseError

# A picture as a file's path, as a file's bytes, as Pillow has it, or as an array `(H, W)`,
# `(H, W, 3)` or `(H, W, 4)` of uint8.
Picture = str | PathLike[str] | bytes | Image.Image | np.ndarray

_PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")  # which a PNG file keeps as they are
_DEEP_MODES = ("I", "F")  # 32 bits a pixel, which TIFF keeps


def make_post(text: str | None = None, image: Picture | None = None, guid: str = "post") -> Post:
    """A post without a label of a text, a picture, or both.

    A picture is read as those of a folder are: what its content says counts, EXIF rotation is
    applied, transparency is laid on white, 16 bits are scaled to 8.

    Args:
        text: of the post. Halves of characters, as a cut leaves behind, are replaced by U+FFFD.
        image: a file's path, a file's bytes, a picture of Pillow, or an array of uint8: `(H, W)`
            grey, `(H, W, 3)` RGB or `(H, W, 4)` RGBA; `(H, W)` of uint16 as well.
        guid: a name of the post.

    Raises:
        CourseError: in one line, where there is neither text nor picture, the text is no
            string, or the picture cannot be read.
    """
    if text is None and image is None:
        raise CourseError(f"{guid}: there is neither a text nor a picture: give one of them")
    words, encoding = _checked_text(text)
    source, raw = (b"", b"") if image is None else _picture(image)
    facts = ImageFacts() if image is None else _checked_facts(source, raw)
    key = hashlib.sha256(raw).hexdigest() if image is not None else ""
    content = hashlib.sha256(words.encode() + b"\0" + raw).hexdigest()
    return Post(guid, None, words, encoding, source, content, facts, key)


def _checked_text(text: str | None) -> tuple[str, str]:
    """`(text, encoding)`: what cannot be written as UTF-8 is replaced, which the encoding says."""
    if text is None:
        return "", ""
    if not isinstance(text, str):
        raise CourseError(f"text is of type {type(text).__name__}: give a string")
    words = whole(text)
    return words, "utf-8" if words == text else "utf-8, broken characters replaced"


def _picture(image: Picture) -> tuple[Path | bytes, bytes]:
    """`(where a post finds its picture, the bytes of that file)`."""
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image), bytes(image)
    if isinstance(image, np.ndarray):
        image = _from_array(image)
    if isinstance(image, Image.Image):
        raw = _file_of(image)
        return raw, raw
    if not isinstance(image, str | PathLike):
        raise CourseError(
            f"image is of type {type(image).__name__}: give a path, a file's bytes, a Pillow "
            "picture, or an array of uint8"
        )
    return Path(image), _read(Path(image))


def _read(path: Path) -> bytes:
    if not os.path.lexists(path):  # which no path is too long for
        raise CourseError(f"{path}: there is no such picture: give another path")
    if fault := unreadable(path):
        raise CourseError(f"{path}: cannot be read as a picture: {fault[0]} ({fault[1]})")
    try:
        return path.read_bytes()
    except OSError as error:
        raise CourseError(f"{path}: cannot be read as a picture: {error.strerror}") from error


def _checked_facts(source: Path | bytes, raw: bytes) -> ImageFacts:
    """The picture's facts, once it is found to be readable to its end."""
    facts = image_facts(raw)
    if facts.error:
        name = "the picture" if isinstance(source, bytes) else source
        raise CourseError(f"{name}: cannot be read as a picture: {facts.error} ({facts.remedy})")
    return facts


def _from_array(array: np.ndarray) -> Image.Image:
    shape, kind = " x ".join(map(str, array.shape)), array.dtype
    grey = array.ndim == 2 and kind in (np.uint8, np.uint16)
    colour = array.ndim == 3 and array.shape[2] in (3, 4) and kind == np.uint8
    if not (grey or colour) or not array.size:
        raise CourseError(
            f"the picture is an array of {shape} {kind}: give uint8 from 0 to 255, (H, W) grey, "
            "(H, W, 3) RGB or (H, W, 4) RGBA; floats from 0 to 1 become that by "
            "(255 * array).round().astype('uint8')"
        )
    return Image.fromarray(np.ascontiguousarray(array))


def _file_of(image: Image.Image) -> bytes:
    """A file with the same pixels, and the rotation that EXIF asks for."""
    file = io.BytesIO()
    try:
        if image.mode in _DEEP_MODES:
            image.save(file, "TIFF", exif=image.getexif())
        else:
            _to_png(image).save(file, "PNG", exif=image.getexif(), compress_level=1)
    except (OSError, ValueError, SyntaxError) as error:  # read only now, and found to be broken
        raise CourseError(f"the picture: cannot be read as a picture: {error}") from error
    return file.getvalue()


def _to_png(image: Image.Image) -> Image.Image:
    if image.mode in _PNG_MODES:
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")
