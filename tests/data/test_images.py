"""Pictures: every kind that people post becomes upright RGB, and bombs are refused."""

import io

import numpy as np
import pytest
from PIL import Image

from mmsa_utils.data.images import MAX_PIXELS, decode_image, image_facts
from mmsa_utils.errors import CourseError


def bytes_of(image, kind="PNG"):
    raw = io.BytesIO()
    image.save(raw, kind)
    return raw.getvalue()


def test_exif_rotation_is_applied(tmp_path):
    image = Image.new("RGB", (40, 20), "red")
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by a quarter
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert decode_image(tmp_path / "turned.jpg").shape == (40, 20, 3)


def test_transparency_is_laid_on_white_and_palettes_become_rgb(tmp_path):
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.new("RGB", (8, 8), (10, 200, 30)).convert("P").save(tmp_path / "palette.png")
    Image.new("L", (8, 8), 77).save(tmp_path / "grey.png")
    assert (decode_image(tmp_path / "clear.png") == 255).all()
    assert decode_image(tmp_path / "palette.png").shape == (8, 8, 3)
    assert (decode_image(tmp_path / "grey.png") == 77).all()


@pytest.mark.parametrize("side", [9_000, 14_000])  # below and above Pillow's own limit
def test_decompression_bombs_are_refused_before_they_unpack(tmp_path, side):
    bomb = tmp_path / "bomb.png"
    Image.new("1", (side, side)).save(bomb)
    assert side**2 > MAX_PIXELS
    assert "bomb" in image_facts(bomb.read_bytes()).error
    with pytest.raises(CourseError, match=r"bomb\.png"):
        decode_image(bomb)


def test_draft_keeps_the_side_that_is_asked_for(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (900, 1200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.jpg")
    height, width, _ = decode_image(tmp_path / "large.jpg", least_side=224).shape
    assert 224 <= height < 900
    assert 224 <= width < 1200


def test_a_file_that_is_no_picture_is_named(tmp_path):
    (tmp_path / "notes.jpg").write_text("no picture")
    with pytest.raises(CourseError, match=r"notes\.jpg: cannot be read as a picture"):
        decode_image(tmp_path / "notes.jpg")


def test_facts_are_size_and_mode_as_stored():
    facts = image_facts(bytes_of(Image.new("L", (30, 20), 77)))
    assert (facts.width, facts.height, facts.mode, facts.error) == (30, 20, "L", "")


def test_facts_say_what_is_wrong_instead_of_failing():
    raw = bytes_of(Image.effect_noise((90, 90), 50), "JPEG")
    assert image_facts(raw[:1500]).error == "truncated picture"
    assert image_facts(b"no picture").error == "unreadable picture"


def test_pictures_that_look_the_same_have_near_hashes(demo):
    first, second = (decode_image(post.image) for post in demo.labelled[4:6])
    smaller = Image.fromarray(first).resize((120, 120))
    of_first, of_smaller, of_second = (
        int(image_facts(bytes_of(image)).phash, 16)
        for image in (Image.fromarray(first), smaller, Image.fromarray(second))
    )
    assert (of_first ^ of_smaller).bit_count() <= 8
    assert (of_first ^ of_second).bit_count() > 8
