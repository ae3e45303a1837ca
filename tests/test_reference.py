"""The reference run, end to end, on the demo set and with a few candidates."""

import json

import pytest

from mmsa_utils import reference
from mmsa_utils.__main__ import main
from mmsa_utils.config import Config
from mmsa_utils.errors import CourseError
from mmsa_utils.paths import course_folder
from mmsa_utils.records import load_json, load_oof, load_record


@pytest.fixture
def small(monkeypatch, tmp_path):
    monkeypatch.setattr(reference, "FOLDER", tmp_path)
    monkeypatch.setattr(reference, "COURSE", Config(epochs=4, seeds=(0, 1)))
    monkeypatch.setattr(reference, "ATTENTION", Config(epochs=4, seeds=(0, 1), head="attention"))
    monkeypatch.setattr(reference, "DROPOUTS", (0.2, 0.5))
    return tmp_path


def test_every_stage_writes_its_records(demo, small):
    for stage in ("_baselines", "_models", "_variants", "_analysis"):
        getattr(reference, stage)(demo)
    table = load_oof(small)
    assert set(table["run"]) == {*reference.RUNS, "plain_folds"}
    assert (table.groupby("run").size() == 2 * 240).all()
    rows = load_json(small / "selection.json")
    assert len(rows) == 2 + 2 + 6
    best = max((r for r in rows if r["mode"] == "fused"), key=lambda r: sum(r["inner"].values()))
    assert best["chosen"]
    assert load_record(small, "fused")["config"]["head"] == best["head"]
    assert len((small / "test_predictions.txt").read_text().splitlines()) == 41
    assert json.loads((small / "analysis.json").read_text())["data"]["labelled"] == 240


def test_without_the_courses_posts_it_says_where_they_go(monkeypatch, capsys):
    with pytest.raises(CourseError, match="data/course"):
        course_folder()
    assert main(["reference"]) == 1
    assert "MMSA_DATA" in capsys.readouterr().err
