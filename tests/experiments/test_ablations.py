"""The ablation, end to end, on the demo set and with few tries."""

from dataclasses import replace

import pytest

from mmsa_utils.config import MODES, Config
from mmsa_utils.data.posts import Dataset
from mmsa_utils.encoders.registry import IMAGE_ENCODERS, TEXT_ENCODERS
from mmsa_utils.errors import CourseError
from mmsa_utils.evaluation.folders import claim_folder
from mmsa_utils.evaluation.records import load_ablations
from mmsa_utils.experiments import ablations as module
from mmsa_utils.experiments.ablations import (
    Ablation,
    Track,
    chosen,
    find_tracks,
    head_track,
    network_track,
    run_ablations,
)
from mmsa_utils.experiments.keeping import is_kept, verdict
from mmsa_utils.experiments.recipes import changed
from mmsa_utils.experiments.runs import run_learner
from mmsa_utils.experiments.steps import Plan, Step
from mmsa_utils.io import load_json

SMOOTHED = Step("smoothed", "label smoothing", {"label_smoothing": 0.1})
# In place of fine-tuning, which takes long: what a track does with its rows is the same.
ONE_SEED = replace(SMOOTHED, seeds=1)
SIDE_BY_SIDE = [
    Step(name, "its tweet-tuned twin beside it", adds={"text_encoders": ("minilm_tweets",)})
    for name in ("one", "other")
]
DEFAULT = ("features", "heads", "network", "label noise", "ensemble", "fine-tuning")


@pytest.fixture(scope="module")
def demo(demo):
    """A part of the demo set: rows are what is tested, not scores."""
    return Dataset("demo", demo.labelled[:72], demo.unlabelled[:8], demo.excluded)


@pytest.fixture(scope="module")
def plan(few):
    return Plan(
        features=dict.fromkeys(MODES, ()),
        cheap={"text": SIDE_BY_SIDE},
        without_mpnet={mode: {} for mode in MODES},
        network={mode: {"image_hidden": 64} for mode in MODES},
        heads=("concat", "late"),
        dropouts=(0.2, 0.4),
        rates=(1e-3,),
        training=dict.fromkeys(MODES, (SMOOTHED,)),
        candidates=few,
        frozen={"text": {}, "image": {}},
        finetuned={"text": (SMOOTHED,), "image": (ONE_SEED,)},
        blended={"text": SMOOTHED, "image": ONE_SEED},
    )


@pytest.fixture(scope="module")
def folder(recipes, plan, demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablations")
    run_ablations(demo, recipes, folder, plan=plan)
    return folder


@pytest.fixture(scope="module")
def rows(folder):
    return load_ablations(folder)


def of_track(rows, mode, step):
    return [row for row in rows if (row["mode"], row["step"]) == (mode, step)]


# ---- rows -------------------------------------------------------------------------------


def test_every_track_is_there_and_keeps_by_validation_scores(rows):
    assert {row["mode"] for row in rows} == set(MODES)
    assert tuple(dict.fromkeys(row["step"] for row in rows if row["mode"] == "fused")) == (
        "features", "heads", "network", "label noise", "ensemble",
    )  # fmt: skip
    assert {row["step"] for row in rows} == set(DEFAULT)
    for row in rows:
        assert row["kept"] is is_kept(row, rows)
        assert set(row["validation"]) == {"accuracy", "macro_f1"}
        assert row["device"] == "cpu"


def test_gain_and_error_follow_from_the_rows(rows):
    for row in rows:
        track = of_track(rows, row["mode"], row["step"])
        base = [r for r in track if r["name"] == row["against"]]
        found = verdict(row, base[0])[:2] if base else (None, None)
        assert (row["gain"], row["error"]) == found
        assert all(r["kept"] for r in base), "compared with something that was dropped"


def test_validation_figures_are_the_mean_of_those_of_the_folds(rows):
    for row in rows:
        for name, value in row["validation"].items():
            seeds = row["validation_folds"][name]
            assert [len(seed) for seed in seeds] == [2] * len(row["seeds"])
            assert sum(map(sum, seeds)) / (2 * len(seeds)) == pytest.approx(value, abs=1e-5)


def test_the_inner_split_is_that_of_nested_learners_or_of_early_stopping(rows):
    shares = {row["step"]: row["test_share"] for row in rows}
    assert shares["features"] == shares["ensemble"] == pytest.approx(1 / 3, abs=1e-5)  # four parts
    assert shares["heads"] == shares["fine-tuning"] == pytest.approx(1 / 2)  # three inner folds


def test_prior_correction_comes_first_then_one_base_learner_after_the_other(rows):
    names = [row["name"] for row in of_track(rows, "text", "ensemble")]
    assert names == ["linear", "prior correction", "network", "TF-IDF"]


def test_each_of_a_batch_is_compared_with_the_same_row_and_corrected_for_their_number(rows):
    batch = of_track(rows, "text", "features")[1:]
    assert [row["name"] for row in batch] == ["one", "other"]
    assert [(row["against"], row["of"]) for row in batch] == [("linear", 2)] * 2
    assert batch[0]["settings"] == {"text_encoders": ["minilm", "minilm_tweets"]}
    assert batch[0]["gain"] == batch[1]["gain"]
    assert not batch[1]["kept"], "of equal ones the first"


def test_a_row_of_one_seed_says_so(rows):
    frozen, other = of_track(rows, "image", "fine-tuning")
    assert (frozen["seeds"], other["seeds"]) == ([0, 1], [0])
    assert other["against"] == "frozen"


# ---- heads and networks -----------------------------------------------------------------


def test_each_head_has_its_own_best_setting_of_the_same_grid(rows, folder):
    grid = load_json(folder / "heads.json")
    tried = {(row["mode"], row["head"]): [] for row in grid}
    for row in grid:
        tried[row["mode"], row["head"]].append((row["dropout"], row["learning_rate"]))
    assert set(tried) == {
        ("text", "concat"), ("image", "concat"), ("fused", "concat"), ("fused", "late"),
    }  # fmt: skip
    assert all(settings == [(0.2, 1e-3), (0.4, 1e-3)] for settings in tried.values())
    for row in of_track(rows, "fused", "heads"):
        scores = {
            r["dropout"]: r["accuracy"] + r["macro_f1"]
            for r in grid
            if (r["mode"], r["head"]) == ("fused", row["name"])
        }
        assert row["settings"]["dropout"] == max(scores, key=scores.get)
        assert row["against"] == (None if row["name"] == "concat" else "concat")


def test_the_training_is_tried_at_the_kept_heads_setting(rows):
    head = [row for row in of_track(rows, "fused", "heads") if row["kept"]][-1]
    first, second = of_track(rows, "fused", "network")
    assert first["settings"] == {"image_hidden": 64, **head["settings"]}
    assert (second["settings"], second["against"]) == ({"label_smoothing": 0.1}, "network")
    assert first["validation"] == head["validation"]


def test_what_is_kept_makes_the_recipes(rows, recipes):
    made = chosen(recipes, rows)
    config = recipes.start("fused")
    for row in [*of_track(rows, "fused", "features"), *of_track(rows, "fused", "network")]:
        config = config.but(**Config.tuples(row["settings"])) if row["kept"] else config
    assert made.networks["fused"] == config
    kept = [row["name"] for row in of_track(rows, "text", "ensemble") if row["kept"]]
    assert list(made.base_learners["text"]) == [n for n in kept if n != "prior correction"]
    assert chosen(recipes, []) == recipes


def test_a_changed_knob_wins_over_what_a_track_starts_from_not_over_what_a_row_tries(
    demo, recipes, plan, tmp_path
):
    changes = {"dropout": 0.3, "label_smoothing": 0.3, "seeds": (0,), "head": "late"}
    configs = {mode: changed(recipes.features[mode], changes) for mode in MODES}
    course = changed(recipes.course, changes)
    other = replace(recipes, course=course, features=configs, networks=configs, changes=changes)
    ablation = Ablation(demo, other, tmp_path, plan)
    head_track(ablation, "fused")
    network_track(ablation, "fused")
    head, first, second = ablation.rows
    assert head["settings"] == {"head": "late", "dropout": 0.3, "learning_rate": 1e-3}
    assert first["settings"] == {"image_hidden": 64, **head["settings"]}
    assert second["settings"] == {"label_smoothing": 0.1}
    assert first["seeds"] == second["seeds"] == [0]


def test_a_head_for_the_courses_classes_is_not_tried_on_others(recipes, posts, demo, tmp_path):
    tried = {
        dataset.classes: list(Ablation(dataset, recipes, tmp_path, Plan()).heads("fused"))
        for dataset in (demo, posts)
    }
    assert tried[demo.classes][0] == "concat"
    assert "composition" in tried[demo.classes]
    assert tried["calm", "loud"] == [head for head in tried[demo.classes] if head != "composition"]


# ---- parts, and going on ----------------------------------------------------------------


def test_killed_and_started_again_it_ends_with_the_same_rows(
    rows, demo, recipes, plan, tmp_path, monkeypatch
):
    """The folds come from the store: what is at stake is what is done with rows half written."""
    add, left = Track.add, iter(range(8))

    def killed(self, *args, **given):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return add(self, *args, **given)

    monkeypatch.setattr(Track, "add", killed)
    with pytest.raises(KeyboardInterrupt):
        run_ablations(demo, recipes, tmp_path, plan=plan)
    assert 0 < len(load_ablations(tmp_path)) < 8
    monkeypatch.undo()
    run_ablations(demo, recipes, tmp_path, plan=plan)
    assert load_ablations(tmp_path) == rows


def test_a_track_alone_builds_on_the_rows_that_are_there_and_leaves_them(
    folder, rows, demo, recipes, plan, monkeypatch
):
    modes = []

    def noted(dataset, config, learner):
        modes.append(config.mode)
        return run_learner(dataset, config, learner)

    monkeypatch.setattr(module, "run_learner", noted)
    run_ablations(demo, recipes, folder, tracks=["text network"], plan=plan)
    assert load_ablations(folder) == rows
    assert modes == ["text", "text"]


def test_the_fine_tuned_network_in_the_ensemble_is_tried_where_it_is_asked_for(
    folder, rows, demo, recipes, plan
):
    assert "blend" not in {row["step"] for row in rows}
    run_ablations(demo, recipes, folder, tracks=["text blend"], plan=plan)
    found = load_ablations(folder)
    assert [row for row in found if row["step"] != "blend"] == rows
    first, second = of_track(found, "text", "blend")
    ensemble = [row for row in of_track(rows, "text", "ensemble") if row["kept"]][-1]
    if ensemble["name"] != "linear":
        assert first["oof"] == ensemble["oof"]
    assert (first["name"], second["against"]) == ("ensemble", "ensemble")


def test_tracks_are_named_by_step_or_by_mode_and_step():
    assert find_tracks(["image heads", "network"]) == [
        ("image", "heads"), ("text", "network"), ("image", "network"), ("fused", "network"),
    ]  # fmt: skip
    assert tuple(dict.fromkeys(step for _, step in find_tracks())) == DEFAULT
    with pytest.raises(CourseError, match="'fused blend' is not known; choose from: features,"):
        find_tracks(["fused blend"])


def test_a_folder_of_other_posts_is_refused_before_anything_is_run(recipes, plan, demo, tmp_path):
    part = Dataset("demo", demo.labelled[:60], (), demo.excluded)
    claim_folder(tmp_path, part)
    with pytest.raises(CourseError, match="holds runs on other posts"):
        run_ablations(demo, recipes, tmp_path, plan=plan)
    assert [file.name for file in tmp_path.iterdir()] == ["oof.json"]


# ---- what the course tries --------------------------------------------------------------


def test_every_step_of_the_course_is_a_change_of_a_config_that_is_allowed():
    plan = Plan()
    for mode in MODES:
        config = Config(mode=mode)
        for step in [*plan.features[mode], *plan.cheap.get(mode, ()), *plan.training[mode]]:
            tried = config.but(**step.on(config))
            assert tried != config
            assert set(tried.text_encoders) <= set(TEXT_ENCODERS)
            assert set(tried.image_encoders) <= set(IMAGE_ENCODERS)
        names = [step.name for step in (*plan.features[mode], *plan.cheap.get(mode, ()))]
        assert len(names) == len(set(names)), "a row is known by its name"
    for mode, steps in plan.finetuned.items():
        frozen = Config(mode=mode, **plan.frozen[mode])
        assert all(frozen.but(**step.settings).finetune == (mode,) for step in steps)
        assert steps[0].seeds is None, "what matters is judged with all seeds"
