"""What fusion owes to interaction, on made predictions whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from mmsa_utils.errors import CourseError
from mmsa_utils.evaluation.comparison import compare, holm
from mmsa_utils.evaluation.oof import oof_table
from mmsa_utils.experiments.interaction import interaction_facts, within_noise

GROUPS = np.arange(200)


@pytest.fixture
def facts_of(made_run):
    """A function of networks and their projections, beside a text network with 60 errors."""

    def facts(**networks):
        single = {
            "text": made_run(60, draw=2, validation=0.7),
            "image": made_run(30, draw=3, validation=0.6),
        }
        return interaction_facts(networks, single, groups=GROUPS)

    return facts


def test_a_gain_that_the_projection_keeps_is_no_interaction(facts_of, made_run):
    fused = made_run(10)
    network = facts_of(fused=(fused, fused))["networks"]["fused"]
    assert network["changed"] == 0
    assert network["projection"] == network["scores"]
    assert network["interaction"]["within_noise"] == {"accuracy": True, "macro_f1": True}
    assert network["gain"]["gain_accuracy"] == pytest.approx(50 / 200)
    assert network["gain"]["within_noise"] == {"accuracy": False, "macro_f1": False}
    assert network["share"] == {"accuracy": 0, "macro_f1": 0}


def test_a_gain_that_the_projection_loses_is_interaction(facts_of, made_run):
    fused, projection = made_run(10), made_run(60, draw=1)
    network = facts_of(fused=(fused, projection))["networks"]["fused"]
    assert network["interaction"]["gain_accuracy"] == pytest.approx(50 / 200)
    assert network["interaction"]["within_noise"] == {"accuracy": False, "macro_f1": False}
    assert network["share"]["accuracy"] == pytest.approx(1)
    differ = fused.probabilities.argmax(2) != projection.probabilities.argmax(2)
    assert network["changed"] == pytest.approx(differ.mean())


def test_the_better_network_is_chosen_by_validation_predictions(facts_of, made_run):
    """The image network is right more often on the test folds, and that must not count."""
    facts = facts_of(fused=(made_run(20), made_run(25, draw=1)))
    assert facts["better"] == "text"
    assert facts["single"]["image"]["accuracy"]["mean"] == pytest.approx(0.85)
    assert facts["networks"]["fused"]["gain"]["second"] == "text"


def test_where_the_gain_is_noise_or_none_nothing_is_shared_out(facts_of, made_run):
    networks = facts_of(
        worse=(made_run(90), made_run(90, draw=1)), alike=(made_run(58), made_run(58, draw=1))
    )["networks"]
    assert networks["worse"]["gain"]["gain_accuracy"] < 0
    assert networks["alike"]["gain"]["within_noise"] == {"accuracy": True, "macro_f1": True}
    for network in networks.values():
        assert network["share"] == {"accuracy": None, "macro_f1": None}


def test_the_tests_are_those_of_the_course(facts_of, made_run):
    """Redone from a table whose rows stand in another order."""
    both = {
        "one": (made_run(20), made_run(30, draw=1)),
        "two": (made_run(25, draw=4), made_run(45, draw=5)),
    }
    facts = facts_of(**both)
    saved = [facts["networks"][name]["interaction"] for name in both]
    for (name, runs), row in zip(both.items(), saved, strict=True):
        pair = zip((name, "additive projection"), runs, strict=True)
        table = pd.concat([oof_table(n, run, salt=b"another") for n, run in pair])
        again = compare(table, name, "additive projection", inner_folds=3, groups=GROUPS)
        assert row["macro_f1_interval"] == pytest.approx(again.pop("macro_f1_interval"))
        assert {key: row[key] for key in again} == pytest.approx(again)
    for name in ("t_test_p", "mcnemar_p"):
        assert [row[f"{name}_holm"] for row in saved] == holm([row[name] for row in saved])


@pytest.mark.parametrize(
    ("change", "accuracy", "macro_f1"),
    [
        ({}, False, False),
        ({"t_test_p_holm": 0.05}, True, False),
        ({"mcnemar_p_holm": 0.2}, True, False),
        ({"macro_f1_interval": [-0.01, 0.05]}, False, True),
        ({"macro_f1_interval": [-0.05, -0.01]}, False, False),
    ],
)
def test_noise_is_what_a_test_of_the_measure_does_not_find(change, accuracy, macro_f1):
    row = {"t_test_p_holm": 0.01, "mcnemar_p_holm": 0.01, "macro_f1_interval": [0.01, 0.05]}
    assert within_noise(row | change) == {"accuracy": accuracy, "macro_f1": macro_f1}


def test_runs_on_other_folds_are_not_compared(facts_of, made_run):
    fused, other = made_run(20), made_run(20)
    other.fold[:] = other.fold[:, ::-1]
    with pytest.raises(CourseError, match="other folds"):
        facts_of(fused=(fused, other))
