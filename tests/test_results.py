"""What is committed hangs together: records, predictions, pages, quoted figures."""

import hashlib
import json
import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from mmsa_utils.config import LABELS, MODES, Config
from mmsa_utils.data.splits import make_folds
from mmsa_utils.encoders.weights import shipped_records
from mmsa_utils.evaluation import analysis, metrics
from mmsa_utils.evaluation.comparison import compare_all
from mmsa_utils.evaluation.folders import fingerprint_of
from mmsa_utils.evaluation.oof import FACT_COLUMNS, load_oof, probabilities_of
from mmsa_utils.evaluation.records import load_ablations, load_analysis, load_record
from mmsa_utils.experiments import recipes
from mmsa_utils.experiments.ablations import chosen, kept_rows
from mmsa_utils.experiments.card import FEWEST
from mmsa_utils.experiments.heads import best
from mmsa_utils.experiments.interaction import within_noise
from mmsa_utils.experiments.keeping import is_kept, verdict
from mmsa_utils.experiments.report import PAGES, render_pages
from mmsa_utils.io import Record, load_json
from mmsa_utils.paths import IMAGES, PROJECT, RESULTS
from mmsa_utils.training.final import NAME

COURSE = RESULTS / "course"
REFERENCE = recipes.reference_recipes()
# What has been reached may not be lost again: accuracy, macro-F1.
FLOORS = {
    "text_ensemble": (0.72, 0.59),
    "image_ensemble": (0.658, 0.53),
    "fused_ensemble": (0.74, 0.64),
}
ENSEMBLES = list(FLOORS)  # of text, picture, both


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return load_oof(COURSE)


@pytest.mark.parametrize("run", [*recipes.RUNS, "plain_folds"])
def test_a_records_figures_are_those_of_the_saved_predictions(
    table: pd.DataFrame, run: str
) -> None:
    record = load_record(COURSE, run)
    scores = [
        metrics.summary(*probabilities_of(table, run, seed)) for seed in record["protocol"]["seeds"]
    ]
    for name in ("accuracy", "macro_f1", "weighted_f1"):
        assert record["oof"][name] == pytest.approx(np.mean([s[name] for s in scores]), abs=1e-9)
    assert record["dataset"]["posts"] == 4000
    assert record["protocol"]["grouped"] is (run != "plain_folds")
    assert len(record["folds"]) == record["protocol"]["folds"] * len(record["protocol"]["seeds"])


def test_the_reference_has_three_seeds() -> None:
    for run in (*MODES, *ENSEMBLES):
        assert len(load_record(COURSE, run)["protocol"]["seeds"]) >= 3


def test_all_runs_were_scored_on_the_same_folds(table: pd.DataFrame) -> None:
    table = table[table["run"] != "plain_folds"]
    folds = table.pivot_table(index=["seed", "row"], columns="run", values="fold")
    assert (folds.nunique(axis=1) == 1).all()


def test_the_table_names_no_post(table: pd.DataFrame) -> None:
    assert list(table.columns) == [*FACT_COLUMNS, *LABELS]
    assert table[table["run"] == "fused"].groupby("seed")["row"].nunique().eq(4000).all()


def test_the_table_and_the_records_are_of_the_same_posts() -> None:
    records = [load_json(file) for file in COURSE.glob("*.json")]
    facts = [r["dataset"] for r in records if isinstance(r, dict) and "dataset" in r]
    assert len(facts) == len(recipes.RUNS) + 3  # plain folds, card, interaction
    assert {fact["fingerprint"] for fact in facts} == {fingerprint_of(COURSE)}
    assert load_oof(COURSE, fingerprint=fingerprint_of(COURSE)) is not None
    assert all(isinstance(count, int) for fact in facts for count in fact["excluded"].values())


def guesses(count: int) -> Iterator[np.ndarray]:
    """Shuffles of the rows that can be tried with what is committed, and their inverses."""
    record = load_record(COURSE, "plain_folds")
    fingerprint = record["dataset"]["fingerprint"]
    hashed = hashlib.sha256(fingerprint.encode()).digest()
    for seed in (int(fingerprint, 16), int.from_bytes(hashed, "big"), *record["protocol"]["seeds"]):
        order = np.random.default_rng(seed).permutation(count)
        yield order
        yield np.argsort(order)


def test_the_order_of_the_posts_cannot_be_found_with_what_is_committed(table: pd.DataFrame) -> None:
    """The attack that worked once: undo the shuffle, and see the folds fall into place.

    Plain folds follow from the labels in the order of the list, so that whoever undoes the
    shuffle finds the folds in the table by computing them again.
    """
    rows = table[(table["run"] == "plain_folds") & (table["seed"] == 0)].sort_values("row")
    labels, fold = rows["label"].map(LABELS.index).to_numpy(), rows["fold"].to_numpy()

    def agreement(labels: np.ndarray, fold: np.ndarray) -> float:
        again = make_folds(labels, np.arange(len(labels)), folds=5, seed=0)
        return float((again == fold).mean())

    chance = np.sqrt(0.2 * 0.8 / len(rows))
    tried = [agreement(labels[order], fold[order]) for order in guesses(len(rows))]
    assert max(tried) < 0.2 + 5 * chance
    order = np.random.default_rng(1).permutation(len(rows))  # what it would look like
    shuffled = make_folds(labels[order], np.arange(len(rows)), folds=5, seed=0)
    assert agreement(labels[order], shuffled) == 1


@pytest.fixture(scope="module")
def ablation() -> list[Record]:
    return load_ablations(COURSE)


def test_what_is_kept_follows_from_the_validation_scores_alone(ablation: list[Record]) -> None:
    for row in ablation:
        assert row["kept"] is is_kept(row, ablation)
        track = [r for r in ablation if (r["mode"], r["step"]) == (row["mode"], row["step"])]
        before = [r for r in track if r["name"] == row["against"]]
        assert len(before) == (row["against"] is not None)
        assert all(r["kept"] for r in before), "compared with something that was dropped"
        found = verdict(row, before[0])[:2] if before else (None, None)
        assert (row["gain"], row["error"]) == (pytest.approx(found, abs=2e-6) if before else found)


@pytest.mark.parametrize("mode", MODES)
def test_the_reference_runs_what_the_ablation_keeps(ablation: list[Record], mode: str) -> None:
    made = chosen(REFERENCE, ablation)
    assert made.features[mode] == REFERENCE.features[mode]
    assert made.networks[mode] == REFERENCE.networks[mode]
    assert made.base_learners[mode] == REFERENCE.base_learners[mode]
    for step in ("features", "heads", "network", "ensemble"):
        assert kept_rows(ablation, mode, step), "nothing there that could be compared"
    names = [row["name"] for row in kept_rows(ablation, mode, "ensemble")]
    first, *others = REFERENCE.base_learners[mode]
    assert names == [first, "prior correction", *others]  # always corrected, see `reference`


def test_each_head_has_the_best_setting_of_the_grid(ablation: list[Record]) -> None:
    grid = load_json(COURSE / "heads.json")
    heads = [row for row in ablation if row["step"] == "heads"]
    assert len(heads) == 8  # one of text and image each, six fused
    for row in heads:
        tried = [r for r in grid if (r["mode"], r["head"]) == (row["mode"], row["name"])]
        assert len(tried) == 12
        assert row["settings"] == {"head": row["name"], **best(tried)}


def test_heads_are_run_at_their_own_settings(ablation: list[Record]) -> None:
    rows = {row["name"]: row["settings"] for row in ablation if row["step"] == "heads"}
    for name, config in REFERENCE.interacting.items():
        assert {knob: getattr(config, knob) for knob in rows[name]} == rows[name]


@pytest.mark.parametrize("mode", MODES)
def test_the_last_kept_step_is_the_run_that_is_reported(ablation: list[Record], mode: str) -> None:
    steps = [row for row in ablation if (row["mode"], row["step"]) == (mode, "ensemble")]
    last = [row for row in steps if row["kept"]][-1]
    record = load_record(COURSE, f"{mode}_ensemble")
    assert last["oof"]["accuracy"] == pytest.approx(record["oof"]["accuracy"])
    assert last["oof"]["macro_f1"] == pytest.approx(record["oof"]["macro_f1"])


def test_the_learning_curve_ends_with_all_posts_and_the_linear_step(ablation: list[Record]) -> None:
    rows = pd.DataFrame(load_json(COURSE / "learning_curve.json"))
    for mode in MODES:
        assert tuple(rows.loc[rows["mode"] == mode, "fraction"]) == recipes.SHARES
        linear = [r for r in ablation if (r["mode"], r["step"]) == (mode, "features") and r["kept"]]
        without = [r for r in linear if "MPNet" not in r["name"]]
        last = rows[(rows["mode"] == mode) & (rows["fraction"] == 1)].iloc[0]
        assert last["accuracy"] == pytest.approx(without[-1]["oof"]["accuracy"])


def test_calibration_before_scaling_is_that_of_the_saved_predictions(table: pd.DataFrame) -> None:
    ((run, saved),) = load_json(COURSE / "calibration.json").items()
    seeds = load_record(COURSE, run)["protocol"]["seeds"]
    pairs = [probabilities_of(table, run, seed) for seed in seeds]
    labels, tables = zip(*pairs, strict=True)
    again = metrics.reliability(np.concatenate(labels), np.concatenate(tables))
    assert again["ece"] == pytest.approx(saved["before"]["ece"], abs=1e-4)


def test_the_mean_is_that_of_the_ensembles_predictions_over_seeds(table: pd.DataFrame) -> None:
    seeds = load_record(COURSE, "fused_ensemble")["protocol"]["seeds"]
    mean = np.mean([probabilities_of(table, "fused_ensemble", seed)[1] for seed in seeds], axis=0)
    assert np.allclose(probabilities_of(table, "fused_ensemble_mean")[1], mean, atol=1e-5)


def test_what_was_reached_holds_and_fusion_is_ahead_of_both() -> None:
    scores = {run: load_record(COURSE, run)["oof"] for run in ENSEMBLES}
    for run, (accuracy, macro_f1) in FLOORS.items():
        assert scores[run]["accuracy"] >= accuracy
        assert scores[run]["macro_f1"] >= macro_f1
    for row in load_analysis(COURSE)["comparisons"][:2]:
        assert row["first"] == "fused_ensemble"
        assert row["gain_accuracy"] > 0
        assert max(row["t_test_p_holm"], row["mcnemar_p_holm"]) < 0.05


def test_comparisons_can_be_computed_again_from_the_table(table: pd.DataFrame) -> None:
    saved = load_analysis(COURSE)["comparisons"]
    again = compare_all(table, ["fused_ensemble", "text_ensemble", "image_ensemble"])
    for a, b in zip(saved, again, strict=True):
        # The saved interval was drawn in another order of the rows: that far it is chance.
        assert a.pop("macro_f1_interval") == pytest.approx(b.pop("macro_f1_interval"), abs=0.004)
        assert a == pytest.approx(b)


def test_the_analysis_can_be_computed_again_from_the_table(table: pd.DataFrame) -> None:
    saved = load_analysis(COURSE)
    assert saved["analysed"] == list(saved["confusion"]) == ENSEMBLES
    cases = analysis.who_is_right(table, runs=ENSEMBLES)
    disputed = analysis.overruling(table, runs=ENSEMBLES)
    assert cases.to_dict(orient="index") == saved["who_is_right"]
    assert disputed.to_dict(orient="index") == saved["overruling"]
    assert analysis.label_noise(table, "fused_ensemble") == saved["label_noise"]
    for run in ENSEMBLES:
        counts = metrics.confusion(*probabilities_of(table, run))
        assert counts.tolist() == saved["confusion"][run]


@pytest.mark.parametrize("mode", MODES)
def test_a_record_names_its_base_learners_and_their_weights(mode: str) -> None:
    settings = load_record(COURSE, f"{mode}_ensemble")["config"]
    names = list(REFERENCE.base_learners[mode])
    assert list(settings["weights"]) == list(settings["base_learners"]) == names
    assert list(settings["class_factors"]) == list(LABELS)
    knobs = {"linear": "C", "kernel ridge": "alpha", "image ensemble": "weights"}
    for name in names:
        assert knobs[name] in settings["base_learners"][name]


def test_predictions_for_the_unlabelled_posts_are_complete() -> None:
    lines = (COURSE / "test_predictions.txt").read_text().splitlines()
    assert lines[0] == "guid,tag"
    assert len(lines) == 512
    assert len({line.split(",")[0] for line in lines[1:]}) == 511
    assert {line.split(",")[1] for line in lines[1:]} <= set(LABELS)


def test_configs_of_records_can_be_built_again() -> None:
    for run in (*MODES, "attention"):
        config = load_record(COURSE, run)["config"]
        assert Config.from_dict(config).to_dict() == config


@pytest.mark.parametrize("name", PAGES)
def test_pages_say_what_the_records_say(name: str) -> None:
    text = (PROJECT / name).read_text(encoding="utf-8")
    assert text == render_pages()[name], "run `make report`"


@pytest.mark.parametrize("name", PAGES)
def test_links_and_figures_of_the_pages_exist(name: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", (PROJECT / name).read_text(encoding="utf-8"))
    missing = [t for t in targets if "://" not in t and not (PROJECT / t).exists()]
    assert not missing
    assert all((IMAGES / t.removeprefix("images/")).exists() for t in targets if "images/" in t)


def test_the_annotators_bounds_follow_from_the_published_shares() -> None:
    quoted = json.loads((RESULTS / "published.json").read_text())["annotation"]
    shares = {tuple(k.split("-")): v for k, v in quoted["pair_shares"].items()}
    tag = {pair: next((x for x in pair if x != "neutral"), "neutral") for pair in shares}
    for index, name in ((0, "text_label_alone"), (1, "image_label_alone")):
        bound = 0.0
        for known in LABELS:
            by_tag = dict.fromkeys(LABELS, 0.0)
            for pair, share in shares.items():
                if pair[index] == known:
                    by_tag[tag[pair]] += share
            bound += max(by_tag.values())
        assert bound == pytest.approx(quoted[name], abs=0.002)


def test_what_is_shipped_is_what_was_scored() -> None:
    shipped = shipped_records()[NAME]
    scored = json.loads((COURSE / "fused.json").read_text())
    assert shipped["config"] == scored["config"]
    assert shipped["scores"] == scored["oof"]
    assert shipped["epochs"] == int(np.median([fold["best_epoch"] for fold in scored["folds"]]))


@pytest.fixture(scope="module")
def card() -> Record:
    return load_json(COURSE / "card.json")


def test_the_card_is_of_what_is_shipped(card: Record) -> None:
    shipped = shipped_records()[NAME]
    assert card["config"] == shipped["config"]
    assert card["calibration"]["temperatures"] == shipped["temperatures"]
    assert card["calibration"]["least"] == shipped["least"]


def test_the_cards_counts_add_up(card: Record) -> None:
    posts = card["dataset"]["posts"]
    analysed = load_analysis(COURSE)["data"]
    assert card["classes"] == analysed["classes"]
    assert sum(card["classes"].values()) == posts == analysed["labelled"]
    for table in ("by_text_length", "by_words_in_picture"):
        counts = [row["posts"] for row in card[table].values()]
        assert posts - FEWEST * 2 < sum(counts) <= posts
        assert min(counts) >= FEWEST
    cases = card["by_modality"]
    assert sum(row["posts"] for row in cases.values()) == pytest.approx(posts, abs=2)


def test_the_cards_figures_go_together(card: Record) -> None:
    """Accuracy is the mean of recalls by class, and of accuracies by case, weighted by posts."""
    posts, accuracy = card["dataset"]["posts"], card["scores"]["both"]["accuracy"]["mean"]
    per_class, cases = card["oof"]["per_class"], card["by_modality"]
    found = sum(card["classes"][name] * per_class[name]["recall"] for name in LABELS)
    assert found / posts == pytest.approx(accuracy)
    assert np.mean([per_class[name]["f1"] for name in LABELS]) == pytest.approx(
        card["scores"]["both"]["macro_f1"]["mean"], abs=1e-3
    )
    right = sum(row["posts"] * row["accuracy"] for row in cases.values())
    assert right / posts == pytest.approx(accuracy, abs=1e-3)
    text = cases["both"]["posts"] + cases["text"]["posts"]
    assert text / posts == pytest.approx(card["scores"]["text"]["accuracy"]["mean"], abs=1e-3)
    accuracies = [fold["accuracy"] for fold in card["folds"]]
    assert len(accuracies) == card["protocol"]["folds"] * len(card["protocol"]["seeds"])
    assert np.mean(accuracies) == pytest.approx(accuracy, abs=1e-3)


def test_the_cards_network_scores_as_the_reference_runs_did(card: Record) -> None:
    assert card["oof"] == load_record(COURSE, "fused")["oof"]


@pytest.fixture(scope="module")
def emap() -> Record:
    return load_json(COURSE / "emap.json")


def test_interaction_is_measured_on_the_network_of_the_card(card: Record, emap: Record) -> None:
    assert emap["networks"]["fused"]["scores"] == card["scores"]["both"]
    assert emap["networks"]["fused"]["head"] == card["config"]["head"]
    assert {"attention", "composition"} < set(emap["networks"])
    assert emap["better"] in emap["single"]


def test_what_fusion_owes_to_interaction_follows_from_the_scores(emap: Record) -> None:
    for network in emap["networks"].values():
        gain, lost = network["gain"], network["interaction"]
        for name in ("accuracy", "macro_f1"):
            own = network["scores"][name]["mean"]
            single = emap["single"][emap["better"]][name]["mean"]
            assert gain[f"gain_{name}"] == pytest.approx(own - single)
            assert lost[f"gain_{name}"] == pytest.approx(own - network["projection"][name]["mean"])
            if network["share"][name] is not None:
                share = lost[f"gain_{name}"] / gain[f"gain_{name}"]
                assert network["share"][name] == pytest.approx(share)
        assert gain["within_noise"] == within_noise(gain)
        assert lost["within_noise"] == within_noise(lost)
        assert gain["second"] == emap["better"]


def test_the_shipped_head_adds_up(emap: Record) -> None:
    """It is linear over both modalities' vectors: its projection is the network itself."""
    network = emap["networks"]["fused"]
    assert network["head"] == "concat"
    assert network["changed"] == 0
    assert network["projection"] == network["scores"]
