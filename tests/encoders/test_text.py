"""A text's vector is its own: neither padding nor cutting the encoder in two changes it."""

import pytest
import torch
import transformers

from mmsa_utils.encoders import TextEncoder, build_text_encoder
from mmsa_utils.errors import CourseError


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


def test_only_the_part_that_is_trained_is_copied(small_bert, encoder):
    whole = TextEncoder(small_bert[0], encoder.tokenizer, fingerprint="small")
    before, tokens = dict(whole.state_dict()), whole.tokenize(["short"], max_tokens=8)
    lower, upper = whole.split(1)
    with torch.no_grad():
        for values in upper.parameters():
            values.zero_()
    assert all(torch.equal(values, before[name]) for name, values in whole.state_dict().items())
    assert len(whole.transformer.encoder.layer) == 2
    table = whole.transformer.get_input_embeddings().weight
    with torch.no_grad():
        first = lower(tokens)
        table += 1
        assert not torch.allclose(lower(tokens), first)
        table -= 1


def test_a_transformer_with_layers_elsewhere_is_not_cut(encoder):
    config = transformers.DistilBertConfig(
        vocab_size=9, max_position_embeddings=4, dim=8, hidden_dim=8, n_layers=2, n_heads=2
    )
    other = TextEncoder(transformers.DistilBertModel(config), encoder.tokenizer)
    with pytest.raises(CourseError, match="a DistilBertModel, cannot be cut"):
        other.split(1)


def test_a_subclass_says_what_its_tokenizer_gets_and_how_much_of_it(encoder):
    class Loud(TextEncoder):
        def prepared(self, text):
            return f"{text} indeed"

        def places(self, max_tokens):
            return min(max_tokens, 5)

    loud = Loud(encoder.transformer, encoder.tokenizer, fingerprint="loud")
    texts = ["nice &amp; so", "nice and good and so"]
    found = loud.tokenize(texts, max_tokens=64)["input_ids"]
    plain = encoder.tokenize([f"{text} indeed" for text in texts], max_tokens=5)["input_ids"]
    assert torch.equal(found, plain)
