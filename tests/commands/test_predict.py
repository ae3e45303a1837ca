"""`mmsa_utils predict`, the whole way with the model that comes with the course."""

import csv
import json
import os
import socket
import subprocess
import sys

import pytest

import mmsa_utils.prediction
from mmsa_utils.__main__ import main
from mmsa_utils.config import LABELS
from mmsa_utils.data.posts import load_dataset
from mmsa_utils.paths import DEMO, PROJECT

TEXT = "What a lovely day with good friends!"
PICTURE = DEMO / "data" / "1.jpg"
COST = {"refused": 0.25, "accuracy_of_rest": 0.8125, "posts": 4000}


@pytest.fixture(scope="module")
def shipped():
    return mmsa_utils.prediction.load_model()


@pytest.fixture
def loaded(shipped, monkeypatch):
    """The model loaded once for many commands; what its refusals cost is known."""
    monkeypatch.setattr(mmsa_utils.prediction, "load_model", lambda folder=None: shipped)
    monkeypatch.setattr(shipped, "least", lambda threshold, given: COST)
    return shipped


@pytest.fixture
def broken(tmp_path):
    """A picture that is cut off."""
    file = tmp_path / "broken.jpg"
    file.write_bytes(PICTURE.read_bytes()[:500])
    return file


def lines(capsys):
    """The lines of standard output that are not empty."""
    return [line for line in capsys.readouterr().out.splitlines() if line]


def one_line(capsys):
    said = capsys.readouterr().err
    assert said.startswith("mmsa_utils: ")
    assert said.count("\n") == 1
    return said


# ---- one post -----------------------------------------------------------------------------


def test_a_post_gets_its_answer_and_what_each_modality_says(loaded, capsys):
    assert main(["predict", "--text", TEXT, "--image", str(PICTURE)]) == 0
    answer, head, *rows, share = lines(capsys)
    expected = loaded.predict(text=TEXT, image=PICTURE)
    assert answer == f"{expected.label} ({expected.confidence:.3f})"
    assert head.split() == ["all", "text", "alone", "picture", "alone"]
    numbers = [expected.probabilities, expected.views["text"], expected.views["image"]]
    for number, (label, row) in enumerate(zip(LABELS, rows, strict=True)):
        assert row.split() == [label, *(f"{column[number]:.3f}" for column in numbers)]
    shares = [f"{expected.shares[name]:.0%}" for name in ("text", "image")]
    assert share.split() == ["share", *shares]


@pytest.mark.parametrize(
    ("given", "other", "note"),
    [
        (["--text", TEXT], "picture alone", "no picture: this is what the text alone says"),
        (["--image", str(PICTURE)], "text alone", "no text: this is what the picture alone says"),
    ],
)
def test_one_modality_is_enough_and_that_is_said(loaded, capsys, given, other, note):
    assert main(["predict", *given]) == 0
    _, head, *_, last = lines(capsys)
    assert other not in head
    assert last == f"Note: {note}"


def test_json_is_the_prediction(loaded, capsys):
    assert main(["predict", "--text", TEXT, "--image", str(PICTURE), "--json"]) == 0
    expected = loaded.predict(text=TEXT, image=PICTURE).to_dict()
    assert json.loads(capsys.readouterr().out) == expected


def test_below_the_least_probability_it_is_not_sure_and_says_what_that_costs(loaded, capsys):
    prediction = loaded.predict(text=TEXT)
    above = f"{prediction.confidence + 0.001:.4f}"
    assert main(["predict", "--text", TEXT, "--least", above]) == 0
    answer, *_, cost = lines(capsys)
    best = f"{prediction.label} ({prediction.confidence:.3f})"
    assert answer == f"not sure: {best} is below {above.rstrip('0')}"
    assert "4000 posts by their text alone" in cost
    assert "refuses 25.0%, and 81.2% of the others are right" in cost

    assert main(["predict", "--text", TEXT, "--least", above, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["label"] == "not sure"
    assert record["least"] == {"probability": float(above), **COST}
    assert main(["predict", "--text", TEXT, "--least", "0.4"]) == 0
    assert lines(capsys)[0] == best


def test_of_the_courses_model_it_is_known_what_refusals_cost(shipped, monkeypatch, capsys):
    monkeypatch.setattr(mmsa_utils.prediction, "load_model", lambda folder=None: shipped)
    post = ["--text", TEXT, "--image", str(PICTURE)]
    assert main(["predict", *post, "--least", "0.6", "--json"]) == 0
    cost = json.loads(capsys.readouterr().out)["least"]
    assert cost["probability"] == 0.6
    assert 0 < cost["refused"] < 0.5
    assert cost["accuracy_of_rest"] > shipped.facts["scores"]["accuracy"]


def test_a_model_without_the_cost_of_refusals_says_so(shipped, monkeypatch, capsys):
    monkeypatch.setattr(mmsa_utils.prediction, "load_model", lambda folder=None: shipped)
    monkeypatch.setattr(shipped, "facts", shipped.facts | {"least": {}})
    assert main(["predict", "--text", TEXT, "--least", "0.6"]) == 2
    assert "train it again" in one_line(capsys)


def test_a_picture_that_cannot_be_read_is_named_with_the_way_round_it(broken, capsys):
    assert main(["predict", "--text", TEXT, "--image", str(broken)]) == 2
    said = one_line(capsys)
    assert str(broken) in said
    assert "--missing-ok predicts from the text alone" in said
    assert main(["predict", "--image", str(broken)]) == 2
    assert "--missing-ok" not in one_line(capsys)


def test_a_picture_may_be_missing_where_that_is_asked_for(loaded, broken, capsys):
    assert main(["predict", "--text", TEXT, "--image", str(broken), "--missing-ok"]) == 0
    answer, *_, left_out, alone = lines(capsys)
    assert answer.startswith(loaded.predict(text=TEXT).label)
    assert left_out.startswith(f"Note: the picture was left out: {broken}")
    assert alone == "Note: no picture: this is what the text alone says"
    assert main(["predict", "--image", str(broken), "--missing-ok"]) == 2


def test_a_text_of_a_megabyte_is_cut_and_that_is_said(loaded, tmp_path, capsys):
    text = "What a lovely day! " * 50_000
    source = tmp_path / "posts.jsonl"
    source.write_text(json.dumps({"text": text}))
    assert main(["predict", str(source), "--out", str(tmp_path / "out.jsonl")]) == 0
    row = json.loads((tmp_path / "out.jsonl").read_text())
    assert row["text"] == text
    assert "the text was cut at 128 tokens" in row["note"]


def test_why_is_drawn(loaded, tmp_path, capsys):
    file = tmp_path / "new" / "why.png"
    assert main(["predict", "--text", TEXT, "--image", str(PICTURE), "--explain", str(file)]) == 0
    assert file.read_bytes().startswith(b"\x89PNG")
    assert str(file) in capsys.readouterr().err


@pytest.mark.parametrize("name", ["why.pdf", "cat.png"])
def test_why_is_drawn_over_nothing_else(name, tmp_path, capsys):
    picture = tmp_path / "cat.png"
    picture.write_bytes(PICTURE.read_bytes())
    arguments = ["--image", str(picture), "--explain", str(tmp_path / name)]
    assert main(["predict", *arguments]) == 2
    assert f"--explain {tmp_path / name}" in one_line(capsys)
    assert picture.read_bytes() == PICTURE.read_bytes()


# ---- many posts ---------------------------------------------------------------------------


def test_a_csv_is_predicted_row_by_row(loaded, tmp_path, capsys):
    source, out = tmp_path / "posts.csv", tmp_path / "out.csv"
    source.write_text(f"text,image,n\n{TEXT},{PICTURE},1\nso sad,,2\n,nowhere.jpg,3\n")
    assert main(["predict", str(source), "--out", str(out), "--least", "0.999999"]) == 1
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["n"] for row in rows] == ["1", "2", "3"]
    assert [row["predicted"] for row in rows] == ["not sure", "not sure", ""]
    assert "nowhere.jpg" in rows[2]["error"]
    told = loaded.predict(text=TEXT, image=PICTURE).to_dict()
    assert [float(rows[0][f"p_{label}"]) for label in LABELS] == pytest.approx(
        list(told["probabilities"].values()), abs=2e-4
    )
    counts, cost = lines(capsys)
    assert counts.startswith(f"{out}: 3 posts, 2 of them not sure, 1 that could not be predicted")
    assert "4000 posts with text and picture" in cost


def test_json_lines_and_any_of_the_two_columns_do(loaded, tmp_path, capsys):
    source, out = tmp_path / "posts.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"text": TEXT, "tags": [1]}) + "\n")
    assert main(["predict", str(source), "--out", str(out), "--least", "0.3"]) == 0
    row = json.loads(out.read_text())
    expected = loaded.predict(text=TEXT)
    assert (row["tags"], row["predicted"], row["share_image"]) == ([1], expected.label, None)
    assert "4000 posts by their text alone" in capsys.readouterr().out


def test_a_folders_unlabelled_posts_are_predicted(loaded, folder, capsys):
    out = folder / "predicted.txt"
    assert main(["predict", str(folder), "--out", str(out)]) == 0
    posts = load_dataset(folder).unlabelled
    answers = [f"{p.guid},{a.label}" for p, a in zip(posts, loaded.predict(posts), strict=True)]
    assert out.read_text().splitlines() == ["guid,tag", *answers]
    assert f"{out}: 2 posts" in capsys.readouterr().out


def test_a_folders_post_that_cannot_be_read_is_told_and_the_status_is_1(loaded, folder, capsys):
    guid = (folder / "test_without_label.txt").read_text().splitlines()[1].split(",")[0]
    (folder / "data" / f"{guid}.txt").unlink()
    assert main(["predict", str(folder), "--out", str(folder / "predicted.txt")]) == 1
    header, first, second = (folder / "predicted.txt").read_text().splitlines()
    assert header == "guid,tag,error"
    assert first.startswith(f"{guid},,")
    assert second.split(",")[1] in LABELS
    assert f"{guid}.txt: missing text" in capsys.readouterr().err


# ---- what does not go together ------------------------------------------------------------


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--model", "model", "--out", "o.csv"]])
def test_without_a_post_it_shows_the_three_ways(arguments, capsys):
    assert main(["predict", *arguments]) == 2
    said = one_line(capsys)
    for way in ('--text "..." --image cat.jpg', "posts.csv --out", "FOLDER --out"):
        assert way in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["posts.csv"], "name the file for the predictions: --out"),
        (["posts.csv", "--out", "o.csv", "--text", "a"], "posts.csv is many posts, and --text"),
        (["posts.csv", "--out", "o.csv", "--json"], "posts.csv is many posts, and --json"),
        (["--text", "a", "--out", "o.csv"], "--out o.csv is for many posts"),
        (["--text", "a", "--least", "60"], "least=60.0: give a probability, from 0 to 1"),
        (["--text", "a", "--model", "nowhere"], "nowhere is no folder"),
        (["nowhere.csv", "--out", "o.csv"], "nowhere.csv is missing"),
        (["nowhere.xlsx", "--out", "o.csv"], "save the posts as .csv or .jsonl"),
    ],
)
def test_what_does_not_go_together_is_said_in_one_line(arguments, said, capsys):
    assert main(["predict", *arguments]) == 2
    assert said in one_line(capsys)


# ---- offline, from a shell ----------------------------------------------------------------


def test_nothing_asks_the_network(folder, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: asked.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: asked.append(address))
    assert main(["predict", "--text", TEXT, "--image", str(PICTURE)]) == 0
    assert main(["predict", str(folder), "--out", str(folder / "predicted.txt")]) == 0
    assert asked == []


def test_a_shell_gets_the_answer_alone_on_standard_output(shipped):
    done = subprocess.run(
        [sys.executable, "-m", "mmsa_utils", "predict", "--text", TEXT, "--json"],
        cwd=PROJECT,
        env=os.environ | {"HF_HUB_OFFLINE": "0"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["label"] == shipped.predict(text=TEXT).label
