"""No group of copies is ever split."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from mmsa_utils.data.splits import (
    assign_inner_folds,
    at_most,
    find_groups,
    make_folds,
    require_folds,
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


@pytest.mark.parametrize("distance", [-1, 0, 2, 8])
def test_pictures_join_as_a_comparison_of_each_with_each_says(demo, distance):
    rng = np.random.default_rng(0)
    flips = [sum(1 << int(bit) for bit in rng.choice(64, size=rng.integers(6))) for _ in range(60)]
    values = [int(rng.integers(5)) * 0x1111_1111_1111_1111 ^ flip for flip in flips]
    posts = [with_text(demo.labelled[0], f"text {n}", f"{v:016x}") for n, v in enumerate(values)]
    near = [[(a ^ b).bit_count() <= distance for b in values] for a in values]
    expected = connected_components(csr_matrix(near), directed=False)[1]
    np.testing.assert_array_equal(find_groups(posts, distance=distance), expected)


def test_retweets_join_their_original_also_where_they_are_cut_off(demo):
    post = demo.labelled[0]
    original = "What a lovely and sunny day at the sea with everybody"
    texts = [
        original,
        f"RT @friend: {original}",
        "RT @friend: What a lovely and sunny day at the s… https://t.co/x",
        "What a lovely…",  # too short to be known again
    ]
    groups = find_groups([with_text(post, t, h) for t, h in zip(texts, FAR, strict=True)])
    assert groups[0] == groups[1] == groups[2] != groups[3]


def test_a_picture_without_content_joins_nothing(demo):
    post = demo.labelled[0]
    hashes = ["", "0" * 16, "", "0" * 16]
    posts = [with_text(post, f"text {n}", h) for n, h in enumerate(hashes)]
    groups = find_groups(posts)
    assert groups[1] == groups[3]
    assert len({groups[0], groups[1], groups[2]}) == 3
    assert len(set(find_groups(posts[::2]).tolist())) == 2


def test_a_placeholder_joins_nothing_but_a_picture_that_is_often_used_does(demo):
    rng = np.random.default_rng(0)
    hashes = [f"{int(rng.integers(2**63)):016x}" for _ in range(20)]
    post = demo.labelled[0]

    def number_of_groups(chosen, text="text {}"):
        posts = [with_text(post, text.format(n), h) for n, h in enumerate(chosen)]
        return len(set(find_groups(posts).tolist()))

    assert number_of_groups([hashes[0]] * 20 + hashes[1:]) == 39
    assert number_of_groups([h for h in hashes[:3] for _ in range(20)]) == 3
    assert number_of_groups([hashes[0]] * 20, text="one text") == 1  # real copies


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


def test_a_class_whose_posts_are_few_groups_is_named_with_what_to_set():
    labels = np.repeat([0, 1, 2], 20)
    groups = np.concatenate([np.arange(20), 20 + np.arange(20) % 3, np.arange(40, 60)])
    said = r"20 neutral posts in 3 groups of copies are too few for 5 folds: set folds=3"
    with pytest.raises(CourseError, match=said):
        make_folds(labels, groups, folds=5, seed=0)
    assert set(make_folds(labels, groups, folds=3, seed=0).tolist()) == {0, 1, 2}


def test_a_class_whose_posts_are_one_group_cannot_be_split():
    labels = np.repeat([0, 1, 2], 20)
    groups = np.concatenate([np.arange(20), np.full(20, 20), np.arange(40, 60)])
    for split in (make_folds, require_folds):
        options = {"seed": 0} if split is make_folds else {"inner_folds": 2}
        with pytest.raises(CourseError, match=r"20 neutral posts in 1 group of copies cannot be"):
            split(labels, groups, folds=2, **options)


def test_the_message_of_an_inner_fold_says_so():
    labels = np.repeat([0, 1, 2], [20, 5, 20])
    with pytest.raises(CourseError, match=r"among the training posts of a fold, 5 neutral .*inner"):
        train_validation_split(np.arange(45), labels, np.arange(45), inner_folds=8, seed=0)


@pytest.mark.parametrize("counts", [(8, 4, 18), (10, 10, 10), (3, 3, 40), (30, 6, 30)])
def test_the_folds_that_are_advised_can_be_made(counts):
    labels = np.repeat([0, 1, 2], counts)
    groups = np.arange(len(labels))
    folds, inner_folds = 5, 8
    try:
        require_folds(labels, groups, folds=folds, inner_folds=inner_folds)
    except CourseError as error:
        found = re.search(r"--folds (\d+) --inner-folds (\d+)", str(error))
        folds, inner_folds = int(found[1]), int(found[2])
    inner_folds = require_folds(labels, groups, folds=folds, inner_folds=inner_folds)
    fold = make_folds(labels, groups, folds=folds, seed=0)
    for number in range(folds):
        rest = np.flatnonzero(fold != number)
        train, _ = train_validation_split(rest, labels, groups, inner_folds=inner_folds, seed=0)
        assert set(labels[train].tolist()) == {0, 1, 2}


@pytest.mark.parametrize(("each", "inner_folds"), [(60, 8), (10, 8), (8, 6), (6, 4)])
def test_fewer_inner_folds_are_made_where_posts_are_few(each, inner_folds):
    labels = np.repeat([0, 1, 2], each)
    groups = np.arange(3 * each)
    assert require_folds(labels, groups, folds=5, inner_folds=8) == inner_folds
    assert at_most(8, labels, groups) == min(8, each)


@pytest.mark.parametrize("count", [2, 5])
def test_any_number_of_classes_is_split_and_the_rarest_counts(count):
    classes = tuple("abcde"[:count])
    labels = np.repeat(np.arange(count), 20)
    groups = np.arange(len(labels))
    fold = make_folds(labels, groups, folds=4, seed=0, classes=classes)
    for number in range(4):
        assert np.bincount(labels[fold == number]).tolist() == [5] * count
    assert at_most(30, labels, groups, classes=classes) == 20
    assert require_folds(labels, groups, folds=5, inner_folds=8, classes=classes) == 8
    rare = np.r_[labels, np.full(3, count)]
    classes = (*classes, "rare")
    with pytest.raises(CourseError, match="3 rare posts are too few for 5 folds"):
        require_folds(rare, np.arange(len(rare)), folds=5, inner_folds=2, classes=classes)
    with pytest.raises(
        CourseError, match=f"no rare post: this folder has the classes {classes[0]}"
    ):
        require_folds(labels, groups, folds=5, inner_folds=2, classes=classes)


def test_a_share_of_training_posts_keeps_copies_together():
    groups = np.repeat(np.arange(100), 3)
    indices = np.arange(0, 240)
    part = subsample(indices, groups, share=0.5, seed=0)
    assert set(part) <= set(indices)
    assert 90 < len(part) < 150
    assert all((groups[part] == g).sum() == 3 for g in np.unique(groups[part]))
    assert subsample(indices, groups, share=1.0, seed=0) is indices
