"""Words in pictures: found again, never guessed, and the rest works without PP-OCR."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pytest
from PIL import Image, ImageDraw, ImageFont

from mmsa_utils.data import ocr
from mmsa_utils.errors import CourseError
from mmsa_utils.io import file_sha256

needs_ocr = pytest.mark.skipif(not ocr.available(), reason="PP-OCR is not installed")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def post_of(demo):
    """A function that makes a post of a picture."""

    def make(path):
        key = file_sha256(path)
        return dataclasses.replace(demo.labelled[0], image=path, image_key=key)

    return make


@pytest.fixture
def quote(tmp_path, post_of):
    """A picture with words on it."""
    image = Image.new("RGB", (480, 200), "white")
    font = ImageFont.load_default(size=48)
    ImageDraw.Draw(image).text((20, 60), "HAPPY DAY", fill="black", font=font)
    image.save(tmp_path / "quote.png")
    return post_of(tmp_path / "quote.png")


@pytest.fixture
def remembered(demo):
    """Two demo posts whose readings are in the cache: one with words, one without."""
    posts = demo.labelled[:2]
    entries = [{"words": words, "error": ""} for words in ("I am so happy", "")]
    keys = [post.image_key for post in posts]
    ocr.open_cache().set_many(dict(zip(keys, entries, strict=True)))
    return posts


def test_without_the_extra_readings_in_the_cache_are_used(remembered, monkeypatch):
    monkeypatch.setattr(ocr, "available", lambda: False)
    assert ocr.read_words(remembered) == (["I am so happy", ""], [])


def test_without_the_extra_a_new_picture_says_what_to_install(demo, remembered, monkeypatch):
    monkeypatch.setattr(ocr, "available", lambda: False)
    with pytest.raises(CourseError, match=r"1 pictures.*make .venv/.extras"):
        ocr.read_words([*remembered, demo.labelled[2]])


def test_known_pictures_are_not_opened_again(remembered, monkeypatch):
    monkeypatch.setattr("pathlib.Path.open", None)
    monkeypatch.setattr("pathlib.Path.read_bytes", None)
    assert ocr.read_words(remembered) == (["I am so happy", ""], [])


def test_lines_of_the_old_cache_are_no_longer_looked_at(remembered, tmp_path):
    (tmp_path / "cache" / "words-480-0.1.0.jsonl").write_text('{"content": "cut')
    assert ocr.read_words(remembered) == (["I am so happy", ""], [])


def test_a_failure_is_remembered_where_nothing_can_be_read(tmp_path, post_of, monkeypatch):
    monkeypatch.setattr(ocr, "available", lambda: False)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    post = post_of(tmp_path / "broken.jpg")
    ocr.open_cache().set_many({post.image_key: {"words": "", "error": "failed long ago"}})
    assert ocr.read_words([post]) == ([""], ["failed long ago"])


def test_a_failure_is_tried_again_once_a_process(tmp_path, post_of, monkeypatch):
    monkeypatch.setattr(ocr, "available", lambda: True)
    (tmp_path / "broken.jpg").write_bytes(b"no picture that any process knows")
    post, store = post_of(tmp_path / "broken.jpg"), ocr.open_cache()
    old = {"words": "", "error": "failed long ago"}
    store.set_many({post.image_key: old})
    _, (problem,) = ocr.read_words([post])
    assert problem.startswith("broken.jpg: ")
    store.set_many({post.image_key: old})
    assert ocr.read_words([post]) == ([""], ["failed long ago"])


@pytest.mark.parametrize("keep", [True, False])
def test_readings_are_kept_on_disk_only_where_that_is_wanted(keep, demo, tmp_path, monkeypatch):
    workers = []

    def pool(count):
        workers.append(count)
        return ThreadPoolExecutor(count)

    monkeypatch.setattr(ocr, "available", lambda: True)
    monkeypatch.setattr(ocr, "ProcessPoolExecutor", pool)
    monkeypatch.setattr(ocr, "_read", lambda image: {"words": "so secret", "error": ""})
    assert ocr.read_words(demo.labelled[:1], keep=keep) == (["so secret"], [])
    assert workers == [1]  # a process for a picture, not one for each core
    assert (tmp_path / "cache").exists() == keep
    monkeypatch.setattr(ocr, "available", lambda: False)
    with nullcontext() if keep else pytest.raises(CourseError, match="1 pictures"):
        ocr.read_words(demo.labelled[:1])


@needs_ocr
def test_words_that_run_together_are_split_and_numbers_left_out():
    assert ocr.split_words("DONOTPANIC 42!") == "DO NOT PANIC"


@needs_ocr
def test_an_unreadable_picture_counts_as_one_without_words_and_is_listed(quote, post_of, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    words, problems = ocr.read_words([quote, post_of(tmp_path / "broken.jpg")])
    assert words == ["HAPPY DAY", ""]
    assert len(problems) == 1
    assert "broken.jpg" in problems[0]
