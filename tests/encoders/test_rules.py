import sys
from dataclasses import replace

import matplotlib.colors
import numpy as np
import pytest
import torch

from mmsa_utils.config import Config
from mmsa_utils.data import decode_image
from mmsa_utils.encoders import build_image_encoder, build_text_encoder, extract_features, rules
from mmsa_utils.encoders.registry import encoder_fingerprint
from mmsa_utils.errors import CourseError


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))


def texts_as_posts(demo, *texts):
    return [replace(post, text=text) for post, text in zip(demo.posts, texts, strict=False)]


# ---- a lexicon --------------------------------------------------------------------------


def test_vader_gives_the_published_scores(demo):
    module = pytest.importorskip("vaderSentiment.vaderSentiment")
    posts = texts_as_posts(demo, "VADER is smart, handsome, and funny!", "It is a chair.")
    found = extract_features(posts, "text", Config(text_encoders=("vader",)))
    # The first line of the table in VADER's own README.
    assert found[0] == pytest.approx([0.0, 0.248, 0.752, 0.8439], abs=1e-6)
    scores = module.SentimentIntensityAnalyzer().polarity_scores(posts[1].text)
    assert found[1] == pytest.approx([scores[name] for name in ("neg", "neu", "pos", "compound")])


def test_vader_sees_no_links_and_stands_beside_other_encoders(demo):
    pytest.importorskip("vaderSentiment")
    plain, linked = "I am sad &amp; angry", "I am sad &amp; angry https://example.org/happy-love"
    found = extract_features(
        texts_as_posts(demo, plain, linked), "text", Config(text_encoders=("minilm", "vader"))
    )
    assert found.shape == (2, 384 + 4)
    assert found[0, -4:].tolist() == found[1, -4:].tolist()
    assert found[0, -1] < -0.5


def test_a_lexicon_cannot_be_trained():
    pytest.importorskip("vaderSentiment")
    with pytest.raises(CourseError, match="nothing to train"):
        build_text_encoder("vader").split(1)


# ---- plain words ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("so #ThrowbackThursday", "so Throwback Thursday"),
        ("#lovemylife!", "love my life!"),
        ("#2016goals", "2016 goals"),
        ("#東京 and #caféculture stay", "#東京 and #caféculture stay"),
        ("number # 5, #_ too", "number # 5, #_ too"),
    ],
)
def test_hashtags_are_split_into_words(text, plain):
    pytest.importorskip("wordninja")
    assert rules.split_hashtags(text) == plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("I ❤️ it", "I red heart it"),
        ("ha😂😂", "ha face with tears of joy face with tears of joy"),
        ("a_b :smile: (c) 1", "a_b :smile: (c) 1"),
    ],
)
def test_emoji_are_named(text, plain):
    pytest.importorskip("emoji")
    assert rules.name_emoji(text).split() == plain.split()


def test_the_encoder_reads_plain_words_and_is_the_same_otherwise(demo):
    pytest.importorskip("emoji")
    pytest.importorskip("wordninja")
    tagged = "what a day #throwbackthursday 😂 https://example.org/#notme"
    by_hand = "what a day throwback thursday face with tears of joy"
    posts = texts_as_posts(demo, tagged, by_hand)
    plain = extract_features(posts, "text", Config(text_encoders=("minilm:plain_words",)))
    usual = extract_features(posts, "text", Config(text_encoders=("minilm",)))
    np.testing.assert_allclose(plain[0], usual[1], atol=1e-5)
    np.testing.assert_allclose(plain[1], usual[1], atol=1e-5)
    assert np.abs(usual[0] - usual[1]).max() > 0.01


# ---- what is needed ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("vader", "vaderSentiment.vaderSentiment", "vaderSentiment"),
        ("minilm_tweets:plain_words", "wordninja", "wordninja"),
        ("minilm:plain_words", "emoji", "emoji"),
    ],
)
def test_a_missing_package_is_named(demo, monkeypatch, name, module, package):
    for other in ("vaderSentiment.vaderSentiment", "wordninja", "emoji"):
        monkeypatch.setitem(sys.modules, other, sys)  # as if installed
    monkeypatch.setattr(rules, "version", lambda package: "1")
    monkeypatch.setitem(sys.modules, module, None)  # which import refuses
    with pytest.raises(CourseError, match=f"package {package}: `make .venv/.extras`"):
        extract_features(demo.posts[:1], "text", Config(text_encoders=(name,)))


def test_another_version_of_a_package_is_another_encoder(monkeypatch):
    pytest.importorskip("vaderSentiment")
    before = encoder_fingerprint("text", "vader")
    monkeypatch.setattr(rules, "version", lambda package: "99")
    assert encoder_fingerprint("text", "vader") != before


# ---- colours ----------------------------------------------------------------------------


def statistics(pixels):
    """Of one picture, `(H, W, 3)` in 0 to 1."""
    found = rules.ColourStatistics()(torch.tensor(pixels, dtype=torch.float32).movedim(-1, 0)[None])
    assert torch.isfinite(found).all()
    parts = np.split(found[0].numpy(), [2, 4, 6, 18, 26])
    names = ("mean", "spread", "hue", "hues", "saturation", "value")
    return dict(zip(names, parts, strict=True))


def test_saturation_and_value_are_those_of_matplotlib():
    pixels = np.random.default_rng(0).random((40, 30, 3))
    hsv = matplotlib.colors.rgb_to_hsv(pixels).reshape(-1, 3)
    found = statistics(pixels)
    np.testing.assert_allclose(found["mean"], hsv[:, 1:].mean(0), atol=1e-5)
    np.testing.assert_allclose(found["spread"], hsv[:, 1:].std(0), atol=1e-5)
    for name, column in (("saturation", 1), ("value", 2)):
        counts = np.histogram(hsv[:, column], bins=8, range=(0, 1))[0]
        np.testing.assert_allclose(found[name], counts / counts.sum(), atol=2e-3)


@pytest.mark.parametrize(
    ("colour", "place"),
    [("red", 0), ("yellow", 2), ("lime", 4), ("cyan", 6), ("blue", 8), ("magenta", 10)],
)
def test_a_colour_is_in_its_own_hue(colour, place):
    found = statistics(np.tile(matplotlib.colors.to_rgb(colour), (4, 4, 1)))
    assert found["hues"].tolist() == np.eye(12)[place].tolist()
    angle = np.degrees(np.arctan2(*found["hue"][::-1])) % 360
    assert angle == pytest.approx(30 * place, abs=1e-3)


@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_grey_has_no_hue(grey):
    found = statistics(np.full((4, 4, 3), grey))
    assert not found["hues"].any()
    assert found["mean"].tolist() == pytest.approx([0, grey])
    assert found["saturation"].tolist() == [1, *[0] * 7]


def test_colours_are_an_image_encoder_by_name(demo):
    posts = demo.posts[:3]
    both = Config(image_encoders=("colours", "efficientnet_lite0"))
    found = extract_features(posts, "image", both)
    assert found.shape == (3, rules.ColourStatistics.DIM + 1280)
    # The whole picture at full size says nearly the same.
    whole = decode_image(posts[0].image) / 255
    np.testing.assert_allclose(found[0, :2], statistics(whole)["mean"], atol=0.03)
    assert build_image_encoder("colours").dim == rules.ColourStatistics.DIM
