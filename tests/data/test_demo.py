"""The demo set is what its description says."""

from collections import Counter

import numpy as np
import pytest

from mmsa_utils.config import LABELS
from mmsa_utils.data.demo import (
    CEILINGS,
    IMAGE_SHOWS,
    TEXT_SHOWS,
    make_demo,
    read_sentences,
    verdict,
)
from mmsa_utils.data.images import decode_image
from mmsa_utils.data.splits import find_groups
from mmsa_utils.errors import CourseError
from mmsa_utils.paths import DEMO


def test_it_is_small_and_its_classes_are_equal(demo):
    assert np.bincount(demo.labels).tolist() == [80, 80, 80]
    assert len(demo.unlabelled) == 40
    assert sum(file.stat().st_size for file in DEMO.rglob("*") if file.is_file()) < 2e6


def test_the_same_seed_makes_the_same_set(tmp_path):
    make_demo(tmp_path)
    for name in ("train.txt", "test_without_label.txt"):
        assert (tmp_path / name).read_bytes() == (DEMO / name).read_bytes()
    made, kept = (sorted((folder / "data").iterdir()) for folder in (tmp_path, DEMO))
    assert [file.name for file in made] == [file.name for file in kept]
    for one, other in zip(made, kept, strict=True):
        if one.suffix == ".txt":
            assert one.read_bytes() == other.read_bytes()
        else:
            assert np.array_equal(decode_image(one), decode_image(other)), one.name


def test_another_seed_makes_another_set(tmp_path):
    make_demo(tmp_path, seed=8)
    assert (tmp_path / "train.txt").read_bytes() != (DEMO / "train.txt").read_bytes()


def test_it_never_overwrites_somebody_elses_folder(tmp_path):
    (tmp_path / "train.txt").write_text("guid,tag")
    with pytest.raises(CourseError, match="not empty"):
        make_demo(tmp_path)
    assert (tmp_path / "train.txt").read_text() == "guid,tag"


def test_copies_are_only_those_planted(demo):
    sizes = Counter(Counter(find_groups(demo.labelled).tolist()).values())
    assert sizes == {1: 224, 2: 8}


def test_it_has_the_odd_files_that_real_posts_have(demo):
    assert Counter(post.encoding for post in demo.posts)["gb18030"] == 1
    assert {"L", "RGB", "RGBA"} == {post.facts.mode for post in demo.posts}


def test_ceilings_are_those_of_the_probability_model():
    rng, n = np.random.default_rng(0), 400_000
    label = rng.integers(0, 3, n)
    text, image = rng.random(n) < TEXT_SHOWS, rng.random(n) < IMAGE_SHOWS
    guess = rng.integers(0, 3, n)  # where nothing is shown
    for name, shown in (("text", text), ("image", image), ("fused", text | image)):
        right = np.where(shown, label, guess) == label
        assert right.mean() == pytest.approx(CEILINGS[name], abs=0.004)


def record(accuracy, name="demo"):
    return {
        "run": "text",
        "oof": {"accuracy": accuracy},
        "dataset": {"name": name, "posts": 240},
    }


def test_the_verdict_tells_a_leak():
    assert "leaks" in verdict(record(0.90))
    assert "not above" in verdict(record(0.76))
    assert "no known ceiling" in verdict(record(0.90, name="course"))


def test_every_sentence_is_used_for_one_kind_only():
    sentences = read_sentences()
    every = [line for lines in sentences.values() for line in lines]
    assert set(sentences) == {*LABELS, "filler"}
    assert len(every) == len(set(every))
