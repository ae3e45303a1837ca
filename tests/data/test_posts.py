"""Reading posts: nothing is skipped in silence, every problem is named."""

import pytest
from PIL import Image

from mmsa_utils.data.posts import PROBLEM_COLUMNS, check_folder, load_dataset
from mmsa_utils.errors import CourseError


def guids(folder):
    return [line.split(",")[0] for line in (folder / "train.txt").read_text().split()[1:]]


def image_of(folder, guid):
    return next(p for p in (folder / "data").glob(f"{guid}.*") if p.suffix != ".txt")


def test_a_sound_folder_has_no_problems(folder):
    assert check_folder(folder).empty
    assert list(check_folder(folder).columns) == PROBLEM_COLUMNS
    assert len(load_dataset(folder).labelled) == 12


def test_lists_may_have_bom_windows_line_ends_blank_lines_spaces_and_capitals(folder):
    before = load_dataset(folder)
    lines = (folder / "train.txt").read_text().split()
    messy = "\r\n" + "\r\n\r\n".join(line.replace(",", " , ").upper() for line in lines)
    (folder / "train.txt").write_bytes(b"\xef\xbb\xbf" + messy.encode() + b"\r\n \r\n")
    assert load_dataset(folder).fingerprint == before.fingerprint


@pytest.mark.parametrize("suffix", [".JPG", ".jpeg", ".png"])
def test_other_picture_suffixes_are_read(folder, suffix):
    image = image_of(folder, guids(folder)[3])
    image.rename(image.with_suffix(suffix))
    assert check_folder(folder).empty


def spoil_missing_image(folder, guid):
    image_of(folder, guid).unlink()


def spoil_missing_text(folder, guid):
    (folder / "data" / f"{guid}.txt").unlink()


def spoil_truncated_image(folder, guid):
    image = image_of(folder, guid)
    image.write_bytes(image.read_bytes()[:1500])


def spoil_unreadable_image(folder, guid):
    image_of(folder, guid).write_bytes(b"no picture at all")


def spoil_empty_text(folder, guid):
    (folder / "data" / f"{guid}.txt").write_text(" \n")


def spoil_unknown_tag(folder, guid):
    list_ = folder / "train.txt"
    lines = [f"{guid},happy" if x.startswith(f"{guid},") else x for x in list_.read_text().split()]
    list_.write_text("\n".join(lines))


def spoil_two_images(folder, guid):
    Image.new("RGB", (9, 9)).save(folder / "data" / f"{guid}.png")


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (spoil_missing_image, "missing picture"),
        (spoil_missing_text, "missing text"),
        (spoil_truncated_image, "truncated picture"),
        (spoil_unreadable_image, "unreadable picture"),
        (spoil_empty_text, "empty text"),
        (spoil_unknown_tag, "unknown tag 'happy'"),
        (spoil_two_images, "2 pictures for one post"),
    ],
)
def test_each_problem_is_named_stops_and_can_be_excluded(folder, spoil, problem):
    guid = guids(folder)[4]
    spoil(folder, guid)
    table = check_folder(folder)
    assert table["problem"].tolist() == [problem]
    assert table["guid"].tolist() == [guid]
    with pytest.raises(CourseError, match=f"(?s){guid}.*--exclude-problems"):
        load_dataset(folder)
    dataset = load_dataset(folder, exclude_problems=True)
    assert guid not in {post.guid for post in dataset.labelled}
    assert len(dataset.labelled) == 11
    assert dataset.excluded["guid"].tolist() == [guid]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("../../secret,positive", "guid is not a plain file name"),
        ("a b,positive", "guid is not a plain file name"),
        ("7", "not two cells"),
    ],
)
def test_bad_lines_are_named_with_their_place(folder, line, problem):
    with (folder / "train.txt").open("a") as file:
        file.write(line + "\n")
    table = check_folder(folder)
    assert table["problem"].tolist() == [problem]
    assert table["file"].tolist() == ["train.txt:14"]


def test_a_guid_listed_twice_is_a_problem_also_across_the_two_lists(folder):
    guid = guids(folder)[0]
    with (folder / "test_without_label.txt").open("a") as file:
        file.write(f"{guid},null\n")
    table = check_folder(folder)
    assert table["problem"].tolist() == ["duplicate guid"]
    assert "train.txt:2" in table["what to do"].item()


def test_a_folder_without_the_layout_says_where_the_layout_is(tmp_path):
    with pytest.raises(CourseError, match=r"train.txt is missing.*data/README.md"):
        load_dataset(tmp_path)


def test_the_posts_are_the_labelled_and_then_the_unlabelled_in_the_order_of_the_lists(folder):
    dataset = load_dataset(folder)
    lists = ("train.txt", "test_without_label.txt")
    lines = [line for name in lists for line in (folder / name).read_text().split()[1:]]
    assert [post.guid for post in dataset.posts] == [line.split(",")[0] for line in lines]
    assert dataset.posts == dataset.labelled + dataset.unlabelled
    assert dataset.labels.tolist() == [post.label for post in dataset.labelled]


def test_the_fingerprint_tells_another_text_picture_label_or_order(folder):
    found = {load_dataset(folder).fingerprint}
    first, second = guids(folder)[:2]
    (folder / "data" / f"{first}.txt").write_text("something else")
    found.add(load_dataset(folder).fingerprint)
    with image_of(folder, second).open("ab") as file:
        file.write(b"more")
    found.add(load_dataset(folder).fingerprint)
    lines = (folder / "train.txt").read_text().split()
    (folder / "train.txt").write_text("\n".join([lines[0], *lines[:0:-1]]))
    found.add(load_dataset(folder).fingerprint)
    label = lines[1].split(",")[1]
    other = "neutral" if label != "neutral" else "positive"
    changed = [lines[0], f"{first},{other}", *lines[2:]]
    (folder / "train.txt").write_text("\n".join(changed))
    found.add(load_dataset(folder).fingerprint)
    assert len(found) == 5


def test_a_folder_without_a_usable_labelled_post_is_refused(folder):
    (folder / "train.txt").write_text("guid,tag\n")
    with pytest.raises(CourseError, match="no usable post"):
        load_dataset(folder)


def test_a_dataset_is_named_after_its_folder_unless_told_otherwise(folder):
    assert load_dataset(folder).name == folder.name
    assert load_dataset(str(folder), name="course").name == "course"


def test_check_command_prints_the_table_and_fails(folder, capsys):
    from mmsa_utils.__main__ import main

    assert main(["check", str(folder)]) == 0
    spoil_missing_image(folder, guids(folder)[0])
    assert main(["check", str(folder)]) == 1
    assert "missing picture" in capsys.readouterr().out


def test_a_command_on_bad_input_ends_in_one_message(tmp_path, capsys):
    from mmsa_utils.__main__ import main

    assert main(["check", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("mmsa_utils: ")
