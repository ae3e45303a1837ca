"""Reading posts: nothing is skipped in silence, every problem is named."""

import numpy as np
import pytest
from PIL import Image

from mmsa_utils.__main__ import main
from mmsa_utils.data import text
from mmsa_utils.data.images import decode_picture, picture_facts
from mmsa_utils.data.posts import check_folder, load_dataset
from mmsa_utils.errors import CourseError


def guids(folder):
    return [line.split(",")[0] for line in (folder / "train.txt").read_text().split()[1:]]


def picture_of(folder, guid):
    return next(p for p in (folder / "data").glob(f"{guid}.*") if p.suffix != ".txt")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("naïve 😊".encode(), ("naïve 😊", "utf-8")),
        ("\ufeffhello".encode(), ("hello", "utf-8")),
        ("and so on…".encode("gb18030"), ("and so on…", "gb18030")),
        (b"caf\xe9", ("café", "latin-1")),
    ],
)
def test_decoding_tries_utf8_then_gb18030_then_latin1(raw, expected):
    assert text.decode(raw) == expected


def test_a_sound_folder_has_no_problems(folder):
    assert check_folder(folder).empty
    assert len(load_dataset(folder).labelled) == 12


def test_lists_may_have_bom_windows_line_ends_blank_lines_spaces_and_capitals(folder):
    before = load_dataset(folder)
    lines = (folder / "train.txt").read_text().split()
    messy = "\r\n" + "\r\n\r\n".join(line.replace(",", " , ").upper() for line in lines)
    (folder / "train.txt").write_bytes(b"\xef\xbb\xbf" + messy.encode() + b"\r\n \r\n")
    assert load_dataset(folder).fingerprint == before.fingerprint


@pytest.mark.parametrize("suffix", [".JPG", ".jpeg", ".png"])
def test_other_picture_suffixes_are_read(folder, suffix):
    picture = picture_of(folder, guids(folder)[3])
    picture.rename(picture.with_suffix(suffix))
    assert check_folder(folder).empty


def spoil_missing_picture(folder, guid):
    picture_of(folder, guid).unlink()


def spoil_missing_text(folder, guid):
    (folder / "data" / f"{guid}.txt").unlink()


def spoil_truncated_picture(folder, guid):
    picture = picture_of(folder, guid)
    picture.write_bytes(picture.read_bytes()[:1500])


def spoil_unreadable_picture(folder, guid):
    picture_of(folder, guid).write_bytes(b"no picture at all")


def spoil_empty_text(folder, guid):
    (folder / "data" / f"{guid}.txt").write_text(" \n")


def spoil_unknown_tag(folder, guid):
    list_ = folder / "train.txt"
    lines = [f"{guid},happy" if x.startswith(f"{guid},") else x for x in list_.read_text().split()]
    list_.write_text("\n".join(lines))


def spoil_two_pictures(folder, guid):
    Image.new("RGB", (9, 9)).save(folder / "data" / f"{guid}.png")


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (spoil_missing_picture, "missing picture"),
        (spoil_missing_text, "missing text"),
        (spoil_truncated_picture, "truncated picture"),
        (spoil_unreadable_picture, "unreadable picture"),
        (spoil_empty_text, "empty text"),
        (spoil_unknown_tag, "unknown tag 'happy'"),
        (spoil_two_pictures, "2 pictures for one post"),
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


def test_notebooks_can_be_told_to_exclude_problems(folder, monkeypatch):
    spoil_empty_text(folder, guids(folder)[0])
    monkeypatch.setenv("MMSA_EXCLUDE_PROBLEMS", "1")
    assert len(load_dataset(folder).labelled) == 11


def test_check_command_prints_the_table_and_fails(folder, capsys):
    assert main(["check", str(folder)]) == 0
    spoil_missing_picture(folder, guids(folder)[0])
    assert main(["check", str(folder)]) == 1
    assert "missing picture" in capsys.readouterr().out


def test_a_command_on_bad_input_ends_in_one_message(tmp_path, capsys):
    assert main(["check", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("mmsa_utils: ")


# ---- pictures ---------------------------------------------------------------------------


def test_exif_rotation_is_applied(tmp_path):
    picture = Image.new("RGB", (40, 20), "red")
    exif = picture.getexif()
    exif[0x0112] = 6  # to be turned by a quarter
    picture.save(tmp_path / "turned.jpg", exif=exif)
    assert decode_picture(tmp_path / "turned.jpg").shape == (40, 20, 3)


def test_transparency_is_laid_on_white_and_palettes_become_rgb(tmp_path):
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.new("RGB", (8, 8), (10, 200, 30)).convert("P").save(tmp_path / "palette.png")
    Image.new("L", (8, 8), 77).save(tmp_path / "grey.png")
    assert (decode_picture(tmp_path / "clear.png") == 255).all()
    assert decode_picture(tmp_path / "palette.png").shape == (8, 8, 3)
    assert (decode_picture(tmp_path / "grey.png") == 77).all()


@pytest.mark.parametrize("side", [9_000, 14_000])  # below and above Pillow's own limit
def test_decompression_bombs_are_refused_before_they_unpack(tmp_path, side):
    bomb = tmp_path / "bomb.png"
    Image.new("1", (side, side)).save(bomb)
    assert "bomb" in picture_facts(bomb.read_bytes()).error
    with pytest.raises(CourseError, match=r"bomb\.png"):
        decode_picture(bomb)


def test_draft_keeps_the_side_that_is_asked_for(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (900, 1200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.jpg")
    height, width, _ = decode_picture(tmp_path / "large.jpg", least_side=224).shape
    assert 224 <= height < 900
    assert 224 <= width < 1200
