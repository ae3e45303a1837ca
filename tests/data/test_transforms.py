"""The two transform presets and their random numbers."""

import warnings

import albumentations as A
import cv2
import numpy as np
import pytest
import torch
from albumentations.pytorch import ToTensorV2

from mmsa_utils.data import transforms

IMAGE = np.random.default_rng(0).integers(0, 255, (180, 260, 3), dtype=np.uint8)


def test_every_argument_is_real():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        transforms.train_transform(size=64)
        transforms.single_augmentations(64)


def test_the_lab_reports_steps_are_all_there():
    expected = {
        "RandomResizedCrop", "HorizontalFlip", "RandomRotate90", "GaussNoise", "MotionBlur",
        "MedianBlur", "Blur", "OpticalDistortion", "GridDistortion", "ElasticTransform", "CLAHE",
        "Sharpen", "Emboss", "RandomBrightnessContrast",
    }  # fmt: skip
    assert set(transforms.single_augmentations(64)) == expected


@pytest.mark.parametrize("name", list(transforms.single_augmentations(64)))
def test_each_transform_alone_changes_the_picture(name):
    transform = transforms.single_augmentations(64)[name]
    changed = []
    for seed in range(8):  # a quarter turn of zero quarters is allowed now and then
        transform.set_random_seed(seed)
        out = transform(image=IMAGE)["image"]
        changed.append(out.shape != IMAGE.shape or (out != IMAGE).any())
    assert any(changed)


@pytest.mark.parametrize("shape", [(1, 1), (4000, 1), (3, 12000), (7, 5)])
def test_tiny_and_narrow_pictures_can_be_looked_at_and_trained_on(shape):
    image = np.full((*shape, 3), 99, dtype=np.uint8)
    for transform in transforms.single_augmentations(64).values():
        assert transform(image=image)["image"].size
    random = transforms.train_transform(size=64)
    for seed in range(20):
        random.set_random_seed(seed)
        out = random(image=image)["image"]
        assert out.shape == (3, 64, 64)
        assert out.isfinite().all()


def test_evaluation_is_fixed_and_training_is_not():
    plain, random = transforms.eval_transform(size=64), transforms.train_transform(size=64)
    assert torch.equal(plain(image=IMAGE)["image"], plain(image=IMAGE)["image"])
    assert not torch.equal(random(image=IMAGE)["image"], random(image=IMAGE)["image"])
    assert plain(image=IMAGE)["image"].shape == random(image=IMAGE)["image"].shape == (3, 64, 64)


def test_the_same_seed_draws_the_same():
    random, drawn = transforms.train_transform(size=64), []
    for seed in (1, 1, 2):
        random.set_random_seed(seed)
        drawn.append(random(image=IMAGE)["image"])
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_the_whole_picture_is_seen_in_evaluation_and_normalised():
    half = np.zeros((100, 200, 3), dtype=np.uint8)
    half[:, 150:] = 255  # the right border, which a centre crop would cut off
    seen = transforms.eval_transform(size=64)(image=half)["image"]
    mean, std = (torch.tensor(v) for v in (transforms.IMAGENET_MEAN, transforms.IMAGENET_STD))
    assert seen.dtype == torch.float32
    assert torch.allclose(seen[:, 32, 0], -mean / std, atol=1e-5)
    assert torch.allclose(seen[:, 32, -1], (1 - mean) / std, atol=1e-5)


@pytest.mark.parametrize("shape", [(10, 7), (300, 500), (64, 64), (1, 1), (900, 80)])
def test_evaluation_is_what_albumentations_makes_of_a_picture(shape):
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    mean, std = (127 / 255,) * 3, (128 / 255, 0.25, 0.2)
    resize = A.Resize(64, 64, interpolation=cv2.INTER_AREA)
    theirs = A.Compose([resize, A.Normalize(mean=mean, std=std), ToTensorV2()])
    expected = theirs(image=image)["image"]
    found = transforms.eval_transform(size=64, mean=mean, std=std)(image=image)["image"]
    assert torch.allclose(found, expected, atol=1e-6)
    assert (found.dtype, found.is_contiguous()) == (expected.dtype, True)
