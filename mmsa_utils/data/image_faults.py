"""What a file is that cannot be read as a picture, and what to do about it."""

import importlib
import re
from functools import cache

from PIL import Image, features

_AGAIN = "copy or download the picture again"
_ANEW = "save the picture anew"
_CONTAINER = re.compile(rb"....ftyp(....)(?s:.{4})((?:[a-zA-Z0-9 ]{4})*)", re.DOTALL)
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}

# First bytes of what is often saved under a picture's name: what it is, and what to do.
_BEGINNINGS = {
    b"version https://git-lfs": ("Git LFS pointer, not the picture", "fetch it with: git lfs pull"),
    b"%PDF": ("PDF document, not a picture", "save its page as PNG"),
    b"%!PS": ("PostScript document, not a picture", "save its page as PNG"),
    b"\xc5\xd0\xd3\xc6": ("PostScript document, not a picture", "save its page as PNG"),
    b"PK\x03\x04": ("zip archive, not a picture", "unpack it"),
    b"\x1f\x8b": ("gzip archive, not a picture", "unpack it"),
    b"Rar!": ("rar archive, not a picture", "unpack it"),
    b"\x1a\x45\xdf\xa3": ("video, not a picture", "save one of its frames as JPEG"),
    b"\xff\x0a": ("JPEG XL picture, which is not read", "save it as JPEG"),
    b"\0\0\0\x0cJXL ": ("JPEG XL picture, which is not read", "save it as JPEG"),
}


@cache
def heif_reader() -> bool:
    """Makes Pillow read HEIC where `pillow-heif` is installed; says whether it does now."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except Exception:  # not installed, or for another Pillow
        return False
    return True


def brands(raw: bytes) -> set[bytes]:
    """The brands of an ISO media file (HEIC, AVIF, MP4): its kinds; empty for other files."""
    found = _CONTAINER.match(raw[:256])
    if not found:
        return set()
    return {found[1], *(found[2][start : start + 4] for start in range(0, len(found[2]), 4))}


def name_fault(raw: bytes, error: Exception, *, max_pixels: int) -> tuple[str, str]:
    """`(what it is, what to do)` of a file that Pillow refused.

    Args:
        raw: the file's bytes.
        error: what Pillow raised while it read them.
        max_pixels: the limit beyond which a picture is refused.
    """
    if isinstance(error, Image.DecompressionBombError):
        limit = f"refused: more than {max_pixels:,} pixels (a decompression bomb?)"
        return limit, "save it smaller"
    if isinstance(error, MemoryError):
        return "refused: too large for this machine's memory", "save it smaller"
    if not raw:
        return "empty file", _AGAIN
    if not raw.strip(b"\0"):
        return "nothing but zero bytes", _AGAIN
    return (
        next((name for start, name in _BEGINNINGS.items() if raw.startswith(start)), None)
        or _name_media(raw)
        or _name_text(raw)
        or _name_damage(raw, error)
    )


def _name_media(raw: bytes) -> tuple[str, str] | None:
    """Files of boxes: HEIC, AVIF that this Pillow has no decoder for, videos."""
    kinds = brands(raw)
    if kinds & {b"avif", b"avis"}:
        missing = not features.check("avif")
        return ("AVIF picture, which this Pillow does not read", _UPGRADE) if missing else None
    if kinds & _HEIF_BRANDS:
        remedy = "install its reader (pip install pillow-heif), or save it as JPEG"
        return None if heif_reader() else ("HEIC picture, which is not read", remedy)
    return ("video, not a picture", "save one of its frames as JPEG") if kinds else None


_UPGRADE = "pip install --upgrade pillow, or save it as JPEG"


def _name_text(raw: bytes) -> tuple[str, str] | None:
    """Pages, drawings in XML and other text."""
    start = raw[:2000].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"<svg" in start and start.startswith(b"<"):
        return "SVG drawing, not a picture of pixels", "save it as PNG"
    if re.match(rb"<(!doctype html|html|head|body|script)", start):
        return "HTML page, not the picture", "download the picture itself"
    head = raw[:2000].decode("utf-8", errors="ignore")  # the cut may part a character
    is_utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    if len(head.encode()) >= len(raw[:2000]) - 3 and not re.search(r"[\x00-\x08\x0e-\x1f]", head):
        return "text, not a picture", "put the picture in its place"
    return ("text, not a picture", "put the picture in its place") if is_utf16 else None


def _name_damage(raw: bytes, error: Exception) -> tuple[str, str]:
    if "truncated" in str(error).lower() or _is_cut(raw):
        return "truncated picture", _AGAIN
    return "unreadable picture", _ANEW


def _is_cut(raw: bytes) -> bool:
    """Whether the end of a picture is missing, by its format's own marks of length and end."""
    if raw.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in raw[-1024:]
    if raw.startswith(b"\x89PNG"):
        return b"IEND" not in raw[-1024:]
    if raw.startswith(b"GIF8"):
        return not raw.rstrip(b"\0").endswith(b";")
    if raw.startswith(b"RIFF"):
        return int.from_bytes(raw[4:8], "little") + 8 > len(raw)
    if raw.startswith(b"BM"):
        return int.from_bytes(raw[2:6], "little") > len(raw)
    if raw.startswith((b"II*\0", b"MM\0*")):
        table = int.from_bytes(raw[4:8], "little" if raw.startswith(b"II") else "big")
        return table >= len(raw)  # where its tags begin
    return bool(brands(raw)) and _boxes_end(raw) > len(raw)


def _boxes_end(raw: bytes) -> int:
    """Where the boxes of an ISO media file say that it ends."""
    place = 0
    while place + 8 <= len(raw):
        size = int.from_bytes(raw[place : place + 4], "big")
        if size < 8:  # 0: to the end of the file; 1: a size of 64 bits
            return len(raw)
        place += size
    return place
