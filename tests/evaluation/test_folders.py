"""A folder of records belongs to one data set."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mmsa_utils.data.posts import Dataset
from mmsa_utils.errors import CourseError
from mmsa_utils.evaluation.folders import claim_folder, fingerprint_of
from mmsa_utils.evaluation.oof import load_oof
from mmsa_utils.evaluation.predictions import CrossValidation
from mmsa_utils.evaluation.records import load_record, save_run

MakeRun = Callable[..., CrossValidation]


def test_a_folder_knows_whose_runs_it_holds(
    dataset: Dataset, make_run: MakeRun, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    assert fingerprint_of(folder) is None
    save_run("text", make_run(), folder)
    assert fingerprint_of(folder) == dataset.fingerprint
    facts = json.loads((folder / "oof.json").read_text())
    assert facts == {"fingerprint": dataset.fingerprint, "posts": 12}


@pytest.mark.parametrize("broken", ["{", "{}", "[]"])
def test_where_its_facts_are_broken_the_records_know_whose_it_is(
    broken: str, dataset: Dataset, others: Dataset, make_run: MakeRun, tmp_path: Path
) -> None:
    save_run("text", make_run(), tmp_path)
    (tmp_path / "oof.json").write_text(broken)
    assert fingerprint_of(tmp_path) == dataset.fingerprint
    with pytest.raises(CourseError, match="holds runs on other posts"):
        claim_folder(tmp_path, others)


def test_runs_on_posts_of_another_folder_with_the_same_name_are_refused(
    dataset: Dataset, others: Dataset, make_run: MakeRun, tmp_path: Path
) -> None:
    assert others.name == dataset.name
    save_run("text", make_run(), tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.glob("*.*")}
    with pytest.raises(CourseError, match="holds runs on other posts") as error:
        save_run("image", replace(make_run(1), dataset=others), tmp_path)
    for fingerprint in (dataset.fingerprint, others.fingerprint):
        assert fingerprint in str(error.value)
    with pytest.raises(CourseError, match="holds runs on other posts"):
        claim_folder(tmp_path, others)
    assert {file: file.read_bytes() for file in tmp_path.glob("*.*")} == before


def test_what_is_of_other_posts_is_not_loaded_for_these(
    dataset: Dataset, others: Dataset, make_run: MakeRun, tmp_path: Path
) -> None:
    saved = save_run("text", make_run(), tmp_path)
    assert load_record(tmp_path, "text", fingerprint=dataset.fingerprint) == saved
    assert len(load_oof(tmp_path, fingerprint=dataset.fingerprint)) == 24
    with pytest.raises(CourseError, match=r"text\.json is of other posts"):
        load_record(tmp_path, "text", fingerprint=others.fingerprint)
    with pytest.raises(CourseError, match=r"oof\.csv is of other posts"):
        load_oof(tmp_path, fingerprint=others.fingerprint)


def test_a_table_that_does_not_say_whose_it_is_is_not_taken_for_anybodys(
    dataset: Dataset, make_run: MakeRun, tmp_path: Path
) -> None:
    save_run("text", make_run(), tmp_path)
    for file in tmp_path.glob("*.json"):
        file.unlink()
    assert len(load_oof(tmp_path)) == 24
    with pytest.raises(CourseError, match="does not say of which posts"):
        load_oof(tmp_path, fingerprint=dataset.fingerprint)
