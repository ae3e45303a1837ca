"""Whether a folder can be trained on, as `check` says it."""

import re

import numpy as np
import pytest
from PIL import Image

from mmsa_utils.__main__ import main
from mmsa_utils.config import LABELS
from mmsa_utils.data import load_dataset, report
from mmsa_utils.data.problems import MANY


def make_folder(folder, counts, *, unlabelled=2, image=lambda number: number, classes=LABELS):
    """Posts with noise for pictures, `counts` of each class; `image` says which have the same."""
    (folder / "data").mkdir(parents=True)
    tags = [label for label, count in zip(classes, counts, strict=True) for _ in range(count)]
    for guid in range(len(tags) + unlabelled):
        noise = np.random.default_rng(image(guid)).integers(0, 255, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((64, 64)).save(folder / "data" / f"{guid}.png")
        (folder / "data" / f"{guid}.txt").write_text(f"what I think of thing {guid}")
    lines = [f"{guid},{tag}" for guid, tag in enumerate(tags)]
    (folder / "train.txt").write_text("\n".join(["guid,tag", *lines]))
    lines = [f"{len(tags) + number}" for number in range(unlabelled)]
    (folder / "test_without_label.txt").write_text("\n".join(["guid", *lines]))
    return folder


def test_a_sound_folder_is_described_and_can_be_trained_on(tmp_path):
    found = report(make_folder(tmp_path / "posts", (10, 10, 10)))
    assert found.problems.empty
    assert found.trainable
    assert found.notes == [
        "30 labelled posts: negative 10, neutral 10, positive 10",
        "2 unlabelled posts",
    ]


@pytest.mark.parametrize("text", [None, "", "guid,tag\n"])
def test_a_test_list_that_is_absent_or_empty_is_said_and_does_no_harm(tmp_path, text):
    folder = make_folder(tmp_path / "posts", (10, 10, 10))
    if text is None:
        (folder / "test_without_label.txt").unlink()
    else:
        (folder / "test_without_label.txt").write_text(text)
    found = report(folder)
    assert found.trainable
    assert found.notes[-1].startswith("no unlabelled posts")
    assert load_dataset(folder).unlabelled == ()


def test_a_missing_class_is_named(tmp_path):
    found = report(make_folder(tmp_path / "posts", (12, 0, 12)))
    assert len(found.faults) == 1
    assert found.faults[0].startswith("no neutral post")


def test_other_classes_are_one_fault_until_they_are_named(tmp_path):
    folder = make_folder(tmp_path / "posts", (12, 13), classes=("kind", "hateful"))
    [fault] = report(folder).faults
    assert "your tags are hateful, kind; this course has negative, neutral, positive" in fault
    assert "classes.txt" in fault
    (folder / "classes.txt").write_text("hateful\nkind\n")
    found = report(folder)
    assert found.trainable
    assert found.notes[0] == "25 labelled posts: hateful 13, kind 12"
    (folder / "classes.txt").unlink()
    assert report(folder, classes=("hateful", "kind")).notes == found.notes


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (None, r"no neutral post: this course has .*, or name those that you have, .*classes\.txt"),
        ("negative\npositive\nmixed\n", r"no mixed post: .*, or take it out of classes\.txt"),
        ("negative\n", r"classes\.txt: there is one class, negative"),
    ],
)
def test_a_class_without_posts_is_one_fault_that_names_the_file_of_classes(tmp_path, classes, said):
    folder = make_folder(tmp_path / "posts", (12, 0, 12))
    if classes:
        (folder / "classes.txt").write_text(classes)
    [fault] = report(folder).faults
    assert re.search(said, fault)
    assert "\n" not in fault
    (folder / "classes.txt").write_text("negative\npositive\n")
    assert report(folder).trainable


def test_five_classes_are_counted_and_the_rarest_is_named(tmp_path):
    folder = make_folder(tmp_path / "posts", (9, 9, 3, 9, 9), classes=tuple("abcde"))
    (folder / "classes.txt").write_text("a\nb\nc\nd\ne\n")
    [fault] = report(folder).faults
    assert fault.startswith("3 c posts are too few for 5 folds")
    assert report(folder, folds=3, inner_folds=2).trainable


def test_too_few_posts_say_what_to_set_and_that_works(tmp_path):
    folder = make_folder(tmp_path / "posts", (8, 4, 18))
    [fault] = report(folder).faults
    assert fault.startswith("4 neutral posts are too few for 5 folds with 8 inner folds each")
    assert "--folds 4 --inner-folds 3" in fault
    assert report(folder, folds=4, inner_folds=3).trainable


def test_posts_that_are_too_few_for_any_folds_are_said(tmp_path):
    [fault] = report(make_folder(tmp_path / "posts", (8, 2, 8))).faults
    assert fault.endswith("even for 2 with 2: add neutral posts")


def test_copies_are_counted_as_groups(tmp_path):
    folder = make_folder(tmp_path / "posts", (20, 20, 20), image=lambda number: number % 6)
    found = report(folder)
    assert "negative 20 (in 6 groups of copies)" in found.notes[0]
    assert "60 posts are copies of each other in text or picture, in 6 group(s)" in found.notes[1]
    assert "in 6 groups of copies are too few for 8 inner folds: there are 4" in found.notes[-1]
    assert found.trainable


def test_a_placeholder_ties_no_posts_together_and_is_said(tmp_path):
    folder = make_folder(tmp_path / "posts", (10, 10, 10), image=lambda number: max(number, 15))
    found = report(folder)
    assert found.trainable
    assert found.notes[1].startswith("16 posts have one and the same picture")


def test_problems_of_posts_leave_the_rest_trainable(tmp_path):
    folder = make_folder(tmp_path / "posts", (11, 11, 11))
    (folder / "data" / "3.txt").write_bytes(bytes(9))
    found = report(folder)
    assert found.problems["guid"].tolist() == ["3"]
    assert found.trainable


def test_a_problem_of_many_posts_is_counted_for_each_of_them(tmp_path, capsys):
    folder = make_folder(tmp_path / "posts", (11, 11, 11))
    for guid in range(MANY + 1):
        (folder / "data" / f"{guid}.txt").unlink()
    assert len(report(folder, folds=2, inner_folds=2).problems) == MANY + 1
    assert main(["check", str(folder), "--folds", "2", "--inner-folds", "2"]) == 1
    said = capsys.readouterr().out
    assert f"{MANY + 1} problem(s)" in said
    assert f"and {MANY} more" in said
    assert said.count("missing text") == 1


def test_a_folder_that_is_none_is_a_fault_in_one_line(tmp_path):
    assert report(tmp_path / "nowhere").faults == [
        f"{tmp_path / 'nowhere'} is no folder. The layout of posts is in data/README.md"
    ]


def test_where_no_post_is_left_that_is_the_fault(tmp_path):
    folder = make_folder(tmp_path / "posts", (2, 2, 2))
    for file in (folder / "data").glob("*.txt"):
        file.write_text(" ")
    found = report(folder)
    assert not found.trainable
    assert len(found.problems) == 8
    assert "lists no usable post" in found.faults[0]
