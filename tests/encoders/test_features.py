"""Cached features: computed once, found again by content, never another post's."""

import dataclasses
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from mmsa_utils.cache import forget
from mmsa_utils.config import Config
from mmsa_utils.encoders import (
    build_text_encoder,
    extract_features,
    features,
    lower_outputs,
    registry,
    word_features,
)

MINE = Config(text_encoders=("mine",))


def test_features_are_computed_once_and_found_again(demo, mine):
    posts = demo.labelled[:6]
    first = extract_features(posts, "text", MINE)
    assert mine.passes == 1
    assert (extract_features(posts[::-1], "text", MINE) == first[::-1]).all()
    assert mine.passes == 1
    extract_features(posts, "text", MINE.but(max_tokens=5))  # another recipe
    assert mine.passes == 2
    extract_features(demo.labelled[4:7], "text", MINE)  # another post
    assert mine.passes == 3


def test_only_what_is_missing_is_computed(demo, mine):
    old = extract_features(demo.labelled[:4], "text", MINE)
    both = extract_features(demo.labelled[:6], "text", MINE)
    assert (both[:4] == old).all()
    assert (extract_features(demo.labelled[4:6], "text", MINE) == both[4:]).all()
    assert mine.passes == 2


def test_another_cache_folder_and_a_deleted_file_are_noticed(demo, mine, monkeypatch, tmp_path):
    posts = demo.labelled[:3]
    first = extract_features(posts, "text", MINE)
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path / "other"))
    assert np.allclose(extract_features(posts, "text", MINE), first)
    assert mine.passes == 2
    (file,) = (tmp_path / "other").glob("features-*")
    file.unlink()
    assert np.allclose(extract_features(posts, "text", MINE), first)
    assert mine.passes == 3
    assert file.exists()


def test_rows_that_another_process_has_added_are_found(demo, mine):
    posts = demo.labelled[:3]
    first = extract_features(posts[:2], "text", MINE)
    cache = features.open_cache("text", "mine", MINE)
    cache.set_many({features.post_key(posts[2], "text"): first[0] + 1})
    forget()
    assert (extract_features(posts, "text", MINE)[2] == first[0] + 1).all()
    assert mine.passes == 1


def test_a_reader_may_write_into_its_features(demo, mine):
    posts = demo.labelled[:3]
    expected = extract_features(posts, "text", MINE)
    extract_features(posts, "text", MINE)[:] = 0
    assert (extract_features(posts, "text", MINE) == expected).all()


@pytest.mark.parametrize(
    ("modality", "names"),
    [
        ("text", {"text_encoders": ("minilm", "minilm_tweets")}),
        ("image", {"image_encoders": ("efficientnet_lite0", "efficientnet_lite0:stages")}),
        ("text", {"text_encoders": ("mine",)}),
    ],
)
def test_what_is_in_the_cache_builds_no_encoder(demo, mine, monkeypatch, modality, names):
    config, posts = Config(**names), demo.labelled[:3]
    first = extract_features(posts, modality, config)
    state = torch.get_rng_state()

    def refuse(*_, **__):
        raise AssertionError("built")

    monkeypatch.setattr(features, "build_encoder", refuse)
    monkeypatch.setattr(registry, "build_encoder", refuse)
    monkeypatch.setattr("transformers.AutoModel.from_pretrained", refuse)
    monkeypatch.setattr("timm.create_model", refuse)
    forget()
    assert (extract_features(posts, modality, config) == first).all()
    assert torch.equal(torch.get_rng_state(), state)


def test_computing_leaves_torchs_random_numbers_alone(demo, tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    state = torch.get_rng_state()
    extract_features(demo.labelled[:2], "image", Config())
    assert torch.equal(torch.get_rng_state(), state)


def test_the_same_text_and_the_same_picture_are_computed_once(demo, mine, monkeypatch, tmp_path):
    first, second = demo.labelled[:2]
    other_picture = dataclasses.replace(first, image=second.image, image_key=second.image_key)
    one = extract_features([first], "text", MINE)
    both = extract_features([other_picture, first], "text", MINE)
    assert (both == one).all()
    assert mine.passes == 1
    seen = extract_features([first, second, other_picture], "image", Config())
    assert (seen[2] == seen[1]).all()
    assert not np.allclose(seen[0], seen[1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("precision", lambda device: "bfloat16"),
        ("encoder_fingerprint", lambda modality, name: "other weights"),
        ("source_digest", lambda files: "other code"),
        ("__version__", "0.0"),
    ],
)
def test_whatever_a_feature_depends_on_is_in_its_key(demo, mine, monkeypatch, name, value):
    cache = features.open_cache("text", "mine", MINE)
    monkeypatch.setattr(features, name, value)
    features.source_of.cache_clear()
    other = features.open_cache("text", "mine", MINE)
    features.source_of.cache_clear()
    assert other.file != cache.file


def test_encoders_and_numbers_of_tokens_have_keys_of_their_own(mine):
    names = "efficientnet_lite0", "efficientnet_lite0:views", "efficientnet_lite2"
    files = {features.open_cache("image", name, Config()).file for name in names}
    files |= {features.open_cache("text", "minilm", Config(max_tokens=n)).file for n in (8, 9)}
    assert len(files) == 5
    same = Config(batch_size=5, max_tokens=8)
    assert features.open_cache("text", "minilm", same).file in files


def imported(file):
    """The modules of the data folder that a module imports."""
    found = re.findall(r"^from (?:\.|\.\.data\.)(\w+) import", file.read_text(), re.MULTILINE)
    paths = [file.parents[1] / "data" / f"{name}.py" for name in found]
    return {path for path in paths if path.exists()}


@pytest.mark.parametrize("modality", ["text", "image", "words"])
def test_no_module_that_reads_posts_for_an_encoder_is_left_out_of_the_key(modality):
    files = set(features.source_files(modality))
    assert all(file.exists() for file in files)
    reading = {file for file in files if file.parent.name == "data"}
    assert {found for file in reading for found in imported(file)} <= files


@pytest.mark.parametrize("modality", ["text", "image", "words"])
def test_no_module_that_makes_an_encoder_is_left_out_of_the_key(modality):
    files = {file for file in features.source_files(modality) if file.parent.name == "encoders"}
    names = {file.stem for file in files}
    apart = {"registry", "weights"}  # they choose and check, and compute nothing
    for file in files - {file for file in files if file.stem == "inputs"}:  # reads for both
        used = re.findall(r"^from \.(\w+) import", file.read_text(), re.MULTILINE)
        assert set(used) <= names | apart


def test_a_broken_cache_is_computed_anew_with_a_warning(demo, mine):
    posts = demo.labelled[:3]
    first = extract_features(posts, "text", MINE)
    file = features.open_cache("text", "mine", MINE).file
    file.write_bytes(file.read_bytes()[:700])
    forget()
    with pytest.warns(UserWarning, match=f"{file.name} is broken"):
        found = extract_features(posts, "text", MINE)
    assert np.allclose(found, first)
    assert mine.passes == 2


def test_without_a_cache_folder_features_are_computed_once_a_process(demo, mine, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    posts = demo.labelled[:3]
    with pytest.warns(UserWarning, match="cannot be written") as warned:
        first = extract_features(posts, "text", MINE)
    assert len(warned) == 1
    assert (extract_features(posts, "text", MINE) == first).all()
    assert mine.passes == 1


def test_sorting_by_length_leaves_features_with_their_posts(demo, tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    posts = sorted(demo.labelled[:8], key=lambda post: -len(post.text))
    together = extract_features(posts, "text", Config())
    encoder = build_text_encoder("minilm")
    with torch.inference_mode():
        for post, vector in zip(posts, together, strict=True):
            alone = encoder(encoder.tokenize([post.text], max_tokens=128))[0].numpy()
            assert np.allclose(alone, vector, atol=1e-4)


def test_several_encoders_stand_side_by_side(demo, tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    both = Config(image_encoders=("efficientnet_lite0", "efficientnet_lite2"))
    posts = demo.labelled[:3]
    found = extract_features(posts, "image", both)
    alone = extract_features(posts, "image", both.but(image_encoders=("efficientnet_lite2",)))
    assert found.shape == (3, 2560)
    assert np.allclose(found[:, 1280:], alone)


def test_what_the_frozen_layers_say_of_a_post_has_a_row_a_token(demo):
    encoder, posts = build_text_encoder("minilm"), demo.labelled[:4]
    config = Config(mode="text", finetune=("text",), trained_stages=2)
    outputs = lower_outputs(posts, encoder, config)
    lower, _ = encoder.split(2)
    for post, states in zip(posts, outputs, strict=True):
        with torch.inference_mode():
            alone = lower(encoder.tokenize([post.text], max_tokens=128))[0]
        assert torch.allclose(states, alone, atol=1e-4)


# ---- words in pictures ------------------------------------------------------------------


def test_words_are_judged_and_counted_and_no_words_are_zeros():
    found = word_features(["", "I am so happy today", "I hate this"])
    assert found.shape == (3, 4)
    assert not found[0].any()
    assert found[1, :3].argmax() == 2
    assert found[2, :3].argmax() == 0
    assert found[:, 3] == pytest.approx(np.log1p([0, 5, 3]))


def test_the_same_words_are_judged_once(demo, monkeypatch, tmp_path):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    words, judged = ["happy words", "", "happy words"], []

    def judge(texts):
        judged.append(list(texts))
        return word_features(texts)

    monkeypatch.setattr(features, "read_words", lambda posts: (list(words), []))
    monkeypatch.setattr(features, "word_features", judge)
    posts = demo.labelled[:3]
    first = extract_features(posts, "words", Config(words=True))
    expected = first.copy()
    first[:] = 0  # the reader's own copy
    forget()
    assert (extract_features(posts, "words", Config(words=True)) == expected).all()
    assert (expected[0] == expected[2]).all()
    words[1] = "sad words"
    assert extract_features(posts, "words", Config(words=True))[1].any()
    assert judged == [["happy words", ""], ["sad words"]]


def test_words_are_judged_anew_where_the_judging_changed(demo, monkeypatch, tmp_path):
    assert Path(inspect.getfile(inspect.unwrap(word_features))) in features.source_files("words")
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    monkeypatch.setattr(features, "read_words", lambda posts: (["happy words"], []))
    extract_features(demo.labelled[:1], "words", Config(words=True))
    monkeypatch.setattr(features, "source_of", lambda modality: f"another one of {modality}")
    monkeypatch.setattr(features, "word_features", lambda words: np.ones((len(words), 4)))
    assert extract_features(demo.labelled[:1], "words", Config(words=True)).all()


def test_words_are_judged_anew_by_a_classifier_that_was_tuned_again(demo, monkeypatch, tmp_path):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    monkeypatch.setattr(features, "read_words", lambda posts: (["happy words"], []))
    extract_features(demo.labelled[:1], "words", Config(words=True))
    monkeypatch.setattr(features, "tweets_fingerprint", lambda: "tuned again")
    monkeypatch.setattr(features, "word_features", lambda words: np.ones((len(words), 4)))
    assert extract_features(demo.labelled[:1], "words", Config(words=True)).all()
