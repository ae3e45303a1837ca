"""Words: how a text is split, what each is worth left out, and integrated gradients by hand."""

import re

import numpy as np
import pytest
import torch
from scipy.special import logit

from mmsa_utils.config import Config
from mmsa_utils.encoders import HeldEncoders, TextEncoder, build_text_encoder
from mmsa_utils.encoders.registry import TEXT_ENCODERS
from mmsa_utils.errors import CourseError
from mmsa_utils.explanations import (
    Target,
    WordParts,
    integrated_gradients,
    leave_one_out,
    network_of,
    words,
)
from mmsa_utils.models import SentimentModel
from mmsa_utils.prediction import Predictor, load_model, make_post

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


# ---- encoders that read otherwise -------------------------------------------------------


def target_of(encoders, text, max_tokens=128):
    """A network of these text encoders alone, untrained, and a text to explain."""
    config = Config(mode="text", text_encoders=tuple(encoders), max_tokens=max_tokens)
    torch.manual_seed(1)
    held = HeldEncoders(config)
    model = SentimentModel(dims={"text": sum(e.dim for e in held.of("text"))}, config=config)
    return Target(network_of(Predictor(model, config, {})), make_post(text))


def test_words_are_those_of_the_post_whatever_the_tokenizer_gets(monkeypatch):
    class Echo(TextEncoder):
        def prepared(self, text):
            return re.sub(r"(\w+)", r"\1 well \1", text)

    plain = build_text_encoder("minilm")
    echo = Echo(plain.transformer, plain.tokenizer, fingerprint="echo")
    monkeypatch.setitem(TEXT_ENCODERS, "echo", lambda: echo)
    parts = WordParts(target_of(["minilm", "echo"], "good, 很 bad"))
    assert parts.words == ("good,", "很", "bad")
    found = [parts.sums(each, np.ones(len(each.spans))).tolist() for each in parts.tokens]
    assert found == [[2, 1, 1], [4, 3, 3]]
    cut = WordParts(target_of(["echo"], "good, 很 bad", max_tokens=6))
    assert (cut.words, cut.cut) == (("good,",), True)
    both = WordParts(target_of(["minilm", "echo"], "good, 很 bad", max_tokens=6))
    assert (both.words, both.cut) == (("good,", "很", "bad"), False)


def test_hashtags_and_emoji_have_the_scores_of_the_words_that_are_read_for_them():
    pytest.importorskip("emoji")
    pytest.importorskip("wordninja")
    parts = WordParts(target_of(["minilm:plain_words"], "so #lovemylife 😂 today"))
    assert parts.words == ("so", "#lovemylife", "😂", "today")
    (tokens,) = parts.tokens
    assert parts.sums(tokens, np.ones(len(tokens.spans))).tolist() == [1, 3, 5, 1]


def test_what_reads_no_tokens_cannot_be_explained_by_words(target, monkeypatch):
    encoder = target.network.text_encoders[0]
    monkeypatch.setattr(type(encoder), "has_tokens", False)
    with pytest.raises(CourseError, match="reads a text by rules"):
        WordParts(target)


def test_tokens_that_are_not_the_tokenizers_are_not_explained(monkeypatch):
    class Own(TextEncoder):
        def tokenize(self, texts, *, max_tokens):
            return super().tokenize([f"not {text}" for text in texts], max_tokens=max_tokens)

    plain = build_text_encoder("minilm")
    own = Own(plain.transformer, plain.tokenizer, fingerprint="own")
    monkeypatch.setitem(TEXT_ENCODERS, "own", lambda: own)
    with pytest.raises(CourseError, match="Own reads other tokens than its tokenizer gives"):
        WordParts(target_of(["own"], "good"))
