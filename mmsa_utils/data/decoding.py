"""Bytes of a text file to a string, and the name of the encoding that they were read in.

Tweets come in several encodings, in one folder even, and nothing says which. So: a byte order
mark decides; then UTF-8, whole or broken in a few places; then GB18030 where that reading is
plausible; else Windows-1252. What is none of these is no text.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from ..errors import CourseError

# The longer first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_ENOUGH = 10_000  # characters that are looked at
_UNDEFINED = {0x81, 0x8D, 0x8F, 0x90, 0x9D}  # in Windows-1252
_CONTROL = re.compile("[\0-\x08\x0e-\x1f\x7f]")
# What hardly stands in a text of Windows-1252: whole characters of UTF-8, and one that was cut
# off at the end. There "é…”" is a character of UTF-8 too, so those after a letter do not count.
_SURELY_UTF8 = re.compile(
    rb"[\xc2\xc3][\x80-\xbf]|[\xc4-\xdf][\x80-\x84\x86-\x90\x98\x9a-\x9f\xa1-\xba\xbc-\xbf]"
    rb"|[\xe2\xef][\x80-\xbf]{2}|(?<![A-Za-z])[\xe0\xe1\xe3-\xee][\x80-\xbf]{2}"
    rb"|[\xf0-\xf4][\x80-\xbf]{3}|(?:\xf0\x9f[\x80-\xbf]?|\xe2\x80|\xef\xb8)\Z"
)
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffd") | {
    chr(code) for code in range(0xFE00, 0xFE10)
}


class NotText(CourseError):
    """Bytes that are no text in any encoding that is read."""


def decode(raw: bytes) -> tuple[str, str]:
    """Bytes to `(text, encoding)`.

    The encoding is `utf-8`, `utf-16`, `utf-32`, `gb18030` or `windows-1252`; where bytes had
    to be replaced by U+FFFD, it says so: `utf-8, 2 bytes replaced`.

    Raises:
        NotText: for a picture's bytes, control characters, or another encoding.
    """
    if raw.startswith(b"\xff\xd8\xff"):
        raise NotText("not a text: it begins as a JPEG does")
    raw = raw.rstrip(b"\x1a") if not _marked(raw) else raw  # which ended a file of DOS
    text, encoding = _decode(raw)
    text = text.lstrip("\ufeff")
    if found := _CONTROL.search(text):
        raise NotText(f"not a text: it holds the control character {ord(found[0]):#04x}")
    return text, encoding


def is_visible(text: str) -> bool:
    """Whether a text shows anything: more than spaces, joiners and other invisible signs."""
    return any(
        unicodedata.category(character) not in ("Zs", "Zl", "Zp", "Cc", "Cf")
        and character not in _FILLERS
        for character in text
    )


def whole(text: str) -> str:
    """A text without halves of characters, which JSON can spell and nothing can encode."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _marked(raw: bytes) -> tuple[bytes, str] | None:
    return next((mark for mark in _MARKS if raw.startswith(mark[0])), None)


def _decode(raw: bytes) -> tuple[str, str]:
    if mark := _marked(raw):
        return _read(raw[len(mark[0]) :], mark[1])
    raw = raw.removeprefix(codecs.BOM_UTF8)
    if b"\0" in raw:
        return _read(raw, _unmarked_utf16(raw))
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _not_utf8(raw)


def _unmarked_utf16(raw: bytes) -> str:
    """Letters of the West in UTF-16 have a zero byte each, always on the same side."""
    for zeros, letters, encoding in ((1, 0, "utf-16-le"), (0, 1, "utf-16-be")):
        side = raw[zeros::2]
        if len(raw) % 2 == 0 and side.count(0) > len(side) / 2 and 0 not in raw[letters::2]:
            return encoding
    raise NotText("not a text: it holds zero bytes, as a picture does")


def _read(raw: bytes, encoding: str) -> tuple[str, str]:
    """In an encoding that is known: what is broken is replaced, unless it is much."""
    name = encoding.removesuffix("-le").removesuffix("-be")
    try:
        return raw.decode(encoding), name
    except UnicodeDecodeError:
        text = raw.decode(encoding, "replace")
    if text.count("\ufffd") > 1 + len(text) / 10:
        raise NotText(f"not a text: it begins as {name.upper()} does, but is not")
    return text, _with_replaced(name, raw, text, encoding)


def _with_replaced(name: str, raw: bytes, text: str, encoding: str) -> str:
    count = len(raw) - len(text.replace("\ufffd", "").encode(encoding))
    count -= len("\ufffd".encode(encoding)) * raw.count("\ufffd".encode(encoding))
    return f"{name}, {count} byte{'s' * (count != 1)} replaced"


def _not_utf8(raw: bytes) -> tuple[str, str]:
    chinese = _plausible_gb18030(raw)
    repaired = raw.decode("utf-8", "replace")
    sizes = [len(found) for found in _SURELY_UTF8.findall(raw)]
    enough = len(sizes) >= repaired.count("\ufffd")
    if chinese and chinese[1] == "gb18030":  # whose bytes may be letters of UTF-8 by chance
        enough = sum(sizes) >= 0.85 * sum(byte >= 0x80 for byte in raw)
    if enough:
        return repaired, _with_replaced("utf-8", raw, repaired, "utf-8")
    if chinese:
        return chinese
    try:
        return raw.decode("cp1252"), "windows-1252"
    except UnicodeDecodeError:
        raise NotText("not a text in UTF-8, GB18030 or Windows-1252") from None


# ---- GB18030 or Windows-1252? -----------------------------------------------------------

# Nearly any bytes are some text in Windows-1252, and many are some text in GB18030. There two
# bytes make a Chinese character, and in a text of the West that swallows an accented letter
# or a quotation mark with the letter after it: "don’t" becomes "don抰". So what speaks for and
# against each character of the reading as GB18030 is counted.


def _plausible_gb18030(raw: bytes) -> tuple[str, str] | None:
    """The reading as GB18030, where more speaks for it than against it."""
    whole, encoding = raw, "gb18030"
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError as error:
        if error.start < len(raw) - 3 or error.reason != "incomplete multibyte sequence":
            return None
        whole, cut = raw[: error.start], len(raw) - error.start  # the last character
        text, encoding = whole.decode("gb18030"), f"gb18030, {cut} byte{'s' * (cut > 1)} replaced"
    if sum(_speaks(whole, place) for place in islice(_places(whole, text), _ENOUGH)) <= 0:
        return None
    return text + "\ufffd" * (whole is not raw), encoding


@dataclass(frozen=True)
class _Place:
    """A character beyond ASCII, read as GB18030."""

    character: str
    offset: int  # in bytes, as is the size
    size: int
    run: int  # bytes beyond ASCII that stand together there
    alike: bool  # and are all the same


def _places(raw: bytes, text: str) -> Iterator[_Place]:
    runs = re.finditer(rb"[\x80-\xff]+", raw)
    end, length, alike, offset = 0, 0, False, 0
    for character in text:
        size = 1 if character.isascii() else len(character.encode("gb18030"))
        if size > 1:
            while end <= offset:
                found = next(runs)
                end, length, alike = found.end(), len(found[0]), len(set(found[0])) == 1
            yield _Place(character, offset, size, length, alike)
        offset += size


def _speaks(raw: bytes, place: _Place) -> int:
    """1 where a character speaks for GB18030, -1 where it speaks for Windows-1252, else 0."""
    if place.size == 4:
        return 1
    lead, trail = raw[place.offset : place.offset + 2]
    is_none = unicodedata.category(place.character) == "Co"  # kept for private use
    if lead == 0xA8 and not is_none:
        return 1  # a dash, é as in pinyin; a diaeresis alone is rare
    if place.alike and place.run > 1:
        return -1  # ££££, ……
    if _UNDEFINED & {lead, trail}:
        return 1
    if trail < 0x80 and chr(trail).isalpha():  # an accented letter or a mark before a letter
        return -1
    if 0xA1 <= lead <= 0xA9 and not is_none:  # …, kana, Cyrillic
        return -1 if _inverted_mark(raw, place.offset) else 1
    long = place.run >= 4
    if trail < 0xA1 or lead < 0xB0:  # rare Chinese characters, and none
        return 0 if long or trail < 0x80 else -1
    return 1 if long or not _fits_letters(raw, place.offset) else -1


def _fits_letters(raw: bytes, offset: int) -> bool:
    """Whether two bytes, read as Windows-1252, go with the letters before and after them."""
    around = raw[max(offset - 1, 0) : offset + 3].decode("cp1252", "replace")
    wedged = raw[max(offset - 1, 0) : offset].isalpha() or raw[offset + 2 : offset + 3].isalpha()
    if 0xC2 <= raw[offset] <= 0xC3 and raw[offset + 1] < 0xC0:
        return wedged  # an accented letter of UTF-8
    cases = "".join("U" if c.isupper() else "l" if c.islower() else "." for c in around)
    return wedged and "lU" not in cases and "UUl" not in cases


def _inverted_mark(raw: bytes, offset: int) -> bool:
    """Whether Spanish begins here: ¡éxito!"""
    before, letter, after = (
        raw[max(offset - 1, 0) : offset],
        raw[offset + 1],
        raw[offset + 2 : offset + 200],
    )
    opens = raw[offset] == 0xA1 and not before.strip() and chr(letter) in "áéíóúñÁÉÍÓÚÑ"
    return opens and after[:1].isalpha() and b"!" in after
