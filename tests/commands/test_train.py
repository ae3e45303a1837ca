"""`train` and `import-mvsa` as they are typed: what they reach, print and return."""

import shutil

import pytest
from PIL import Image

from mmsa_utils.__main__ import main
from mmsa_utils.data import load_dataset
from mmsa_utils.experiments import own_model
from mmsa_utils.experiments.own_model import own_config
from mmsa_utils.paths import DEMO

FACTS = {
    "scores": {
        "accuracy": 0.7,
        "macro_f1": 0.6,
        "per_class": {"no": {"recall": 0.5}, "yes": {"recall": 0.9}},
    },
    "deviations": {"accuracy": 0.01, "macro_f1": 0.02, "recall": {"no": 0.03, "yes": 0.04}},
    "class_counts": {"no": 12, "yes": 13},
    "calibration": {"both": {"posts": 25, "before": 0.11, "after": 0.05}},
    "temperatures": {"both": 1.5},
}


def one_line(capsys):
    """What went to stderr, which is one line of our own."""
    said = capsys.readouterr().err
    assert said.startswith("mmsa_utils: ")
    assert said.count("\n") == 1
    return said


@pytest.fixture
def called(monkeypatch):
    """What the training was called with; it only notes it."""
    notes = []
    monkeypatch.setattr(own_model, "train_model", lambda *a: (notes.append(a), FACTS)[1])
    return notes


@pytest.fixture
def posts(tmp_path):
    """A folder of the demo set's posts to spoil."""
    return shutil.copytree(DEMO, tmp_path / "posts")


# ---- train ------------------------------------------------------------------------------


def test_posts_knobs_and_folder_reach_the_training(posts, called, tmp_path):
    options = "--head attention --epochs 3 --text-encoders minilm"
    assert main(["train", str(posts), "--out", str(tmp_path / "model"), *options.split()]) == 0
    [(dataset, config, folder)] = called
    assert dataset.fingerprint == load_dataset(DEMO).fingerprint
    knobs = {"head": "attention", "epochs": 3, "text_encoders": ("minilm",), "jobs": 0}
    assert config == own_config(knobs)
    assert folder == tmp_path / "model"


def test_the_table_and_the_lines_that_use_the_model_are_printed(posts, called, tmp_path, capsys):
    out = tmp_path / "my model"
    assert main(["train", str(posts), "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    words = [line.split() for line in lines]
    assert ["accuracy", "0.700", "±", "0.010"] in words
    assert ["recall", "yes", "(13", "posts)", "0.900", "±", "0.040"] in words
    assert "calibration error 0.110, 0.050 with the temperature 1.50 that the model has" in lines
    assert lines[-2:] == [
        f"mmsa_utils predict --model '{out}' --text TEXT --image PICTURE",
        f"mmsa_utils predict posts.csv --model '{out}' --out predictions.csv",
    ]


def test_classes_may_be_named_by_an_option(posts, called, tmp_path):
    list_ = posts / "train.txt"
    text = list_.read_text().replace("negative", "bad").replace("neutral", "bad")
    list_.write_text(text.replace("positive", "good"))
    assert main(["train", str(posts), "--out", str(tmp_path / "m"), "--classes", "bad, good"]) == 0
    assert called[0][0].classes == ("bad", "good")
    assert set(called[0][0].labels) == {0, 1}


def test_without_a_folder_the_posts_in_use_are_taken(called, tmp_path):
    assert main(["train", "--out", str(tmp_path / "model")]) == 0
    assert called[0][0].name == "demo"


def test_posts_that_are_not_fit_end_it_with_status_one(posts, called, tmp_path, capsys):
    out = ["--out", str(tmp_path / "model")]
    next((posts / "data").glob("*.txt")).write_text("")
    assert main(["train", str(posts), *out]) == 1
    assert "--exclude-problems" in capsys.readouterr().err
    assert main(["train", str(posts), *out, "--exclude-problems"]) == 0
    assert len(called[0][0].posts) == 279
    assert main(["train", str(posts), *out, "--folds", "100"]) == 1
    assert "--exclude-problems" not in capsys.readouterr().err
    assert len(called) == 1


def test_what_cannot_be_trained_or_saved_is_one_line(posts, tmp_path, capsys):
    assert main(["train", str(posts), "--out", str(posts)]) == 2
    assert "holds something else than a model" in one_line(capsys)
    out = ["--out", str(tmp_path / "model")]
    assert main(["train", str(posts), *out, "--finetune", "text"]) == 2
    assert "finetune" in one_line(capsys)
    assert main(["train", str(posts), *out, "--classes", "one"]) == 2
    assert "two or more" in one_line(capsys)
    assert not (tmp_path / "model").exists()


# ---- import-mvsa ------------------------------------------------------------------------


@pytest.fixture
def mvsa(tmp_path):
    """A made-up MVSA-Single of six posts, one of them with opposite labels."""
    folder = tmp_path / "MVSA_Single"
    (folder / "data").mkdir(parents=True)
    pairs = ["positive,positive"] * 2 + ["neutral,negative", "neutral,neutral"]
    pairs += ["positive,negative", "positive,neutral"]
    for number, _ in enumerate(pairs, start=1):
        (folder / "data" / f"{number}.txt").write_text(f"text {number}")
        Image.new("RGB", (9, 9), (number, 9, 9)).save(folder / "data" / f"{number}.jpg")
    lines = [f"{number}\t{pair}" for number, pair in enumerate(pairs, start=1)]
    (folder / "labelResultAll.txt").write_text("\n".join(["ID\ttext,image", *lines]))
    return folder


def test_the_import_prints_counts_before_and_after(mvsa, tmp_path, capsys):
    assert main(["import-mvsa", str(mvsa), "--out", str(tmp_path / "course")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "6 posts by the labels of text and picture:"
    assert ["positive", "positive", "2"] in [line.split() for line in lines]
    assert "1 with opposite labels dropped. Tags: negative 1, neutral 1, positive 3" in lines
    assert lines[-1] == f"{tmp_path / 'course'}: 5 labelled posts"
    assert len(load_dataset(tmp_path / "course").labelled) == 5


def test_posts_that_were_left_out_are_named_with_status_one(mvsa, tmp_path, capsys):
    (mvsa / "data" / "2.jpg").unlink()
    assert main(["import-mvsa", str(mvsa), "--out", str(tmp_path / "course")]) == 1
    said = capsys.readouterr().out
    assert "missing picture" in said
    assert "1 problem(s): left out" in said
    assert "4 labelled posts" in said


def test_a_folder_with_something_in_it_is_not_filled(mvsa, tmp_path, capsys):
    assert main(["import-mvsa", str(mvsa), "--out", str(tmp_path)]) == 2
    assert "is not empty" in one_line(capsys)
