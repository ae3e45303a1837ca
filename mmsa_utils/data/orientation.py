"""The orientation that a camera wrote beside a picture (EXIF), read as far as it can be read.

Broken tags are common in phone pictures that several programs have saved. They say nothing of the
pixels, so none of them makes a picture unreadable.
"""

import re
from contextlib import suppress
from typing import Any

from PIL import ExifTags, Image

_TIFF_HEADER = re.compile(rb"II\*\0|MM\0\*")
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4}  # bytes of a value, by its EXIF type
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image: Image.Image) -> Image.Image:
    """The picture turned as its EXIF orientation says; as it is where none can be read."""
    turn = _TURNS.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def without_exif(raw: bytes) -> bytes:
    """A picture file in which no reader finds EXIF or a list of further pictures.

    Their names are overwritten in place, so that everything stays where the file says it is.
    """
    return raw.replace(b"Exif", b"none").replace(b"MPF\0", b"none")


def exif_of_jpeg(raw: bytes) -> bytes:
    """The EXIF block of a JPEG file's bytes, and what follows it; empty where there is none."""
    _, name, rest = raw.partition(b"Exif\0\0")
    return rest if name and raw.startswith(b"\xff\xd8") else b""


def _orientation(image: Image.Image) -> int:
    """1 to 8, or 1 where it cannot be read."""
    value = None
    with suppress(Exception):  # whatever Pillow raises of broken tags
        value = image.getexif().get(ExifTags.Base.Orientation)
    with suppress(Exception):
        # Pillow gives up at the first broken tag. The orientation may stand behind it.
        return _number(_scan(image.info.get("exif", b"")) if value is None else value)
    return 1


def _number(value: Any) -> int:
    """A tag's value, whatever type it was written as, as a number."""
    while isinstance(value, (tuple, list)):
        value = value[0]
    if isinstance(value, bytes) and value[0] < 9:
        return value[0]
    return int(value)


def _scan(exif: bytes) -> int | str:
    """The orientation by going through the first table of tags, without reading the others."""
    header = _TIFF_HEADER.search(exif[:32])
    if not header:
        return 1
    tiff = exif[header.start() :]
    little = tiff.startswith(b"II")

    def number(place: int, size: int) -> int:
        return int.from_bytes(tiff[place : place + size], "little" if little else "big")

    table = number(4, 4)
    for entry in range(table + 2, min(table + 2 + 12 * number(table, 2), len(tiff)), 12):
        if number(entry, 2) == ExifTags.Base.Orientation:
            kind = number(entry + 2, 2)
            value = number(entry + 8, _SIZES.get(kind, 2))
            return chr(value) if kind == 2 else value
    return 1
