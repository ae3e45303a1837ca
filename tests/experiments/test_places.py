"""Where a run writes: the course's own results, figures, weights and pages are its own."""

import shutil

import pytest

from mmsa_utils.data.posts import Dataset, load_dataset
from mmsa_utils.encoders import weights
from mmsa_utils.evaluation.folders import claim_folder, fingerprint_of
from mmsa_utils.experiments.places import is_course, named, place_of
from mmsa_utils.io import save_json
from mmsa_utils.paths import DEMO, IMAGES, RESULTS


@pytest.fixture
def results(demo, tmp_path):
    """Results of a course whose own posts are the demo set."""
    record = {"dataset": {"name": "course", "fingerprint": demo.fingerprint}}
    save_json(record, tmp_path / "results" / "course" / "fused.json")
    return tmp_path / "results"


@pytest.fixture
def others(demo):
    """Other posts, in a folder that is called as the course's is."""
    return Dataset("course", demo.labelled[:120], (), demo.excluded)


def test_the_courses_posts_are_known_whatever_their_folder_is_called(results, demo, tmp_path):
    shutil.copytree(DEMO, tmp_path / "my posts")
    dataset = named(load_dataset(tmp_path / "my posts"), results=results)
    assert dataset.name == "course"
    assert dataset.fingerprint == demo.fingerprint
    place = place_of(dataset, results=results)
    assert place.is_course
    assert (place.folder, place.images) == (results / "course", IMAGES)
    assert place.weights == weights.FOLDER


def test_other_posts_never_reach_what_is_the_courses(results, others):
    assert not is_course(others, results=results)
    dataset = named(others, results=results)
    place = place_of(dataset, results=results)
    assert not place.is_course
    assert place.folder == results / f"course-{others.fingerprint[:8]}"
    assert place.images.is_relative_to(place.folder)
    assert place.weights.is_relative_to(place.folder)


def test_other_posts_have_a_folder_of_their_name(results, demo):
    one = Dataset("posts", demo.labelled[:120], (), demo.excluded)
    two = Dataset("posts", demo.labelled[:100], (), demo.excluded)
    assert place_of(one, results=results).folder == results / "posts"
    claim_folder(results / "posts", one)
    assert place_of(one, results=results).folder == results / "posts", "found again"
    assert place_of(two, results=results).folder == results / f"posts-{two.fingerprint[:8]}"


def test_with_changed_knobs_even_the_courses_own_posts_go_under_out(
    results, demo, others, tmp_path, monkeypatch
):
    monkeypatch.setenv("MMSA_OUT", str(tmp_path / "out"))
    changes = ({"epochs": 3}, {"epochs": 4})
    places = [place_of(d, c, results=results) for d in (demo, others) for c in changes]
    assert len({place.folder for place in places}) == 4
    for place in places:
        assert not place.is_course
        for folder in (place.folder, place.images, place.weights):
            assert folder.is_relative_to(tmp_path / "out")


def test_the_demo_set_is_not_the_course(demo):
    assert fingerprint_of(RESULTS / "course") is not None
    assert not is_course(demo)
