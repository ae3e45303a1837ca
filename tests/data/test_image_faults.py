"""Files that are no readable picture are named as what they are, with what to do."""

import io

import numpy as np
import pytest
from PIL import Image

from mmsa_utils.data.images import decode_image, image_facts
from mmsa_utils.errors import CourseError


def bytes_of(image, kind="PNG"):
    raw = io.BytesIO()
    image.save(raw, kind)
    return raw.getvalue()


NO_PICTURES = {
    "empty": (b"", "empty file", "download"),
    "zeros": (bytes(5000), "zero bytes", "download"),
    "LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "LFS", "git lfs pull"),
    "HTML": (b"<html><body>404 Not Found</body></html>", "HTML page", "download"),
    "HTML, late": (
        b"\xef\xbb\xbf\n\n <!DOCTYPE html>\n<title>Sorry</title>",
        "HTML page",
        "download",
    ),
    "SVG": (b'<?xml version="1.0"?>\n<svg width="9"></svg>', "SVG", "PNG"),
    "JSON": (b'{"error": "not found"}', "text", "picture"),
    "tweet": ("Schöner Tag heute…".encode(), "text", "picture"),
    "tweet in UTF-16": ("A lovely day".encode("utf-16"), "text", "picture"),
    "PDF": (b"%PDF-1.7\n\xe2\xe3\xcf\xd3", "PDF", "PNG"),
    "zip": (b"PK\x03\x04" + bytes(40), "zip", "unpack"),
    "MP4": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(100), "video", "JPEG"),
    "WebM": (b"\x1a\x45\xdf\xa3" + bytes(100), "video", "JPEG"),
    "JPEG XL": (b"\xff\x0a" + bytes(range(60)), "JPEG XL", "JPEG"),
    "noise": (np.random.default_rng(3).bytes(3000), "unreadable picture", "anew"),
}


@pytest.mark.parametrize("name", NO_PICTURES)
def test_what_is_no_picture_is_named_as_what_it_is(tmp_path, name):
    raw, error, remedy = NO_PICTURES[name]
    facts = image_facts(raw)
    assert error in facts.error
    assert remedy in facts.remedy
    (tmp_path / "7.jpg").write_bytes(raw)
    with pytest.raises(CourseError, match=rf"7\.jpg: cannot be read as a picture: .*{error}"):
        decode_image(tmp_path / "7.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
def test_a_picture_that_is_cut_off_is_called_truncated(kind):
    raw = bytes_of(Image.effect_noise((90, 90), 50).convert("RGB"), kind)
    assert image_facts(raw).error == ""
    for size in (len(raw) // 2, len(raw) - 700):
        assert image_facts(raw[:size]).error == "truncated picture"
        assert "again" in image_facts(raw[:size]).remedy


@pytest.mark.parametrize("missing", [2, 40])
def test_a_jpeg_without_its_last_bytes_is_truncated(missing):
    raw = bytes_of(Image.effect_noise((90, 90), 50), "JPEG")
    assert image_facts(raw[:-missing]).error == "truncated picture"


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(300)


def test_heic_is_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr("mmsa_utils.data.image_faults.heif_reader", lambda: False)
    (tmp_path / "phone.jpg").write_bytes(HEIC)
    facts = image_facts(HEIC)
    assert "HEIC" in facts.error
    assert "pip install pillow-heif" in facts.remedy
    with pytest.raises(CourseError, match=r"phone\.jpg.*HEIC.*pillow-heif.*JPEG"):
        decode_image(tmp_path / "phone.jpg")
