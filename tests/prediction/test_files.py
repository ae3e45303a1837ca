"""Files and folders of posts: each row answered, none changed or lost, interruptions mended."""

import csv
import json
import signal
import subprocess
import sys
import tracemalloc

import pytest
from filelock import FileLock

from mmsa_utils.data.posts import load_dataset
from mmsa_utils.errors import CourseError
from mmsa_utils.paths import DEMO, PROJECT
from mmsa_utils.prediction import files
from mmsa_utils.prediction.files import (
    UNSURE,
    Rules,
    answer_columns,
    predict_file,
    predict_folder,
    read_post,
)

from .fakes import FakePredictor

PICTURE = next((DEMO / "data").glob("*.jpg"))
CELLS = [
    {"id": "007", "text": " so good, so far ", "image": str(PICTURE), "more": 'a "quote"'},
    {"id": "8.10", "text": "two\nlines\rand, ünïcode 😀", "image": "", "more": ""},
    {"id": "", "text": "", "image": str(PICTURE), "more": "  x"},
]


@pytest.fixture
def model():
    return FakePredictor()


@pytest.fixture
def posts(tmp_path):
    """A function that writes posts, some dictionaries, to a file of that suffix."""

    def write(rows, suffix="csv"):
        file = tmp_path / f"posts.{suffix}"
        if suffix == "jsonl":
            file.write_text("".join(json.dumps(row) + "\n" for row in rows))
            return file
        with file.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return file

    return write


def read(file):
    """A file of predictions as dictionaries."""
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    with file.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def of(row, *names):
    return [row[name] for name in names]


# ---- what a row gets ----------------------------------------------------------------------


@pytest.mark.parametrize("before", ["csv", "jsonl"])
@pytest.mark.parametrize("after", ["csv", "jsonl"])
def test_the_users_columns_stand_as_they_did_and_the_answer_follows(
    posts, model, tmp_path, before, after
):
    out = tmp_path / "new folder" / f"out.{after}"
    outcome = predict_file(model, posts(CELLS, before), out)
    rows = read(out)
    assert [list(row) for row in rows] == [[*CELLS[0], *answer_columns(model.classes)]] * 3
    assert [{name: row[name] for name in CELLS[0]} for row in rows] == CELLS
    assert (outcome.rows, outcome.faults, outcome.unsure) == (3, 0, 0)
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_a_row_says_what_the_prediction_says(posts, model, tmp_path):
    predict_file(model, posts(CELLS), tmp_path / "out.jsonl")
    found = [read_post(row["text"].strip() or None, row["image"] or None)[0] for row in CELLS]
    for row, answer in zip(read(tmp_path / "out.jsonl"), model.predict(found), strict=True):
        told = answer.to_dict()
        assert row["predicted"] == told["label"]
        probabilities = of(row, *(f"p_{name}" for name in model.classes))
        assert probabilities == list(told["probabilities"].values())
        for modality in ("text", "image"):
            says = told["views"].get(modality, {}).get("label")
            assert row[f"{modality}_says"] == says
            assert row[f"share_{modality}"] == (told["shares"][modality] if says else None)
        assert row["note"] == ("; ".join(told["notes"]) or None)


def test_values_of_json_stay_what_they_were(posts, model, tmp_path):
    cells = [{"text": "a", "n": 5, "tags": ["x", "ü"], "no": None}, {"text": "b \ud83d", "k": 1.5}]
    predict_file(model, posts(cells, "jsonl"), tmp_path / "out.jsonl")
    rows = read(tmp_path / "out.jsonl")
    assert [of(rows[0], *cells[0]), of(rows[1], *cells[1])] == [list(c.values()) for c in cells]
    predict_file(model, posts(cells, "jsonl"), tmp_path / "out.csv")
    row = read(tmp_path / "out.csv")[0]
    assert of(row, "text", "n", "tags", "no", "k") == ["a", "5", '["x", "ü"]', "", ""]


def test_what_cannot_be_read_is_a_row_with_its_error_and_the_others_are_predicted(
    posts, model, tmp_path
):
    (tmp_path / "broken.jpg").write_bytes(PICTURE.read_bytes()[:500])
    cells = [{"text": t, "image": i} for t, i in [
        ("good", ""), ("bad", "nowhere.jpg"), ("", ""), ("unspeakable", ""), ("", "broken.jpg"),
        ("fine", str(PICTURE)),
    ]]  # fmt: skip
    source = posts(cells)
    source.write_text(source.read_text() + '"never closed,\n"last",\n')
    outcome = predict_file(model, source, tmp_path / "out.csv")
    rows = read(tmp_path / "out.csv")
    assert [bool(row["predicted"]) for row in rows] == [True, *[False] * 4, True, False, True]
    assert [bool(row["error"]) for row in rows] == [False, *[True] * 4, False, True, False]
    assert outcome.faults == 5
    assert f"{tmp_path / 'nowhere.jpg'}" in rows[1]["error"]
    assert rows[1]["error"].startswith("line 3: ")
    assert "neither a text nor a picture" in rows[2]["error"]
    assert "no text that the model could look at" in rows[3]["error"]
    assert "broken.jpg" in rows[4]["error"]
    assert of(rows[6], "text", "image") == ["", ""]
    assert rows[7]["text"] == "last"


def test_a_cell_that_can_be_no_path_costs_no_other_row_its_answer(posts, model, tmp_path):
    source = posts([{"text": "good", "image": "x" * 300}, {"text": "fine", "image": ""}])
    predict_file(model, source, tmp_path / "out.csv")
    broken, fine = read(tmp_path / "out.csv")
    assert "there is no such picture" in broken["error"]
    assert fine["predicted"] in model.classes


def test_a_picture_may_be_missing_where_that_is_asked_for(posts, model, tmp_path):
    source = posts([{"text": "good", "image": "nowhere.jpg"}, {"text": "", "image": "nowhere.jpg"}])
    predict_file(model, source, tmp_path / "out.csv", Rules(missing_ok=True))
    with_text, without = read(tmp_path / "out.csv")
    assert with_text["predicted"] in model.classes
    assert "the picture was left out" in with_text["note"]
    assert "nowhere.jpg" in with_text["note"]
    assert without["error"]


def test_below_the_least_probability_the_answer_is_not_sure(posts, model, tmp_path):
    source = posts([{"text": f"text {n}"} for n in range(60)])
    outcome = predict_file(model, source, tmp_path / "out.csv", Rules(least=0.6))
    rows = read(tmp_path / "out.csv")
    best = [max(float(row[f"p_{name}"]) for name in model.classes) for row in rows]
    assert [row["predicted"] == UNSURE for row in rows] == [p < 0.6 for p in best]
    assert 0 < outcome.unsure == sum(p < 0.6 for p in best) < 60


@pytest.mark.parametrize("least", [-0.1, 1.5, float("nan")])
def test_a_least_probability_is_one(least):
    with pytest.raises(CourseError, match="from 0 to 1"):
        Rules(least=least)


def test_memory_stays_flat_however_long_the_file_is(posts, model, tmp_path):
    source = posts([{"text": f"{n} " + "word " * 4000} for n in range(500)])  # 10 MB
    tracemalloc.start()
    predict_file(model, source, tmp_path / "out.csv")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(model.asked) == 500
    assert peak < 8e6


# ---- interrupted --------------------------------------------------------------------------

MANY = [{"n": str(n), "text": f'№ {n}\n"quoted" text'} for n in range(200)]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_wherever_a_run_is_interrupted_the_next_one_ends_with_the_same_bytes(
    posts, tmp_path, suffix, monkeypatch
):
    source, out = posts(MANY), tmp_path / f"out.{suffix}"
    predict_file(FakePredictor(), source, out)
    whole = out.read_bytes()
    out.unlink()
    with pytest.raises(KeyboardInterrupt):
        interrupted(source, out, monkeypatch)
    part = tmp_path / f"out.{suffix}.part"
    assert not out.exists()
    begun = part.read_bytes()
    assert whole.startswith(begun)
    manifest = part.with_name(f"{part.name}.json").read_bytes()
    line, mark = begun.index(b"\n"), begun.index("№".encode())
    for cut in (0, 5, line, line + 1, mark + 1, mark + 10, len(begun) // 2, len(begun)):
        part.write_bytes(begun[:cut])
        part.with_name(f"{part.name}.json").write_bytes(manifest)
        predict_file(FakePredictor(), source, out)
        assert out.read_bytes() == whole
        assert sorted(path.name for path in tmp_path.iterdir()) == [out.name, source.name]


def interrupted(source, out, monkeypatch):
    """A run that is stopped by Ctrl-C in its third batch."""
    model = FakePredictor()
    answer = model.predict
    monkeypatch.setattr(model, "predict", lambda p: stop() if len(model.asked) == 2 else answer(p))
    predict_file(model, source, out)


def stop():
    raise KeyboardInterrupt


def test_what_is_written_already_is_not_predicted_again(posts, tmp_path, monkeypatch):
    source, out, model = posts(MANY), tmp_path / "out.csv", FakePredictor()
    with pytest.raises(KeyboardInterrupt):
        interrupted(source, out, monkeypatch)
    outcome = predict_file(model, source, out)
    assert sum(model.asked) == len(MANY) - 2 * files.BATCH
    assert outcome.rows == len(MANY)


def test_errors_of_the_part_before_an_interruption_count(posts, tmp_path, monkeypatch):
    source, out = posts([{"n": "0", "text": ""}, *MANY]), tmp_path / "out.csv"
    with pytest.raises(KeyboardInterrupt):
        interrupted(source, out, monkeypatch)
    outcome = predict_file(FakePredictor(), source, out, Rules())
    assert (outcome.rows, outcome.faults) == (len(MANY) + 1, 1)


def test_a_killed_process_is_gone_on_from(posts, tmp_path):
    source, out = posts(MANY), tmp_path / "out.csv"
    predict_file(FakePredictor(), source, tmp_path / "whole.csv")
    command = [sys.executable, "-m", "tests.prediction.fakes", source, out, "2"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not out.exists()
    model = FakePredictor()
    predict_file(model, source, out)
    assert sum(model.asked) == len(MANY) - 2 * files.BATCH
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rules": Rules(least=0.5)}, "another --least"),
        ({"rules": Rules(missing_ok=True)}, "another --missing-ok"),
        ({"model": FakePredictor(facts={"sha256": "1" * 64})}, "another model"),
        ({"rows": MANY[1:]}, "another input"),
    ],
)
def test_what_was_begun_with_something_else_is_refused_and_stays(
    posts, tmp_path, monkeypatch, changed, said
):
    out = tmp_path / "out.csv"
    with pytest.raises(KeyboardInterrupt):
        interrupted(posts(MANY), out, monkeypatch)
    part = tmp_path / "out.csv.part"
    begun = part.read_bytes()
    source = posts(changed.get("rows", MANY))
    with pytest.raises(CourseError, match=said) as caught:
        predict_file(changed.get("model", FakePredictor()), source, out, changed.get("rules"))
    assert f"{part} is of a run that was interrupted" in str(caught.value)
    assert "remove it" in str(caught.value)
    assert part.read_bytes() == begun


def test_a_part_of_unknown_origin_is_refused(posts, model, tmp_path):
    (tmp_path / "out.csv.part").write_text("mine")
    with pytest.raises(CourseError, match="another input"):
        predict_file(model, posts(MANY), tmp_path / "out.csv")
    assert (tmp_path / "out.csv.part").read_text() == "mine"


def test_two_processes_do_not_write_one_file(posts, model, tmp_path):
    source = posts(MANY)
    with (
        FileLock(tmp_path / "out.csv.part.lock"),
        pytest.raises(CourseError, match="another process is writing it"),
    ):
        predict_file(model, source, tmp_path / "out.csv")


# ---- what is not overwritten --------------------------------------------------------------


def test_the_posts_themselves_are_never_overwritten(posts, model, tmp_path):
    source = posts([{"text": "was predicted"}])
    before = source.read_bytes()
    (tmp_path / "link.csv").symlink_to(source)
    for out in (source, tmp_path / "link.csv"):
        with pytest.raises(CourseError, match="is the list of posts itself"):
            predict_file(model, source, out)
    assert source.read_bytes() == before


def test_only_predictions_are_replaced(posts, model, tmp_path):
    out, source = tmp_path / "out.csv", posts(MANY)
    out.write_text("name,mark\nAnn,1\n")
    with pytest.raises(CourseError, match="is there and holds no predictions"):
        predict_file(model, source, out)
    assert out.read_text() == "name,mark\nAnn,1\n"
    out.unlink()
    predict_file(model, source, out)
    predict_file(model, posts(MANY[:1]), out)
    assert len(read(out)) == 1


@pytest.mark.parametrize(
    ("rows", "out", "said"),
    [
        ([{"text": "a", "note": "b"}], "out.csv", "a column note of their own: rename yours"),
        ([{"text": "a"}], "out.txt", "name a file .csv or .jsonl"),
        ([{"text": "a"}], ".", "name a file .csv or .jsonl"),
        ([{"tweet": "a"}], "out.csv", "its columns are tweet"),
    ],
)
def test_a_fault_of_the_whole_is_said_in_one_line_before_anything_is_written(
    posts, model, tmp_path, rows, out, said
):
    source = posts(rows)
    with pytest.raises(CourseError, match=said) as caught:
        predict_file(model, source, tmp_path / out)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [source]


# ---- a folder -----------------------------------------------------------------------------


def test_a_folders_unlabelled_posts_are_predicted_in_their_order(model, tmp_path, capsys):
    out = tmp_path / "test_predictions.txt"
    outcome = predict_folder(model, DEMO, out)
    rows, demo = read(out), load_dataset(DEMO)
    assert out.read_text().startswith("guid,tag\n")
    assert [row["guid"] for row in rows] == [post.guid for post in demo.unlabelled]
    expected = [answer.label for answer in model.predict(demo.unlabelled)]
    assert [row["tag"] for row in rows] == expected
    assert (outcome.rows, outcome.faults) == (40, 0)
    assert capsys.readouterr().out == ""


@pytest.fixture
def spoilt(folder):
    """A folder of four unlabelled lines: the picture of the first and the text of the last fail."""
    lines = (folder / "test_without_label.txt").read_text().splitlines()
    first, second = (line.split(",")[0] for line in lines[1:3])
    (folder / "data" / f"{first}.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    with (folder / "test_without_label.txt").open("a") as file:
        file.write(f"a/b,null\n{second},null\nnobody,null\n")
    return folder, [first, second, "a/b", second, "nobody"]


def test_posts_that_cannot_be_read_are_lines_with_their_error_and_told(
    spoilt, model, tmp_path, capsys
):
    folder, guids = spoilt
    outcome = predict_folder(model, folder, tmp_path / "out.txt")
    rows = read(tmp_path / "out.txt")
    assert [row["guid"] for row in rows] == guids
    assert [bool(row["tag"]) for row in rows] == [False, True, False, True, False]
    assert outcome.faults == 3
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith(tuple(guids))]
    assert told == [row["error"] for row in rows if row["error"]]
    assert f"{guids[0]}.jpg" in told[0]
    assert "missing text" in told[2]


def test_a_folders_picture_may_be_missing_where_that_is_asked_for(spoilt, model, tmp_path, capsys):
    folder, guids = spoilt
    outcome = predict_folder(model, folder, tmp_path / "out.txt", Rules(missing_ok=True))
    assert read(tmp_path / "out.txt")[0]["tag"] in model.classes
    assert outcome.faults == 2
    assert f"{guids[0]}: the picture was left out" in capsys.readouterr().err


def test_an_interrupted_list_ends_with_the_same_bytes(spoilt, tmp_path, monkeypatch):
    folder, out = spoilt[0], tmp_path / "out.txt"
    monkeypatch.setattr(files, "BATCH", 2)
    predict_folder(FakePredictor(), folder, out)
    whole = out.read_bytes()
    out.unlink()
    model = FakePredictor()
    answer = model.predict
    monkeypatch.setattr(model, "predict", lambda p: stop() if model.asked else answer(p))
    with pytest.raises(KeyboardInterrupt):
        predict_folder(model, folder, out)
    assert (tmp_path / "out.txt.part").exists()
    outcome = predict_folder(FakePredictor(), folder, out)
    assert out.read_bytes() == whole
    assert outcome.faults == 3


def test_a_folders_own_lists_are_never_overwritten(folder, model):
    for name in ("train.txt", "test_without_label.txt"):
        before = (folder / name).read_bytes()
        with pytest.raises(CourseError, match="is the list of posts itself"):
            predict_folder(model, folder, folder / name)
        assert (folder / name).read_bytes() == before


def test_a_folder_without_a_list_says_what_to_do(folder, model, tmp_path):
    (folder / "test_without_label.txt").unlink()
    with pytest.raises(CourseError, match=r"test_without_label.txt is missing: list there"):
        predict_folder(model, folder, tmp_path / "out.txt")
