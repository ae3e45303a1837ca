"""The two transform presets and their random numbers."""

import warnings

import numpy as np
import pytest
import torch

from mmsa_utils.config import Config
from mmsa_utils.data import images
from mmsa_utils.encoders.registry import build_image_encoder
from mmsa_utils.training.batches import PixelSource, PostData

PICTURE = np.random.default_rng(0).integers(0, 255, (180, 260, 3), dtype=np.uint8)


def test_every_argument_is_real():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images.train_transform(size=64)
        images.single_augmentations(64)


def test_the_lab_reports_steps_are_all_there():
    expected = {
        "RandomResizedCrop", "HorizontalFlip", "RandomRotate90", "GaussNoise", "MotionBlur",
        "MedianBlur", "Blur", "OpticalDistortion", "GridDistortion", "ElasticTransform", "CLAHE",
        "Sharpen", "Emboss", "RandomBrightnessContrast",
    }  # fmt: skip
    assert set(images.single_augmentations(64)) == expected


@pytest.mark.parametrize("name", list(images.single_augmentations(64)))
def test_each_transform_alone_changes_the_picture(name):
    transform = images.single_augmentations(64)[name]
    changed = []
    for seed in range(8):  # a quarter turn of zero quarters is allowed now and then
        transform.set_random_seed(seed)
        out = transform(image=PICTURE)["image"]
        changed.append(out.shape != PICTURE.shape or (out != PICTURE).any())
    assert any(changed)


def test_evaluation_is_fixed_and_training_is_not():
    plain, random = images.eval_transform(size=64), images.train_transform(size=64)
    assert torch.equal(plain(image=PICTURE)["image"], plain(image=PICTURE)["image"])
    assert not torch.equal(random(image=PICTURE)["image"], random(image=PICTURE)["image"])
    assert plain(image=PICTURE)["image"].shape == (3, 64, 64)


@pytest.fixture(scope="module")
def encoder():
    return build_image_encoder("efficientnet_lite0")


def batches_of(demo, encoder, epoch, workers):
    config = Config(mode="image", finetune=("image",), batch_size=4, workers=workers)
    data = PostData(demo, config, {"image": encoder})
    batches = data.train_batches(np.arange(8), seed=3)(epoch)
    return torch.cat([batch["image"] for batch in batches])


def test_augmentation_differs_by_epoch_and_not_by_number_of_workers(demo, encoder):
    alone = batches_of(demo, encoder, 1, workers=0)
    assert torch.equal(alone, batches_of(demo, encoder, 1, workers=2))
    assert not torch.equal(alone.sort(0)[0], batches_of(demo, encoder, 2, workers=0).sort(0)[0])


def test_scored_posts_are_never_augmented(demo, encoder):
    config = Config(mode="image", finetune=("image",), batch_size=4)
    data = PostData(demo, config, {"image": encoder})
    batch = next(iter(data.eval_batches(np.arange(4))))
    plain = PixelSource(encoder, demo.labelled, augment=False).load(range(4), draw=5)
    assert torch.equal(batch["image"], plain)
