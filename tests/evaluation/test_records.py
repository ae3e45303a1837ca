"""Records, the table of predictions, and the file for the unlabelled posts."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmsa_utils.config import LABELS
from mmsa_utils.data.posts import Dataset
from mmsa_utils.errors import CourseError
from mmsa_utils.evaluation import metrics
from mmsa_utils.evaluation.predictions import CrossValidation
from mmsa_utils.evaluation.records import (
    OOF_COLUMNS,
    anonymous_rows,
    load_ablations,
    load_analysis,
    load_oof,
    load_record,
    make_record,
    mean_summary,
    predicted_classes,
    probabilities_of,
    save_run,
    seeds_of,
    write_predictions,
)

MakeRun = Callable[..., CrossValidation]


@pytest.fixture
def runs(make_run: MakeRun, tmp_path: Path) -> dict[str, CrossValidation]:
    """Two runs on the same posts, saved in `tmp_path`."""
    runs = {"text": make_run(0), "image": make_run(1)}
    for name, run in runs.items():
        save_run(name, run, tmp_path)
    return runs


def test_every_figure_of_a_record_comes_from_the_saved_predictions(
    runs: dict[str, CrossValidation], tmp_path: Path
) -> None:
    table = load_oof(tmp_path)
    assert len(table) == 2 * 2 * 12
    for name, run in runs.items():
        record = load_record(tmp_path, name)
        assert seeds_of(table, name) == record["protocol"]["seeds"] == list(run.config.seeds)
        scores = [metrics.summary(*probabilities_of(table, name, seed)) for seed in (0, 5)]
        assert record["oof"] == mean_summary(scores)
        for fold in record["folds"]:
            part = table[(table["run"] == name) & (table["seed"] == fold["seed"])]
            part = part[part["fold"] == fold["fold"]]
            right = part[list(LABELS)].to_numpy().argmax(1) == part["label"].map(LABELS.index)
            assert fold["accuracy"] == pytest.approx(right.mean())


def test_a_record_says_what_was_run_and_on_what(make_run: MakeRun) -> None:
    run = make_run()
    record = make_record("text", run)
    assert record["config"] == run.settings
    assert record["environment"] == run.environment
    assert record["seconds"] == 6 * 1.5
    assert record["protocol"]["folds"] == 3
    assert record["protocol"]["grouped"] is True
    assert record["dataset"]["posts"] == 12
    assert record["dataset"]["excluded"] == [{"guid": "x", "problem": "empty text"}]
    fold = record["folds"][1]
    assert fold["validation"] == {"accuracy": 0.6, "macro_f1": 0.25}
    assert (fold["best_epoch"], fold["history"]) == (2, [{"epoch": 1, "val_loss": 1.0}])


def test_the_mean_over_seeds_is_of_every_figure(make_run: MakeRun) -> None:
    first, second = make_run().scores
    mean = mean_summary([first, second])
    assert mean["macro_f1"] == pytest.approx((first["macro_f1"] + second["macro_f1"]) / 2)
    recalls = [score["per_class"]["neutral"]["recall"] for score in (first, second)]
    assert mean["per_class"]["neutral"]["recall"] == pytest.approx(sum(recalls) / 2)


def test_saving_a_run_again_replaces_it_and_leaves_the_others(
    runs: dict[str, CrossValidation], make_run: MakeRun, tmp_path: Path
) -> None:
    before = load_oof(tmp_path)
    save_run("text", make_run(2), tmp_path)
    after = load_oof(tmp_path)
    assert len(after) == len(before)
    for name, same in (("image", True), ("text", False)):
        old, new = (probabilities_of(table, name)[1] for table in (before, after))
        assert (old == new).all() == same


# ---- anonymity --------------------------------------------------------------------------


def test_rows_are_anonymous_but_the_same_post_in_every_run(
    runs: dict[str, CrossValidation], dataset: Dataset, tmp_path: Path
) -> None:
    table, rows = load_oof(tmp_path), anonymous_rows(dataset)
    assert list(table.columns) == OOF_COLUMNS
    assert table.groupby("row")["label"].nunique().max() == 1
    assert sorted(rows) == list(range(12))
    assert rows.tolist() != sorted(rows)
    for name, run in runs.items():
        for seed, expected in zip(run.config.seeds, run.probabilities, strict=True):
            labels, found = probabilities_of(table, name, seed)
            assert (labels[rows] == dataset.labels).all()
            assert np.allclose(found[rows], expected, atol=1e-6)


def test_rows_depend_on_the_posts_and_on_nothing_else(demo: Dataset, dataset: Dataset) -> None:
    assert (anonymous_rows(demo) == anonymous_rows(demo)).all()
    part = Dataset("demo", demo.labelled[:12], (), demo.excluded)
    assert (anonymous_rows(part) != anonymous_rows(dataset)).any()
    renamed = Dataset("another name", demo.labelled[:12], demo.unlabelled, demo.excluded)
    assert (anonymous_rows(part) == anonymous_rows(renamed)).all()


def test_no_saved_file_names_a_post_or_shows_its_text(
    runs: dict[str, CrossValidation], tmp_path: Path
) -> None:
    for name in ("text.json", "image.json", "oof.csv"):
        content = (tmp_path / name).read_text()
        assert "guid0" not in content
        assert "post number" not in content


# ---- reading the table ------------------------------------------------------------------


def test_predicted_classes_are_a_line_a_seed(
    runs: dict[str, CrossValidation], dataset: Dataset, tmp_path: Path
) -> None:
    classes = predicted_classes(load_oof(tmp_path), "text")
    assert (classes[:, anonymous_rows(dataset)] == runs["text"].probabilities.argmax(2)).all()


def test_without_a_seed_the_lowest_is_read(
    runs: dict[str, CrossValidation], tmp_path: Path
) -> None:
    table = load_oof(tmp_path)
    assert (probabilities_of(table, "text")[1] == probabilities_of(table, "text", 0)[1]).all()
    assert (probabilities_of(table, "text")[1] != probabilities_of(table, "text", 5)[1]).any()


def test_an_unknown_run_is_named(runs: dict[str, CrossValidation], tmp_path: Path) -> None:
    table = load_oof(tmp_path)
    with pytest.raises(CourseError, match="no run 'fused'"):
        probabilities_of(table, "fused")
    with pytest.raises(CourseError, match="no run 'fused'"):
        predicted_classes(table, "fused")
    with pytest.raises(CourseError, match="no run 'text' with seed 3"):
        probabilities_of(table, "text", 3)


# ---- other files ------------------------------------------------------------------------


def test_predictions_stand_beside_their_own_posts(dataset: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "test_predictions.txt"
    table = np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2], [0.2, 0.6, 0.2]])
    write_predictions(dataset, table, file)
    expected = ["guid,tag", "guid012,positive", "guid013,negative", "guid014,neutral"]
    assert file.read_text().splitlines() == expected
    with pytest.raises(CourseError, match="2 predictions for 3"):
        write_predictions(dataset, table[:-1], file)
    assert file.read_text().splitlines() == expected, "what was there is left"


def test_records_of_old_are_loaded_in_new_words(tmp_path: Path) -> None:
    old = {"inner": {"accuracy": 0.7}}
    contents = {
        "text": {"folds": [old], "config": {"model": "logistic regression", "strength": 0.1}},
        "ablations": [{"name": "decision rule", **old}],
        "analysis": {"overruling": {"text": {"posts": 1}, "picture": {"posts": 2}}},
    }
    for name, content in contents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    record = load_record(tmp_path, "text")
    assert record["folds"] == [{"validation": {"accuracy": 0.7}}]
    assert record["config"] == {"model": "logistic regression", "C": 0.1}
    expected = {"name": "prior correction", "validation": {"accuracy": 0.7}}
    assert load_ablations(tmp_path) == [expected]
    overruling = {"text": {"posts": 1}, "image": {"posts": 2}}
    assert load_analysis(tmp_path) == {"overruling": overruling}


def test_a_record_of_today_is_loaded_as_it_was_saved(make_run: MakeRun, tmp_path: Path) -> None:
    saved = save_run("text", make_run(), tmp_path)
    assert load_record(tmp_path, "text") == saved


def test_missing_or_broken_records_are_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"text.json is missing"):
        load_record(tmp_path, "text")
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(CourseError, match=r"text.json is not readable"):
        load_record(tmp_path, "text")
    with pytest.raises(CourseError, match=r"ablations.json is missing"):
        load_ablations(tmp_path)
    with pytest.raises(CourseError, match=r"analysis.json is missing"):
        load_analysis(tmp_path)
    with pytest.raises(CourseError, match=r"oof.csv is missing"):
        load_oof(tmp_path)
    (tmp_path / "oof.csv").write_text("run,seed\n")
    with pytest.raises(CourseError, match=r"oof.csv has the columns \['run', 'seed'\]"):
        load_oof(tmp_path)
