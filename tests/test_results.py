"""What is committed hangs together: records, predictions, pages, quoted figures."""

import json

import numpy as np
import pandas as pd
import pytest

from mmsa_utils.config import LABELS, MODES, Config
from mmsa_utils.evaluation import analysis, metrics
from mmsa_utils.evaluation.records import (
    OOF_COLUMNS,
    load_json,
    load_oof,
    load_record,
    probabilities_of,
)
from mmsa_utils.experiments import reference
from mmsa_utils.experiments.ablations import is_kept
from mmsa_utils.experiments.report import render_pages
from mmsa_utils.paths import IMAGES, PROJECT, RESULTS

COURSE = RESULTS / "course"
# What has been reached may not be lost again: accuracy, macro-F1.
FLOORS = {"text": (0.71, 0.57), "image": (0.655, 0.49), "fused": (0.74, 0.62)}


@pytest.fixture(scope="module")
def table():
    return load_oof(COURSE)


@pytest.mark.parametrize("run", [*reference.RUNS, "plain_folds"])
def test_a_records_figures_are_those_of_the_saved_predictions(table, run):
    record = load_record(COURSE, run)
    scores = [
        metrics.summary(*probabilities_of(table, run, seed)) for seed in record["protocol"]["seeds"]
    ]
    for name in ("accuracy", "macro_f1", "weighted_f1"):
        assert record["oof"][name] == pytest.approx(np.mean([s[name] for s in scores]), abs=1e-9)
    assert record["dataset"]["posts"] == 4000
    assert record["protocol"]["grouped"] is (run != "plain_folds")
    assert len(record["folds"]) == record["protocol"]["folds"] * len(record["protocol"]["seeds"])


def test_the_reference_has_three_seeds():
    for run in (*MODES, *(f"{mode}_network" for mode in MODES)):
        assert len(load_record(COURSE, run)["protocol"]["seeds"]) >= 3


def test_all_runs_were_scored_on_the_same_folds(table):
    table = table[table["run"] != "plain_folds"]
    folds = table.pivot_table(index=["seed", "row"], columns="run", values="fold")
    assert (folds.nunique(axis=1) == 1).all()


def test_the_table_names_no_post(table):
    assert list(table.columns) == OOF_COLUMNS
    assert table[table["run"] == "fused"].groupby("seed")["row"].nunique().eq(4000).all()


@pytest.fixture(scope="module")
def ablation():
    return load_json(COURSE / "ablations.json")


def test_what_is_kept_follows_from_the_inner_scores_alone(ablation):
    for row in ablation:
        assert row["kept"] is is_kept(row, ablation)
        track = [r for r in ablation if (r["mode"], r["step"]) == (row["mode"], row["step"])]
        before = [r for r in track if r["name"] == row["against"]]
        assert len(before) == (row["against"] is not None)
        assert all(r["kept"] for r in before), "compared with something that was dropped"


@pytest.mark.parametrize("mode", MODES)
def test_the_reference_runs_what_the_ablation_keeps(ablation, mode):
    config = reference.COURSE.but(mode=mode)
    kept = [row for row in ablation if row["mode"] == mode and row["kept"]]
    for row in [row for row in kept if row["step"] == "features"]:
        config = config.but(**Config.tuples(row["settings"]))
    assert config == reference.FEATURES[mode]
    for row in [row for row in kept if row["step"] == "network"]:
        config = config.but(**Config.tuples(row["settings"]))
    assert config == reference.NETWORK[mode]
    names = [row["name"] for row in kept if row["step"] == "ensemble"]
    first, *others = reference.MEMBERS[mode]
    assert names == [first, "decision rule", *others]


@pytest.mark.parametrize("mode", MODES)
def test_the_last_kept_step_is_the_run_that_is_reported(ablation, mode):
    steps = [row for row in ablation if (row["mode"], row["step"]) == (mode, "ensemble")]
    last = [row for row in steps if row["kept"]][-1]
    record = load_record(COURSE, mode)
    assert last["oof"]["accuracy"] == pytest.approx(record["oof"]["accuracy"])
    assert last["oof"]["macro_f1"] == pytest.approx(record["oof"]["macro_f1"])


def test_the_learning_curve_ends_with_all_posts_and_the_linear_step(ablation):
    rows = pd.DataFrame(load_json(COURSE / "learning_curve.json"))
    for mode in MODES:
        assert tuple(rows.loc[rows["run"] == mode, "fraction"]) == reference.SHARES
        linear = [r for r in ablation if (r["mode"], r["step"]) == (mode, "features") and r["kept"]]
        without = [r for r in linear if r["name"] != "MPNet"]
        last = rows[(rows["run"] == mode) & (rows["fraction"] == 1)].iloc[0]
        assert last["accuracy"] == pytest.approx(without[-1]["oof"]["accuracy"])


def test_calibration_before_scaling_is_that_of_the_saved_predictions(table):
    saved = load_json(COURSE / "calibration.json")["before"]
    seeds = load_record(COURSE, "fused")["protocol"]["seeds"]
    pairs = [probabilities_of(table, "fused", seed) for seed in seeds]
    labels, tables = zip(*pairs, strict=True)
    again = metrics.reliability(np.concatenate(labels), np.concatenate(tables))
    assert again["ece"] == pytest.approx(saved["ece"], abs=1e-4)


def test_the_ensemble_is_the_mean_of_the_seeds_predictions(table):
    seeds = load_record(COURSE, "fused")["protocol"]["seeds"]
    mean = np.mean([probabilities_of(table, "fused", seed)[1] for seed in seeds], axis=0)
    assert np.allclose(probabilities_of(table, "fused_ensemble")[1], mean, atol=1e-5)


def test_what_was_reached_holds_and_fusion_is_ahead_of_both():
    scores = {run: load_record(COURSE, run)["oof"] for run in MODES}
    for run, (accuracy, macro_f1) in FLOORS.items():
        assert scores[run]["accuracy"] >= accuracy
        assert scores[run]["macro_f1"] >= macro_f1
    for row in load_json(COURSE / "analysis.json")["comparisons"][:2]:
        assert row["first"] == "fused"
        assert row["gain_accuracy"] > 0
        assert max(row["t_test_p_holm"], row["mcnemar_p_holm"]) < 0.05


def test_comparisons_can_be_computed_again_from_the_table(table):
    saved = load_json(COURSE / "analysis.json")["comparisons"]
    again = analysis.compare_all(table, ["fused", "text", "image"])
    for a, b in zip(saved, again, strict=True):
        assert a.pop("macro_f1_interval") == pytest.approx(b.pop("macro_f1_interval"))
        assert a == pytest.approx(b)


def test_predictions_for_the_unlabelled_posts_are_complete():
    lines = (COURSE / "test_predictions.txt").read_text().splitlines()
    assert lines[0] == "guid,tag"
    assert len(lines) == 512
    assert len({line.split(",")[0] for line in lines[1:]}) == 511
    assert {line.split(",")[1] for line in lines[1:]} <= set(LABELS)


def test_configs_of_records_can_be_built_again():
    for run in ("text_network", "image_network", "fused_network", "attention"):
        config = load_record(COURSE, run)["config"]
        assert Config.from_dict(config).to_dict() == config


@pytest.mark.parametrize("name", ["README.md", "report.md"])
def test_pages_say_what_the_records_say(name):
    text = (PROJECT / name).read_text(encoding="utf-8")
    assert text == render_pages()[name], "run `make report`"


@pytest.mark.parametrize("name", ["README.md", "report.md"])
def test_links_and_figures_of_the_pages_exist(name):
    import re

    targets = re.findall(r"\]\(([^)#]+)\)", (PROJECT / name).read_text(encoding="utf-8"))
    missing = [t for t in targets if "://" not in t and not (PROJECT / t).exists()]
    assert not missing
    assert all((IMAGES / t.removeprefix("images/")).exists() for t in targets if "images/" in t)


def test_the_annotators_bounds_follow_from_the_published_shares():
    quoted = json.loads((RESULTS / "published.json").read_text())["annotation"]
    shares = {tuple(k.split("-")): v for k, v in quoted["pair_shares"].items()}
    tag = {pair: next((x for x in pair if x != "neutral"), "neutral") for pair in shares}
    for place, name in ((0, "text_label_alone"), (1, "picture_label_alone")):
        bound = 0.0
        for known in LABELS:
            by_tag = dict.fromkeys(LABELS, 0.0)
            for pair, share in shares.items():
                if pair[place] == known:
                    by_tag[tag[pair]] += share
            bound += max(by_tag.values())
        assert bound == pytest.approx(quoted[name], abs=0.002)
