"""A text's vector is its own: neither padding nor cutting the encoder in two changes it."""

import pytest
import torch

from mmsa_utils.encoders import build_text_encoder


@pytest.fixture(scope="module")
def encoder():
    return build_text_encoder("minilm")


def test_padding_does_not_change_a_texts_vector(encoder):
    with torch.inference_mode():
        alone = encoder(encoder.tokenize(["short"], max_tokens=64))
        padded = encoder(encoder.tokenize(["short", "a much longer text " * 9], max_tokens=64))
    assert torch.allclose(alone[0], padded[0], atol=1e-5)


def test_an_empty_mask_gives_no_nan(encoder):
    tokens = encoder.tokenize(["x", "y"], max_tokens=8)
    tokens["attention_mask"][1] = 0
    with torch.inference_mode():
        assert torch.isfinite(encoder(tokens)).all()


def test_texts_are_cleaned_and_cut_when_they_become_tokens(encoder):
    plain, linked = encoder.tokenize(["so nice", "so nice https://t.co/abc"], max_tokens=64)[
        "input_ids"
    ]
    assert torch.equal(plain, linked)
    assert encoder.tokenize(["word " * 50], max_tokens=7)["input_ids"].shape == (1, 7)


def test_a_text_encoder_in_two_parts_says_what_the_whole_says(encoder):
    tokens = encoder.tokenize(["short", "a text that is somewhat longer"], max_tokens=16)
    lower, upper = encoder.split(2)
    assert len(upper.transformer.encoder.layer) == 2
    with torch.inference_mode():
        hidden = {"inputs_embeds": lower(tokens), "attention_mask": tokens["attention_mask"]}
        assert torch.allclose(upper(hidden), encoder(tokens), atol=1e-5)
