"""Groups of posts that are copies of each other, and folds that never split a group."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

from ..config import LABELS
from ..errors import CourseError
from .posts import Post
from .text import comparable

NEAR_IMAGE = 8  # bits of 64 in which two perceptual hashes of one picture may differ


def _equal_pairs(values: Sequence[str]) -> np.ndarray:
    """`(2, pairs)`: indices of equal, non-empty values."""
    first: dict[str, int] = {}
    pairs = []
    for index, value in enumerate(values):
        if value:
            pairs.append((first.setdefault(value, index), index))
    return np.array(pairs, dtype=int).reshape(-1, 2).T


def _near_pairs(hashes: Sequence[str], distance: int) -> np.ndarray:
    """`(2, pairs)`: indices of 64-bit hashes that differ in at most `distance` bits."""
    bits = np.array([int(value, 16) for value in hashes], dtype=np.uint64)
    pairs = [np.empty((2, 0), dtype=int)]
    for index in range(len(bits)):
        near = np.bitwise_count(bits[index + 1 :] ^ bits[index]) <= distance
        others = np.flatnonzero(near) + index + 1
        pairs.append(np.stack([np.full_like(others, index), others]))
    return np.concatenate(pairs, axis=1)


def find_groups(posts: Sequence[Post], *, distance: int = NEAR_IMAGE) -> np.ndarray:
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


def make_folds(labels: np.ndarray, groups: np.ndarray, *, folds: int, seed: int) -> np.ndarray:
    """`(N,)` int array: the fold whose test set each post is in.

    scikit-learn's StratifiedGroupKFold: about equal class shares, no group in two folds.

    Args:
        labels: `(N,)` indices in `LABELS`.
        groups: `(N,)` numbers of groups, as `find_groups` gives them.

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


# Remembered, because it takes a second on thousands of groups and every run of a comparison
# asks for the same folds.
@lru_cache(maxsize=256)
def _assign(labels: tuple[int, ...], groups: tuple[int, ...], folds: int, seed: int) -> np.ndarray:
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.empty(len(labels), dtype=int)
    for number, (_, test) in enumerate(splitter.split(labels, labels, groups)):
        fold[test] = number
    return fold


def train_validation_split(
    indices: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, inner_folds: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Splits a fold's training posts once more: `(train, validation)`, grouped and stratified.

    The validation set (one of `inner_folds` parts) serves early stopping and every choice, so
    that the test set serves none.

    Args:
        indices: `(n,)` of the posts outside the test set.
        labels: `(N,)` of all posts, as is `groups`.

    Raises:
        CourseError: where a class has too few posts for so many parts.
    """
    part = assign_inner_folds(indices, labels, groups, inner_folds=inner_folds, seed=seed)
    return indices[part != 0], indices[part == 0]


def assign_inner_folds(
    indices: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, inner_folds: int, seed: int
) -> np.ndarray:
    """`(n,)`: each training post's part in a cross-validation among them, for choices.

    Arguments and errors as of `train_validation_split`, whose validation set is part 0.
    """
    return make_folds(labels[indices], groups[indices], folds=inner_folds, seed=seed)


def subsample(indices: np.ndarray, groups: np.ndarray, *, share: float, seed: int) -> np.ndarray:
    """Random ones of `indices`, whole groups, about `share` of them, in the order given.

    Args:
        indices: `(n,)` of the posts to draw from.
        groups: `(N,)` of all posts.
    """
    if share == 1:
        return indices
    order = np.random.default_rng(seed).permutation(groups.max() + 1)  # of each group
    return indices[order[groups[indices]] < share * len(order)]
