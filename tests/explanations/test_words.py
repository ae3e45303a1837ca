"""Words: how a text is split, what each is worth left out, and integrated gradients by hand."""

import numpy as np
import pytest
import torch
from scipy.special import logit

from mmsa_utils.errors import CourseError
from mmsa_utils.explanations import (
    Target,
    WordParts,
    integrated_gradients,
    leave_one_out,
    network_of,
    words,
)
from mmsa_utils.prediction import load_model, make_post

from .conftest import TEXT


def test_words_stand_as_in_the_text_and_chinese_ones_are_characters(target):
    parts = WordParts(target)
    assert parts.words == (
        "I", "love", "this", "café,", "but", "the", "coffee", "is", "awful", "😀", "很", "好",
    )  # fmt: skip
    assert len(parts) == 12
    assert not parts.cut


def test_a_word_left_out_is_the_text_without_it(predictor, target, picture):
    parts = WordParts(target)
    texts = [TEXT.replace("love ", ""), TEXT.replace("很", ""), TEXT]
    expected = [
        logit(one.probabilities[target.label])
        for one in predictor.predict([(text, picture) for text in texts])
    ]
    scores = leave_one_out(parts)
    assert scores[1] == pytest.approx(expected[2] - expected[0], abs=1e-4)
    assert scores[10] == pytest.approx(expected[2] - expected[1], abs=1e-4)


def test_all_words_away_is_no_text(target):
    parts = WordParts(target)
    nothing, everything = parts.log_odds(np.array([[False] * 12, [True] * 12]))
    assert nothing == pytest.approx(target.of_texts([""])[0])
    assert everything == pytest.approx(target.value, abs=1e-5)


def test_words_beyond_the_token_limit_are_not_there_and_a_long_text_is_quick(make_predictor):
    network = network_of(make_predictor(max_tokens=8))
    parts = WordParts(Target(network, make_post("good bad unbelievableness x y z " * 50_000)))
    assert parts.words[:3] == ("good", "bad", "unbelievableness")
    assert len(parts) < 8
    assert parts.cut
    assert len(leave_one_out(parts)) == len(parts)


# ---- gradients --------------------------------------------------------------------------


def by_hand(target, parts, steps=200):
    """Riemann's middle sum of the gradients, by torch alone: a number a token."""
    (encoder,), (tokens,) = target.network.text_encoders, parts.tokens
    table = encoder.transformer.get_input_embeddings().weight.detach()
    special = torch.tensor([start == end for start, end in tokens.spans])
    whole = table[tokens.ids[0]]
    blank = torch.where(special[:, None], whole, table[encoder.tokenizer.pad_token_id])
    shares = (torch.arange(steps).view(-1, 1, 1) + 0.5) / steps
    way = (blank + shares * (whole - blank)).requires_grad_()
    mask = torch.ones(way.shape[:2], dtype=torch.long)
    vectors = encoder({"inputs_embeds": way, "attention_mask": mask})
    target.log_odds(text=vectors).sum().backward()
    return ((whole - blank) * way.grad.mean(0)).sum(1).numpy()


def test_integrated_gradients_are_what_a_plain_sum_gives(target, monkeypatch):
    monkeypatch.setattr(words, "_STEPS", (128,))
    parts = WordParts(target)
    tokens, found = by_hand(target, parts), integrated_gradients(parts)
    assert np.abs(found.scores).max() > 0.03
    expected = parts.sums(parts.tokens[0], tokens)
    assert found.scores == pytest.approx(expected, abs=0.05 * np.abs(expected).max())


def test_a_word_has_the_sum_of_its_tokens(target):
    parts = WordParts(target)
    (tokens,) = parts.tokens
    found = parts.sums(tokens, np.ones(len(tokens.spans)))
    assert found.sum() == len(tokens.spans) - 2  # without [CLS] and [SEP]
    assert found[3] == 2  # "café" and ","


def test_scores_and_baseline_add_up_to_the_log_odds(target):
    found = integrated_gradients(WordParts(target))
    whole = target.value
    assert found.scores.sum() + found.baseline + found.gap == pytest.approx(whole, abs=1e-5)
    assert abs(found.gap) <= 0.05 * np.abs(found.scores).sum()


def test_the_shipped_networks_two_text_encoders_share_the_words():
    network = network_of(load_model())
    target = Target(network, make_post("What a wonderful day, I love it"))
    parts = WordParts(target)
    found = integrated_gradients(parts)
    assert len(parts.tokens) == 2
    assert found.scores.sum() + found.baseline == pytest.approx(target.value, abs=0.2)
    assert {parts.words[n] for n in np.argsort(-found.scores)[:2]} == {"wonderful", "love"}


def test_a_tokenizer_that_does_not_say_where_its_tokens_stand_is_refused(target, monkeypatch):
    tokenizer = target.network.text_encoders[0].tokenizer
    monkeypatch.setattr(type(tokenizer), "is_fast", False)
    with pytest.raises(CourseError, match="fast tokenizer"):
        WordParts(target)
