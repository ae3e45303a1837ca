"""The log-odds that are explained: of the predicted probability, for changed posts as well."""

import numpy as np
import pytest
import torch
from scipy.special import logit

from mmsa_utils.errors import CourseError
from mmsa_utils.explanations import Target
from mmsa_utils.prediction import make_post

from .conftest import TEXT


@pytest.mark.parametrize("label", [0, 1, 2])
def test_log_odds_are_those_of_the_classs_probability(label, predictor, network, post):
    said = predictor.predict([post])[0]
    found = Target(network, post, label).value
    assert found == pytest.approx(logit(said.probabilities[label]), abs=1e-4)


def test_the_answer_is_what_is_explained_by_default(predictor, target, post):
    assert predictor.classes[target.label] == predictor.predict([post])[0].label


def test_other_texts_beside_the_same_picture(predictor, target, picture):
    texts = ["a bad day", "good", "a much longer text about nothing at all"]
    expected = predictor.predict([(text, picture) for text in texts])
    found = target.of_texts(texts)
    assert found == pytest.approx(
        [logit(one.probabilities[target.label]) for one in expected], abs=1e-4
    )


def test_more_texts_than_go_through_at_once_keep_their_order(target, monkeypatch):
    texts = ["one", "a longer text", "good", "x y z"]
    expected = target.of_texts(texts)
    monkeypatch.setattr("mmsa_utils.explanations.target.AT_ONCE", 3)
    assert target.of_texts(texts) == pytest.approx(expected, abs=1e-5)


def test_an_empty_text_is_no_text(predictor, target, post):
    (logits,) = predictor.logits([post], present={"text": False})
    others = np.delete(logits, target.label)
    expected = logits[target.label] - np.logaddexp(*others)
    assert target.of_texts(["", "  "]) == pytest.approx([expected] * 2, abs=1e-5)


def test_other_pictures_beside_the_same_text(predictor, target):
    pixels = [torch.zeros_like(view) for view in target.pixels]  # the mean of the encoder
    grey = np.full((24, 24, 3), 127.5).round().astype(np.uint8)
    (expected,) = predictor.predict([(TEXT, grey)])
    found = target.of_pictures(pixels)
    assert found == pytest.approx([logit(expected.probabilities[target.label])], abs=0.02)


def test_what_a_post_has_not_is_not_explained(network, picture):
    assert [Target(network, make_post("text")).has(m) for m in ("text", "image")] == [True, False]
    invisible = Target(network, make_post("\u200b", picture))
    assert [invisible.has(m) for m in ("text", "image")] == [False, True]
    with pytest.raises(CourseError, match="no text"):
        Target(network, make_post("https://t.co/x"))
