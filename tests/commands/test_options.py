"""Options that commands share: names of classes, and the check before a run."""

import shutil

import pytest

from mmsa_utils.__main__ import main
from mmsa_utils.commands.options import UnfitPosts, fit_posts, of_learning, split_classes
from mmsa_utils.errors import CourseError
from mmsa_utils.experiments import ablations, own_model, places, reference, report
from mmsa_utils.paths import DEMO, RESULTS


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


# ---- processes --------------------------------------------------------------------------


@pytest.fixture
def called(tmp_path, monkeypatch):
    """What the runs were called with, on the demo set as the course's own posts."""
    notes = {}
    monkeypatch.setenv("MMSA_DATA", str(shutil.copytree(DEMO, tmp_path / "posts")))
    monkeypatch.setattr(places, "is_course", lambda *_, **__: True)
    monkeypatch.setattr(report, "write_pages", lambda: None)
    monkeypatch.setattr(reference, "run_reference", lambda r, **_: notes.update(reference=r))
    monkeypatch.setattr(ablations, "run_ablations", lambda *a, **_: notes.update(ablations=a))
    monkeypatch.setattr(own_model, "train_model", lambda *a: notes.update(train=a) or 1 / 0)
    return notes


@pytest.mark.parametrize(("options", "jobs"), [([], 0), (["--jobs", "3"], 3)])
def test_long_runs_take_all_cores_unless_told_otherwise(called, tmp_path, options, jobs):
    """And write to the same place: the number of processes changes no figure."""
    assert main(["reference", *options]) == 0
    run = called["reference"]
    assert {config.jobs for config in run.recipes.networks.values()} == {jobs}
    assert run.folder == RESULTS / "course"

    assert main(["ablations", *options]) == 0
    _, recipes, folder = called["ablations"]
    assert (recipes.course.jobs, folder) == (jobs, RESULTS / "course")

    with pytest.raises(ZeroDivisionError):  # which ends it where the training would begin
        main(["train", "--out", str(tmp_path / "model"), *options])
    assert called["train"][1].jobs == jobs


def test_what_says_where_and_how_fast_changes_nothing_that_is_learnt():
    knobs = {"device": "cpu", "workers": 2, "jobs": 1, "epochs": 3}
    assert of_learning(knobs) == {"epochs": 3}
