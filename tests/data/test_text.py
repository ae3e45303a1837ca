"""Tweets as strings."""

import pytest

from mmsa_utils.data import text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("naïve 😊".encode(), ("naïve 😊", "utf-8")),
        ("\ufeffhello".encode(), ("hello", "utf-8")),
        ("and so on…".encode("gb18030"), ("and so on…", "gb18030")),
        (b"caf\xe9", ("café", "latin-1")),
    ],
)
def test_decoding_tries_utf8_then_gb18030_then_latin1(raw, expected):
    assert text.decode(raw) == expected


def test_an_encoder_gets_no_links_no_entities_and_single_spaces():
    raw = "  Tom &amp; Jerry\n say  hi https://t.co/aBc and www.example.org/x  bye "
    assert text.clean(raw) == "Tom & Jerry say hi and bye"


def test_an_encoder_gets_mentions_hashtags_case_and_emoji():
    raw = "@Friend LOVE this #SunnyDay 😊"
    assert text.clean(raw) == raw


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("Good  day https://t.co/abc", "good day", True),
        ("good day @friend", "GOODDAY", True),
        ("good day #sun", "good day", False),
        ("@one https://t.co/a", "", True),
    ],
)
def test_texts_are_compared_without_links_mentions_case_and_spaces(one, other, equal):
    assert (text.comparable(one) == text.comparable(other)) == equal


def test_counted_words_are_lower_case_and_without_numbers_and_links():
    raw = "Don't @friend eat 3 Apples, it’s #GoodFood2day! https://t.co/x"
    assert text.words(raw) == ["don't", "eat", "apples", "it’s", "goodfood", "day"]
