"""Posts in one file, a row each: CSV in the forms that programs write, and JSON lines."""

import csv
import json
import tracemalloc

import pytest

from mmsa_utils.data import post_rows
from mmsa_utils.data.post_rows import PostRow, columns_of, iterate_rows
from mmsa_utils.errors import CourseError

CHINESE = "今天天气很好，心情也不错，大家一起出去玩吧"


@pytest.fixture
def write(tmp_path):
    """Writes a file of posts: bytes as they are, a text in UTF-8."""

    def write(content, name="posts.csv"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


def texts(file):
    return [row.text for row in iterate_rows(file)]


# ---- a row --------------------------------------------------------------------------------


def test_a_row_has_its_line_its_cells_as_they_stand_and_its_post(write, tmp_path):
    file = write("id,Text,IMAGE,label\n007, so good ,pics/a.jpg,positive\n")
    assert columns_of(file) == ("id", "Text", "IMAGE", "label")
    cells = {"id": "007", "Text": " so good ", "IMAGE": "pics/a.jpg", "label": "positive"}
    row = PostRow(2, cells, "so good", tmp_path / "pics/a.jpg", "positive")
    assert list(iterate_rows(file)) == [row]


def test_pictures_count_from_the_files_folder_wherever_one_stands(write, tmp_path, monkeypatch):
    file = write(f"image\na.jpg\n{tmp_path / 'elsewhere' / 'b.jpg'}\n")
    monkeypatch.chdir(tmp_path.parent)
    rows = iterate_rows(file.relative_to(tmp_path.parent))
    expected = [tmp_path / "a.jpg", tmp_path / "elsewhere" / "b.jpg"]
    assert [row.image for row in rows] == expected


@pytest.mark.parametrize("header", ["text", "image"])
def test_one_of_the_two_columns_is_enough(write, header):
    (row,) = iterate_rows(write(f"{header},n\nx,1\n"))
    assert (row.text is None, row.image is None) == (header != "text", header != "image")


def test_cells_that_are_missing_or_empty_are_none(write):
    rows = list(iterate_rows(write("text,image,n\nhello\n   ,a.jpg,1\n,,\n")))
    assert [row.text for row in rows] == ["hello", None, None]
    assert [row.image is None for row in rows] == [True, False, True]
    assert rows[0].cells == {"text": "hello", "image": "", "n": ""}
    assert not any(row.error for row in rows)


def test_empty_lines_are_no_rows_and_are_counted(write):
    file = write("\n\ntext,image\n\nhello,\n   \n,\nbye,\n\x1a")
    assert [(row.number, row.text) for row in iterate_rows(file)] == [
        (5, "hello"),
        (7, None),
        (8, "bye"),
    ]


# ---- CSV as programs write it -------------------------------------------------------------

ROWS = [["text", "image", "n"], ['say "hi", friend; a|b', "a.jpg", "1"], ["two\nlines", "", "2"]]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_a_csv_writer_writes_is_read(tmp_path, separator, end):
    file = tmp_path / "posts.csv"
    with file.open("w", newline="") as handle:
        csv.writer(handle, delimiter=separator, lineterminator=end).writerows(ROWS)
    assert columns_of(file) == ("text", "image", "n")
    assert [list(row.cells.values()) for row in iterate_rows(file)] == ROWS[1:]


def test_the_separator_may_be_named_as_excel_does(write):
    file = write("sep=;\r\ntext;n\r\na, b, c;1\r\n")
    assert [row.cells for row in iterate_rows(file)] == [{"text": "a, b, c", "n": "1"}]


def test_a_space_after_each_separator_belongs_to_no_cell(write):
    assert texts(write('n, text\n1, "well, well"\n')) == ["well, well"]


def test_in_one_column_a_comma_separates_nothing(write):
    assert texts(write('text\nwell, well\n"quoted, too"\n')) == ["well, well", "quoted, too"]


def test_a_number_is_that_of_a_rows_first_line(write):
    file = write('text,n\n"one\n\ntwo",1\nthree,2\n')
    assert [(row.number, row.text) for row in iterate_rows(file)] == [
        (2, "one\n\ntwo"),
        (5, "three"),
    ]


@pytest.mark.parametrize(
    "broken", ['"never closed,a.jpg', '"so" it goes,a.jpg', "a,b,c", '"open\n\n', '"']
)
def test_a_broken_row_is_one_row_with_its_error(write, broken):
    file = write(f"text,image\nfirst,\n{broken}\nlast,\n")
    rows = list(iterate_rows(file))
    assert (rows[0].text, rows[-1].text) == ("first", "last")
    assert [row.number for row in rows if row.error] == [3]


def test_a_first_line_of_any_length_names_the_columns_or_is_refused(write, monkeypatch):
    csv.field_size_limit(131_072)  # Python's own: whoever read a file before has raised it
    long = "n" * 200_000
    assert columns_of(write(f"text,{long}\nhello,1\n")) == ("text", long)
    monkeypatch.setattr(post_rows, "_LONGEST", 1000)
    with pytest.raises(CourseError, match=r"posts\.csv: its first line names no columns \(field"):
        columns_of(write(f"text,{long}\nhello,1\n"))
    csv.field_size_limit(131_072)


def test_a_text_of_a_megabyte_is_a_cell(write):
    assert texts(write("text,n\n" + "word " * 200_000 + ",1\n")) == [("word " * 200_000).strip()]


# ---- encodings ----------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030"])
def test_any_encoding_of_chinese_is_read(write, encoding):
    assert texts(write(f"text,n\n{CHINESE},1\n".encode(encoding))) == [CHINESE]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_read(write, encoding):
    assert texts(write("text,n\nwhat a day,1\n".encode(encoding))) == ["what a day"]


def test_an_encoding_that_shows_far_down_counts_for_all_rows(write):
    french = "déjà vu à la carte, garçon, être né"
    file = write(b"text;n\n" + b"what a day;1\n" * 90_000 + f"{french};1\n".encode("cp1252"))
    *_, last = iterate_rows(file)
    assert last.text == french


def test_broken_utf8_stays_utf8_with_marks(write):
    (text, other) = texts(write(b"text,n\ncaf\xc3\xa9 \xe2\x80\x99 caf\xc3,1\nna\xc3\xafve,2\n"))
    assert (text, other) == ("café ’ caf�", "naïve")


# ---- JSON lines ---------------------------------------------------------------------------


def test_json_lines_keep_their_values_and_a_broken_line_is_a_row_with_its_error(write):
    objects = [{"n": 1, "text": "a\nb", "tags": ["x"]}, {"Image": "a.jpg", "text": None}]
    lines = [json.dumps(objects[0]), '{"text": "cut', "", "[1, 2]", json.dumps(objects[1])]
    file = write("\ufeff" + "\r\n".join(lines), "posts.JSONL")
    assert columns_of(file) == ("n", "text", "tags", "Image")
    rows = list(iterate_rows(file))
    assert [row.cells for row in rows] == [objects[0], {}, {}, objects[1]]
    assert [bool(row.error) for row in rows] == [False, True, True, False]
    assert [row.number for row in rows] == [1, 2, 4, 5]
    assert "Unterminated string" in rows[1].error
    assert rows[3].image.name == "a.jpg"


def test_a_text_that_is_no_string_is_said(write):
    rows = list(iterate_rows(write('{"text": 5}\n{"text": "5"}\n', "posts.jsonl")))
    assert rows[0].error == "text is of type int, not a string: put it in quotes"
    assert rows[1].text == "5"


def test_an_error_quotes_nothing_of_a_post(write):
    long = "a great day at the beach, and all of us were there"
    (row,) = iterate_rows(write(json.dumps({"text": [long]}), "posts.jsonl"))
    assert row.error == "text is of type list, not a string: put it in quotes"


def test_half_a_character_is_marked_in_the_text_and_kept_in_its_cell(write):
    (row,) = iterate_rows(write(r'{"text": "so \ud83d good \ud83d\ude00"}', "posts.jsonl"))
    assert row.text == "so � good 😀"
    assert row.cells["text"] == "so \ud83d good 😀"


@pytest.mark.parametrize("line", ["[" * 100_000, '{"n": ' + "1" * 5000 + "}"])
def test_json_without_end_is_a_row_with_its_error(write, line):
    rows = list(iterate_rows(write(f'{{"text": "a"}}\n{line}\n', "posts.jsonl")))
    assert [bool(row.error) for row in rows] == [False, True]


# ---- faults of the whole file -------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("posts.xlsx", b"PK\x03\x04", "save the posts as .csv or .jsonl"),
        ("posts.csv", b"PK\x03\x04 and more", "a workbook or an archive"),
        ("posts.csv", b"text\xff\xd8\x00\x01\x02\n", "not a text"),
        ("posts.csv", "", "is empty: its first line names the columns"),
        ("posts.csv", "tweet,picture\nhi,a.jpg\n", "its columns are tweet, picture: name"),
        ("posts.csv", "text,n,TEXT\nhi,1,ho\n", "two columns are named text \\(text, TEXT\\)"),
        ("posts.csv", "text,n,n\nhi,1,ho\n", "the column 'n' stands there twice"),
        ("posts.jsonl", '{"tweet": "hi"}\n', "its columns are tweet: name"),
        ("posts.jsonl", '[\n{"text": "hi"},\n', "no line is a JSON object"),
        ("posts.csv", None, "is missing"),
    ],
)
def test_a_fault_of_the_whole_file_is_said_in_one_line(write, tmp_path, name, content, said):
    file = tmp_path / name if content is None else write(content, name)
    for read in (iterate_rows, columns_of):
        with pytest.raises(CourseError, match=said) as caught:
            read(file)
        assert str(file) in str(caught.value)
        assert "\n" not in str(caught.value)


# ---- memory -------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_memory_stays_flat_however_long_the_file_is(tmp_path, suffix):
    file = tmp_path / f"posts.{suffix}"
    line = '{"text": "%s"}\n' if suffix == "jsonl" else "%s,1\n"
    with file.open("w") as handle:
        handle.write("" if suffix == "jsonl" else "text,n\n")
        handle.writelines(line % ("word " * 500) for _ in range(6000))  # 15 MB
    tracemalloc.start()
    assert sum(1 for _ in iterate_rows(file)) == 6000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6e6
