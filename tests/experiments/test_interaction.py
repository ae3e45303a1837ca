"""What fusion owes to interaction, on made predictions whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from mmsa_utils.errors import CourseError
from mmsa_utils.evaluation.comparison import compare_all
from mmsa_utils.evaluation.oof import oof_table
from mmsa_utils.experiments.interaction import interaction_facts, is_noise

GROUPS = np.arange(200)


def facts_of(made_run, fused, projection, text):
    return interaction_facts(
        fused,
        projection,
        {
            "text network": made_run(text, draw=2, validation=0.7),
            "image network": made_run(30, draw=3, validation=0.6),
        },
        groups=GROUPS,
    )


def test_a_gain_that_the_projection_keeps_is_no_interaction(made_run):
    fused = made_run(20)
    facts = facts_of(made_run, fused, fused, 80)
    assert facts["changed"] == 0
    assert facts["interaction"] == {"accuracy": 0, "macro_f1": 0, "within_noise": True}
    assert facts["gain"]["accuracy"] == pytest.approx(60 / 200)
    assert not facts["gain"]["within_noise"]
    assert facts["share"] == {"accuracy": 0, "macro_f1": 0}


def test_a_gain_that_the_projection_loses_is_interaction(made_run):
    fused, projection = made_run(20), made_run(70, draw=1)
    facts = facts_of(made_run, fused, projection, 70)
    assert facts["interaction"]["accuracy"] == pytest.approx(50 / 200)
    assert not facts["interaction"]["within_noise"]
    assert facts["share"]["accuracy"] == pytest.approx(1)
    both = fused.probabilities.argmax(2) != projection.probabilities.argmax(2)
    assert facts["changed"] == pytest.approx(both.mean())


def test_the_better_network_is_chosen_by_validation_predictions(made_run):
    """The image network is right more often on the test folds, and that must not count."""
    facts = facts_of(made_run, made_run(20), made_run(25, draw=1), 60)
    assert facts["better"] == "text network"
    assert facts["scores"]["image network"]["accuracy"]["mean"] == pytest.approx(0.85)
    assert [row["second"] for row in facts["comparisons"]][1:] == ["text network"] * 2


def test_where_there_is_no_gain_nothing_is_shared_out(made_run):
    facts = facts_of(made_run, made_run(80), made_run(80, draw=1), 20)
    assert facts["gain"]["accuracy"] < 0
    assert facts["share"]["accuracy"] is None


def test_the_tests_are_those_of_the_course(made_run):
    """Redone from a table whose rows stand in another order."""
    fused, projection, text = made_run(20), made_run(30, draw=1), made_run(60, draw=2)
    facts = facts_of(made_run, fused, projection, 60)
    runs = {"fused": fused, "additive projection": projection, "text network": text}
    tables = [oof_table(name, run, salt=b"another") for name, run in runs.items()]
    again = compare_all(pd.concat(tables), list(runs), inner_folds=3)
    for row, other in zip(facts["comparisons"], again, strict=True):
        assert row.pop("macro_f1_interval") == pytest.approx(other.pop("macro_f1_interval"))
        assert row == pytest.approx(other)


@pytest.mark.parametrize(
    ("change", "noise"),
    [
        ({}, False),
        ({"t_test_p_holm": 0.05}, True),
        ({"mcnemar_p_holm": 0.2}, True),
        ({"macro_f1_interval": [-0.01, 0.05]}, True),
        ({"macro_f1_interval": [-0.05, -0.01]}, False),
    ],
)
def test_noise_is_what_one_test_does_not_find(change, noise):
    row = {"t_test_p_holm": 0.01, "mcnemar_p_holm": 0.01, "macro_f1_interval": [0.01, 0.05]}
    assert is_noise(row | change) is noise


def test_runs_on_other_folds_are_not_compared(made_run):
    fused = made_run(20)
    other = made_run(20)
    other.fold[:] = other.fold[:, ::-1]
    with pytest.raises(CourseError, match="other folds"):
        facts_of(made_run, fused, other, 60)
