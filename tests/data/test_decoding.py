"""Texts in the encodings in which tweets come, and what is no text."""

import pytest

from mmsa_utils.data.decoding import NotText, decode, is_visible


@pytest.mark.parametrize(
    ("raw", "text", "encoding"),
    [
        ("naïve 😊".encode(), "naïve 😊", "utf-8"),
        ("\ufeffhello".encode(), "hello", "utf-8"),
        (b"", "", "utf-8"),
        ("such a day …".encode("utf-16"), "such a day …", "utf-16"),
        ("\ufeffété".encode("utf-16-le"), "été", "utf-16"),
        ("\ufeffété".encode("utf-16-be"), "été", "utf-16"),
        ("\ufeffété".encode("utf-32-le"), "été", "utf-32"),
        ("\ufeffété".encode("utf-32-be"), "été", "utf-32"),
        ("\ufeff你好".encode("gb18030"), "你好", "gb18030"),
        (b"line\r\nline\x1a", "line\r\nline", "utf-8"),
    ],
)
def test_byte_order_marks_and_utf8_are_read_and_marks_left_out(raw, text, encoding):
    assert decode(raw) == (text, encoding)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_known_without_a_mark(encoding):
    assert decode("a plain line, ça va".encode(encoding)) == ("a plain line, ça va", "utf-16")


@pytest.mark.parametrize(
    "text",
    [
        *("don’t", "wow… he said", "it’s “fine” – ok", "“café…”", "— end", "£££", "…………"),
        *("un élève à l’école", "Ça va", "Élan", "größe", "créée", "éléphant", "5 € für München"),
        *("señor ñandú", "¡éxito total!", "«été»", "não, informação", "DÉÇU", "blåbærsyltetøy"),
    ],
)
def test_windows_1252_does_not_turn_chinese(text):
    assert decode(text.encode("cp1252")) == (text, "windows-1252")


@pytest.mark.parametrize(
    "text",
    [
        *("and so on…", "don’t – really", "café ok", "“well”", "★ Follow me ★", "→ there"),
        *("你好 world", "我love你", "#伴 x", "臺灣好", "こんにちは", "привет", "模型", "ok。"),
    ],
)
def test_gb18030_is_read_where_it_is_plausible(text):
    assert decode(text.encode("gb18030")) == (text, "gb18030")


@pytest.mark.parametrize(
    ("raw", "text", "encoding"),
    [
        ("so sunny 😊 today 😊".encode()[:-1], "so sunny 😊 today �", "utf-8, 3 bytes replaced"),
        ("cut after “two".encode() + b"\xe2\x80", "cut after “two�", "utf-8, 2 bytes replaced"),
        ("naïve ".encode() + b"\x85", "naïve �", "utf-8, 1 byte replaced"),
        ("你好世界".encode()[1:], "��好世界", "utf-8, 2 bytes replaced"),
        ("привет мир".encode()[:5] + "вет мир".encode(), "пр�вет мир", "utf-8, 1 byte replaced"),
        ("odd".encode("utf-16") + b"x", "odd�", "utf-16, 1 byte replaced"),
        ("你好世界".encode("gb18030")[:-1], "你好世�", "gb18030, 1 byte replaced"),
    ],
)
def test_what_is_broken_in_few_places_is_replaced_and_said(raw, text, encoding):
    assert decode(raw) == (text, encoding)


@pytest.mark.parametrize(
    "raw",
    [
        bytes(64),
        b"a\0b",
        b"bell\x07",
        b"\x1b[31mred",
        b"\xff\xd8\xff\xe0 a picture",
        b"\x89PNG\r\n\x1a\n",
        b"\x81\x20 of no encoding",
        b"\xff\xfe" + bytes(range(0xD8, 0xE0)) * 8,
    ],
)
def test_what_is_no_text_is_refused(raw):
    with pytest.raises(NotText, match="not a text"):
        decode(raw)


@pytest.mark.parametrize(
    "text", ["", " \n", "\u200b\ufeff", "\u00a0\u2003", "\u2800\ufe0f", "\u3164"]
)
def test_invisible_characters_are_nothing(text):
    assert not is_visible(text)
    assert is_visible(text + "😊")


def test_a_long_run_of_one_kind_takes_no_time():
    assert decode("中".encode("gb18030") * 200_000)[1] == "gb18030"
    assert decode(b"\xe9" * 300_000)[1] == "windows-1252"
