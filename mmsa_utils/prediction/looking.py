"""What of a post a model gets to see, and what has to be said of that."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..data.decoding import is_visible
from ..data.ocr import available
from ..data.posts import Post
from ..data.text import clean
from ..encoders.text import TextEncoder
from ..errors import CourseError

NAMES = {"text": "text", "image": "picture"}  # of the modalities, for a reader

_LETTERS = 16  # of a text that are tried first, for each token that the encoder takes
_GROWTH = 4
# The last words of a beginning may change by what follows: half a link, entity or hashtag.
_MARGIN = 64


@dataclass(frozen=True)
class Seen:
    """A post as the model gets it, and notes for who reads the answer."""

    post: Post
    notes: tuple[str, ...]


def has(post: Post, modality: str) -> bool:
    """Whether a post has a text, or a picture (`image`)."""
    return bool(post.text) if modality == "text" else post.has_image


def look(
    post: Post, *, streams: Sequence[str], encoders: Sequence[TextEncoder], max_tokens: int
) -> Seen:
    """A long text is cut, one that shows nothing is taken away, and either is said.

    Args:
        post: any post.
        streams: what the model looks at: `text`, `image`, `words`.
        encoders: of its texts; none where it looks at no text.
        max_tokens: longer texts are cut.

    Raises:
        CourseError: where the post has nothing that the model looks at.
    """
    parts = [cut_text(post.text, encoder, max_tokens) for encoder in encoders]
    text = max((part for part, _ in parts), default=post.text, key=len)
    shown = replace(post, text=text if is_visible(clean(text)) else "")
    modalities = [name for name in NAMES if name in streams]
    if not any(has(shown, name) for name in modalities):
        wanted = " and no ".join(NAMES[name] for name in modalities)
        raise CourseError(f"{post.guid}: there is no {wanted} that this model could look at")
    notes = list(_on_modalities(post, shown, modalities))
    if "text" in modalities:
        cuts = [e.places(max_tokens) for e, (_, cut) in zip(encoders, parts, strict=True) if cut]
        notes += _on_text(post, min(cuts, default=None))
    if "image" in modalities and shown.has_image:
        notes += _on_picture(shown, streams)
    return Seen(shown, tuple(notes))


def cut_text(text: str, encoder: TextEncoder, max_tokens: int) -> tuple[str, bool]:
    """A beginning of a text with the same first tokens, and whether the encoder leaves some out.

    A tokenizer splits all of a text before it cuts, which takes seconds for a megabyte. Rules read
    all of any text.

    Args:
        text: of any length.
        encoder: whose first tokens, as many as it reads, stay the same.
        max_tokens: as the encoder is called with.
    """
    if not encoder.has_tokens:
        return text, False
    length, limit = _LETTERS * max_tokens, encoder.places(max_tokens)
    while length < len(text) and encoder.tokenizer.is_fast:
        tokens = encoder.tokenizer(encoder.prepared(clean(text[:length])))
        words = [word for word in tokens.word_ids() if word is not None]  # without the marks
        if len(words) > limit and words[-1] - words[limit] > _MARGIN:
            return text[:length], True
        length *= _GROWTH
    return text, len(encoder.tokenizer(encoder.prepared(clean(text)))["input_ids"]) > limit


# ---- notes ------------------------------------------------------------------------------


def _on_modalities(post: Post, shown: Post, modalities: Sequence[str]) -> Iterator[str]:
    if len(modalities) == 1:
        other = "image" if modalities[0] == "text" else "text"
        if has(post, other):
            only = NAMES[modalities[0]]
            yield f"the {NAMES[other]} was not looked at: this model looks at the {only} alone"
    elif not shown.text:
        what = "the text shows nothing" if post.text else "no text"
        yield f"{what}: this is what the picture alone says"
    elif not shown.has_image:
        yield "no picture: this is what the text alone says"


def _on_text(post: Post, cut_at: int | None) -> Iterator[str]:
    if cut_at:
        yield f"the text was cut at {cut_at} tokens"
    if "replaced" in post.encoding:
        yield "broken characters in the text were replaced"


def _on_picture(post: Post, streams: Sequence[str]) -> Iterator[str]:
    if post.facts.width and not post.facts.phash:
        yield "the picture is blank: it has a single colour"
    if "words" in streams and not available():
        yield "the words in the picture were not read: PP-OCR is not installed"
