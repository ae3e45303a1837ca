"""The reference run, end to end, on the demo set and with few tries."""

from dataclasses import replace

import numpy as np
import pytest

from mmsa_utils.config import MODES, Config
from mmsa_utils.data.posts import Dataset, load_dataset
from mmsa_utils.data.splits import find_groups
from mmsa_utils.encoders import weights
from mmsa_utils.errors import CourseError
from mmsa_utils.evaluation.anonymity import in_row_order
from mmsa_utils.evaluation.comparison import compare_all
from mmsa_utils.evaluation.oof import load_oof, table_rows
from mmsa_utils.evaluation.records import load_record
from mmsa_utils.experiments import reference as stages
from mmsa_utils.experiments.recipes import MINUTES, RUNS
from mmsa_utils.experiments.reference import STAGES, Reference, run_reference
from mmsa_utils.experiments.runs import mode_ensemble
from mmsa_utils.io import load_json
from mmsa_utils.paths import DEMO
from mmsa_utils.training.ensemble import correct_priors
from mmsa_utils.training.final import NAME, predict_posts
from mmsa_utils.training.saved import load_shipped_model


def every_other(posts):
    """In the place of PP-OCR, which need not be installed here: every other picture has words."""
    return [("so happy", "")[number % 2] for number in range(len(posts))], ["a.jpg: too dark"]


@pytest.fixture(scope="module")
def run(recipes, tmp_path_factory):
    """A finished run."""
    folder = tmp_path_factory.mktemp("reference")
    reference = Reference(
        dataset=load_dataset(DEMO),
        recipes=recipes,
        folder=folder,
        images=folder / "images",
        weights=folder / "weights",
        read_words=every_other,
    )
    run_reference(reference)
    return reference


def test_every_run_has_a_record_and_its_predictions(run):
    table = load_oof(run.folder)
    assert set(table["run"]) == {*RUNS, "plain_folds"}
    sizes = table.groupby("run").size()
    assert sizes.pop("fused_ensemble_mean") == 240
    assert (sizes == 2 * 240).all()
    assert not load_record(run.folder, "plain_folds")["protocol"]["grouped"]
    assert load_record(run.folder, "attention")["config"]["head"] == "attention"
    for name in ("accuracy", "macro_f1"):
        kept = {load_record(run.folder, f"{mode}_ensemble")["oof"][name] for mode in MODES}
        assert all(0.3 < score < 1 for score in kept)


def test_a_record_says_what_its_folds_were_computed_on(run):
    for name in ("majority", "fused", "fused_ensemble", "fused_ensemble_mean"):
        environment = load_record(run.folder, name)["environment"]
        assert (environment["device"], environment["precision"]) == ("cpu", "float32")
        assert {"torch", "transformers", "scikit-learn", "timm", "commit"} <= set(environment)


def test_an_ensembles_record_names_its_base_learners(run):
    for mode in MODES:
        config = load_record(run.folder, f"{mode}_ensemble")["config"]
        assert tuple(config["weights"]) == run.recipes.base_learners[mode]
        assert set(config["class_factors"]) == {"negative", "neutral", "positive"}


def test_unlabelled_posts_get_a_prediction_each(run):
    lines = (run.folder / "test_predictions.txt").read_text().splitlines()
    assert lines[0] == "guid,tag"
    assert [line.split(",")[0] for line in lines[1:]] == [p.guid for p in run.dataset.unlabelled]
    made = {m: correct_priors(mode_ensemble(run.dataset, run.recipes, m)) for m in MODES}
    favoured = max(made.values(), key=lambda ensemble: sum(ensemble.validation_scores.values()))
    tags = [run.dataset.classes[index] for index in favoured.unlabelled.argmax(1)]
    assert [line.split(",")[1] for line in lines[1:]] == tags


def test_the_learning_curve_ends_with_the_linear_model_on_all_posts(run):
    curve = load_json(run.folder / "learning_curve.json")
    assert [(row["mode"], row["fraction"]) for row in curve][:2] == [("text", 0.5), ("text", 1.0)]
    assert [row["posts"] for row in curve[:2]] == [60, 120]
    linear = run.base_learner("text", "linear")
    accuracy = np.mean([score["accuracy"] for score in linear.scores])
    assert curve[1]["accuracy"] == pytest.approx(accuracy)


def test_the_analysis_counts_the_words_of_each_post(run):
    facts = load_json(run.folder / "analysis.json")
    assert facts["data"]["labelled"] == 240
    assert facts["words_in_pictures"]["image_ensemble"]["none"]["posts"] == 120
    assert set(facts["overruling"]) == {"text", "image", "neither"}
    assert 0 <= load_json(run.folder / "calibration.json")["fused_ensemble"]["after"]["ece"] < 0.3


def test_the_model_card_is_of_the_shipped_configuration(run):
    card = load_json(run.folder / "card.json")
    assert Config.from_dict(card["config"]) == run.recipes.networks["fused"]
    assert sum(card["classes"].values()) == card["dataset"]["posts"] == 240
    assert set(card["scores"]) == {"both", "text", "image"}
    assert card["scores"]["both"]["accuracy"]["mean"] == pytest.approx(card["oof"]["accuracy"])
    assert card["by_words_in_picture"]["1 to 5"]["posts"] == 120


def test_the_shipped_network_knows_its_temperatures(run):
    calibration = load_json(run.folder / "card.json")["calibration"]
    shipped = load_json(run.weights / "shipped.json")[NAME]
    assert shipped["temperatures"] == calibration["temperatures"]
    assert set(shipped["temperatures"]) == {"both", "text", "image"}


def test_a_network_of_another_configuration_is_not_calibrated(run, tmp_path, capsys):
    stages.shipped_network(replace(run, weights=tmp_path))
    before = (tmp_path / "shipped.json").read_bytes()
    other = {**run.recipes.networks, "fused": run.recipes.networks["fused"].but(epochs=2)}
    recipes = replace(run.recipes, networks=other)
    stages.model_card(replace(run, recipes=recipes, weights=tmp_path, folder=tmp_path))
    assert "no network of this configuration" in capsys.readouterr().out
    assert (tmp_path / "shipped.json").read_bytes() == before


def test_interaction_is_measured_on_the_network_of_the_card_and_on_heads_that_can_interact(run):
    card, emap = (load_json(run.folder / f"{name}.json") for name in ("card", "emap"))
    networks = emap["networks"]
    assert list(networks) == ["fused", "attention", "composition"]
    assert networks["fused"]["scores"] == card["scores"]["both"]
    assert networks["fused"]["changed"] == 0, "concat adds up"
    attention = load_record(run.folder, "attention")["oof"]["accuracy"]
    assert networks["attention"]["scores"]["accuracy"]["mean"] == pytest.approx(attention)
    assert emap["better"] in emap["single"]
    assert list(emap["single"]) == ["text", "image"]


def test_where_words_cannot_be_read_the_card_does_without(run, capsys):
    def unread(posts):
        raise CourseError("PP-OCR is not installed")

    stages.model_card(replace(run, read_words=unread))
    assert "PP-OCR is not installed" in capsys.readouterr().out
    assert load_json(run.folder / "card.json")["by_words_in_picture"] is None


def test_chosen_stages_are_run_in_their_order_and_no_others(run, monkeypatch, capsys):
    called = []
    for name in STAGES:
        monkeypatch.setitem(STAGES, name, lambda _, name=name: called.append(name))
    run_reference(run, stages=["additive projection", "model card"])
    assert called == ["model card", "additive projection"]
    assert "[2/2] additive projection" in capsys.readouterr().out
    with pytest.raises(CourseError, match="'card' is not known; choose from: tweets, words"):
        run_reference(run, stages=["card"])


def test_stages_that_need_no_table_do_not_ask_for_its_salt(run, tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_OUT", str(tmp_path))
    for name in STAGES:
        monkeypatch.setitem(STAGES, name, lambda _: None)
    run_reference(run, stages=["words", "model card", "additive projection"])
    with pytest.raises(CourseError, match="another salt"):
        run_reference(run, stages=["model card", "analysis"])


def test_comparisons_resample_copies_together(run):
    facts = load_json(run.folder / "analysis.json")
    table = load_oof(run.folder)
    groups = in_row_order(find_groups(run.dataset.labelled), table_rows(table, run.dataset))
    inner = run.recipes.course.inner_folds
    runs = ["fused_ensemble", "text_ensemble", "image_ensemble"]
    again = compare_all(table, runs, inner_folds=inner, groups=groups)
    plain = compare_all(table, runs, inner_folds=inner)
    saved = [row["macro_f1_interval"] for row in facts["comparisons"]]
    assert saved == [row["macro_f1_interval"] for row in again]
    assert saved != [row["macro_f1_interval"] for row in plain]
    assert facts["resampled"] == "groups of copies"


def test_a_folder_of_other_posts_stops_the_run_before_anything_is_computed(run, recipes):
    part = Dataset("demo", run.dataset.labelled[:120], (), run.dataset.excluded)
    before = {file: file.read_bytes() for file in run.folder.glob("*.*")}
    with pytest.raises(CourseError, match="holds runs on other posts"):
        run_reference(replace(run, dataset=part))
    assert {file: file.read_bytes() for file in run.folder.glob("*.*")} == before


def test_a_table_of_another_salt_stops_the_run_before_anything_is_computed(
    run, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("MMSA_OUT", str(tmp_path))
    with pytest.raises(CourseError, match=r"another salt.*remove it \(oof\.csv\)"):
        run_reference(run)
    assert "[1/" not in capsys.readouterr().out


def test_lora_is_tuned_for_the_courses_own_weights_alone(run, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "shipped")
    assert run.weights != weights.FOLDER
    with pytest.raises(CourseError, match="restore it"):
        stages.tweets(run)
    assert not (tmp_path / "shipped").exists()


def test_the_shipped_network_says_again_what_was_saved_beside_it(run):
    model, config = load_shipped_model(folder=run.weights)
    saved = load_json(run.weights / "shipped.json")[NAME]["demo_probabilities"]
    assert config == run.recipes.networks["fused"]
    assert predict_posts(model, config, run.dataset)[0] == pytest.approx(saved[0], abs=1e-3)


def test_a_network_with_trained_encoders_is_not_shipped(run, tmp_path, capsys):
    recipes = replace(run.recipes, networks={"fused": Config(finetune=("text",))})
    other = replace(run, recipes=recipes, weights=tmp_path / "weights")
    stages.shipped_network(other)
    assert "too large to ship" in capsys.readouterr().out
    assert not other.weights.exists()


def test_every_figure_is_drawn_but_the_waterfalls_of_an_ablation_that_was_not_run(run):
    drawn = {file.stem for file in run.images.glob("*.png")}
    by_mode = {name for m in MODES for name in (f"curves_{m}", f"confusion_{m}_ensemble")}
    assert by_mode | {"structure", "run_comparison", "calibration"} <= drawn
    assert not any(name.startswith("waterfall") for name in drawn)
    assert all(file.stat().st_size > 5000 for file in run.images.glob("*.png"))


def test_words_names_pictures_that_could_not_be_read_and_lora_is_not_made_again(run, capsys):
    stages.words(run)
    assert "a.jpg: too dark" in capsys.readouterr().out
    stages.tweets(run)
    assert "is there" in capsys.readouterr().out


def test_every_stage_has_its_minutes():
    assert list(STAGES) == list(MINUTES)
