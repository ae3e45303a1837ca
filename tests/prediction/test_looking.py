"""What a model gets to see of a post: no more of a long text than it reads, and that is said."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from mmsa_utils.data.images import ImageFacts
from mmsa_utils.encoders import TextEncoder, build_text_encoder
from mmsa_utils.errors import CourseError
from mmsa_utils.prediction import looking, make_post
from mmsa_utils.prediction.looking import cut_text, look


@pytest.fixture(scope="module")
def encoder():
    return build_text_encoder("minilm")


LONG = [
    "I love it so much &amp; more, see https://t.co/abc now! ",
    "&amp;",
    "很好吃的咖啡",
    "unbelievableness" * 20 + " ",
    "\u200b \u200b",
    "http://t.co/" + "x" * 500 + " a ",
    "😀",
    ".",
    "e\u0301",
    "http https www. ",
]


@pytest.mark.parametrize("piece", LONG)
@pytest.mark.parametrize("limit", [8, 128])
def test_the_first_tokens_of_a_long_text_stay_what_they_are(piece, limit, encoder):
    text = (piece * 40_000)[:60_000]
    cut, left_out = cut_text(text, encoder, limit)
    assert text.startswith(cut)
    whole, short = (encoder.tokenize([t], max_tokens=limit)["input_ids"] for t in (text, cut))
    assert torch.equal(whole, short)
    assert left_out == (len(encoder.tokenizer(looking.clean(text))["input_ids"]) > limit)


def test_of_a_megabyte_little_is_read(encoder):
    cut, left_out = cut_text("so happy today " * 70_000, encoder, 128)
    assert left_out
    assert len(cut) < 20_000


def test_a_text_that_fits_is_whole(encoder):
    assert cut_text("a b c", encoder, 5) == ("a b c", False)
    assert cut_text("a b c d", encoder, 5) == ("a b c d", True)


STREAMS = ("text", "image")


def seen(post, encoder, streams=STREAMS, limit=16):
    encoders = [encoder] if "text" in streams else []
    return look(post, streams=streams, encoders=encoders, max_tokens=limit)


@pytest.mark.parametrize(
    "text", ["", "  \n", "\u200b\ufeff", "&#8203;", "https://t.co/abc", "\u2800"]
)
def test_a_text_that_shows_nothing_counts_as_none(text, encoder, picture):
    found = seen(make_post(text, picture), encoder)
    assert found.post.text == ""
    (note,) = found.notes
    assert "the picture alone" in note
    with pytest.raises(CourseError, match="there is no text and no picture"):
        seen(make_post(text, guid="a"), encoder)


def test_what_is_missing_is_said(encoder, picture):
    assert seen(make_post("good", picture), encoder).notes == ()
    assert seen(make_post("good"), encoder).notes == (
        "no picture: this is what the text alone says",
    )
    assert seen(make_post(None, picture), encoder).notes == (
        "no text: this is what the picture alone says",
    )


@pytest.mark.parametrize(("only", "other"), [("text", "picture"), ("image", "text")])
def test_a_modality_that_the_model_does_not_look_at_is_said(only, other, encoder, picture):
    (note,) = seen(make_post("good", picture), encoder, streams=(only,)).notes
    assert note.startswith(f"the {other} was not looked at")
    alone = make_post("good") if only == "text" else make_post(None, picture)
    assert seen(alone, encoder, streams=(only,)).notes == ()
    missing = make_post(None, picture) if only == "text" else make_post("good")
    with pytest.raises(CourseError, match="post: there is no"):
        seen(missing, encoder, streams=(only,))


def test_a_cut_text_broken_characters_and_a_blank_picture_are_said(encoder, picture):
    blank = np.full((9, 9, 3), 200, dtype=np.uint8)
    notes = seen(make_post("good \ud83d " * 30, blank), encoder).notes
    assert notes == (
        "the text was cut at 16 tokens",
        "broken characters in the text were replaced",
        "the picture is blank: it has a single colour",
    )
    unknown = dataclasses.replace(make_post("good", picture), facts=ImageFacts())
    assert seen(unknown, encoder).notes == ()


def test_words_that_cannot_be_read_are_said(encoder, picture, monkeypatch):
    for there in (True, False):
        monkeypatch.setattr(looking, "available", lambda there=there: there)
        notes = seen(make_post("good", picture), encoder, streams=(*STREAMS, "words")).notes
        assert any("PP-OCR is not installed" in note for note in notes) != there


# ---- encoders that read otherwise ---------------------------------------------------------


class Rules(TextEncoder):
    """As VADER: no tokens, and a tokenizer that is only a function."""

    has_tokens = False

    def __init__(self):
        nn.Module.__init__(self)
        self.tokenizer = len


class Spelt(TextEncoder):
    """Reads a text letter by letter, and no more than twelve of its tokens."""

    def prepared(self, text):
        return " ".join(text)

    def places(self, max_tokens):
        return min(max_tokens, 12)


@pytest.fixture(scope="module")
def spelt(encoder):
    return Spelt(encoder.transformer, encoder.tokenizer, fingerprint="spelt")


@pytest.mark.parametrize("text", ["hi", "so happy today " * 500])
def test_rules_read_all_of_a_text(text):
    assert cut_text(text, Rules(), 128) == (text, False)


def test_so_does_vader():
    pytest.importorskip("vaderSentiment")
    text = "so happy today " * 500
    assert cut_text(text, build_text_encoder("vader"), 128) == (text, False)


def test_a_text_is_cut_by_the_tokens_that_are_read(spelt):
    assert cut_text("abcdefghij", spelt, 128) == ("abcdefghij", False)
    assert cut_text("abcdefghijk", spelt, 128) == ("abcdefghijk", True)
    cut, left_out = cut_text("happy " * 9000, spelt, 128)
    assert left_out
    assert len(cut) < 9000
    whole, short = (spelt.tokenize([t], max_tokens=128) for t in ("happy " * 9000, cut))
    assert torch.equal(whole["input_ids"], short["input_ids"])


def test_where_a_text_was_cut_is_said_by_who_reads_least(encoder, spelt):
    post = make_post("too many letters, but few words")
    options = {"streams": ("text",), "max_tokens": 64}
    assert look(post, encoders=[encoder], **options).notes == ()
    for encoders in ([spelt], [encoder, spelt], [Rules(), spelt, encoder]):
        assert look(post, encoders=encoders, **options).notes == ("the text was cut at 12 tokens",)
    long = make_post("many words " * 99)
    notes = [look(long, encoders=[encoder, each], **options).notes for each in (spelt, Rules())]
    assert notes == [("the text was cut at 12 tokens",), ("the text was cut at 64 tokens",)]
