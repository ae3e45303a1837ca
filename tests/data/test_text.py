"""Tweets as strings."""

import pytest

from mmsa_utils.data import text


def test_an_encoder_gets_no_links_no_entities_and_single_spaces():
    raw = "  Tom &amp; Jerry\n say  hi https://t.co/aBc and www.example.org/x  bye "
    assert text.clean(raw) == "Tom & Jerry say hi and bye"


@pytest.mark.parametrize(
    "raw",
    [
        *("Awww... so cute", "AWWW.look at him", "ewww.gross", "www... what", "httpster shoes"),
        "http is a protocol",
    ],
)
def test_words_that_look_like_the_start_of_a_link_stay(raw):
    assert text.clean(raw) == raw


@pytest.mark.parametrize(
    ("raw", "left"),
    [
        ("see http://t.co/x", "see"),
        ("seehttps://t.co/x now", "see now"),
        ("(WWW.Example.org) ok", "( ok"),
        ("cut off http…", "cut off"),
        ("cut off https:/...", "cut off"),
        ("cut off http", "cut off"),
    ],
)
def test_links_go_also_where_they_are_cut_off(raw, left):
    assert text.clean(raw) == left


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
        ("RT @one: Good day", "good day", True),
        ("rt @one RT @two: Good day", "good day", True),
        ("RT: “@one: good day", "good day", True),
        ("start @one: good day", "good day", False),
        ("RT your friends", "your friends", False),
    ],
)
def test_texts_are_compared_without_links_mentions_retweets_case_and_spaces(one, other, equal):
    assert (text.comparable(one) == text.comparable(other)) == equal


def test_counted_words_are_lower_case_and_without_numbers_and_links():
    raw = "Don't @friend eat 3 Apples, it’s #GoodFood2day! https://t.co/x"
    assert text.words(raw) == ["don't", "eat", "apples", "it’s", "goodfood", "day"]
