"""Tweets as strings: decoding, cleaning, and the form in which two are compared."""

import html
import re

_LINK = re.compile(r"(?:https?|www\.)\S*", re.IGNORECASE)
_MENTION = re.compile(r"@\w+")


def decode(raw: bytes) -> tuple[str, str]:
    """Bytes to `(text, encoding)`: UTF-8, else GB18030, else Latin-1 (which never fails).

    About a quarter of the course's texts are GB18030, mostly for one character, the
    ellipsis; read as Latin-1 they turn to mojibake.
    """
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding), encoding.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1"), "latin-1"


def clean(text: str) -> str:
    """What an encoder gets: HTML entities resolved, links removed, white space folded."""
    return " ".join(_LINK.sub(" ", html.unescape(text)).split())


def comparable(text: str) -> str:
    """What decides whether two texts are equal: no links, mentions, case or spaces."""
    return "".join(_MENTION.sub("", clean(text)).casefold().split())


def words(text: str) -> list[str]:
    """The words of a text for counting: lower case, letters and apostrophes, hashtags opened."""
    return re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", _MENTION.sub("", clean(text)).casefold())
