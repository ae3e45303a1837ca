"""The bench measures what it says it measures. No time is asserted."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from bench import __main__ as command
from bench import common, features, lab_report, reference, scale, synthetic
from mmsa_utils.config import ENGINES
from mmsa_utils.data import find_groups, load_dataset
from mmsa_utils.encoders import extract_features
from mmsa_utils.errors import CourseError
from mmsa_utils.paths import PROJECT
from mmsa_utils.settings import cache_folder


def few(demo, count):
    return replace(demo, labelled=demo.labelled[:count], unlabelled=())


# ---- common -----------------------------------------------------------------------------


def test_the_same_posts_are_chosen_each_time(demo):
    chosen = common.some_posts(50)
    assert len(chosen.labelled) == 50
    assert not chosen.unlabelled
    assert chosen.labelled == common.some_posts(50).labelled
    assert set(chosen.labelled) < set(common.some_posts(60).labelled) < set(demo.labelled)
    assert len(common.some_posts(10**6).labelled) == len(demo.labelled)


def test_nothing_of_this_machines_cache_is_used_or_changed():
    before = cache_folder()
    with common.nothing_cached() as folder:
        assert cache_folder() == folder.resolve() / "cache"
        assert not cache_folder().exists()
    assert cache_folder() == before


# ---- engines ----------------------------------------------------------------------------


def test_an_engine_that_is_not_installed_is_left_out(demo, monkeypatch):
    times = {"torch": 4.0, "openvino": 1.0}

    def extract(dataset, encoder, engine):
        if engine not in times:
            raise CourseError(f"{engine} is not installed")
        return times[engine], np.full((2, 3), 1 + 1e-6 * times[engine])

    monkeypatch.setattr(features, "_extract", extract)
    found = features.compare_engines(demo, "any", rounds=3)
    assert set(times) < set(ENGINES)
    assert found["times_torch"] == {"torch": 1.0, "openvino": 4.0}
    assert found["fastest"] == "openvino"
    assert found["largest_difference"] == {"openvino": pytest.approx(3e-6)}


# ---- the lab report's way ---------------------------------------------------------------


def test_its_pictures_go_one_by_one_and_come_out_equal(demo):
    dataset, config = few(demo, 3), lab_report.OURS
    found = lab_report.one_by_one(dataset, config.image_encoders[0]).numpy()
    with common.nothing_cached():
        expected = extract_features(dataset.labelled, "image", config)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_its_text_encoder_is_trained_whole_on_padded_texts(demo, tmp_path):
    dataset = few(demo, 30)
    config = lab_report.LAB.but(mode="text", epochs=1, inner_folds=2)
    way = lab_report.LabReport(dataset, config)
    table = way.run(tmp_path)
    assert table.sum(1) == pytest.approx(np.ones(30), abs=1e-5)  # each post is scored
    longest = int(way.tokens["attention_mask"].sum(1).max())
    batches = way._batches(np.arange(30))
    assert [len(batch["label"]) for batch in batches] == [8, 8, 8, 6]
    assert {batch["text"]["input_ids"].shape[1] for batch in batches} == {longest}
    assert all(parameter.requires_grad for parameter in way._model().encoders["text"].parameters())


# ---- many posts -------------------------------------------------------------------------


def test_synthetic_posts_are_sound_and_have_copies(tmp_path):
    dataset = load_dataset(synthetic.write_posts(tmp_path / "posts", 60))
    assert len(dataset.labelled) == 60
    assert not len(dataset.excluded)
    assert len({post.image_key for post in dataset.labelled}) == 6
    groups = find_groups(dataset.labelled)
    pictures = [post.image_key for post in dataset.labelled]
    for picture in set(pictures):  # posts with one picture are copies
        assert (
            len({group for group, own in zip(groups, pictures, strict=True) if own == picture}) == 1
        )


@pytest.mark.parametrize("job", scale.JOBS)
def test_a_job_reads_every_post(tmp_path, job):
    posts = synthetic.write_posts(tmp_path / "posts", 200)
    found = scale.run_job(job, posts)
    assert (
        set(found["seconds"]) == {"load": {"load", "groups", "folds"}, "predict": {"predict"}}[job]
    )
    assert 0 < found["megabytes"]["libraries"] <= found["megabytes"]["peak"]
    if job == "predict":
        with posts.with_name("predictions.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 200
        assert not any(row["error"] for row in rows)


def test_growth_compares_the_two_largest():
    sizes = {
        100: {"seconds": {"load": 9.0}, "megabytes": {"peak": 1}},
        1000: {"seconds": {"load": 2.0}, "megabytes": {"peak": 400}},
        10000: {"seconds": {"load": 30.0}, "megabytes": {"peak": 500}},
    }
    assert scale.growth(sizes) == {
        "times_posts": 10.0,
        "times_seconds": {"load": 15.0},
        "times_peak_memory": 1.25,
    }


# ---- the reference run ------------------------------------------------------------------


def test_the_reference_run_is_measured_from_nothing_and_leaves_results_alone(demo, monkeypatch):
    asked = []
    monkeypatch.setattr(reference, "run_reference", lambda run: asked.append(run) or {"words": 1.6})
    found = reference.measure(quick=True)
    assert found["seconds"] == {"words": 2}
    (run,) = asked
    assert run.dataset.labelled == demo.labelled
    places = (run.folder, run.images, run.weights)
    assert not any(place.exists() or place.is_relative_to(PROJECT) for place in places)
    assert run.recipes.course.jobs == 0


# ---- the command ------------------------------------------------------------------------


def test_a_piece_that_is_not_named_keeps_its_record(tmp_path, monkeypatch):
    out = tmp_path / "bench.json"
    out.write_text(json.dumps({"scale": {"old": 1}, "predict": {"old": 2}}))
    asked = []
    monkeypatch.setitem(command.PIECES, "predict", lambda quick: asked.append(quick) or {"new": 3})
    command.run(["predict"], out, quick=False)
    assert json.loads(out.read_text()) == {"predict": {"new": 3}, "scale": {"old": 1}}
    assert asked == [False]
