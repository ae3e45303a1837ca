"""From posts of other classes to a model's folder and its answers, by the command line.

The posts are easy: each text is about one of its class's things, and the pictures, those of the
demo set, say nothing. Encoders and settings are as cheap as they can be.
"""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import mmsa_utils
from mmsa_utils.__main__ import main
from mmsa_utils.data import load_dataset
from mmsa_utils.experiments import own_model
from mmsa_utils.paths import DEMO
from mmsa_utils.training.final import predict_posts

THINGS = ("puppies and kittens", "thunder and rain", "bread and cheese", "trains", "a guitar")
LINES = (
    "all day long there were {}",
    "my sister told me about {}",
    "we talked of {} at dinner",
    "here is a picture of {}",
    "nobody saw {} but me",
    "who would not think of {}?",
    "look, {}!",
    "I read a book on {}",
)
CHEAP = "--text-encoders minilm --image-encoders efficientnet_lite0 --folds 2 --inner-folds 2"
FEW = "--epochs 12 --learning-rate 0.003 --dropout 0.2"
CLASSES = {
    "two, in a table": ("no", "yes"),
    "five, in JSON lines": ("animals", "weather", "food", "travel", "music"),
    "three other names, in a folder": ("sad", "so-so", "happy"),
}


def make_rows(classes, *, labelled=40, unlabelled=5):
    """Rows of text, the demo set's picture and label; the last ones have no label."""
    pictures = sorted(p for p in (DEMO / "data").iterdir() if p.suffix == ".jpg")
    rows = []
    for number in range(labelled + unlabelled):
        kind = number % len(classes)
        text = LINES[number // len(classes) % len(LINES)].format(THINGS[kind])
        label = classes[kind] if number < labelled else ""
        row = {"text": f"{text} ({number})", "image": str(pictures[number]), "label": label}
        rows.append(row)
    return rows


def write_csv(file, rows):
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_lines(file, rows):
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")


def write_folder(folder, rows):
    (folder / "data").mkdir()
    lists = {name: ["guid,tag"] for name in ("train.txt", "test_without_label.txt")}
    for number, row in enumerate(rows):
        (folder / "data" / f"{number}.txt").write_text(row["text"], encoding="utf-8")
        shutil.copy(row["image"], folder / "data" / f"{number}.jpg")
        name = "train.txt" if row["label"] else "test_without_label.txt"
        lists[name].append(f"{number},{row['label'] or 'null'}")
    for name, lines in lists.items():
        (folder / name).write_text("\n".join(lines))


@pytest.fixture
def posts(request, tmp_path):
    """`(place, classes, options)` of the posts of a case."""
    classes, folder = CLASSES[request.param], tmp_path / "posts"
    folder.mkdir()
    rows = make_rows(classes)
    if "folder" in request.param:
        write_folder(folder, rows)
        (folder / "classes.txt").write_text("\n".join(classes))
        return folder, classes, []
    if "table" in request.param:
        write_csv(folder / "posts.csv", rows)
        (folder / "classes.txt").write_text("\n".join(classes))
        return folder / "posts.csv", classes, []
    write_lines(folder / "posts.jsonl", rows)
    return folder, classes, ["--classes", ",".join(classes)]


@pytest.fixture
def in_memory(monkeypatch):
    """The networks that were saved, as they were in memory."""
    networks = []
    save = own_model.save_model
    monkeypatch.setattr(
        own_model, "save_model", lambda *a, **k: (networks.append(k["model"]), save(*a, **k))[1]
    )
    return networks


@pytest.mark.parametrize("posts", CLASSES, indirect=True)
def test_posts_of_any_classes_become_a_model_that_answers(posts, in_memory, tmp_path, capsys):
    place, classes, options = posts
    out = tmp_path / "model"
    assert main(["train", str(place), "--out", str(out), *options, *f"{CHEAP} {FEW}".split()]) == 0
    said = capsys.readouterr().out
    assert all(f"recall {name} (" in said for name in classes)
    assert f"mmsa_utils predict --model {out}" in said

    record = json.loads((out / "model.json").read_text())
    assert tuple(record["classes"]) == tuple(record["class_counts"]) == classes
    chance = max(record["class_counts"].values()) / sum(record["class_counts"].values())
    assert record["scores"]["accuracy"] > chance + 0.3

    model = mmsa_utils.load_model(out)
    dataset = load_dataset(place, classes=classes if options else None)
    expected = predict_posts(in_memory[0], model.config, dataset)
    found = model.logits(dataset.labelled)
    assert np.allclose(softmax(found), expected, atol=1e-5)

    answer = model.predict(text=f"oh, {THINGS[1]}", image=Path(dataset.posts[0].image))
    assert answer.classes == classes
    assert answer.label == classes[1]
    require_answers(out, tmp_path, classes)


def softmax(logits):
    exponents = np.exp(logits - logits.max(1, keepdims=True))
    return exponents / exponents.sum(1, keepdims=True)


def require_answers(model, tmp_path, classes):
    """A table of new posts gets an answer a row, with a probability a class."""
    source, out = tmp_path / "new.csv", tmp_path / "predictions.csv"
    rows = make_rows(classes, labelled=0, unlabelled=2 * len(classes))
    write_csv(source, rows)
    assert main(["predict", str(source), "--model", str(model), "--out", str(out)]) == 0
    with out.open(newline="", encoding="utf-8") as handle:
        answers = list(csv.DictReader(handle))
    assert [row["text"] for row in answers] == [row["text"] for row in rows]
    right = [row["predicted"] == classes[n % len(classes)] for n, row in enumerate(answers)]
    assert np.mean(right) > 0.7
    for row in answers:
        chances = [float(row[f"p_{name}"]) for name in classes]
        assert sum(chances) == pytest.approx(1, abs=1e-3)
        assert classes[int(np.argmax(chances))] == row["predicted"]
