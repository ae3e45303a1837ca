"""Words in pictures: found again, never guessed, and the rest works without PP-OCR."""

import json

import pytest
from PIL import Image, ImageDraw, ImageFont

from mmsa_utils.data import ocr
from mmsa_utils.data.images import ImageFacts
from mmsa_utils.data.posts import Post
from mmsa_utils.errors import CourseError

needs_ocr = pytest.mark.skipif(not ocr.available(), reason="PP-OCR is not installed")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path / "cache"))


def post_of(path):
    return Post("1", 0, "text", "utf-8", path, "content", ImageFacts())


@pytest.fixture
def quote(tmp_path):
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
    file = ocr.cache_file()
    file.parent.mkdir(parents=True)
    entries = [
        {"content": ocr.image_key(post.image), "words": words, "error": ""}
        for post, words in zip(posts, ("I am so happy", ""), strict=True)
    ]
    file.write_text("".join(json.dumps(entry) + "\n" for entry in entries) + '{"content": "cut')
    return posts


def test_without_the_extra_readings_in_the_cache_are_used(remembered, monkeypatch):
    monkeypatch.setattr(ocr, "available", lambda: False)
    assert ocr.read_words(remembered) == (["I am so happy", ""], [])


def test_without_the_extra_a_new_picture_says_what_to_install(demo, remembered, monkeypatch):
    monkeypatch.setattr(ocr, "available", lambda: False)
    with pytest.raises(CourseError, match=r"1 pictures.*make .venv/.extras"):
        ocr.read_words([*remembered, demo.labelled[2]])


@needs_ocr
def test_words_that_run_together_are_split_and_numbers_left_out():
    assert ocr.split_words("DONOTPANIC 42!") == "DO NOT PANIC"


@needs_ocr
def test_words_are_read_and_an_unreadable_picture_counts_as_none_and_is_listed(quote, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    words, problems = ocr.read_words([quote, post_of(tmp_path / "broken.jpg")])
    assert words == ["HAPPY DAY", ""]
    assert len(problems) == 1
    assert "broken.jpg" in problems[0]
