"""Reading posts: nothing is skipped in silence, every problem is named."""

import zipfile

import pytest
from PIL import Image

from mmsa_utils.config import LABELS
from mmsa_utils.data import posts
from mmsa_utils.data.posts import PROBLEM_COLUMNS, check_folder, load_dataset, read_folder
from mmsa_utils.data.reading import Files
from mmsa_utils.errors import CourseError
from mmsa_utils.paths import DEMO


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
        (spoil_unreadable_image, "text, not a picture"),
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
    ("line", "problem", "where"),
    [
        ("../../secret,positive", "guid is not a plain file name", "train.txt:14"),
        ("a b,positive", "missing text", "{}/data/a b.txt"),
        ("7", "not two cells", "train.txt:14"),
    ],
)
def test_bad_lines_are_named_with_their_place(folder, line, problem, where):
    with (folder / "train.txt").open("a") as file:
        file.write(line + "\n")
    table = check_folder(folder)
    assert table["problem"][0] == problem
    assert table["file"][0] == where.format(folder)


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


def rename_tags(folder, **names):
    list_ = folder / "train.txt"
    text = list_.read_text()
    for tag, name in names.items():
        text = text.replace(f",{tag}", f",{name}")
    list_.write_text(text)


def test_labels_count_the_classes_that_the_folder_names(folder):
    before = load_dataset(folder)
    rename_tags(folder, negative="sad", neutral="SO-SO", positive="Happy")
    (folder / "classes.txt").write_text("happy\nso-so\nsad\n")
    after = load_dataset(folder)
    assert (before.classes, after.classes) == (LABELS, ("happy", "so-so", "sad"))
    assert after.labels.tolist() == (2 - before.labels).tolist()
    assert [post.label for post in after.unlabelled] == [None, None]


def test_classes_that_are_given_count_more_than_those_of_the_folder(folder):
    rename_tags(folder, neutral="negative")
    (folder / "classes.txt").write_text("broken")
    classes = ["positive", "negative"]
    assert check_folder(folder, classes=classes).empty
    assert load_dataset(folder, classes=classes).classes == ("positive", "negative")
    with pytest.raises(CourseError, match=r"classes\.txt: there is one class, broken"):
        load_dataset(folder)
    with pytest.raises(CourseError, match="'label' cannot be a class"):
        load_dataset(folder, classes=["negative", "label"])


def test_other_names_of_classes_are_another_dataset_and_the_courses_own_are_the_same(folder):
    plain = load_dataset(folder).fingerprint
    assert load_dataset(folder, classes=LABELS).fingerprint == plain
    others = [("negative", "neutral", "positive", "mixed"), LABELS[::-1]]
    found = {load_dataset(folder, classes=classes).fingerprint for classes in others}
    assert len(found | {plain}) == 3


def test_a_folder_without_a_usable_labelled_post_is_refused(folder):
    (folder / "train.txt").write_text("guid,tag\n")
    with pytest.raises(CourseError, match="no usable post"):
        load_dataset(folder)


def test_a_dataset_is_named_after_its_folder_unless_told_otherwise(folder):
    assert load_dataset(folder).name == folder.name
    assert load_dataset(str(folder), name="course").name == "course"


def test_check_command_prints_the_table_and_fails(folder, capsys):
    from mmsa_utils.__main__ import main

    assert main(["check", str(DEMO)]) == 0
    spoil_missing_image(folder, guids(folder)[0])
    assert main(["check", str(folder)]) == 1
    assert "missing picture" in capsys.readouterr().out


# ---- guids and files --------------------------------------------------------------------


def test_guids_without_their_zeros_are_matched_and_that_is_said_once(folder, capsys):
    before = load_dataset(folder)
    for path in (folder / "data").iterdir():
        path.rename(path.with_name(path.stem.zfill(6) + path.suffix))
    after = load_dataset(folder)
    assert [post.guid for post in after.posts] == [post.guid for post in before.posts]
    assert [post.content for post in after.posts] == [post.content for post in before.posts]
    said = capsys.readouterr().err
    assert said.count("was matched to the files named") == 1
    assert "(and 13 more)" in said


def test_a_guid_that_may_be_several_posts_is_a_problem(folder):
    guid = guids(folder)[0]
    for zeros in ("0", "00"):
        for path in list((folder / "data").glob(f"{guid}.*")):
            path.with_name(zeros + path.name).write_bytes(path.read_bytes())
    for path in list((folder / "data").glob(f"{guid}.*")):
        path.unlink()
    assert check_folder(folder)["problem"].tolist() == [f"guid may be '00{guid}' or '0{guid}'"]


def test_two_guids_of_one_post_are_duplicates(folder):
    with (folder / "train.txt").open("a") as file:
        file.write(f"00{guids(folder)[0]},positive\n")
    assert check_folder(folder)["problem"].tolist() == ["duplicate guid"]


def test_names_may_be_chinese_and_have_spaces_and_brackets(folder):
    guid, list_ = guids(folder)[2], folder / "train.txt"
    for path in (folder / "data").glob(f"{guid}.*"):
        path.rename(path.with_name("微博 (1)" + path.suffix))
    list_.write_text(list_.read_text().replace(f"\n{guid},", "\n微博 (1),"), encoding="utf-8")
    dataset = load_dataset(folder)
    assert dataset.labelled[2].guid == "微博 (1)"


def test_texts_that_were_broken_are_read_and_named(folder):
    guid = guids(folder)[2]
    (folder / "data" / f"{guid}.txt").write_bytes("such a day 😊 …".encode()[:-1])
    found = read_folder(folder)
    assert found.problems.empty
    assert f"{guid} (utf-8, 2 bytes replaced)" in found.notes[0]


def test_text_and_picture_have_keys_of_their_own(folder):
    first, second = guids(folder)[:2]
    before = {post.guid: post for post in load_dataset(folder).labelled}
    (folder / "data" / f"{first}.txt").write_text("something else")
    image_of(folder, second).write_bytes(image_of(folder, first).read_bytes())
    after = {post.guid: post for post in load_dataset(folder).labelled}
    assert after[first].text_key != before[first].text_key
    assert after[first].image_key == before[first].image_key == after[second].image_key
    assert after[second].text_key == before[second].text_key


# ---- faults of the whole folder -------------------------------------------------------------


def stop(folder):
    with pytest.raises(CourseError) as caught:
        load_dataset(folder, exclude_problems=True)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def move_into(folder, name):
    (folder / name).mkdir()
    for path in list(folder.iterdir()):
        if path.name != name:
            path.rename(folder / name / path.name)


def test_posts_one_level_too_deep_are_found_and_named(folder):
    move_into(folder, "project5")
    assert "project5/train.txt" in stop(folder)


def test_posts_that_are_still_zipped_are_named(folder):
    with zipfile.ZipFile(folder / "posts.zip", "w") as archive:
        archive.write(folder / "train.txt", "posts/train.txt")
    (folder / "train.txt").unlink()
    assert "posts.zip (unpack it)" in stop(folder)


def test_files_in_folders_of_their_own_are_named(folder):
    for name, is_text in (("images", False), ("texts", True)):
        (folder / "data" / name).mkdir()
        for path in list((folder / "data").iterdir()):
            if path.is_file() and (path.suffix == ".txt") == is_text:
                path.rename(folder / "data" / name / path.name)
    said = stop(folder)
    assert f"they lie in {folder}/data/images and {folder}/data/texts" in said


def test_folders_are_listed_once_to_see_where_files_lie(folder, monkeypatch):
    (folder / "data" / "pictures").mkdir()
    for path in list((folder / "data").iterdir()):
        if path.is_file():
            path.rename(folder / "data" / "pictures" / f"{path.stem}-large{path.suffix}")
    listed = []
    monkeypatch.setattr(posts, "Files", lambda place: (listed.append(place), Files(place))[1])
    assert "put them there, named by guid" in stop(folder)
    assert len(listed) == len(set(listed)) == 3


def test_files_beside_the_list_are_named(folder):
    for path in list((folder / "data").iterdir()):
        path.rename(folder / path.name)
    assert f"they lie in {folder}; put them all into" in stop(folder)


def test_posts_that_all_lack_their_picture_are_one_line(folder):
    for guid in guids(folder):
        image_of(folder, guid).unlink()
    assert "has no picture of any of the 12 posts" in stop(folder)


@pytest.mark.parametrize("name", ["train.txt", "test_without_label.txt"])
def test_a_list_that_is_a_folder_is_said(folder, name):
    (folder / name).unlink()
    (folder / name).mkdir()
    assert f"{name} is a folder" in stop(folder)


def test_data_that_is_a_file_is_said(folder):
    (folder / "data").rename(folder / "elsewhere")
    (folder / "data").write_text("")
    assert "data is a file" in stop(folder)


def test_data_that_is_still_packed_is_said(folder):
    (folder / "data").rename(folder / "elsewhere")
    (folder / "data.tar.gz").write_bytes(b"")
    assert "there is data.tar.gz (unpack it)" in stop(folder)


def test_the_list_of_mvsa_is_known_by_its_name(folder):
    (folder / "train.txt").rename(folder / "labelResultAll.txt")
    (folder / "labelResultAll.txt").write_text("ID\ttext,image\n1\tpositive,neutral\n")
    assert "the list of MVSA" in stop(folder)


def test_leaving_posts_out_is_not_offered_where_none_would_be_left(folder):
    for guid in guids(folder):
        (folder / "data" / f"{guid}.txt").write_text(" ")
    for exclude in (False, True):
        with pytest.raises(CourseError, match="12 problem") as caught:
            load_dataset(folder, exclude_problems=exclude)
        assert "--exclude-problems" not in str(caught.value)
