"""From a decoded picture to an encoder's input: the two transform presets and their steps."""

from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
import torch

# albumentations takes a second to import, and only what augments needs it.
if TYPE_CHECKING:
    import albumentations as A

    Step: TypeAlias = A.BasicTransform | A.BaseCompose

Channels = tuple[float, float, float]  # red, green, blue

# Of the pixels of ImageNet, on a scale from 0 to 1: what torchvision's and timm's weights expect.
IMAGENET_MEAN: Channels = (0.485, 0.456, 0.406)
IMAGENET_STD: Channels = (0.229, 0.224, 0.225)


def augmentation_steps(size: int) -> "dict[str, Step]":
    """The training augmentation by name: `{name: transform}`, in the order they are applied.

    The steps of the lab report with albumentations 2 arguments; `OneOf` groups are listed
    under their members' kind. Probabilities are set here and nowhere else.

    Args:
        size: side of the square that comes out, in pixels.
    """
    import albumentations as A

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


def single_augmentations(size: int) -> "dict[str, A.Compose]":
    """Every transform alone and certain to act, for looking at: `{name: transform}`.

    They take pictures as they are, and some need a few pixels to move about: smaller ones (1 x 1,
    say) are made wider by their border first.
    """
    import albumentations as A

    single = {}
    border = cv2.BORDER_REPLICATE
    for step in augmentation_steps(size).values():
        for transform in getattr(step, "transforms", [step]):
            transform.p = 1.0
            wide = A.PadIfNeeded(min_height=8, min_width=8, border_mode=border)
            single[type(transform).__name__] = A.Compose([wide, transform], strict=True)
    return single


def train_transform(
    *, size: int, mean: Channels = IMAGENET_MEAN, std: Channels = IMAGENET_STD
) -> "A.Compose":
    """Training preset: random, `(H, W, 3)` uint8 -> `(3, size, size)` float32.

    Called as `transform(image=pixels)["image"]`; `set_random_seed` fixes what it draws next.
    """
    import albumentations as A
    from albumentations.pytorch import ToTensorV2

    steps = augmentation_steps(size).values()
    return A.Compose([*steps, A.Normalize(mean=mean, std=std), ToTensorV2()], strict=True)


class EvalTransform:
    """Evaluation preset: always the same, `(H, W, 3)` uint8 -> `(3, size, size)` float32.

    The whole picture is resized to a square: posts carry words and faces at the border,
    which a centre crop would cut off. Called as `transform(image=pixels)["image"]`, and equal to
    the resizing and the normalisation of albumentations.
    """

    def __init__(self, *, size: int, mean: Channels, std: Channels) -> None:
        self.size = size
        self.mean = np.array(mean, dtype=np.float32) * 255
        self.factor = 1 / (np.array(std, dtype=np.float32) * 255)

    def __call__(self, *, image: np.ndarray) -> dict[str, torch.Tensor]:
        side = self.size, self.size
        if image.shape[:2] != side:
            image = cv2.resize(image, side, interpolation=cv2.INTER_AREA)
        normal = (image.astype(np.float32) - self.mean) * self.factor
        return {"image": torch.from_numpy(normal.transpose(2, 0, 1).copy())}


def eval_transform(
    *, size: int, mean: Channels = IMAGENET_MEAN, std: Channels = IMAGENET_STD
) -> EvalTransform:
    """The evaluation preset of a size; see `EvalTransform`."""
    return EvalTransform(size=size, mean=mean, std=std)
