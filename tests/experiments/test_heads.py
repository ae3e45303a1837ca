"""The grid of the heads: the same for all, judged on validation sets of one seed."""

import pytest

from mmsa_utils.experiments.heads import best, make_grid, save_grid, search
from mmsa_utils.experiments.runs import run_learner
from mmsa_utils.io import load_json


def test_the_grid_is_every_pair_and_a_changed_knob_stays():
    sizes = {"dropouts": (0.3, 0.5), "rates": (1e-4, 1e-3)}
    assert make_grid(**sizes, changes={}) == [
        {"dropout": 0.3, "learning_rate": 1e-4},
        {"dropout": 0.3, "learning_rate": 1e-3},
        {"dropout": 0.5, "learning_rate": 1e-4},
        {"dropout": 0.5, "learning_rate": 1e-3},
    ]
    pinned = make_grid(**sizes, changes={"dropout": 0.9, "epochs": 3})
    assert pinned == [{"dropout": 0.9, "learning_rate": rate} for rate in sizes["rates"]]


def test_a_row_has_the_validation_figures_of_that_setting_with_the_first_seed(demo, recipes):
    config = recipes.start("text")
    setting = {"dropout": 0.2, "learning_rate": 1e-3}
    (row,) = search(demo, config, [setting])
    run = run_learner(demo, config.but(**setting, seeds=(0,)), "network")
    losses = [min(epoch["val_loss"] for epoch in fold.history) for fold in run.results]
    assert row == {
        "mode": "text", "head": "concat", **setting, **run.validation_scores,
        "loss": pytest.approx(sum(losses) / len(losses)),
    }  # fmt: skip


def test_the_best_has_the_highest_sum_and_the_first_wins_a_tie():
    def row(dropout, accuracy, macro_f1):
        scores = {"accuracy": accuracy, "macro_f1": macro_f1, "loss": 1.0}
        return {"dropout": dropout, "learning_rate": 1e-3, **scores}

    rows = [row(0.3, 0.5, 0.25), row(0.5, 0.25, 0.75), row(0.7, 0.5, 0.5)]
    assert best(rows) == {"dropout": 0.5, "learning_rate": 1e-3}


def test_saved_rows_of_other_modes_stay(tmp_path):
    save_grid([{"mode": "text", "dropout": 0.3}], tmp_path, "text")
    save_grid([{"mode": "image", "dropout": 0.3}], tmp_path, "image")
    save_grid([{"mode": "text", "dropout": 0.5}], tmp_path, "text")
    rows = load_json(tmp_path / "heads.json")
    assert [(row["mode"], row["dropout"]) for row in rows] == [("image", 0.3), ("text", 0.5)]
