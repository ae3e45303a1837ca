"""Broken EXIF: no picture is lost by it, and each stands upright where that can be known."""

import struct

import pytest
from PIL import Image, TiffImagePlugin

from mmsa_utils.data.images import decode_image, image_facts


def entry(tag, kind, count, value, order="<"):
    return struct.pack(f"{order}HHI", tag, kind, count) + value


def exif(*entries, rest=b"", order="<"):
    head = b"II*\0" if order == "<" else b"MM\0*"
    table = struct.pack(f"{order}IH", 8, len(entries)) + b"".join(entries)
    return b"Exif\0\0" + head + table + struct.pack(f"{order}I", 0) + rest


TURNED = entry(0x0112, 3, 1, b"\6\0\0\0")
BEHIND = struct.pack("<I", 8 + 2 + 2 * 12 + 4)  # where the values of two entries follow
TURNED_IN_SOME_WAY = {
    "a denominator of 0": exif(
        TURNED, entry(0x011A, 10, 1, BEHIND), rest=struct.pack("<ii", -1, 0)
    ),
    "a value behind the end": exif(TURNED, entry(0x011A, 5, 1, struct.pack("<I", 90_000))),
    "a broken entry before it": exif(entry(0x010F, 2, 99, struct.pack("<I", 70_000)), TURNED),
    "an entry before it that ends behind the end": exif(
        entry(0x010F, 2, 30, struct.pack("<I", 30)), TURNED
    ),
    "an endless entry before it": exif(entry(0x010F, 2, 2**32 - 1, b"\xff\xff\xff\xff"), TURNED),
    "an unknown type before it": exif(entry(0x010F, 99, 1, b"\0\0\0\0"), TURNED),
    "written as text": exif(entry(0x0112, 2, 2, b"6\0\0\0")),
    "written as a byte": exif(entry(0x0112, 1, 1, b"\6\0\0\0")),
    "written as a long": exif(entry(0x0112, 4, 1, b"\6\0\0\0")),
    "written as anything": exif(entry(0x0112, 7, 1, b"\6\0\0\0")),
    "written as a fraction": exif(
        entry(0x0112, 5, 1, BEHIND), entry(0x0131, 2, 1, b"\0" * 4), rest=struct.pack("<II", 6, 1)
    ),
    "written twice over": exif(entry(0x0112, 3, 2, b"\6\0\6\0")),
    "cut off behind it": exif(TURNED, entry(0x0132, 4, 1, b"\xff" * 4))[: 6 + 8 + 2 + 12 + 5],
    "more entries than there are": exif(TURNED).replace(b"\1\0\x12\1", b"\xff\xff\x12\1"),
    "the other byte order": exif(entry(0x0112, 3, 1, b"\0\6\0\0", ">"), order=">"),
}


def save_with_exif(path, block, kind="JPEG"):
    image = Image.new("RGB", (40, 20), "red")
    image.paste("blue", (0, 0, 20, 20))
    image.save(path, kind, exif=block)


@pytest.mark.parametrize("way", TURNED_IN_SOME_WAY)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_with_broken_exif_stands_upright(tmp_path, way, kind):
    save_with_exif(tmp_path / "phone.jpg", TURNED_IN_SOME_WAY[way], kind)
    decoded = decode_image(tmp_path / "phone.jpg", least_side=16)
    assert decoded.shape == (40, 20, 3)
    assert decoded[2, 2, 2] > 200  # its left half is on top now
    assert image_facts((tmp_path / "phone.jpg").read_bytes()).error == ""


NO_ORIENTATION = {
    "none": b"",
    "no number": exif(entry(0x0112, 2, 4, b"top\0")),
    "out of range": exif(entry(0x0112, 3, 1, b"\x63\0\0\0")),
    "no table": b"Exif\0\0II*\0\xff\xff\xff\xff",
    "another file": b"Exif\0\0" + bytes(range(256)),
    "a stub": b"Exif\0\0II",
    "a denominator of 0": exif(
        entry(0x0112, 5, 1, BEHIND), entry(0x0131, 2, 1, b"\0" * 4), rest=struct.pack("<II", 6, 0)
    ),
    "a table that points at itself": exif(entry(0x8769, 4, 1, struct.pack("<I", 8))),
}


@pytest.mark.parametrize("way", NO_ORIENTATION)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_where_no_orientation_can_be_read_the_picture_stays_as_it_is(tmp_path, way, kind):
    save_with_exif(tmp_path / "phone.jpg", NO_ORIENTATION[way], kind)
    assert decode_image(tmp_path / "phone.jpg").shape == (20, 40, 3)
    facts = image_facts((tmp_path / "phone.jpg").read_bytes())
    assert (facts.width, facts.height, facts.error) == (40, 20, "")


def test_broken_exif_in_avif_does_not_lose_the_picture(tmp_path):
    save_with_exif(tmp_path / "x.avif", exif(TURNED, entry(0x0131, 2, 4, b"app\0")), "AVIF")
    assert decode_image(tmp_path / "x.avif").shape == (40, 20, 3)
    raw = bytearray((tmp_path / "x.avif").read_bytes())
    block = raw.index(b"Exif\0\0II")
    raw[block - 4 : block] = b"\xff" * 4  # where the block begins, counted from here
    (tmp_path / "x.avif").write_bytes(raw)
    assert decode_image(tmp_path / "x.avif").shape == (40, 20, 3)


def test_no_warning_of_broken_tags_is_shown(tmp_path, recwarn):
    for number, block in enumerate([*TURNED_IN_SOME_WAY.values(), *NO_ORIENTATION.values()]):
        save_with_exif(tmp_path / f"{number}.jpg", block)
        recwarn.clear()  # of saving
        decode_image(tmp_path / f"{number}.jpg")
        assert not recwarn.list


def test_broken_tags_of_a_tiff_do_not_lose_its_pixels(tmp_path, recwarn):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[0x0131] = "a program of some length"
    Image.new("RGB", (40, 20), "red").save(tmp_path / "x.tif", tiffinfo=tags)
    raw = bytearray((tmp_path / "x.tif").read_bytes())
    place = raw.index(struct.pack("<HH", 0x0131, 2))
    raw[place : place + 12] = entry(0x8769, 4, 1, struct.pack("<I", 3))  # a table in the header
    (tmp_path / "x.tif").write_bytes(raw)
    assert (decode_image(tmp_path / "x.tif") == (255, 0, 0)).all()
    assert not recwarn.list
