"""Tweets as strings: cleaning, and the form in which two are compared."""

import html
import re

# A link, also one that the end of a tweet cut off ("http…"). "Awww... so cute" is none.
_LINK = re.compile(
    r"(?:https?(?=:|…|\.\.|\s*\Z)|(?<!\w)www\.(?=\w))\S*",
    re.IGNORECASE,
)
_MENTION = re.compile(r"@\w+")
# "RT @friend: " before what the friend wrote, several times even.
_RETWEET = re.compile(r"\A\W*(?:(?:RT|MT)\b[\s:]*[\"“]?@\w+[\s:]*[\"“]?)+", re.IGNORECASE)


def clean(text: str) -> str:
    """What an encoder gets: HTML entities resolved, links removed, white space folded."""
    return " ".join(_LINK.sub(" ", html.unescape(text)).split())


def comparable(text: str) -> str:
    """What decides whether two texts are equal.

    It has no links, mentions, case or spaces, and no "RT @friend:" before it.
    """
    own = _RETWEET.sub("", clean(text))
    return "".join(_MENTION.sub("", own).casefold().split())


def words(text: str) -> list[str]:
    """The words of a text for counting: lower case, letters and apostrophes, hashtags opened."""
    return re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", _MENTION.sub("", clean(text)).casefold())
