"""Groups of posts that are copies of each other, and folds that never split a group."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..config import LABELS
from ..errors import CourseError
from .classes import FILE, own, owner
from .posts import Post
from .text import comparable

NEAR_IMAGE = 8  # bits of 64 in which two perceptual hashes of one picture may differ
# A picture is taken for a placeholder where more posts have it than `FEW`, than this share of
# all, and than `DOMINANT` times those that have any other one.
FEW, PLACEHOLDER, DOMINANT = 10, 0.1, 4
CUT = 20  # letters that are left of a text at least, for it to be known as the start of another
_TRIED = (0, 1, 2)  # seeds with which folds are tried
_ELLIPSES = ("…", "...")


# ---- groups of copies -------------------------------------------------------------------


def _equal_pairs(values: Sequence[str]) -> np.ndarray:
    """`(2, pairs)`: indices of equal, non-empty values."""
    first: dict[str, int] = {}
    pairs = []
    for index, value in enumerate(values):
        if value:
            pairs.append((first.setdefault(value, index), index))
    return np.array(pairs, dtype=int).reshape(-1, 2).T


def _cut_pairs(texts: Sequence[str]) -> np.ndarray:
    """`(2, pairs)`: indices of a text that ends in an ellipsis, and of each that goes on there.

    Retweets are cut off so where they get too long.
    """
    order = sorted(range(len(texts)), key=texts.__getitem__)
    in_order = [texts[index] for index in order]
    pairs = []
    for index, text in enumerate(texts):
        start = text.rstrip("….")
        if not text.endswith(_ELLIPSES) or len(start) < CUT:
            continue
        place = bisect_left(in_order, start)
        while place < len(order) and in_order[place].startswith(start):
            pairs.append((index, order[place]))
            place += 1
    return np.array(pairs, dtype=int).reshape(-1, 2).T


def _near_pairs(hashes: Sequence[str], distance: int) -> np.ndarray:
    """`(2, pairs)`: indices of 64-bit hashes that differ in at most `distance` bits.

    Of equal hashes, the first stands for all. An empty hash is near none.
    """
    known = np.flatnonzero([bool(value) for value in hashes])
    bits = np.array([int(value, 16) for value in hashes if value], dtype=np.uint64)
    bits, first = np.unique(bits, return_index=True)
    known = known[first]
    pairs = [np.empty((2, 0), dtype=int)]
    for index in range(len(bits)):
        near = np.bitwise_count(bits[index + 1 :] ^ bits[index]) <= distance
        others = np.flatnonzero(near) + index + 1
        pairs.append(known[np.stack([np.full_like(others, index), others])])
    return np.concatenate(pairs, axis=1)


def find_placeholders(posts: Sequence[Post]) -> dict[str, int]:
    """A picture that stands for a missing one: `{perceptual hash: posts}`, empty for none.

    "Image not available" is one picture, but posts that show it are no copies. So one picture
    that a tenth of the posts have, far more than have any other, with texts of their own.
    """
    common = Counter(post.facts.phash for post in posts if post.facts.phash).most_common(2)
    phash, count = common[0] if common else ("", 0)
    next_count = common[1][1] if len(common) > 1 else 0
    if count <= FEW or count < PLACEHOLDER * len(posts) or count < DOMINANT * next_count:
        return {}
    texts = {comparable(post.text) for post in posts if post.facts.phash == phash}
    return {phash: count} if len(texts) > count / 2 else {}


def find_groups(posts: Sequence[Post], *, distance: int = NEAR_IMAGE) -> np.ndarray:
    """`(N,)` int array: posts with the same number are copies in text or picture.

    Equal text (as `comparable` gives it; an empty rest equals nothing), a text that is cut off
    in the other, or a perceptual hash within `distance` bits makes two posts one group; groups
    join transitively. Blank pictures and placeholders join nothing; no picture does where
    `distance` is below 0.
    """
    from scipy.sparse import coo_matrix  # as scikit-learn below: prediction does without
    from scipy.sparse.csgraph import connected_components

    texts = [comparable(post.text) for post in posts]
    placeholders = find_placeholders(posts)
    hashes = [post.facts.phash for post in posts]
    hashes = ["" if value in placeholders else value for value in hashes]
    found = [_equal_pairs(texts), _cut_pairs(texts)]
    if distance >= 0:
        found += [_equal_pairs(hashes), _near_pairs(hashes, distance)]
    pairs = np.concatenate(found, axis=1)
    links = coo_matrix((np.ones(pairs.shape[1]), tuple(pairs)), shape=(len(posts),) * 2)
    return connected_components(links, directed=False)[1]


# ---- what there is to split -------------------------------------------------------------


def count_groups(
    labels: np.ndarray, groups: np.ndarray, *, classes: Sequence[str] = LABELS
) -> np.ndarray:
    """`(K,)`: the groups of copies that each of the classes has posts in."""
    pairs = np.unique(np.stack([labels, groups]), axis=1)
    return np.bincount(pairs[0], minlength=len(classes))


@dataclass(frozen=True)
class _Rarest:
    """The class with the fewest groups of copies, in words.

    Attributes:
        groups: how many it has.
        posts: such as `12 neutral posts` or `12 neutral posts in 3 groups of copies`.
    """

    name: str
    groups: int
    posts: str


def _rarest(labels: np.ndarray, groups: np.ndarray, classes: Sequence[str]) -> _Rarest:
    counts = count_groups(labels, groups, classes=classes)
    label = int(counts.argmin())
    name, found, posts = classes[label], int(counts[label]), int((labels == label).sum())
    copies = f" in {found} group{'s' * (found != 1)} of copies" if found < posts else ""
    return _Rarest(name, found, f"{posts} {name} post{'s' * (posts != 1)}{copies}")


def _refuse_unsplittable(
    labels: np.ndarray, groups: np.ndarray, classes: Sequence[str], where: str = ""
) -> None:
    """Ends where a class has no post, or cannot be on both sides of any split."""
    counts = count_groups(labels, groups, classes=classes)
    if missing := [name for name, count in zip(classes, counts, strict=True) if not count]:
        them = "take it out of" if own(classes) else "name those that you have, one a line, in"
        raise CourseError(
            f"{where}no {' and no '.join(missing)} post: {owner(classes)} has the classes "
            f"{', '.join(classes)}, and each needs posts. Add some, or {them} {FILE}"
        )
    rare = _rarest(labels, groups, classes)
    if rare.groups == 1:
        raise CourseError(
            f"{where}{rare.posts} cannot be split into training and test posts: "
            f"add {rare.name} posts that are no copies (equal text or picture) of these"
        )


def require_folds(
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    folds: int,
    inner_folds: int,
    classes: Sequence[str] = LABELS,
) -> int:
    """Ends, before any fold is made, where posts are too few for the folds.

    Returns:
        The inner folds: those wanted, or fewer where a class has too few posts for so many.

    Args:
        labels: `(N,)` indices in `classes`.
        groups: `(N,)` numbers of groups, as `find_groups` gives them.
        classes: the names of all classes.

    Raises:
        CourseError: in one line: which class, its posts and groups, and what to set instead.
    """
    labels = np.asarray(labels, dtype=int)
    _refuse_unsplittable(labels, groups, classes)
    possible = _possible_folds(labels, groups, folds, inner_folds, classes)
    if possible is not None and possible[0] == folds:
        return possible[1]
    rare = _rarest(labels, groups, classes)
    raise CourseError(
        f"{rare.posts} are too few for {folds} folds with {inner_folds} inner folds each"
        f"{_settable(possible)} add {rare.name} posts"
    )


def fewer_inner_folds(
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    inner_folds: int,
    possible: int,
    classes: Sequence[str] = LABELS,
) -> str:
    """Says, in a line, why there are fewer inner folds than wanted."""
    return (
        f"{_rarest(labels, groups, classes).posts} are too few for {inner_folds} inner folds: "
        f"there are {possible}, and one of them is the validation set "
        f"(--inner-folds {possible} says so)"
    )


def at_most(
    wanted: int, labels: np.ndarray, groups: np.ndarray, *, classes: Sequence[str] = LABELS
) -> int:
    """So many parts as wanted, or as every class has groups of copies: two at least."""
    return max(2, min(wanted, int(count_groups(labels, groups, classes=classes).min())))


def _settable(possible: tuple[int, int] | None) -> str:
    if possible is None:
        return ", even for 2 with 2:"
    folds, inner = possible
    return (
        f": set folds={folds} and inner_folds={inner} (--folds {folds} --inner-folds {inner}), or"
    )


def _possible_folds(
    labels: np.ndarray, groups: np.ndarray, folds: int, inner_folds: int, classes: Sequence[str]
) -> tuple[int, int] | None:
    """The most folds, up to those wanted, that leave each class at least two inner folds."""
    fewest = int(count_groups(labels, groups, classes=classes).min())
    keys = tuple(labels.tolist()), tuple(groups.tolist())
    for number in range(min(folds, fewest), 1, -1):
        if fewest > 4 * (number + inner_folds):
            return number, inner_folds  # plainly enough
        left = min(
            int(count_groups(labels[fold != k], groups[fold != k], classes=classes).min())
            for fold in (_assign(*keys, number, seed) for seed in _TRIED)
            for k in range(number)
        )
        if left >= 2:
            return number, min(inner_folds, left)
    return None


# ---- folds ------------------------------------------------------------------------------


def make_folds(
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    folds: int,
    seed: int,
    classes: Sequence[str] = LABELS,
) -> np.ndarray:
    """`(N,)` int array: the fold whose test set each post is in.

    scikit-learn's StratifiedGroupKFold: about equal class shares, no group in two folds.

    Args:
        labels: `(N,)` indices in `classes`.
        groups: `(N,)` numbers of groups, as `find_groups` gives them.
        classes: the names of all classes.

    Raises:
        CourseError: where a class has posts in too few groups for so many folds.
    """
    return _make_folds(labels, groups, folds=folds, seed=seed, knob="folds", classes=classes)


def _make_folds(
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    folds: int,
    seed: int,
    knob: str,
    classes: Sequence[str],
) -> np.ndarray:
    """Folds, or inner folds among the training posts of a fold: `knob` says which to set."""
    labels = np.asarray(labels, dtype=int)
    rare = _rarest(labels, groups, classes)
    if rare.groups < folds:
        kind, where = "folds", ""
        if knob == "inner_folds":
            kind, where = "inner folds", "among the training posts of a fold, "
        _refuse_unsplittable(labels, groups, classes, where)
        raise CourseError(
            f"{where}{rare.posts} are too few for {folds} {kind}: set {knob}={rare.groups} or "
            f"less (--{knob.replace('_', '-')} {rare.groups}), or add {rare.name} posts"
        )
    return np.array(_assign(tuple(labels.tolist()), tuple(groups.tolist()), folds, seed))


# Remembered, because it takes a second on thousands of groups and every run of a comparison
# asks for the same folds.
@lru_cache(maxsize=256)
def _assign(labels: tuple[int, ...], groups: tuple[int, ...], folds: int, seed: int) -> np.ndarray:
    from sklearn.model_selection import StratifiedGroupKFold  # takes seconds

    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.empty(len(labels), dtype=int)
    for number, (_, test) in enumerate(splitter.split(labels, labels, groups)):
        fold[test] = number
    return fold


def train_validation_split(
    indices: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    inner_folds: int,
    seed: int,
    classes: Sequence[str] = LABELS,
) -> tuple[np.ndarray, np.ndarray]:
    """Splits a fold's training posts once more: `(train, validation)`, grouped and stratified.

    The validation set (one of `inner_folds` parts) serves early stopping and every choice, so
    that the test set serves none.

    Args:
        indices: `(n,)` of the posts outside the test set.
        labels: `(N,)` of all posts, as is `groups`.
        classes: the names of all classes.

    Raises:
        CourseError: where a class has posts in too few groups for so many parts.
    """
    part = assign_inner_folds(
        indices, labels, groups, inner_folds=inner_folds, seed=seed, classes=classes
    )
    return indices[part != 0], indices[part == 0]


def assign_inner_folds(
    indices: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    inner_folds: int,
    seed: int,
    classes: Sequence[str] = LABELS,
) -> np.ndarray:
    """`(n,)`: each training post's part in a cross-validation among them, for choices.

    Arguments and errors as of `train_validation_split`, whose validation set is part 0.
    """
    return _make_folds(
        labels[indices],
        groups[indices],
        folds=inner_folds,
        seed=seed,
        knob="inner_folds",
        classes=classes,
    )


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
