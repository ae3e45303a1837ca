"""Pictures: every kind that people post becomes upright RGB, and bombs are refused."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from mmsa_utils.data.images import MAX_PIXELS, SUFFIXES, decode_image, image_facts
from mmsa_utils.data.transforms import eval_transform, train_transform
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
    assert image_facts(b"\x89PNG" + raw + b"IEND").error == "unreadable picture"


def test_pictures_that_look_the_same_have_near_hashes(demo):
    first, second = (decode_image(post.image) for post in demo.labelled[4:6])
    smaller = Image.fromarray(first).resize((120, 120))
    of_first, of_smaller, of_second = (
        int(image_facts(bytes_of(image)).phash, 16)
        for image in (Image.fromarray(first), smaller, Image.fromarray(second))
    )
    assert (of_first ^ of_smaller).bit_count() <= 8
    assert (of_first ^ of_second).bit_count() > 8


# ---- formats ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "BMP", "TIFF", "AVIF", "PNG", "JPEG2000"])
def test_content_decides_the_format_and_the_suffix_does_not(tmp_path, kind):
    grey = Image.linear_gradient("L").resize((60, 40))
    (tmp_path / "named.jpg").write_bytes(bytes_of(grey.convert("RGB"), kind))
    decoded = decode_image(tmp_path / "named.jpg", least_side=32)
    assert decoded.shape == (40, 60, 3)
    assert np.abs(decoded[:, :, 0] - np.asarray(grey, dtype=float)).mean() < 4
    assert image_facts((tmp_path / "named.jpg").read_bytes()).error == ""


def test_the_suffixes_of_all_formats_that_are_read_belong_to_a_picture():
    assert {".jpg", ".png", ".webp", ".gif", ".bmp", ".avif", ".tif", ".tiff"} <= set(SUFFIXES)
    assert all(suffix == suffix.lower() for suffix in SUFFIXES)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_an_animation_is_taken(tmp_path, kind):
    first, second = (Image.new("RGB", (20, 10), colour) for colour in ("red", "blue"))
    options = {"lossless": True} if kind == "WEBP" else {}
    first.save(tmp_path / "x.gif", kind, save_all=True, append_images=[second], **options)
    assert (decode_image(tmp_path / "x.gif") == (255, 0, 0)).all()


def test_programs_of_a_page_are_not_run(tmp_path):
    (tmp_path / "page.jpg").write_bytes(bytes_of(Image.new("RGB", (8, 8), "red"), "EPS"))
    with pytest.raises(CourseError, match="PostScript"):
        decode_image(tmp_path / "page.jpg")


@pytest.mark.parametrize("mode", ["1", "P", "LA", "PA", "CMYK", "YCbCr", "LAB", "RGBA"])
def test_every_mode_becomes_the_same_picture_in_rgb(tmp_path, mode):
    black_and_white = Image.new("RGB", (40, 20), "black")
    black_and_white.paste("white", (20, 0, 40, 20))
    if mode == "LAB":
        spaces = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
        image = ImageCms.profileToProfile(black_and_white, *spaces, outputMode="LAB")
    else:
        image = black_and_white.convert("L").convert(mode)
    image.save(tmp_path / "picture.tif")
    assert Image.open(tmp_path / "picture.tif").mode == mode
    decoded = decode_image(tmp_path / "picture.tif")
    assert decoded[:, :20].max() <= 5
    assert decoded[:, 20:].min() >= 250


def test_heic_is_read_where_its_reader_is_installed():
    pytest.importorskip("pillow_heif").register_heif_opener()
    facts = image_facts(bytes_of(Image.linear_gradient("L").convert("RGB"), "HEIF"))
    assert (facts.width, facts.height, facts.error) == (256, 256, "")


# ---- deep pictures ----------------------------------------------------------------------


def save_deep(values, path):
    Image.fromarray(values).save(path)
    return decode_image(path)[0, :, 0].tolist()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_by_their_whole_range(tmp_path, suffix):
    values = np.array([[0, 257, 32768, 65535]], dtype=np.uint16)
    assert save_deep(values, tmp_path / f"deep.{suffix}") == [0, 1, 128, 255]


def test_twelve_bits_in_sixteen_are_not_black(tmp_path):
    values = np.array([[0, 2048, 4095]], dtype=np.uint16)
    assert save_deep(values, tmp_path / "scan.png") == [0, 128, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 200.0], [0, 100, 200]),
        ([0.0, 32767.5, 65535.0], [0, 128, 255]),
        ([-300.0, 0.0, 300.0], [0, 128, 255]),
        ([1e6, 2e6, 3e6], [0, 128, 255]),
        ([-7.0, -7.0, -7.0], [0, 0, 0]),
        ([np.nan, 0.0, 1.0], [0, 0, 255]),
        ([-np.inf, 1.0, np.inf], [0, 255, 255]),
        ([np.nan, np.nan, np.nan], [0, 0, 0]),
    ],
)
def test_floats_are_scaled_and_not_clipped(tmp_path, values, expected):
    assert save_deep(np.array([values], dtype=np.float32), tmp_path / "x.tif") == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 100, 200], [0, 100, 200]),
        ([0, 32768, 65535], [0, 128, 255]),
        ([-9, 0, 9], [0, 128, 255]),
    ],
)
def test_whole_numbers_of_32_bits_are_scaled(tmp_path, values, expected):
    assert save_deep(np.array([values], dtype=np.int32), tmp_path / "x.tif") == expected


def test_transparency_of_sixteen_bits_is_laid_on_white(tmp_path):
    image = Image.fromarray(np.array([[0, 65535, 999]], dtype=np.uint16))
    image.save(tmp_path / "x.png", transparency=0)
    assert decode_image(tmp_path / "x.png")[0, :, 0].tolist() == [255, 255, 4]


# ---- odd shapes and blanks ------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (12000, 3), (2, 1)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_odd_shapes_are_read_and_fit_every_encoder(tmp_path, size, kind):
    noise = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "odd.jpg", kind)
    assert image_facts((tmp_path / "odd.jpg").read_bytes()).error == ""
    decoded = decode_image(tmp_path / "odd.jpg", least_side=64)
    assert decoded.shape == (*size[::-1], 3)
    for transform in (train_transform(size=64), eval_transform(size=64)):
        assert transform(image=decoded)["image"].shape == (3, 64, 64)


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (200, 100)])
@pytest.mark.parametrize("colour", ["black", "red", "white", (9, 20, 33)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_a_blank_picture_has_no_hash(size, colour, kind):
    facts = image_facts(bytes_of(Image.new("RGB", size, colour), kind))
    assert (facts.width, facts.height, facts.phash, facts.error) == (*size, "", "")


def test_a_clear_picture_is_blank_and_one_with_a_mark_is_not():
    assert image_facts(bytes_of(Image.new("RGBA", (50, 50), (9, 9, 9, 0)))).phash == ""
    marked = Image.new("RGB", (200, 200), "white")
    marked.paste("black", (20, 30, 40, 60))
    assert len(image_facts(bytes_of(marked)).phash) == 16


# ---- errors


@pytest.mark.parametrize(
    "error", [MemoryError(), RecursionError("deep"), struct.error("short"), OverflowError("big")]
)
def test_whatever_is_raised_of_one_picture_is_an_error_of_that_picture(
    tmp_path, monkeypatch, error
):
    def fail(*_):
        raise error

    raw = bytes_of(Image.new("RGB", (8, 8)))
    (tmp_path / "9.png").write_bytes(raw)
    monkeypatch.setattr(Image.Image, "convert", fail)
    assert image_facts(raw).error
    with pytest.raises(CourseError, match=r"9\.png"):
        decode_image(tmp_path / "9.png")


@pytest.mark.parametrize("name", ["missing.jpg", "folder.jpg", "link.jpg"])
def test_a_path_that_is_no_file_is_named(tmp_path, name):
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    with pytest.raises(CourseError, match=f"{name}: cannot be read as a picture: .*directory"):
        decode_image(tmp_path / name)
