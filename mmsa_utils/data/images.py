"""Pictures: decoding to RGB arrays, facts about a file, and the two transform presets."""

import io
import warnings
from dataclasses import dataclass

import albumentations as A
import cv2
import imagehash
import numpy as np
from albumentations.pytorch import ToTensorV2
from PIL import Image, ImageOps

from ..errors import CourseError

MAX_PIXELS = 50_000_000  # a phone's picture has 12 to 50 million; more is taken for a bomb
SUFFIXES = (".jpg", ".jpeg", ".png")

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


# ---- decoding ---------------------------------------------------------------------------


def _open(raw):
    try:
        with warnings.catch_warnings():  # Pillow's own limits are wider than ours
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(raw))
        small = picture.width * picture.height <= MAX_PIXELS
    except Image.DecompressionBombError:
        small = False
    if not small:
        raise CourseError(f"more than {MAX_PIXELS:,} pixels (a decompression bomb?)")
    return picture


def _to_rgb(picture):
    """Upright RGB: EXIF rotation applied, transparency laid on white, palettes resolved."""
    picture = ImageOps.exif_transpose(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture)
    return picture.convert("RGB")


def decode_picture(path, *, least_side=None):
    """The picture as an `(H, W, 3)` uint8 RGB array.

    `least_side` lets the JPEG decoder shrink while it reads (its `draft` mode): neither
    side gets shorter than that, and large photographs are read several times faster.

    Raises:
        CourseError: naming the file, where it cannot be read.
    """
    try:
        picture = _open(path.read_bytes())
        if least_side:
            picture.draft("RGB", (least_side, least_side))
        return np.asarray(_to_rgb(picture))
    except (OSError, SyntaxError, ValueError, CourseError) as error:
        raise CourseError(f"{path}: cannot be read as a picture: {error}") from error


@dataclass(frozen=True)
class PictureFacts:
    """What is known of a picture file without an encoder. `error` is empty where all is well."""

    width: int = 0
    height: int = 0
    mode: str = ""
    phash: str = ""
    error: str = ""


def picture_facts(raw):
    """Facts of a picture file's bytes; what is wrong with it is said in `error`.

    The perceptual hash is `imagehash.phash` (64 bits, hexadecimal): pictures that look
    the same differ in few bits.
    """
    try:
        picture = _open(raw)
        width, height, mode = picture.width, picture.height, picture.mode
        picture.draft("RGB", (128, 128))
        phash = str(imagehash.phash(_to_rgb(picture)))
    except CourseError as error:
        return PictureFacts(error=f"refused: {error}")
    except (OSError, SyntaxError, ValueError) as error:
        kind = "truncated" if "truncated" in str(error) else "unreadable"
        return PictureFacts(error=f"{kind} picture")
    return PictureFacts(width, height, mode, phash)


# ---- transforms -------------------------------------------------------------------------


def augmentation_steps(size):
    """The training augmentation by name: `{name: transform}`, in the order they are applied.

    The steps of the lab report with albumentations 2 arguments; `OneOf` groups are listed
    under their members' kind. Probabilities are set here and nowhere else.
    """
    return {
        "RandomResizedCrop": A.RandomResizedCrop(size=(size, size), scale=(0.8, 1.0)),
        "HorizontalFlip": A.HorizontalFlip(p=0.5),
        "RandomRotate90": A.RandomRotate90(p=0.5),
        "GaussNoise": A.GaussNoise(std_range=(0.02, 0.1), p=0.2),
        "Blur": A.OneOf(
            [
                A.MotionBlur(blur_limit=(3, 7)),
                A.MedianBlur(blur_limit=(3, 5)),
                A.Blur(blur_limit=(3, 5)),
            ],
            p=0.2,
        ),
        "Distortion": A.OneOf(
            [
                A.OpticalDistortion(distort_limit=(-0.3, 0.3)),
                A.GridDistortion(num_steps=5, distort_limit=(-0.3, 0.3)),
                A.ElasticTransform(alpha=60, sigma=8),
            ],
            p=0.3,
        ),
        "Contrast": A.OneOf(
            [
                A.CLAHE(clip_limit=(1, 2)),
                A.Sharpen(alpha=(0.2, 0.5), lightness=(0.5, 1.0)),
                A.Emboss(alpha=(0.2, 0.5), strength=(0.2, 0.7)),
                A.RandomBrightnessContrast(
                    brightness_limit=(-0.2, 0.2), contrast_limit=(-0.2, 0.2)
                ),
            ],
            p=0.3,
        ),
    }


def single_augmentations(size):
    """Every transform alone and certain to act, for looking at: `{name: transform}`."""
    single = {}
    for step in augmentation_steps(size).values():
        for member in getattr(step, "transforms", [step]):
            member.p = 1.0
            single[type(member).__name__] = A.Compose([member], strict=True)
    return single


def _compose(steps, mean, std):
    return A.Compose([*steps, A.Normalize(mean=mean, std=std), ToTensorV2()], strict=True)


def train_transform(*, size, mean=IMAGENET_MEAN, std=IMAGENET_STD):
    """Training preset: random, `(H, W, 3)` uint8 -> `(3, size, size)` float32."""
    return _compose(augmentation_steps(size).values(), mean, std)


def eval_transform(*, size, mean=IMAGENET_MEAN, std=IMAGENET_STD):
    """Evaluation preset: always the same, `(H, W, 3)` uint8 -> `(3, size, size)` float32.

    The whole picture is resized to a square: posts carry words and faces at the border,
    which a centre crop would cut off.
    """
    return _compose([A.Resize(size, size, interpolation=cv2.INTER_AREA)], mean, std)
