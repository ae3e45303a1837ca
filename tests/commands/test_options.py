"""Options that commands share: names of classes, and the check before a run."""

import pytest

from mmsa_utils.commands.options import UnfitPosts, fit_posts, split_classes
from mmsa_utils.errors import CourseError
from mmsa_utils.paths import DEMO


def test_names_of_classes_are_split_at_commas():
    assert split_classes("sad, not so sad,happy") == ("sad", "not so sad", "happy")
    assert split_classes(None) is None
    with pytest.raises(CourseError, match="name two or more"):
        split_classes("sad")


def test_posts_are_checked_with_the_classes_that_are_named():
    names = ("positive", "negative", "neutral")
    dataset = fit_posts(DEMO, exclude_problems=False, knobs={}, classes=names)
    assert dataset.classes == names
    with pytest.raises(UnfitPosts, match="classes"):
        fit_posts(DEMO, exclude_problems=False, knobs={}, classes=("sad", "happy"))


def test_posts_that_are_too_few_for_the_folds_of_the_knobs_are_refused():
    with pytest.raises(UnfitPosts, match="folds"):
        fit_posts(DEMO, exclude_problems=False, knobs={"folds": 200})
