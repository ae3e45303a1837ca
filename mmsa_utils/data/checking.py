"""Whether the posts of a folder can be trained on: problems, notes, and what stops training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..config import Config
from ..errors import CourseError
from .lists import UNLABELLED
from .posts import Folder, Post, read_folder
from .posts_file import find_posts_file, list_of
from .problems import problem_table
from .splits import (
    count_groups,
    fewer_inner_folds,
    find_groups,
    find_placeholders,
    require_folds,
)


@dataclass(frozen=True)
class FolderReport:
    """What there is to say of a folder of posts.

    Attributes:
        problems: a row a problem of single posts (`PROBLEM_COLUMNS`), to be shown by
            `problems.condense`. These posts can be left out.
        notes: what is worth knowing and stops nothing, a line each.
        faults: what stops training, also without the posts above, a line each.
    """

    problems: pd.DataFrame
    notes: list[str]
    faults: list[str]

    @property
    def trainable(self) -> bool:
        """Whether training can start, at least without the posts that have problems."""
        return not self.faults


def report(
    folder: Path | str,
    *,
    folds: int = Config.folds,
    inner_folds: int = Config.inner_folds,
    classes: Sequence[str] | None = None,
) -> FolderReport:
    """Looks at all posts of a folder as training will.

    Args:
        folder: a folder in the layout of data/README.md, or something else: that is a fault.
        folds: of the cross-validation that is planned, as is `inner_folds`.
        classes: what tags may be; by default what the folder's classes.txt names.
    """
    try:
        found = read_folder(folder, classes=classes)
    except CourseError as error:
        return FolderReport(problem_table([]), [], [str(error)])
    labelled = [post for post in found.posts if post.label is not None]
    if not labelled:
        fault = f"{list_of(Path(folder))} lists no usable post"
        return FolderReport(found.problems, list(found.notes), [fault])
    labels, groups = np.array([post.label for post in labelled]), find_groups(labelled)
    notes = [*found.notes, _classes(found.classes, labels, groups), *_copies(labelled, groups)]
    notes.append(_unlabelled(Path(folder), found))
    try:
        possible = require_folds(
            labels, groups, folds=folds, inner_folds=inner_folds, classes=found.classes
        )
    except CourseError as error:
        return FolderReport(found.problems, notes, [str(error)])
    if possible < inner_folds:
        sizes = {"inner_folds": inner_folds, "possible": possible}
        notes.append(fewer_inner_folds(labels, groups, classes=found.classes, **sizes))
    return FolderReport(found.problems, notes, [])


def _classes(classes: Sequence[str], labels: np.ndarray, groups: np.ndarray) -> str:
    posts = np.bincount(labels, minlength=len(classes))
    own = count_groups(labels, groups, classes=classes)
    each = [
        f"{name} {count}" + (f" (in {groups} groups of copies)" if groups < count else "")
        for name, count, groups in zip(classes, posts, own, strict=True)
    ]
    return f"{len(labels)} labelled posts: {', '.join(each)}"


def _copies(labelled: Sequence[Post], groups: np.ndarray) -> list[str]:
    """Notes about posts that are copies, and about pictures that make none."""
    sizes = np.bincount(groups)
    notes = [
        f"{count} posts have one and the same picture: it is taken for a placeholder, and "
        "posts that share it are not taken for copies"
        for count in find_placeholders(labelled).values()
    ]
    if (sizes > 1).any():
        notes.append(
            f"{sizes[sizes > 1].sum()} posts are copies of each other in text or picture, in "
            f"{(sizes > 1).sum()} group(s), which folds never split"
        )
    return notes


def _unlabelled(folder: Path, found: Folder) -> str:
    count = sum(post.label is None for post in found.posts)
    if count:
        return f"{count} unlabelled posts"
    if file := find_posts_file(folder):
        why = f"no row of {file.name} is without a label"
    else:
        there = (folder / UNLABELLED).exists()
        why = f"{UNLABELLED} {'lists none that can be used' if there else 'is not there'}"
    return f"no unlabelled posts ({why}): nothing will be predicted"
