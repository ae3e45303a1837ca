"""The names of classes: read from classes.txt, and refused where they cannot be classes."""

import pytest

from mmsa_utils.config import LABELS
from mmsa_utils.data import check_classes, load_classes
from mmsa_utils.data.classes import by_tag, folded
from mmsa_utils.errors import CourseError


def test_without_a_file_the_classes_are_the_courses(tmp_path):
    assert load_classes(tmp_path) == LABELS


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_names_a_class_a_line_in_their_order(tmp_path, encoding):
    text = "\r\n so-so\r\nHeiter \r\n\r\ntrès gai\r\n"
    (tmp_path / "classes.txt").write_bytes(text.encode(encoding))
    assert load_classes(str(tmp_path)) == ("so-so", "Heiter", "très gai")


FAULTS = [
    ([], "there is no class"),
    (["alone"], "one class, alone: name two or more"),
    (["good", "bad", "GOOD"], "good and GOOD"),
    (["Straße", "STRASSE"], "Straße and STRASSE"),
    (["caf\u00e9", "cafe\u0301"], "are the same"),
    (["good", "null"], "'null' .* means \"no tag\""),
    (["good", "N/A"], "'N/A' .* means \"no tag\""),
    (["good", "  "], "'' .* means \"no tag\""),
    (["good", "Label"], "'Label' .* a column"),
    (["good", "error"], "'error' .* a column"),
    (["good,bad"], "one name a line"),
    (["good\tbad", "x"], "one name a line"),
    (["good\nbad", "x"], "one name a line"),
    (["good/bad", "x"], "one name a line"),
    (["good", "x" * 41], "41 letters: use 40"),
]


@pytest.mark.parametrize(("names", "said"), FAULTS)
def test_names_that_cannot_be_classes_are_refused_in_one_line(names, said):
    with pytest.raises(CourseError, match=said) as caught:
        check_classes(names)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "only\n", "a,b\n", "yes\nYES\n", "yes\nguid\n"])
def test_a_fault_of_the_file_names_the_file(tmp_path, text):
    (tmp_path / "classes.txt").write_text(text)
    with pytest.raises(CourseError, match=r"classes\.txt: ") as caught:
        load_classes(tmp_path)
    assert "\n" not in str(caught.value)


def test_what_is_no_text_is_said(tmp_path):
    (tmp_path / "classes.txt").write_bytes(bytes(20))
    with pytest.raises(CourseError, match=r"classes\.txt is not a text.*one class a line"):
        load_classes(tmp_path)


def test_a_folder_or_a_dangling_link_is_not_taken_for_an_absent_file(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "classes.txt").mkdir()
    (tmp_path / "classes.txt").symlink_to("nowhere")
    for folder in (tmp_path, tmp_path / "one"):
        with pytest.raises(CourseError, match=r"classes\.txt is no file"):
            load_classes(folder)


def test_tags_mean_a_class_whatever_their_case_and_their_accents_are_written_by():
    known = by_tag(("Café", "Tea"))
    assert known[folded("CAFE\u0301")] == "Café"
    assert known[folded("tea")] == "Tea"
