"""The ablation, end to end, on the demo set and with few tries."""

from dataclasses import replace

import pytest

from mmsa_utils.config import MODES
from mmsa_utils.data.posts import Dataset
from mmsa_utils.errors import CourseError
from mmsa_utils.evaluation.folders import claim_folder
from mmsa_utils.evaluation.records import load_ablations
from mmsa_utils.experiments.ablations import (
    Ablation,
    Plan,
    Step,
    is_kept,
    network_track,
    run_ablations,
)
from mmsa_utils.experiments.recipes import changed

SMOOTHED = Step("smoothed", "label smoothing", {"label_smoothing": 0.1})


@pytest.fixture(scope="module")
def plan(few):
    return Plan(
        features=dict.fromkeys(MODES, ()),
        without_mpnet={mode: {} for mode in MODES},
        network={mode: {"dropout": 0.4} for mode in MODES},
        networks=dict.fromkeys(MODES, (SMOOTHED,)),
        candidates=few,
        finetuned={},
    )


@pytest.fixture(scope="module")
def rows(recipes, plan, demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablations")
    run_ablations(demo, recipes, folder, plan=plan)
    return load_ablations(folder)


def test_every_track_is_there_and_keeps_by_validation_scores(rows):
    assert {row["mode"] for row in rows} == set(MODES)
    assert {row["step"] for row in rows} == {"features", "network", "label noise", "ensemble"}
    assert all(row["kept"] is is_kept(row, rows) for row in rows)
    assert all(set(row["validation"]) == {"accuracy", "macro_f1"} for row in rows)


def test_prior_correction_comes_first_then_one_base_learner_after_the_other(rows):
    names = [row["name"] for row in rows if (row["mode"], row["step"]) == ("text", "ensemble")]
    assert names == ["linear", "prior correction", "network", "TF-IDF"]


def test_a_row_is_compared_with_the_last_one_kept_and_says_what_it_sets(rows):
    track = [row for row in rows if (row["mode"], row["step"]) == ("fused", "network")]
    assert [row["against"] for row in track] == [None, "network"]
    assert [row["settings"] for row in track] == [{"dropout": 0.4}, {"label_smoothing": 0.1}]


def test_a_changed_knob_wins_over_what_a_track_starts_from_not_over_what_a_row_tries(
    demo, recipes, plan, tmp_path
):
    changes = {"dropout": 0.2, "label_smoothing": 0.3, "seeds": (0,)}
    other = replace(recipes, course=changed(recipes.course, changes), changes=changes)
    ablation = Ablation(demo, other, tmp_path, plan)
    network_track(ablation, "text", other.start("text"))
    first, second = ablation.rows
    assert first["settings"] == {"dropout": 0.2}
    assert second["settings"] == {"label_smoothing": 0.1}
    assert first["seeds"] == second["seeds"] == [0]


def test_a_head_for_the_courses_classes_is_not_tried_on_others(recipes, posts, demo, tmp_path):
    tried = {
        dataset.classes: [
            step.name
            for step in Ablation(dataset, recipes, tmp_path, Plan()).steps_of_networks("fused")
        ]
        for dataset in (demo, posts)
    }
    assert "composition head" in tried[demo.classes]
    assert tried["calm", "loud"] == [n for n in tried[demo.classes] if n != "composition head"]


def test_a_folder_of_other_posts_is_refused_before_anything_is_run(recipes, plan, demo, tmp_path):
    part = Dataset("demo", demo.labelled[:120], (), demo.excluded)
    claim_folder(tmp_path, part)
    with pytest.raises(CourseError, match="holds runs on other posts"):
        run_ablations(demo, recipes, tmp_path, plan=plan)
    assert [file.name for file in tmp_path.iterdir()] == ["oof.json"]


def test_a_row_is_compared_within_its_track_and_a_tie_is_not_kept():
    def row(name, step, against, accuracy, macro_f1):
        scores = {"accuracy": accuracy, "macro_f1": macro_f1}
        return {
            "mode": "text", "step": step, "name": name, "against": against, "validation": scores
        }  # fmt: skip

    rows = [row("a", "x", None, 0.5, 0.4), row("a", "y", None, 0.1, 0.1)]
    rows += [row("b", "x", "a", 0.4, 0.5), row("b", "y", "a", 0.4, 0.5)]
    assert [is_kept(r, rows) for r in rows] == [True, True, False, True]
