"""Posts in one file: what a folder of the same posts says, by row."""

import csv
import json
import os

import numpy as np
import pytest
from PIL import Image

from mmsa_utils.data import check_folder, load_dataset, report
from mmsa_utils.errors import CourseError

TAGS = ("negative", "neutral", "positive")


def write_rows(file, rows, columns=("text", "image", "label")):
    if file.suffix == ".jsonl":
        lines = [json.dumps(dict(zip(columns, row, strict=True))) for row in rows]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([columns, *rows])
    return file


def text_of(number):
    return f"thing {number}, as I see it: “fine”\nin two lines"


@pytest.fixture
def place(tmp_path):
    """A folder with sixteen pictures of noise in pictures/."""
    place = tmp_path / "mine"
    (place / "pictures").mkdir(parents=True)
    for number in range(16):
        noise = np.random.default_rng(number).integers(0, 255, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((64, 64)).save(place / "pictures" / f"{number}.png")
    return place


@pytest.fixture
def rows():
    """Twelve labelled rows, and four without a label among them."""
    return [[text_of(n), f"pictures/{n}.png", "" if n % 4 == 3 else TAGS[n % 3]] for n in range(16)]


@pytest.fixture
def as_folder(tmp_path, place, rows):
    """The same posts in lists and files; guids are the lines of a CSV file of these texts."""
    folder = tmp_path / "folder"
    (folder / "data").mkdir(parents=True)
    lines = {True: ["guid,tag"], False: ["guid,tag"]}
    for number, (text, image, tag) in enumerate(rows):
        guid = 2 + 2 * number
        (folder / "data" / f"{guid}.txt").write_text(text, encoding="utf-8")
        (folder / "data" / f"{guid}.png").write_bytes((place / image).read_bytes())
        lines[bool(tag)].append(f"{guid},{tag}")
    (folder / "train.txt").write_text("\n".join(lines[True]))
    (folder / "test_without_label.txt").write_text("\n".join(lines[False]))
    return folder


def seen(dataset):
    """What is known of each post, but for where its picture lies."""
    return [(p.guid, p.label, p.text, p.content, p.image_key, p.facts) for p in dataset.posts]


def test_a_file_gives_the_posts_of_a_folder_with_the_same_content(place, rows, as_folder):
    file = write_rows(place / "posts.csv", rows)
    found, expected = load_dataset(file), load_dataset(as_folder)
    assert seen(found) == seen(expected)
    assert found.fingerprint == expected.fingerprint
    assert (len(found.labelled), len(found.unlabelled)) == (12, 4)
    assert [post.image for post in found.posts[:2]] == [
        place / "pictures" / "0.png",
        place / "pictures" / "1.png",
    ]


def test_json_lines_give_the_same_posts_named_by_their_lines(place, rows):
    by_csv = load_dataset(write_rows(place / "posts.csv", rows))
    by_json = load_dataset(write_rows(place / "posts.jsonl", rows), name="posts")
    assert [post.guid for post in by_json.unlabelled] == ["4", "8", "12", "16"]
    assert [post.content for post in by_json.posts] == [post.content for post in by_csv.posts]
    assert by_json.labels.tolist() == by_csv.labels.tolist()


def test_a_folder_whose_only_list_is_such_a_file_is_a_folder_of_posts(place, rows, capsys):
    file = write_rows(place / "posts.csv", rows)
    dataset = load_dataset(place)
    assert seen(dataset) == seen(load_dataset(file))
    assert (dataset.name, load_dataset(file).name) == ("mine", "posts")
    found = report(place, folds=2, inner_folds=2)
    assert found.problems.empty
    assert found.faults == []
    assert found.notes[-1] == "4 unlabelled posts"

    from mmsa_utils.__main__ import main

    assert main(["check", str(place), "--folds", "2", "--inner-folds", "2"]) == 0
    assert "12 labelled posts: negative 4, neutral 4, positive 4" in capsys.readouterr().out


def test_lists_go_before_a_file_and_two_files_are_not_chosen_from(place, rows, folder):
    write_rows(folder / "posts.csv", [])
    assert len(load_dataset(folder).labelled) == 12
    write_rows(place / "posts.csv", rows)
    write_rows(place / "posts.jsonl", rows)
    with pytest.raises(CourseError, match=r"posts\.csv and posts\.jsonl: leave one"):
        load_dataset(place)


@pytest.mark.parametrize("column", ["guid", "ID"])
def test_a_column_names_the_posts_and_other_columns_do_no_harm(place, rows, column):
    named = [[*row, f"post {n}", "seen"] for n, row in enumerate(rows)]
    columns = ("Text", "Image", "Label", column, "remark")
    dataset = load_dataset(write_rows(place / "posts.csv", named, columns))
    assert [post.guid for post in dataset.unlabelled] == [f"post {n}" for n in (3, 7, 11, 15)]


def test_classes_stand_beside_the_file_or_are_named(place, rows):
    for row in rows:
        row[2] = {"negative": "No", "neutral": "no", "positive": "yes", "": "null"}[row[2]]
    file = write_rows(place / "posts.csv", rows)
    with pytest.raises(CourseError, match=r"posts\.csv: your tags are no, yes; this course has"):
        load_dataset(file)
    named = load_dataset(file, classes=("no", "yes"))
    (place / "classes.txt").write_text("no\nyes\n")
    dataset = load_dataset(file)
    assert dataset.classes == named.classes == ("no", "yes")
    assert dataset.labels.tolist() == named.labels.tolist() == [0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 1]


def test_each_problem_is_named_by_its_line_stops_and_can_be_excluded(place, rows):
    rows[0][0] = "  "
    rows[1][1] = "pictures/none.png"
    rows[2][1] = ""
    rows[4][2] = "great"
    (place / "pictures" / "5.png").write_bytes(b"no picture")
    (place / "pictures" / "6.png").unlink()
    (place / "pictures" / "6.png").mkdir()
    rows[8][0] = "&nbsp;\u200b"
    file = write_rows(place / "posts.csv", rows)
    table = check_folder(file)
    lines = [2 + sum(1 + row[0].count("\n") for row in rows[:n]) for n in range(16)]
    places = dict(zip(table["file"], table["problem"], strict=True))
    assert places == {
        f"posts.csv:{lines[0]}": "empty text",
        f"posts.csv:{lines[1]}": "missing picture",
        f"posts.csv:{lines[2]}": "missing picture",
        f"posts.csv:{lines[4]}": "unknown tag 'great'",
        f"posts.csv:{lines[5]}, 5.png": "text, not a picture",
        f"posts.csv:{lines[6]}": "a folder, not a file",
        f"posts.csv:{lines[8]}": "empty text",
    }
    with pytest.raises(CourseError, match=r"(?s)posts\.csv:2 .*--exclude-problems"):
        load_dataset(file)
    dataset = load_dataset(file, exclude_problems=True)
    assert len(dataset.posts) == 16 - len(table)
    assert len(dataset.excluded) == len(table)


def test_broken_and_repeated_rows_are_problems_of_their_own(place, rows):
    file = write_rows(
        place / "posts.jsonl", [[*row, 7] for row in rows[:2]], ("text", "image", "label", "id")
    )
    lines = [*file.read_text().splitlines(), "{no json", '{"text": 3, "id": 8}']
    lines.append('{"text": "a", "id": null}')
    file.write_text("\n".join([*lines, json.dumps({"text": "a", "id": "a,b"})]))
    table = check_folder(file)
    assert table["file"].tolist() == [f"posts.jsonl:{line}" for line in (2, 3, 4, 5, 6)]
    kinds = ("duplicate guid", "no JSON", "text is of type int", "no guid", "guid with a comma")
    for problem, kind in zip(table["problem"], kinds, strict=True):
        assert problem.startswith(kind)


def test_texts_that_could_not_be_decoded_are_said(place, rows):
    file = write_rows(place / "posts.csv", rows)
    raw = file.read_bytes().replace("“fine”".encode(), b"\xe2\x80 fine", 1)
    file.write_bytes(raw)
    notes = report(file, folds=2, inner_folds=2).notes
    assert "posts.csv: texts with signs that could not be decoded" in notes[0]


def stop(path):
    with pytest.raises(CourseError) as caught:
        load_dataset(path, exclude_problems=True)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_faults_of_the_whole_file_are_one_line(place, rows):
    file = write_rows(place / "posts.csv", [row[:2] for row in rows], ("text", "image"))
    assert "has no column label (its columns: text, image)" in stop(place)
    write_rows(file, [[*row[:2], ""] for row in rows])
    assert f"{file} lists no usable post" in stop(place)
    assert f"{file} lists no usable post" in report(place).faults
    write_rows(file, [])
    assert f"{file} lists no usable post" in stop(file)
    file.write_bytes(b"PK\x03\x04")
    assert "is a workbook" in stop(file)


def test_a_file_of_another_kind_is_no_folder(folder):
    assert "is no folder" in stop(folder / "train.txt")


def test_a_file_without_unlabelled_posts_says_so(place, rows):
    file = write_rows(place / "posts.csv", [row for row in rows if row[2]])
    assert (
        "no row of posts.csv is without a label" in report(file, folds=2, inner_folds=2).notes[-1]
    )


def test_a_picture_that_cannot_be_opened_costs_no_other_row(place, rows):
    picture = place / "pictures" / "1.png"
    picture.unlink()
    os.mkfifo(picture)
    table = check_folder(write_rows(place / "posts.csv", rows))
    assert table["problem"].tolist() == ["a device or pipe, not a file"]


def test_a_table_beside_the_lists_is_not_read_and_that_is_said(as_folder, capsys):
    before = load_dataset(as_folder)
    (as_folder / "posts.csv").write_text("text,image,label\nnew,0.png,positive\n")
    assert load_dataset(as_folder).fingerprint == before.fingerprint
    assert "posts.csv is not looked at: train.txt is there" in capsys.readouterr().err
