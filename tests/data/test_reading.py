"""Files of single posts: whatever is wrong with one, the others are read."""

import os

import pytest
from PIL import Image

from mmsa_utils.data import reading
from mmsa_utils.data.reading import Files, PostReader


@pytest.fixture
def posts(tmp_path, monkeypatch):
    """A folder with the files of three posts, and a cache of its own."""
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "data"
    folder.mkdir()
    for number, guid in enumerate(("0001", "b", "微博")):
        (folder / f"{guid}.txt").write_text(f"text of {guid}", encoding="utf-8")
        Image.effect_mandelbrot((40, 30), (-2, -1, number + 1, 1), 30).save(folder / f"{guid}.jpg")
    return folder


def read(folder):
    files = Files(folder)
    return PostReader(files).read([(guid, guid) for guid in ("0001", "b", "微博")])


def problems(folder):
    return [problem["problem"] for _, found in read(folder) for problem in found]


@pytest.mark.parametrize("guid", ["0001", "1", "1.0", "01", "1.jpg", "0001.txt"])
def test_a_guid_is_matched_to_files_that_are_meant_alike(posts, guid):
    assert Files(posts).stems(guid) == {"0001"}


def test_its_own_files_come_first_and_several_others_are_not_chosen_from(posts):
    (posts / "1.txt").write_text("another")
    files = Files(posts)
    assert files.stems("1") == {"1"}
    assert files.stems("01") == {"0001", "1"}
    assert files.stems("nobody") == set()


def test_names_in_decomposed_letters_are_matched(posts):
    (posts / "cafe\u0301.txt").write_text("as on a Mac")
    assert Files(posts).stems("caf\u00e9") == {"cafe\u0301"}


def test_sound_posts_are_read(posts):
    assert problems(posts) == []
    first = read(posts)[0][0]
    assert (first.text, first.encoding, first.facts.width) == ("text of 0001", "utf-8", 40)
    assert len(first.image_key) == len(first.content) == 64


def spoil_link(posts):
    (posts / "b.jpg").unlink()
    (posts / "b.jpg").symlink_to(posts / "gone.jpg")


def spoil_link_to_a_name_that_is_too_long(posts):
    (posts / "b.jpg").unlink()
    (posts / "b.jpg").symlink_to("x" * 300)


def spoil_folder(posts):
    (posts / "b.jpg").unlink()
    (posts / "b.jpg").mkdir()


def spoil_pipe(posts):
    (posts / "b.txt").unlink()
    os.mkfifo(posts / "b.txt")


def spoil_binary(posts):
    (posts / "b.txt").write_bytes((posts / "b.jpg").read_bytes())


def spoil_invisible(posts):
    (posts / "b.txt").write_text("\u200b\ufeff &nbsp;\n", encoding="utf-8")


def spoil_other_format(posts):
    (posts / "b.jpg").rename(posts / "b.psd")


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (spoil_link, "a link that leads nowhere"),
        (spoil_link_to_a_name_that_is_too_long, "a link that leads nowhere"),
        (spoil_folder, "a folder, not a file"),
        (spoil_pipe, "a device or pipe, not a file"),
        (spoil_binary, "not a text: it begins as a JPEG does"),
        (spoil_invisible, "empty text"),
        (spoil_other_format, "missing picture"),
    ],
)
def test_what_is_wrong_with_one_post_is_one_row(posts, spoil, problem):
    spoil(posts)
    assert problems(posts) == [problem]
    assert [found is None for found, _ in read(posts)] == [False, True, False]


def test_a_file_of_another_suffix_is_pointed_at(posts):
    spoil_other_format(posts)
    assert read(posts)[1][1][0]["what to do"] == "there is b.psd: save it as a picture"


def test_an_error_that_nobody_foresaw_is_one_row(posts, monkeypatch):
    def decode(raw):
        if b"of b" in raw:
            raise RecursionError("too deep\nby far")
        return raw.decode(), "utf-8"

    monkeypatch.setattr(reading, "decode", decode)
    assert problems(posts) == ["cannot be read: RecursionError too deep"]


def test_facts_of_pictures_are_remembered_by_content_and_faults_are_not(posts, monkeypatch):
    (posts / "b.jpg").write_bytes(b"no picture")
    before = read(posts)
    asked = []
    plain = reading.image_facts
    monkeypatch.setattr(reading, "image_facts", lambda raw: asked.append(raw) or plain(raw))
    assert read(posts) == before
    assert asked == [b"no picture"]
