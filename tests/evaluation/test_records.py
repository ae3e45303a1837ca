"""Records, the table of predictions, and the file for the unlabelled posts."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score

from mmsa_utils.config import LABELS
from mmsa_utils.data.lists import read_list
from mmsa_utils.data.posts import PROBLEM_COLUMNS, Dataset
from mmsa_utils.errors import CourseError
from mmsa_utils.evaluation import metrics
from mmsa_utils.evaluation.oof import load_oof, probabilities_of, seeds_of
from mmsa_utils.evaluation.predictions import CrossValidation
from mmsa_utils.evaluation.records import (
    count_problems,
    load_ablations,
    load_analysis,
    load_record,
    make_record,
    mean_summary,
    save_run,
    write_predictions,
)

MakeRun = Callable[..., CrossValidation]


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
    assert record["environment"] == {"device": "a made one"}
    assert record["seconds"] == 6 * 1.5
    assert record["protocol"]["folds"] == 3
    assert record["protocol"]["grouped"] is True
    assert record["dataset"]["posts"] == 12
    assert record["dataset"]["excluded"] == {"empty text": 1}
    fold = record["folds"][1]
    assert fold["validation"] == {"accuracy": 0.6, "macro_f1": 0.25}
    assert (fold["best_epoch"], fold["history"]) == (2, [{"epoch": 1, "val_loss": 1.0}])


def test_folds_from_different_machines_are_named_all(make_run: MakeRun) -> None:
    record = make_record("text", make_run(on=("cpu", "cuda", "cpu")))
    assert record["environment"] == [{"device": "cpu"}, {"device": "cuda"}]


def test_left_out_posts_are_counted_by_problem_and_not_named() -> None:
    tag = """it's "so" so"""  # both kinds of quotes
    rows = [
        ("a.jpg", "a", "missing picture", "add it"),
        ("train.txt:3", "b", "unknown tag 'happy b'", "use another"),
        ("b.jpg", "c", "missing picture", "add it"),
        ("c1.txt", "c1", "c1 is twice there, in data/c1.txt", "leave one"),
        ("d.txt", "2", "2 texts for one post", "leave one"),
        ("train.txt:9", "", "not two cells", "write guid,tag"),
        ("train.txt:4", "7", "guid may be '0007 at home' or '007'", "write another"),
        ("train.txt:5", "8", f"unknown tag {tag!r}", "use another"),
    ]
    counts = count_problems(pd.DataFrame(rows, columns=PROBLEM_COLUMNS))
    assert counts == {
        "missing picture": 2,
        "unknown tag ...": 2,
        "... is twice there, in ...": 1,
        "... texts for one post": 1,
        "not two cells": 1,
        "guid may be ... or ...": 1,
    }
    assert count_problems(pd.DataFrame(columns=PROBLEM_COLUMNS)) == {}


def test_the_mean_over_seeds_is_of_every_figure(make_run: MakeRun) -> None:
    first, second = make_run().scores
    mean = mean_summary([first, second])
    assert mean["macro_f1"] == pytest.approx((first["macro_f1"] + second["macro_f1"]) / 2)
    recalls = [score["per_class"]["neutral"]["recall"] for score in (first, second)]
    assert mean["per_class"]["neutral"]["recall"] == pytest.approx(sum(recalls) / 2)


def test_a_records_classes_are_those_of_its_posts(
    own: Dataset, make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run(of=own)
    saved = save_run("text", run, tmp_path)
    assert load_record(tmp_path, "text", fingerprint=own.fingerprint) == saved
    assert saved["dataset"]["classes"] == list(saved["oof"]["per_class"]) == list(own.classes)
    recalls = [
        recall_score(own.labels, table.argmax(1), average=None, zero_division=0)
        for table in run.probabilities
    ]
    found = [scores["recall"] for scores in saved["oof"]["per_class"].values()]
    assert found == pytest.approx(np.mean(recalls, axis=0))


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


def test_a_guid_with_a_comma_or_a_quote_is_read_again(dataset: Dataset, tmp_path: Path) -> None:
    guids = ["photo, beach", 'so "good"', "plain"]
    named = [replace(p, guid=g) for p, g in zip(dataset.unlabelled, guids, strict=True)]
    write_predictions(replace(dataset, unlabelled=tuple(named)), np.eye(3), tmp_path / "made.txt")
    raw = (tmp_path / "made.txt").read_bytes()
    assert raw.endswith(b"plain,positive\n")
    assert b"\r" not in raw
    entries = read_list(tmp_path / "made.txt", has_files=lambda guid: True).entries
    assert [entry.guid for entry in entries] == guids


def test_predictions_are_tags_of_the_posts_own_classes(own: Dataset, tmp_path: Path) -> None:
    table = np.eye(len(own.classes))[[1, 0, -1]]
    write_predictions(own, table, tmp_path / "test_predictions.txt")
    lines = (tmp_path / "test_predictions.txt").read_text().splitlines()
    tags = [own.classes[1], own.classes[0], own.classes[-1]]
    assert lines[1:] == [f"guid{n:03d},{tag}" for n, tag in zip((12, 13, 14), tags, strict=True)]


def test_without_unlabelled_posts_the_file_has_no_lines(dataset: Dataset, tmp_path: Path) -> None:
    none = Dataset("made", dataset.labelled, (), dataset.excluded)
    write_predictions(none, np.empty(0), tmp_path / "test_predictions.txt")
    assert (tmp_path / "test_predictions.txt").read_text() == "guid,tag\n"


def test_a_record_that_names_no_classes_is_of_the_courses_three(tmp_path: Path) -> None:
    (tmp_path / "text.json").write_text(json.dumps({"dataset": {"posts": 4}}))
    assert load_record(tmp_path, "text")["dataset"] == {"posts": 4, "classes": list(LABELS)}


def test_a_record_is_loaded_as_it_was_saved(make_run: MakeRun, tmp_path: Path) -> None:
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
