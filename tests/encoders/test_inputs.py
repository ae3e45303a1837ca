"""Reading posts for an encoder: each as it is, augmented only when asked for, and repeatably."""

import numpy as np
import pytest
import torch

from mmsa_utils.data import decode_image, eval_transform
from mmsa_utils.encoders import ImageInputs, TokenInputs, build_image_encoder, build_text_encoder


@pytest.fixture(scope="module")
def encoder():
    return build_image_encoder("efficientnet_lite0")


def test_pictures_are_read_as_evaluation_sees_them(demo, encoder):
    posts = demo.labelled[:3]
    pixels = ImageInputs(encoder).load(posts)
    transform = eval_transform(size=encoder.size, mean=encoder.mean, std=encoder.std)
    for post, found in zip(posts, pixels, strict=True):
        image = decode_image(post.image, least_side=encoder.size)
        assert torch.equal(transform(image=image)["image"], found)


def test_an_augmentation_depends_on_the_draw_and_the_post_alone(demo, encoder):
    inputs, posts = ImageInputs(encoder, augment=True), demo.labelled
    first = inputs.load([posts[3], posts[5]], [3, 5], draw=71)
    alone = inputs.load([posts[5]], [5], draw=71)
    later = inputs.load([posts[3], posts[5]], [3, 5], draw=72)
    assert torch.equal(first[1], alone[0])
    assert not torch.allclose(first[0], later[0], atol=1e-3)


def test_without_a_draw_or_a_wish_to_augment_nothing_is_random(demo, encoder):
    posts = demo.labelled[:2]
    plain = ImageInputs(encoder).load(posts)
    assert torch.equal(ImageInputs(encoder, augment=True).load(posts), plain)
    assert torch.equal(ImageInputs(encoder, augment=False).load(posts, [0, 1], draw=7), plain)


def test_texts_are_ordered_by_length_and_padded_to_the_longest(demo):
    encoder = build_text_encoder("minilm")
    inputs, posts = TokenInputs(encoder, 16), demo.labelled[:9]
    lengths = np.array([len(post.text) for post in posts])
    assert (np.diff(lengths[inputs.order(posts)]) >= 0).all()
    assert sorted(inputs.order(posts)) == list(range(9))
    tokens = inputs.load(posts)
    assert tokens["attention_mask"].sum(1).max() == tokens["input_ids"].shape[1] <= 16
