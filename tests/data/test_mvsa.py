"""MVSA-Single into the layout of the course: the rule of its tags, and nothing lost in silence."""

import re
import zipfile
from collections import Counter

import pytest
from PIL import Image

from mmsa_utils.config import LABELS
from mmsa_utils.data.mvsa import import_mvsa, one_tag
from mmsa_utils.data.posts import load_dataset
from mmsa_utils.errors import CourseError

# What the two labels make, written out: the table of the notebook on the data.
TAGS = {
    ("positive", "positive"): "positive",
    ("neutral", "positive"): "positive",
    ("positive", "neutral"): "positive",
    ("negative", "negative"): "negative",
    ("neutral", "negative"): "negative",
    ("negative", "neutral"): "negative",
    ("neutral", "neutral"): "neutral",
    ("positive", "negative"): None,
    ("negative", "positive"): None,
}
PAIRS = [*TAGS, ("neutral", "neutral"), ("neutral", "neutral")]


def write_list(folder, lines, *, header="ID\ttext,image", end="\n"):
    text = end.join([header, *lines]) + end
    (folder / "labelResultAll.txt").write_bytes(text.encode("utf-8"))


@pytest.fixture
def mvsa(tmp_path):
    """A folder as the data set is unpacked: a post for each pair of labels, two more neutral."""
    folder = tmp_path / "MVSA_Single"
    (folder / "data").mkdir(parents=True)
    for number, _ in enumerate(PAIRS, start=1):
        (folder / "data" / f"{number}.txt").write_bytes(f"caf\xe9 number {number}".encode("cp1252"))
        box = (-2, -1, number, 1)
        Image.effect_mandelbrot((40, 30), box, 30).save(folder / "data" / f"{number}.jpg")
    write_list(folder, [f"{n}\t{text},{image}" for n, (text, image) in enumerate(PAIRS, start=1)])
    return folder


def test_two_labels_make_the_tag_of_the_table():
    assert {pair: one_tag(*pair) for pair in TAGS} == TAGS


def test_posts_are_copied_byte_by_byte_with_their_tags(mvsa, tmp_path):
    import_mvsa(mvsa, tmp_path / "course")
    dataset = load_dataset(tmp_path / "course")
    expected = {str(n): TAGS[pair] for n, pair in enumerate(PAIRS, start=1) if TAGS[pair]}
    assert {post.guid: LABELS[post.label] for post in dataset.labelled} == expected
    assert dataset.unlabelled == ()
    for guid in expected:
        for name in (f"{guid}.txt", f"{guid}.jpg"):
            copied = tmp_path / "course" / "data" / name
            assert copied.read_bytes() == (mvsa / "data" / name).read_bytes()
    assert len(list((tmp_path / "course" / "data").iterdir())) == 2 * len(expected)


def test_counts_are_those_of_the_lists_before_and_after(mvsa, tmp_path):
    counts = import_mvsa(mvsa, tmp_path / "course")
    assert counts.pairs == Counter(PAIRS)
    assert counts.tags == {"negative": 3, "neutral": 3, "positive": 3}
    assert counts.dropped == 2
    assert counts.problems.empty


FORMS = {
    "commas": "{},{},{}",
    "tabs": "{}\t{}\t{}",
    "spaces": " {} \t {} , {} ",
    "capitals": "{}\t{:s},{:s}",
}


@pytest.mark.parametrize("form", FORMS)
def test_the_list_may_have_other_separators_line_ends_and_a_byte_order_mark(form, mvsa, tmp_path):
    lines = [FORMS[form].format(n, *pair) for n, pair in enumerate(PAIRS, start=1)]
    if form == "capitals":
        lines = [line.upper() for line in lines]
    write_list(mvsa, lines, header="\ufeffID\ttext,image", end="\r\n")
    counts = import_mvsa(mvsa, tmp_path / "course")
    assert counts.pairs == Counter(PAIRS)
    assert counts.tags == {"negative": 3, "neutral": 3, "positive": 3}


def test_the_folder_around_it_is_taken_too(mvsa, tmp_path):
    import_mvsa(mvsa.parent, tmp_path / "course")
    assert len(load_dataset(tmp_path / "course").labelled) == 9


def test_posts_that_cannot_be_read_are_named_and_left_out(mvsa, tmp_path):
    (mvsa / "data" / "1.jpg").unlink()
    (mvsa / "data" / "2.txt").write_text(" ")
    (mvsa / "data" / "3.jpg").write_bytes(b"no picture")
    (mvsa / "data" / "8.txt").unlink()  # of a post that is dropped anyway
    counts = import_mvsa(mvsa, tmp_path / "course")
    named = dict(zip(counts.problems["guid"], counts.problems["problem"], strict=True))
    assert named == {"1": "missing picture", "2": "empty text", "3": "text, not a picture"}
    assert counts.tags == {"negative": 3, "neutral": 3, "positive": 0}
    left = {post.guid for post in load_dataset(tmp_path / "course").labelled}
    assert left == {"4", "5", "6", "7", "10", "11"}


def test_lines_that_are_no_pair_of_labels_are_named(mvsa, tmp_path):
    write_list(mvsa, ["1\tpositive,neutral", "2\tpositive", "3\tgood,bad", "1\tneutral,neutral"])
    counts = import_mvsa(mvsa, tmp_path / "course")
    assert list(zip(counts.problems["file"], counts.problems["problem"], strict=True)) == [
        ("labelResultAll.txt:3", "not an ID and two labels"),
        ("labelResultAll.txt:4", "unknown label 'good'"),
        ("labelResultAll.txt:5", "duplicate ID"),
    ]
    assert counts.tags == {"negative": 0, "neutral": 0, "positive": 1}


def stop(source, target):
    with pytest.raises(CourseError) as caught:
        import_mvsa(source, target)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_there_already_is_not_touched(mvsa, tmp_path):
    target = tmp_path / "course"
    target.mkdir()
    (target / "notes.txt").write_text("mine")
    assert "course is not empty (it holds notes.txt)" in stop(mvsa, target)
    assert "notes.txt is a file" in stop(mvsa, target / "notes.txt")
    assert (target / "notes.txt").read_text() == "mine"
    assert [path.name for path in target.iterdir()] == ["notes.txt"]


def test_an_empty_folder_is_filled(mvsa, tmp_path):
    (tmp_path / "course").mkdir()
    import_mvsa(mvsa, tmp_path / "course")
    assert len(load_dataset(tmp_path / "course").labelled) == 9


def test_a_folder_that_cannot_be_filled_is_not_left_half_made(mvsa, tmp_path, monkeypatch):
    def refuse(source, target):
        if source.name == "3.txt":
            raise OSError(28, "No space left on device", str(target))
        target.write_bytes(source.read_bytes())

    monkeypatch.setattr("shutil.copyfile", refuse)
    with pytest.raises(OSError, match="No space left"):
        import_mvsa(mvsa, tmp_path / "course")
    assert [path.name for path in tmp_path.iterdir()] == ["MVSA_Single"]


def test_another_data_set_is_refused_with_what_is_missing(mvsa, tmp_path):
    target = tmp_path / "course"
    assert "labelResultAll.txt is missing" in stop(tmp_path / "nowhere", target)
    write_list(mvsa, ["1\tneutral,neutral\tneutral,neutral"], header="ID\ttext,image\ttext,image")
    assert "MVSA-Multiple" in stop(mvsa, target)
    write_list(mvsa, ["99\tpositive,neutral"])
    assert re.search("no post with a tag whose text and picture can be read", stop(mvsa, target))
    for path in (mvsa / "data").iterdir():
        path.unlink()
    (mvsa / "data").rmdir()
    assert f"{mvsa / 'data'} is no folder" in stop(mvsa, target)
    assert not target.exists()


def test_a_data_set_that_is_there_twice_is_not_chosen_from(mvsa, tmp_path):
    mvsa.parent.joinpath("copy").mkdir()
    write_list(mvsa.parent / "copy", ["1\tpositive,neutral"])
    assert "several lists" in stop(tmp_path, tmp_path / "course")


def test_a_list_that_is_still_packed_is_no_list(mvsa, tmp_path):
    with zipfile.ZipFile(mvsa / "labelResultAll.txt", "w") as archive:
        archive.writestr("labelResultAll.txt", "ID\ttext,image\n")
    assert "is a workbook or an archive" in stop(mvsa, tmp_path / "course")
