"""Groups of posts that are copies of each other, and folds that never split a group."""

from functools import lru_cache

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

from ..config import LABELS
from ..errors import CourseError
from .text import comparable

NEAR_PICTURE = 8  # bits of 64 in which two perceptual hashes of one picture may differ


def _equal_pairs(values):
    """Pairs of places with equal, non-empty values, as two arrays."""
    first, pairs = {}, []
    for place, value in enumerate(values):
        if value:
            pairs.append((first.setdefault(value, place), place))
    return np.array(pairs, dtype=int).reshape(-1, 2).T


def _near_pairs(hashes, distance):
    """Pairs of places whose 64-bit hashes differ in at most `distance` bits."""
    bits = np.array([int(value, 16) for value in hashes], dtype=np.uint64)
    pairs = [np.empty((2, 0), dtype=int)]
    for place in range(len(bits)):
        near = np.bitwise_count(bits[place + 1 :] ^ bits[place]) <= distance
        others = np.flatnonzero(near) + place + 1
        pairs.append(np.stack([np.full_like(others, place), others]))
    return np.concatenate(pairs, axis=1)


def find_groups(posts, *, distance=NEAR_PICTURE):
    """`(N,)` int array: posts with the same number are copies in text or picture.

    Equal text (links, mentions, case and spaces removed; an empty rest equals nothing) or
    a perceptual hash within `distance` bits makes two posts one group; groups join
    transitively.
    """
    pairs = np.concatenate(
        [
            _equal_pairs([comparable(post.text) for post in posts]),
            _near_pairs([post.facts.phash for post in posts], distance),
        ],
        axis=1,
    )
    links = coo_matrix((np.ones(pairs.shape[1]), tuple(pairs)), shape=(len(posts),) * 2)
    return connected_components(links, directed=False)[1]


def make_folds(labels, groups, *, folds, seed):
    """`(N,)` int array: the fold in which each post is scored.

    scikit-learn's StratifiedGroupKFold: about equal class shares, no group in two folds.

    Raises:
        CourseError: where a class has too few posts for so many folds.
    """
    counts = np.bincount(labels, minlength=len(LABELS))
    if counts.min() < folds:
        rare = LABELS[counts.argmin()]
        raise CourseError(
            f"{counts.min()} {rare} posts are too few for {folds} folds: every class needs "
            "a post in each fold. Add posts, or lower folds or inner_folds"
        )
    return np.array(_assign(tuple(labels.tolist()), tuple(groups.tolist()), folds, seed))


@lru_cache(maxsize=256)
def _assign(labels, groups, folds, seed):
    # Remembered, because it takes a second on thousands of groups and every run of a
    # comparison asks for the same folds.
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.empty(len(labels), dtype=int)
    for number, (_, scored) in enumerate(splitter.split(labels, labels, groups)):
        fold[scored] = number
    return fold


def inner_split(train, labels, groups, *, parts, seed):
    """Splits training places once more: `(fit, inner)`, grouped and stratified.

    `inner` (one of `parts` parts) serves early stopping and every choice, so that the
    scored fold serves none.
    """
    fold = inner_parts(train, labels, groups, parts=parts, seed=seed)
    return train[fold != 0], train[fold == 0]


def inner_parts(train, labels, groups, *, parts, seed):
    """`(n,)`: the part of each training place in a cross-validation among them, for choices."""
    return make_folds(labels[train], groups[train], folds=parts, seed=seed)


def share_of(train, groups, *, share, seed):
    """A random part of training places, whole groups, about `share` of the posts."""
    if share == 1:
        return train
    order = np.random.default_rng(seed).permutation(groups.max() + 1)  # of each group
    return train[order[groups[train]] < share * len(order)]
