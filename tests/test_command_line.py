"""The command line: its options, what they reach, its messages and exit statuses."""

import errno
import os
import shutil
import subprocess
import sys
from dataclasses import fields

import nbformat
import pytest

from mmsa_utils.__main__ import COMMANDS, main
from mmsa_utils.config import LABELS, MODES, Config
from mmsa_utils.experiments import ablations, notebooks, places, reference, report
from mmsa_utils.experiments.knobs import comments, folder_of
from mmsa_utils.io import load_json, save_json
from mmsa_utils.paths import DEMO, IMAGES, PROJECT, RESULTS
from mmsa_utils.settings import run_folder


def one_line(capsys):
    """What went to stderr, which is one line of our own."""
    said = capsys.readouterr().err
    assert said.startswith("mmsa_utils: ")
    assert said.count("\n") == 1
    return said


def helped(capsys, *arguments):
    """A command's help, its line breaks undone."""
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "--help"])
    assert stop.value.code == 0
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


# ---- help -------------------------------------------------------------------------------


def test_help_names_every_command(capsys):
    text = helped(capsys)
    assert all(command in text for command in COMMANDS)


@pytest.mark.parametrize("command", ["notebooks", "reference", "ablations"])
def test_help_lists_every_knob_with_the_comment_of_its_line(command, capsys):
    text, says = helped(capsys, command), comments()
    assert set(says) == {knob.name for knob in fields(Config)}
    for name, comment in says.items():
        assert f"--{name.replace('_', '-')}" in text
        assert comment, f"{name} has no comment"
        assert " ".join(comment.split()) in text


def test_help_shows_defaults_where_they_hold(capsys):
    assert "(default: 40)" in helped(capsys, "notebooks")
    assert "(default: 40)" not in helped(capsys, "reference")  # its recipes have their own


def test_help_of_every_command_is_there_without_torch():
    script = (
        "import sys\nfrom mmsa_utils.__main__ import COMMANDS, main\n"
        "for command in COMMANDS:\n"
        "    try: main([command, '--help'])\n"
        "    except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules or 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0


# ---- check and scores -------------------------------------------------------------------


@pytest.fixture
def posts(tmp_path):
    """A folder of the demo set's posts to spoil."""
    return shutil.copytree(DEMO, tmp_path / "posts")


def test_check_says_what_is_wrong_and_its_status_too(posts, capsys):
    assert main(["check", str(posts)]) == 0
    said = capsys.readouterr().out
    assert "no problems" in said
    assert "240 labelled posts" in said
    assert "40 unlabelled posts" in said
    next((posts / "data").glob("*.txt")).write_text("")
    assert main(["check", str(posts)]) == 1
    said = capsys.readouterr().out
    assert "empty text" in said
    assert "1 problem(s). Mend them, or train with --exclude-problems" in said


def test_check_takes_other_classes_by_name(posts, capsys):
    lines = (posts / "train.txt").read_text()
    (posts / "train.txt").write_text(lines.replace("neutral", "Positive"))
    assert main(["check", str(posts), "--classes", "positive, negative"]) == 0
    said = capsys.readouterr().out
    assert "240 labelled posts: positive " in said
    assert "neutral" not in said
    assert main(["check", str(posts), "--classes", "positive"]) == 2
    assert "name two or more" in one_line(capsys)


def test_check_without_a_folder_looks_at_the_one_in_use(capsys):
    assert main(["check"]) == 0
    assert f"{PROJECT / 'data' / 'demo'}: no problems" in capsys.readouterr().out


def test_check_asks_whether_there_are_posts_enough_for_the_folds(posts, capsys):
    assert main(["check", str(posts), "--folds", "100"]) == 1
    said = capsys.readouterr().out
    assert "--exclude-problems" not in said
    assert "cannot be trained on" in said
    assert main(["check", str(posts), "--folds", "2", "--inner-folds", "2"]) == 0
    assert main(["check", str(posts), "--folds", "1"]) == 2
    assert "folds=1" in capsys.readouterr().err


def test_a_folder_that_holds_no_posts_is_said_in_a_line(tmp_path, capsys):
    assert main(["check", str(tmp_path)]) == 1
    assert "train.txt" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["notebooks", "reference", "ablations"])
def test_posts_that_cannot_be_trained_on_stop_a_run_before_it_starts(
    command, folder, tiny, monkeypatch, capsys
):
    monkeypatch.setenv("MMSA_DATA", str(folder))
    assert main([command]) == 1
    assert "folds" in one_line(capsys)
    assert not tiny.exists()


@pytest.fixture
def scored(demo, tmp_path, monkeypatch):
    """An output folder in which the notebooks' three runs lie already."""
    monkeypatch.setenv("MMSA_OUT", str(tmp_path / "out"))
    for mode in MODES:
        fold = {"accuracy": 0.7, "macro_f1": 0.6}
        per_class = {label: {"recall": 0.5} for label in LABELS}
        record = {
            "run": mode,
            "dataset": {"fingerprint": demo.fingerprint},
            "oof": {**fold, "per_class": per_class},
            "folds": [fold, fold],
        }
        save_json(record, run_folder(demo.name, demo.fingerprint) / f"{mode}.json")
    return tmp_path


def test_scores_shows_the_three_modes(scored, capsys):
    assert main(["scores"]) == 0
    table = capsys.readouterr().out
    assert all(f"{mode} " in table for mode in MODES)
    assert "0.700 ± 0.000" in table


def test_scores_without_a_run_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MMSA_OUT", str(tmp_path))
    assert main(["scores"]) == 2
    assert "text.json is missing" in one_line(capsys)


def test_scores_of_other_posts_are_not_shown(scored, demo, capsys):
    file = run_folder(demo.name, demo.fingerprint) / "image.json"
    save_json({**load_json(file), "dataset": {"fingerprint": "0" * 16}}, file)
    assert main(["scores"]) == 2
    said = one_line(capsys)
    assert "image.json" in said
    assert "other posts" in said


# ---- notebooks --------------------------------------------------------------------------


@pytest.fixture
def tiny(scored, monkeypatch):
    """One tiny notebook in the place of the course's; returns its executed copy's place."""
    tagged = nbformat.v4.new_code_cell("exclude_problems = False\nknobs = {}")
    tagged.metadata["tags"] = ["parameters"]
    show = nbformat.v4.new_code_cell("print(exclude_problems, knobs)")
    file = scored / "tiny.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[tagged, show]), file)
    monkeypatch.setattr(notebooks, "notebook_files", lambda: [file])
    return scored / "out" / "notebooks" / "tiny.ipynb"


def test_knobs_reach_the_notebooks(tiny, capsys):
    options = "--epochs 3 --seeds 0 1 --text-encoders minilm_tweets --words --exclude-problems"
    assert main(["notebooks", *options.split()]) == 0
    printed = nbformat.read(tiny, as_version=4).cells[-1].outputs[0].text
    expected = {"text_encoders": ("minilm_tweets",), "words": True, "epochs": 3, "seeds": (0, 1)}
    assert printed == f"True {expected}\n"
    assert "0.700 ± 0.000" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["notebooks", "reference", "ablations"])
def test_mode_is_refused(command, capsys):
    assert main([command, "--mode", "text"]) == 2
    assert "--mode" in one_line(capsys)


def test_what_a_command_sets_itself_is_refused(capsys):
    assert main(["notebooks", "--head", "gated"]) == 2
    assert "--head" in one_line(capsys)
    assert main(["ablations", "--finetune", "text"]) == 2
    assert "--finetune" in one_line(capsys)


def test_notebooks_are_saved_in_place_only_as_they_are(capsys):
    for option in (["--epochs", "3"], ["--exclude-problems"]):
        assert main(["notebooks", "--save", *option]) == 2
        assert "--save" in one_line(capsys)


def test_a_value_that_is_not_allowed_ends_in_one_line(tiny, capsys):
    assert main(["notebooks", "--epochs", "0"]) == 2
    assert "epochs=0" in one_line(capsys)
    assert not tiny.exists()


@pytest.mark.parametrize("wrong", [["--epochs", "many"], ["--epoch-count", "3"]])
def test_a_wrong_option_is_a_usage_error(wrong, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["notebooks", *wrong])
    assert stop.value.code == 2
    assert wrong[0] in capsys.readouterr().err


# ---- reference, ablations, report -------------------------------------------------------


@pytest.fixture
def called(posts, tmp_path, monkeypatch):
    """Posts to run on, and runs that only note what they were called with."""
    notes = {}
    monkeypatch.setenv("MMSA_DATA", str(posts))
    monkeypatch.setenv("MMSA_OUT", str(tmp_path / "out"))
    monkeypatch.setattr(
        reference,
        "run_reference",
        lambda run, *, stages: notes.update(reference=run, stages=stages),
    )
    monkeypatch.setattr(ablations, "run_ablations", lambda *a, **k: notes.update(ablations=a, **k))
    monkeypatch.setattr(report, "write_pages", lambda: notes.update(pages=True))
    monkeypatch.setattr(report, "write_own_report", lambda folder: notes.update(own=folder))
    return notes


@pytest.fixture
def of_the_course(monkeypatch):
    """Lets the posts at hand be the course's own."""
    monkeypatch.setattr(places, "is_course", lambda *_, **__: True)


def test_the_reference_run_writes_the_courses_results_and_pages(called, of_the_course):
    assert main(["reference"]) == 0
    run = called["reference"]
    assert (run.folder, run.images) == (RESULTS / "course", IMAGES)
    assert run.dataset.name == "course"
    assert called["pages"]


def test_some_stages_of_the_reference_run_write_no_page(called, of_the_course, capsys):
    assert main(["reference", "--stages", "model card", "figures"]) == 0
    assert called["stages"] == ("model card", "figures")
    assert "pages" not in called
    assert "No page was written" in capsys.readouterr().out


def test_on_other_posts_nothing_of_the_courses_is_written(called, capsys):
    assert main(["reference"]) == 0
    run = called["reference"]
    assert run.folder == RESULTS / "posts"
    assert all(place.is_relative_to(run.folder) for place in (run.images, run.weights))
    assert called["own"] == run.folder
    assert "pages" not in called
    assert str(run.folder) in capsys.readouterr().out

    assert main(["ablations"]) == 0
    assert called["ablations"][2] == run.folder


def test_with_changed_knobs_nothing_of_the_courses_is_written(
    called, of_the_course, tmp_path, capsys
):
    assert main(["reference", "--dropout", "0.5", "--seeds", "0"]) == 0
    run, out = called["reference"], tmp_path / "out"
    assert all(place.is_relative_to(out) for place in (run.folder, run.images, run.weights))
    assert {config.dropout for config in run.recipes.networks.values()} == {0.5}
    assert "pages" not in called
    assert str(run.folder) in capsys.readouterr().out

    assert main(["ablations", "--dropout", "0.5", "--seeds", "0"]) == 0
    _, recipes, folder = called["ablations"]
    assert folder == run.folder
    assert recipes.course.seeds == (0,)


def test_each_set_of_knobs_has_its_folder():
    assert folder_of({"epochs": 3}) == folder_of({"epochs": 3})
    assert folder_of({"epochs": 3}) != folder_of({"epochs": 4})


def test_posts_with_problems_are_left_out_when_asked_for(called, posts, capsys):
    next((posts / "data").glob("*.txt")).write_text("")
    assert main(["ablations"]) == 1
    assert "--exclude-problems" in capsys.readouterr().err
    assert main(["ablations", "--exclude-problems"]) == 0
    dataset, _, _ = called["ablations"]
    assert len(dataset.posts) == 279


@pytest.mark.parametrize("command", ["reference", "ablations"])
def test_without_the_courses_posts_it_says_where_they_go(command, capsys):
    assert main([command]) == 2
    said = one_line(capsys)
    assert "data/course" in said
    assert "MMSA_DATA" in said


def test_report_writes_the_pages(called):
    assert main(["report"]) == 0
    assert called["pages"]


# ---- what the machine refuses ------------------------------------------------------------


def run(*arguments, **options):
    """The command line as a shell starts it."""
    environment = {**os.environ, **options.pop("environment", {})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    command = [sys.executable, "-m", "mmsa_utils", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environment, check=False, **pipes)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_output_of_any_encoding_shows_any_name(encoding, folder, tmp_path_factory):
    place = shutil.copytree(folder, tmp_path_factory.mktemp("any") / "帖子 ±")
    environment = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = run("check", str(place), environment=environment)
    assert done.returncode == 1
    assert done.stderr == b""
    name = "帖子 ±".encode(encoding, errors="backslashreplace")
    assert name in done.stdout
    assert run("check", "--help", environment=environment).returncode == 0


def test_who_stops_reading_the_output_sees_no_traceback():
    process = subprocess.Popen(
        [sys.executable, "-m", "mmsa_utils", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=PROJECT,
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 128 + 13


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has this file")
def test_a_full_disk_under_the_output_is_said_in_one_line():
    with open("/dev/full", "wb") as full:
        done = run("--help", stdout=full)
    assert done.returncode == 2
    assert done.stderr.startswith(b"mmsa_utils: standard output: ")
    assert done.stderr.count(b"\n") == 1


def raising(error):
    def command(*_, **__):
        raise error

    return command


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_file_that_cannot_be_written_is_named_in_one_line(number, called, monkeypatch, capsys):
    error = OSError(number, os.strerror(number), "out/somewhere/record.json")
    monkeypatch.setattr(ablations, "run_ablations", raising(error))
    assert main(["ablations"]) == 2
    said = one_line(capsys)
    assert f"out/somewhere/record.json: {os.strerror(number)}" in said


def test_an_output_folder_that_cannot_be_made_is_named(tiny, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("MMSA_OUT", str(tmp_path / "file" / "out"))
    assert main(["notebooks"]) == 2
    assert str(tmp_path / "file") in one_line(capsys)


def test_a_variable_that_names_no_folder_is_said_in_one_line(monkeypatch, capsys):
    monkeypatch.setenv("MMSA_DATA", "~no-such-user-here/posts")
    for command in ("check", "scores", "notebooks", "reference"):
        assert main([command]) == 2
        assert "MMSA_DATA=~no-such-user-here/posts" in one_line(capsys)


def test_a_stop_by_ctrl_c_has_its_status_and_no_traceback(called, monkeypatch, capsys):
    monkeypatch.setattr(ablations, "run_ablations", raising(KeyboardInterrupt()))
    assert main(["ablations"]) == 130
    assert capsys.readouterr().err == "\nmmsa_utils: stopped\n"


def test_a_fault_of_the_program_keeps_its_traceback(called, monkeypatch):
    monkeypatch.setattr(ablations, "run_ablations", raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(["ablations"])


def test_a_notebook_that_fails_ends_the_command_with_its_status(tiny, scored, capsys):
    book = nbformat.read(scored / "tiny.ipynb", as_version=4)
    book.cells.append(nbformat.v4.new_code_cell("raise ValueError('a wrong shape')"))
    nbformat.write(book, scored / "tiny.ipynb")
    assert main(["notebooks"]) == 2
    assert "tiny.ipynb, cell [3]: ValueError: a wrong shape" in capsys.readouterr().err
    assert tiny.exists()
