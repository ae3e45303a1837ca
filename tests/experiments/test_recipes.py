"""The recipes of the reference run, and knobs that are changed in all of them."""

import subprocess
import sys
from dataclasses import fields

import pytest

from mmsa_utils.config import MODES, Config
from mmsa_utils.errors import CourseError
from mmsa_utils.experiments.recipes import (
    BASE_LEARNERS,
    MAIN_RUNS,
    MINUTES,
    RUNS,
    Recipes,
    changed,
    reference_recipes,
)
from mmsa_utils.io import load_json
from mmsa_utils.paths import RESULTS
from mmsa_utils.training.learners import LEARNERS


def configs(recipes: Recipes) -> list[Config]:
    values = [getattr(recipes, field.name) for field in fields(recipes)]
    groups = [list(v.values()) if isinstance(v, dict) else [v] for v in values]
    return [value for group in groups for value in group if isinstance(value, Config)]


def test_networks_need_neither_words_nor_mpnet():
    recipes = reference_recipes()
    for mode in MODES:
        network, features = recipes.networks[mode], recipes.features[mode]
        assert (network.mode, network.words) == (mode, False)
        for config in (network, recipes.without_mpnet[mode]):
            assert not any(name.startswith("mpnet") for name in config.text_encoders)
        assert recipes.without_mpnet[mode].words == features.words
        assert recipes.start(mode) == recipes.course.but(mode=mode)


def test_every_base_learner_is_a_learner_or_another_modalitys_ensemble():
    names = {name for mode in MODES for name in BASE_LEARNERS[mode]}
    assert names <= {*LEARNERS, "text ensemble", "image ensemble"}
    assert set(reference_recipes().variants) == {"attention", "balanced", "plain_folds"}
    assert {"attention", "balanced", *MODES} <= set(RUNS)


def test_a_name_is_a_networks_or_an_ensembles():
    assert RUNS[:8] == MAIN_RUNS
    ensembles = [f"{mode}_ensemble" for mode in MODES]
    assert list(MAIN_RUNS) == ["majority", "tfidf", *MODES, *ensembles]
    assert len(set(RUNS)) == len(RUNS)


def test_a_changed_knob_is_changed_in_every_config_and_nothing_else_is():
    before, after = configs(reference_recipes()), configs(reference_recipes({"epochs": 3}))
    assert len(before) > 10
    assert after == [config.but(epochs=3) for config in before]


def test_what_makes_a_variant_stays():
    changes = {"head": "gated", "dropout": 0.1, "class_weights": "root"}
    recipes = reference_recipes(changes)
    attention, balanced = recipes.variants["attention"], recipes.variants["balanced"]
    assert (attention.head, attention.dropout) == ("attention", 0.1)
    assert (balanced.head, balanced.class_weights) == ("gated", "balanced")
    assert recipes.networks["fused"].head == recipes.variants["plain_folds"].head == "gated"
    heads = {name: config.head for name, config in recipes.interacting.items()}
    assert heads == {"attention": "attention", "composition": "composition"}
    assert recipes.interacting["composition"].dropout == 0.1
    assert recipes.changes == changes


def test_of_finetune_each_config_gets_what_its_mode_looks_at():
    recipes = reference_recipes({"text_encoders": ("minilm",), "finetune": ("text",)})
    assert recipes.networks["fused"].finetune == recipes.networks["text"].finetune == ("text",)
    assert recipes.networks["image"].finetune == recipes.start("image").finetune == ()


def test_a_value_that_is_not_allowed_is_refused_in_one_line():
    for changes in ({"epochs": 0}, {"head": "round"}):
        with pytest.raises(CourseError, match=next(iter(changes))) as error:
            reference_recipes(changes)
        assert "\n" not in str(error.value)
    with pytest.raises(CourseError, match="trains one encoder"):
        reference_recipes({"finetune": ("text",)})  # of three
    assert changed(Config(mode="text"), {"seeds": (4,)}).seeds == (4,)


def test_recipes_and_options_need_no_torch():
    script = (
        "import sys, mmsa_utils.__main__, mmsa_utils.experiments.recipes;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_minutes_that_a_stage_is_said_to_take_are_those_that_it_took():
    took = load_json(RESULTS / "bench.json")["reference"]["seconds"]
    assert list(took) == list(MINUTES)
    said = {name: minutes for name, (minutes, _) in MINUTES.items() if name != "tweets"}
    assert said == {name: max(1, round(took[name] / 60)) for name in said}
