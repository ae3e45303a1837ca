"""The reference run and the ablation, end to end, on the demo set and with few tries."""

import json

import pytest

from mmsa_utils.__main__ import main
from mmsa_utils.config import MODES, Config
from mmsa_utils.errors import CourseError
from mmsa_utils.evaluation.records import load_json, load_oof, load_record
from mmsa_utils.experiments import ablations, reference
from mmsa_utils.paths import course_folder
from mmsa_utils.training import final as trained

SMALL = Config(epochs=3, seeds=(0, 1), folds=2, inner_folds=3)


@pytest.fixture
def small(monkeypatch, tmp_path):
    for module in (reference, ablations):
        monkeypatch.setattr(module, "FOLDER", tmp_path)
        monkeypatch.setattr(module, "COURSE", SMALL)
    features = {mode: SMALL.but(mode=mode) for mode in MODES}
    monkeypatch.setattr(reference, "FEATURES", features)
    monkeypatch.setattr(reference, "NETWORK", features)
    for module in (reference, ablations):
        monkeypatch.setattr(module, "WITHOUT_MPNET", {mode: {} for mode in MODES})
    few = {
        "text": ("linear", "network", "TF-IDF"),
        "image": ("linear", "network"),
        "fused": ("network", "text blend", "image blend"),
    }
    monkeypatch.setattr(reference, "MEMBERS", few)
    monkeypatch.setattr(ablations, "CANDIDATES", few)
    monkeypatch.setattr(reference, "SHARES", (0.5, 1.0))
    # PP-OCR need not be installed here: every other picture "holds" two words.
    two_words = lambda posts: ([("so happy", "")[k % 2] for k in range(len(posts))], [])  # noqa: E731
    monkeypatch.setattr(reference, "read_words", two_words)
    return tmp_path


def test_every_stage_writes_its_records(demo, small, monkeypatch, tmp_path):
    weights = tmp_path / "weights"
    weights.mkdir()
    for module in (trained, reference.weights):
        monkeypatch.setattr(module, "FOLDER", weights)
    names = ("_words", "_baselines", "_networks", "_blends", "_variants", "_learning_curve")
    for stage in (*names, "_shipped", "_analysis"):
        getattr(reference, stage)(demo)

    table = load_oof(small)
    assert set(table["run"]) == {*reference.RUNS, "plain_folds"}
    sizes = table.groupby("run").size()
    assert sizes.pop("fused_ensemble") == 240
    assert (sizes == 2 * 240).all()
    assert set(load_record(small, "text")["config"]["weights"]) == set(reference.MEMBERS["text"])
    assert len((small / "test_predictions.txt").read_text().splitlines()) == 41

    curve = load_json(small / "learning_curve.json")
    assert [(row["run"], row["fraction"]) for row in curve][:2] == [("text", 0.5), ("text", 1.0)]
    facts = json.loads((small / "analysis.json").read_text())
    assert facts["data"]["labelled"] == 240
    assert facts["words_in_pictures"]["image"]["none"]["posts"] == 120
    assert 0 <= load_json(small / "calibration.json")["after"]["ece"] < 0.3
    model, config = trained.load_shipped_model()
    saved = load_json(weights / "shipped.json")[trained.NAME]["demo_probabilities"]
    assert trained.predict_posts(model, config, demo)[0] == pytest.approx(saved[0], abs=1e-3)


def test_the_ablation_keeps_by_inner_scores_and_goes_on_from_what_is_kept(demo, small, monkeypatch):
    tries = (("smoothed", "label smoothing", {"label_smoothing": 0.1}),)
    monkeypatch.setattr(ablations, "FEATURES", dict.fromkeys(MODES, ()))
    monkeypatch.setattr(ablations, "NETWORKS", dict.fromkeys(MODES, tries))
    monkeypatch.setattr(ablations, "FINETUNED", {})
    ablations.run_ablations(demo)
    rows = load_json(small / "ablations.json")
    assert {row["mode"] for row in rows} == set(MODES)
    assert {row["step"] for row in rows} == {"features", "network", "label noise", "ensemble"}
    assert all(row["kept"] is ablations.is_kept(row, rows) for row in rows)
    blended = [row["name"] for row in rows if (row["mode"], row["step"]) == ("text", "ensemble")]
    assert blended == ["linear", "decision rule", "network", "TF-IDF"]


def test_a_row_is_compared_within_its_track_and_a_tie_is_not_kept():
    def row(name, step, against, accuracy, macro_f1):
        inner = {"accuracy": accuracy, "macro_f1": macro_f1}
        return {"mode": "text", "step": step, "name": name, "against": against, "inner": inner}

    rows = [row("a", "x", None, 0.5, 0.4), row("a", "y", None, 0.1, 0.1)]
    rows += [row("b", "x", "a", 0.4, 0.5), row("b", "y", "a", 0.4, 0.5)]
    assert [ablations.is_kept(r, rows) for r in rows] == [True, True, False, True]


def test_without_the_courses_posts_it_says_where_they_go(monkeypatch, capsys):
    with pytest.raises(CourseError, match="data/course"):
        course_folder()
    assert main(["reference"]) == 1
    assert "MMSA_DATA" in capsys.readouterr().err
