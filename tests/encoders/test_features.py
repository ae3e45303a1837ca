"""Cached features: computed once, found again by content, never another post's."""

import numpy as np
import pytest
import torch

from mmsa_utils.config import Config
from mmsa_utils.encoders import (
    build_text_encoder,
    extract_features,
    features,
    lower_outputs,
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
    (file,) = (tmp_path / "other").glob("features-*.npz")
    file.unlink()
    assert np.allclose(extract_features(posts, "text", MINE), first)
    assert mine.passes == 3
    assert file.exists()


def test_rows_that_another_process_has_added_are_found(demo, mine, tmp_path):
    posts = demo.labelled[:3]
    extract_features(posts[:2], "text", MINE)
    (file,) = (tmp_path / "cache").glob("features-*.npz")
    with np.load(file) as saved:
        content, values = saved["content"].tolist(), saved["values"]
    np.savez(file, content=[*content, posts[2].content], values=np.vstack([values, values[:1] + 1]))
    added = extract_features(posts, "text", MINE)[2]
    assert (added == values[0] + 1).all()
    assert mine.passes == 1


def test_a_feature_file_is_read_once_a_process(demo, mine, monkeypatch):
    posts, read = demo.labelled[:3], []
    first = extract_features(posts, "text", MINE)
    load = np.load
    monkeypatch.setattr(np, "load", lambda file: read.append(file) or load(file))
    for _ in range(3):
        found = extract_features(posts, "text", MINE)
        found[:] = 0  # the reader's own copy
    assert (extract_features(posts, "text", MINE) == first).all()
    assert len(read) == 0  # this process wrote it


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


def test_the_same_words_are_judged_once(demo, monkeypatch):
    words, judged = ["happy words", ""], []

    def judge(texts):
        judged.append(texts)
        return word_features(texts)

    monkeypatch.setattr(features, "read_words", lambda posts: (list(words), []))
    monkeypatch.setattr(features, "word_features", judge)
    posts = demo.labelled[:2]
    first = extract_features(posts, "words", Config(words=True))
    expected = first.copy()
    first[:] = 0  # the reader's own copy
    assert (extract_features(posts, "words", Config(words=True)) == expected).all()
    assert len(judged) == 1
    words[1] = "sad words"
    assert extract_features(posts, "words", Config(words=True))[1].any()
    assert len(judged) == 2
