"""No group of copies is ever split."""

from dataclasses import replace

import numpy as np
import pytest

from mmsa_utils.data.splits import (
    assign_inner_folds,
    find_groups,
    make_folds,
    subsample,
    train_validation_split,
)
from mmsa_utils.errors import CourseError


def with_text(post, text, phash):
    return replace(post, text=text, facts=replace(post.facts, phash=phash))


FAR = ["0" * 16, "f" * 16, "0f" * 8, "3c" * 8]


def test_texts_equal_but_for_links_mentions_case_and_spaces_are_copies(demo):
    post = demo.labelled[0]
    texts = ["RT Good  day https://t.co/abc", "rt good day @friend", "Good night", "good NIGHT "]
    groups = find_groups([with_text(post, t, h) for t, h in zip(texts, FAR, strict=True)])
    assert groups[0] == groups[1]
    assert groups[2] == groups[3]
    assert groups[0] != groups[2]


def test_texts_that_are_empty_after_cleaning_group_with_nothing(demo):
    post = demo.labelled[0]
    texts = ["https://t.co/a", "@one https://t.co/b", " "]
    groups = find_groups([with_text(post, t, h) for t, h in zip(texts, FAR, strict=False)])
    assert len(set(groups.tolist())) == 3


def test_pictures_within_eight_bits_are_copies_and_groups_join_transitively(demo):
    post = demo.labelled[0]
    hashes = ["0" * 16, f"{0xFF:016x}", f"{0xFFFF:016x}", f"{0x1FFFFFF:016x}"]
    posts = [with_text(post, f"text {n}", h) for n, h in enumerate(hashes)]
    groups = find_groups(posts)
    assert groups[0] == groups[1] == groups[2]  # 8 bits, then 8 more
    assert groups[3] != groups[0]  # 9 bits from the nearest


@pytest.mark.parametrize("seed", range(5))
def test_no_group_crosses_folds_or_the_validation_set(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 300)
    groups = rng.integers(0, 120, 300)
    fold = make_folds(labels, groups, folds=5, seed=seed)
    assert all(len(set(fold[groups == g])) == 1 for g in set(groups.tolist()))
    trainval = np.flatnonzero(fold != 0)
    train, validation = train_validation_split(trainval, labels, groups, inner_folds=8, seed=seed)
    assert not set(groups[train]) & set(groups[validation])
    assert sorted([*train, *validation]) == trainval.tolist()


def test_the_validation_set_is_the_first_of_the_inner_folds():
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 3, 200), np.arange(200)
    trainval = np.arange(40, 200)
    part = assign_inner_folds(trainval, labels, groups, inner_folds=4, seed=1)
    _, validation = train_validation_split(trainval, labels, groups, inner_folds=4, seed=1)
    assert set(part.tolist()) == {0, 1, 2, 3}
    assert validation.tolist() == trainval[part == 0].tolist()


def test_folds_are_stratified_and_seeded(demo):
    groups = find_groups(demo.labelled)
    fold = make_folds(demo.labels, groups, folds=5, seed=0)
    shares = [
        np.bincount(demo.labels[fold == k], minlength=3) / (fold == k).sum() for k in range(5)
    ]
    assert np.abs(np.array(shares) - 1 / 3).max() < 0.05
    assert (fold == make_folds(demo.labels, groups, folds=5, seed=0)).all()
    assert (fold != make_folds(demo.labels, groups, folds=5, seed=1)).any()


def test_a_class_with_too_few_posts_is_named():
    labels = np.array([0] * 20 + [1] * 3 + [2] * 20)
    with pytest.raises(CourseError, match="3 neutral posts are too few for 5 folds"):
        make_folds(labels, np.arange(43), folds=5, seed=0)


def test_a_share_of_training_posts_keeps_copies_together():
    groups = np.repeat(np.arange(100), 3)
    indices = np.arange(0, 240)
    part = subsample(indices, groups, share=0.5, seed=0)
    assert set(part) <= set(indices)
    assert 90 < len(part) < 150
    assert all((groups[part] == g).sum() == 3 for g in np.unique(groups[part]))
    assert subsample(indices, groups, share=1.0, seed=0) is indices
