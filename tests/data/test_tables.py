"""Tables as text, whatever separates their cells."""

import pytest

from mmsa_utils.data.tables import parse_table, read_table
from mmsa_utils.errors import CourseError

ROWS = [(1, ["guid", "tag"]), (2, ["7", "negative"]), (3, ["8", "positive"])]


@pytest.mark.parametrize(
    "text",
    [
        "guid,tag\n7,negative\n8,positive\n",
        "guid;tag\r\n7;negative\r\n8;positive",
        "guid\ttag\r7\tnegative\r8\tpositive\r",
        "guid|tag\n 7 | negative \n8|positive\n\n",
        "guid tag\n7 negative\n8  positive\n",
        '"guid","tag"\n"7","negative"\n"8","positive"\n',
        "guid, tag\n7, negative\n8, positive",
    ],
)
def test_any_separator_and_quotes_are_read(text):
    assert parse_table(text) == ROWS


def test_the_separator_may_be_named_as_excel_does():
    assert parse_table("sep=;\nguid;tag\n7;negative\n") == [(2, ROWS[0][1]), (3, ROWS[1][1])]


def test_a_quoted_cell_may_hold_the_separator():
    assert parse_table('guid,text,tag\n7,"well, well",negative') == [
        (1, ["guid", "text", "tag"]),
        (2, ["7", "well, well", "negative"]),
    ]


def test_a_quote_too_many_costs_no_other_line():
    rows = parse_table('guid,tag\n"7,negative\n8,positive\n')
    assert [cells[-1] for _, cells in rows] == ["tag", "negative", "positive"]
    assert rows[2] == (3, ["8", "positive"])


def test_empty_lines_are_left_out_and_counted():
    assert parse_table("guid,tag\n\n,\n7,negative") == [
        (1, ["guid", "tag"]),
        (4, ["7", "negative"]),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_lists_may_have_any_encoding(tmp_path, encoding):
    (tmp_path / "train.txt").write_bytes("guid,tag\r\n微博1,negative\r\n".encode(encoding))
    rows, _ = read_table(tmp_path / "train.txt")
    assert rows == [(1, ["guid", "tag"]), (2, ["微博1", "negative"])]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"PK\x03\x04 and more", "a workbook or an archive: save it as a text"),
        (b"guid,tag\n7\0,negative", "not a text.*save it as a text"),
        (None, "is a folder: put the list itself there"),
    ],
)
def test_what_is_no_table_is_said_in_one_line(tmp_path, raw, said):
    file = tmp_path / "train.txt"
    file.write_bytes(raw) if raw else file.mkdir()
    with pytest.raises(CourseError, match=said) as caught:
        read_table(file)
    assert "\n" not in str(caught.value)
