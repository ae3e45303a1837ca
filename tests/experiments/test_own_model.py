"""A model of one's own posts: what is trained, what is said of it, and when nothing is begun."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from mmsa_utils.config import Config
from mmsa_utils.data import Dataset
from mmsa_utils.errors import CourseError
from mmsa_utils.experiments import own_model
from mmsa_utils.experiments.own_model import own_config, result_table, train_model
from mmsa_utils.experiments.recipes import NETWORKS
from mmsa_utils.prediction.store import load_model
from mmsa_utils.training import cross_validation
from mmsa_utils.training.cross_validation import cross_validate

QUICK = {"mode": "text", "text_encoders": ("minilm",), "folds": 3, "inner_folds": 2, "epochs": 6}
CLASSES = ("sad", "so-so", "happy")


@pytest.fixture(autouse=True)
def out(tmp_path, monkeypatch):
    """An output folder of its own, so that no folds are there yet."""
    monkeypatch.setenv("MMSA_OUT", str(tmp_path / "out"))
    return tmp_path / "out"


@pytest.fixture(scope="module")
def few(demo):
    """Forty-five posts of the demo set under other names of classes."""
    return Dataset("few", demo.labelled[:45], (), demo.excluded, CLASSES)


def test_the_network_is_the_reference_runs_with_one_seed_and_the_knobs_that_are_given():
    assert own_config({}) == NETWORKS["fused"].but(seeds=(0,))
    assert own_config({"head": "gated", "seeds": (3, 4)}) == NETWORKS["fused"].but(
        head="gated", seeds=(3, 4)
    )
    assert own_config({"mode": "text"}) == NETWORKS["text"].but(seeds=(0,))
    tuned = {"mode": "text", "text_encoders": ("minilm",), "finetune": ("text",)}
    assert own_config(tuned).finetune == ("text",)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "sound"},
        {"epochs": 0},
        {"finetune": ("text",)},
        {"mode": "text", "text_encoders": ("minilm",), "finetune": ("image",)},
    ],
)
def test_knobs_that_do_not_go_are_refused(wrong):
    with pytest.raises(CourseError):
        own_config(wrong)


def test_what_is_saved_is_what_the_folds_say(few, tmp_path):
    config = own_config(QUICK)
    facts = train_model(few, config, tmp_path / "model")
    run = cross_validate(few, config)
    answers = run.probabilities[0].argmax(1)
    recalls = recall_score(few.labels, answers, average=None)
    assert facts["scores"]["accuracy"] == pytest.approx(accuracy_score(few.labels, answers))
    assert facts["scores"]["macro_f1"] == pytest.approx(
        f1_score(few.labels, answers, average="macro")
    )
    parts = [accuracy_score(few.labels[r.test], answers[r.test]) for r in run.results]
    assert facts["deviations"]["accuracy"] == pytest.approx(np.std(parts, ddof=1))
    counts = np.bincount(few.labels).tolist()
    assert facts["class_counts"] == dict(zip(CLASSES, counts, strict=True))
    assert facts["epochs"] == int(np.median([result.best_epoch for result in run.results]))

    table = result_table(facts)[""]
    spread = f"{np.mean(answers == few.labels):.3f} ± {np.std(parts, ddof=1):.3f}"
    assert table["accuracy"] == spread
    for name, count, recall in zip(CLASSES, counts, recalls, strict=True):
        assert table[f"recall {name} ({count} posts)"].startswith(f"{recall:.3f} ± ")

    saved = json.loads((tmp_path / "model" / "model.json").read_text())
    assert {name: saved[name] for name in facts} == facts
    assert not any(post.text in json.dumps(saved) for post in few.posts)


def test_a_class_that_a_fold_has_no_post_of_counts_in_no_deviation(few, monkeypatch):
    run = cross_validate(few, own_config(QUICK))
    first = run.results[0]
    keep = [n for n, index in enumerate(first.test) if few.labels[index] != 0]
    without = replace(
        first,
        test=[first.test[n] for n in keep],
        probabilities=[first.probabilities[n] for n in keep],
    )
    spoilt = replace(run, results=(without, *run.results[1:]))
    recalls = [score["per_class"]["sad"]["recall"] for score in run.fold_scores[1:]]
    found = own_model.model_facts(spoilt)["deviations"]["recall"]["sad"]
    assert found == pytest.approx(np.std(recalls, ddof=1))


def test_a_second_start_goes_on_with_the_folds_and_replaces_the_model(few, tmp_path, monkeypatch):
    config, learnt = own_config(QUICK), []
    plain = cross_validation._learn
    monkeypatch.setattr(
        cross_validation, "_learn", lambda *a: (learnt.append(a[0].fold), plain(*a))[1]
    )
    monkeypatch.setattr(own_model, "train_final", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train_model(few, config, tmp_path / "model")
    assert learnt == [0, 1, 2]
    assert not (tmp_path / "model").exists()
    monkeypatch.undo()
    monkeypatch.setenv("MMSA_OUT", str(tmp_path / "out"))
    monkeypatch.setattr(cross_validation, "_learn", lambda *_: 1 / 0)
    train_model(few, config, tmp_path / "model")
    before = load_model(tmp_path / "model").logits(few.posts)
    train_model(few, config, tmp_path / "model")
    assert np.array_equal(load_model(tmp_path / "model").logits(few.posts), before)
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == [
        "model.json",
        "model.safetensors",
    ]


def test_a_trained_encoder_is_saved_with_the_model(few, tmp_path):
    knobs = {"finetune": ("text",), "trained_stages": 1, "folds": 2, "epochs": 1}
    train_model(few, own_config(QUICK | knobs), tmp_path / "model")
    model = load_model(tmp_path / "model")
    assert len(model.model.encoders) == 1
    assert model.predict(text="What a lovely day!").label in CLASSES


def never(*_, **__):
    raise AssertionError("trained")


def test_nothing_is_trained_where_the_model_could_not_be_saved(few, tmp_path, monkeypatch):
    monkeypatch.setattr(own_model, "cross_validate", never)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CourseError, match=r"notes\.txt"):
        train_model(few, own_config({}), tmp_path)
    with pytest.raises(CourseError, match="is a file"):
        train_model(few, own_config({}), tmp_path / "notes.txt")


def test_nothing_is_trained_where_the_last_training_would_fail(few, tmp_path, monkeypatch):
    monkeypatch.setattr(own_model, "cross_validate", never)
    config = Config(mode="text", finetune=("text",), trained_stages=1, probe_first=True)
    with pytest.raises(CourseError, match="leave --probe-first out"):
        train_model(few, config, folder=tmp_path / "model")


def test_nothing_is_trained_where_the_head_is_made_for_other_classes(few, tmp_path, monkeypatch):
    monkeypatch.setattr(own_model, "cross_validate", never)
    with pytest.raises(CourseError, match=r"composition.*choose from concat"):
        train_model(few, own_config({"head": "composition"}), tmp_path / "model")
