"""One's own text and picture become a post: each kind of picture the same one, faults by name."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from mmsa_utils.data import decode_image
from mmsa_utils.errors import CourseError
from mmsa_utils.prediction import make_post


def saved(image, path, **options):
    image.save(path, **options)
    return path


def pixels_of(image):
    return decode_image(make_post(image=image).image)


def test_a_picture_is_the_same_in_every_form(tmp_path, picture, shipped):
    image = Image.fromarray(picture)
    path = saved(image, tmp_path / "a.png")
    forms = [path, str(path), path.read_bytes(), image, picture, np.asfortranarray(picture)]
    for form in forms:
        assert (pixels_of(form) == picture).all()
    answers = shipped.predict([("so nice", form) for form in forms])
    assert np.ptp([answer.probabilities for answer in answers], axis=0).max() < 1e-6


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_a_picture_of_pillow_is_read_as_it_shows(mode, picture):
    image = Image.fromarray(picture).convert("RGBA" if mode in ("LA", "RGBA", "PA") else "RGB")
    if mode in ("LA", "RGBA", "PA"):
        image.putalpha(128)
    image = image.convert("P" if mode == "PA" else mode)
    image = image.convert("PA") if mode == "PA" else image
    shown = image.convert("RGBA") if mode in ("LA", "RGBA", "PA") else image.convert("RGB")
    if shown.mode == "RGBA":
        shown = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown).convert("RGB")
    assert np.abs(pixels_of(image).astype(int) - np.asarray(shown)).max() <= 1


def test_a_grey_array_a_transparent_one_and_one_of_sixteen_bits(picture):
    grey = picture[..., 0]
    assert (pixels_of(grey) == grey[..., None]).all()
    clear = np.dstack([picture, np.zeros_like(grey)])
    assert (pixels_of(clear) == 255).all()  # transparency is laid on white
    deep = grey.astype(np.uint16) * 257
    assert (pixels_of(deep) == grey[..., None]).all()
    for mode, values in (("I", deep.astype(np.int32)), ("F", (grey / 255).astype(np.float32))):
        image = Image.fromarray(values)
        assert image.mode == mode
        assert (pixels_of(image) == grey[..., None]).all()


def test_exif_rotation_is_applied_to_a_file_and_to_a_picture_of_pillow(tmp_path, picture):
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter turn clockwise
    path = saved(Image.fromarray(picture), tmp_path / "a.png", exif=turned)
    upright = np.rot90(picture, -1)
    assert (pixels_of(path) == upright).all()
    assert (pixels_of(Image.open(path)) == upright).all()


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((4, 4, 3)), "4 x 4 x 3 float64"),
        (np.zeros((4, 4, 3), dtype=np.float32), r"\(255 \* array\)"),
        (np.zeros((4, 4, 2), dtype=np.uint8), "4 x 4 x 2 uint8"),
        (np.zeros((3, 4, 5, 3), dtype=np.uint8), "3 x 4 x 5 x 3"),
        (np.zeros((0, 4, 3), dtype=np.uint8), "0 x 4 x 3"),
        (np.zeros((4, 4, 3), dtype=np.uint16), "uint16"),
        (np.zeros(7, dtype=np.uint8), "an array of 7 uint8"),
    ],
)
def test_an_array_that_is_no_picture_is_refused_with_what_to_give(array, said):
    with pytest.raises(CourseError, match=said) as error:
        make_post(image=array)
    assert "\n" not in str(error.value)


def test_what_cannot_be_read_is_named_in_a_line(tmp_path, picture):
    file = io.BytesIO()
    Image.fromarray(picture.repeat(8, 0).repeat(8, 1)).save(file, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(file.getvalue()[: len(file.getvalue()) // 2])
    (tmp_path / "page.jpg").write_text("<html><body>404")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "lost.jpg").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, said in {
        "cut.jpg": "truncated picture",
        "page.jpg": "HTML page",
        "empty.jpg": "empty file",
        "lost.jpg": "a link that leads nowhere",
        "pipe.jpg": "a device or pipe",
        "none.jpg": "there is no such picture",
        "x" * 300: "there is no such picture",  # no name of a file is so long
        ".": "a folder",
    }.items():
        with pytest.raises(CourseError, match=said) as error:
            make_post("a text", tmp_path / name)
        assert str(tmp_path / name) in str(error.value)
        assert "\n" not in str(error.value)
    for raw, said in ((b"", "empty file"), (file.getvalue()[:600], "truncated")):
        with pytest.raises(CourseError, match=f"the picture: cannot be read.*{said}"):
            make_post(image=raw)
    with pytest.raises(CourseError, match="the picture"):
        make_post(image=Image.open(tmp_path / "cut.jpg"))  # opened, but not read yet


@pytest.mark.parametrize("given", [7, 3.5, [1, 2], object()])
def test_anything_else_is_refused_by_its_type(given):
    with pytest.raises(CourseError, match=f"image is of type {type(given).__name__}"):
        make_post(image=given)
    with pytest.raises(CourseError, match=f"text is of type {type(given).__name__}: give a string"):
        make_post(given)


def test_nothing_at_all_is_no_post():
    with pytest.raises(CourseError, match="neither a text nor a picture"):
        make_post()


def test_half_a_character_is_replaced_and_remembered():
    for half in ("\ud83d", "\udcff"):  # a tweet cut in an emoji; a byte that a shell handed over
        post = make_post(f"good {half}")
        assert post.text == "good \ufffd"
        assert "replaced" in post.encoding
    assert make_post("good \U0001f600").encoding == "utf-8"


def test_the_same_content_has_the_same_key_and_other_content_another(picture):
    one, same, other = (
        make_post("a", picture),
        make_post("b", picture),
        make_post("a", 255 - picture),
    )
    assert one.image_key == same.image_key != other.image_key
    assert len({post.content for post in (one, same, other, make_post("a"))}) == 4


def test_a_picture_is_of_its_content_not_of_its_name(tmp_path, picture):
    path = saved(Image.fromarray(picture), tmp_path / "a.jpg", format="PNG")
    assert (pixels_of(path) == picture).all()
