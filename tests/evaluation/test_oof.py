"""The table of predictions: its rows, its columns, and what may stand in it together."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmsa_utils.config import LABELS
from mmsa_utils.data.posts import Dataset
from mmsa_utils.errors import CourseError
from mmsa_utils.evaluation.anonymity import load_salt
from mmsa_utils.evaluation.oof import (
    FACT_COLUMNS,
    classes_of,
    load_oof,
    oof_table,
    predicted_classes,
    probabilities_of,
    require_same_posts,
    save_oof,
    table_rows,
)
from mmsa_utils.evaluation.predictions import CrossValidation
from mmsa_utils.evaluation.records import save_run

MakeRun = Callable[..., CrossValidation]
MakeTable = Callable[..., pd.DataFrame]


def test_a_row_is_the_same_post_in_every_run_and_seed(
    runs: dict[str, CrossValidation], dataset: Dataset, tmp_path: Path
) -> None:
    table = load_oof(tmp_path)
    rows = table_rows(table, dataset)
    assert list(table.columns) == [*FACT_COLUMNS, *LABELS]
    assert table.groupby("row")["label"].nunique().max() == 1
    assert sorted(rows) == list(range(12))
    for name, run in runs.items():
        for seed, expected in zip(run.config.seeds, run.probabilities, strict=True):
            labels, found = probabilities_of(table, name, seed)
            assert (labels[rows] == dataset.labels).all()
            assert np.allclose(found[rows], expected, atol=1e-6)


def test_lines_are_in_the_order_of_the_rows_and_so_say_nothing_either(
    runs: dict[str, CrossValidation], tmp_path: Path
) -> None:
    for _, part in load_oof(tmp_path).groupby(["run", "seed"]):
        assert part["row"].tolist() == list(range(12))


def test_the_tables_classes_are_those_of_its_posts(
    own: Dataset, make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run(of=own)
    save_run("text", run, tmp_path)
    save_run("image", make_run(1, of=own), tmp_path)
    table = load_oof(tmp_path, fingerprint=own.fingerprint)
    rows = table_rows(table, own)
    assert classes_of(table) == own.classes
    assert set(table["label"]) == set(own.classes), "a class named 1 is no number"
    for seed, expected in zip(run.config.seeds, run.probabilities, strict=True):
        labels, found = probabilities_of(table, "text", seed)
        assert (labels[rows] == own.labels).all()
        assert np.allclose(found[rows], expected, atol=1e-6)
    assert (predicted_classes(table, "text")[:, rows] == run.probabilities.argmax(2)).all()


# ---- what may stand in it together ------------------------------------------------------


def test_a_run_of_another_salt_is_not_put_beside_the_others(
    runs: dict[str, CrossValidation], dataset: Dataset, tmp_path: Path, out: Path
) -> None:
    table, salt = load_oof(tmp_path), load_salt()
    (out / "salt").unlink()
    for _ in range(20):  # by chance two shuffles of twelve posts may have the labels alike
        other = load_salt()
        if oof_table("text", runs["text"], salt=other)["label"].tolist() != (
            oof_table("text", runs["text"], salt=salt)["label"].tolist()
        ):
            break
        (out / "salt").unlink()
    with pytest.raises(CourseError, match=r"oof\.csv was shuffled by another salt"):
        save_run("text", runs["text"], tmp_path)
    with pytest.raises(CourseError, match="shuffled by another salt"):
        table_rows(table, dataset)
    pd.testing.assert_frame_equal(load_oof(tmp_path), table)
    assert sorted(table_rows(table, dataset, salt=salt)) == list(range(12))


def test_rows_of_other_posts_are_not_looked_for_in_a_table(
    runs: dict[str, CrossValidation], dataset: Dataset, tmp_path: Path
) -> None:
    fewer = Dataset("made", dataset.labelled[:9], (), dataset.excluded)
    with pytest.raises(CourseError, match="not of these posts"):
        table_rows(load_oof(tmp_path), fewer)


def test_runs_with_other_labels_in_a_row_or_other_rows_are_not_paired(
    make_table: MakeTable,
) -> None:
    first = make_table([0, 1, 2, 0], {"a": [[0, 0, 0, 0]], "b": [[1, 1, 1, 1]]})
    require_same_posts(first, ["a", "b"])
    other = make_table([0, 2, 1, 0], {"c": [[0, 0, 0, 0]]})
    fewer = make_table([0, 1, 2], {"d": [[0, 0, 0]]})
    table = pd.concat([first, other, fewer])
    for run in "cd":
        with pytest.raises(CourseError, match=f"'a' and '{run}' are not of the same posts"):
            require_same_posts(table, ["a", "b", run])
    with pytest.raises(CourseError, match="no run 'e'"):
        require_same_posts(table, ["a", "e"])


def test_runs_that_are_saved_at_once_are_all_kept(
    dataset: Dataset, make_run: MakeRun, tmp_path: Path
) -> None:
    run, salt = make_run(), load_salt()
    names = [f"run{number}" for number in range(8)]
    tables = [oof_table(name, run, salt=salt) for name in names]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda table: save_oof(table, tmp_path, dataset), tables))
    assert set(load_oof(tmp_path)["run"]) == set(names)


def test_predictions_of_other_classes_are_not_put_beside_the_others(
    runs: dict[str, CrossValidation], make_run: MakeRun, dataset: Dataset, tmp_path: Path
) -> None:
    renamed = replace(dataset, classes=("sad", "so-so", "happy"))
    table = oof_table("image", make_run(of=renamed), salt=load_salt())
    with pytest.raises(CourseError, match=r"negative, neutral, positive.* of sad, so-so, happy"):
        save_oof(table, tmp_path, dataset)
    with pytest.raises(CourseError, match="other posts"):
        save_run("image", make_run(of=renamed), tmp_path)


# ---- reading the table ------------------------------------------------------------------


def test_predicted_classes_are_a_line_a_seed(
    runs: dict[str, CrossValidation], dataset: Dataset, tmp_path: Path
) -> None:
    table = load_oof(tmp_path)
    classes, rows = predicted_classes(table, "text"), table_rows(table, dataset)
    assert (classes[:, rows] == runs["text"].probabilities.argmax(2)).all()


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


@pytest.mark.parametrize(
    ("header", "line", "says"),
    [
        ("run,seed,row,fold,label,only", "a,0,0,0,only,1.0", "has the columns .*'only'.* two"),
        ("run,seed,row,label,fold,a,b", "a,0,0,a,0,0.5,0.5", "has the columns .*'label', 'fold'"),
        ("run,seed,row,fold,label,a,b", "a,0,0,0,c,0.5,0.5", "has the label 'c', but no such"),
        ("run,seed,row,fold,label,a,b", "a,0,0,0,,0.5,0.5", "has the label '', but no such"),
        ("run,seed,row,fold,label,a,b", "a,0,0,0,a,,0.5", "not readable as a table"),
        ("run,seed,row,fold,label,a,b", "a,0,0,0,a,much,0.5", "not readable as a table"),
    ],
)
def test_a_table_that_is_none_is_named(header: str, line: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "oof.csv").write_text(f"{header}\n{line}\n")
    with pytest.raises(CourseError, match=rf"oof\.csv.*{says}"):
        load_oof(tmp_path)
