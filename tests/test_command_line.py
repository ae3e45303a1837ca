"""The command line: its options, what they reach, its messages and exit statuses."""

import subprocess
import sys
from dataclasses import fields

import nbformat
import pytest

from mmsa_utils.__main__ import COMMANDS, main
from mmsa_utils.config import LABELS, MODES, Config
from mmsa_utils.experiments import ablations, notebooks, reference, report
from mmsa_utils.experiments.knobs import comments, folder_of
from mmsa_utils.io import save_json
from mmsa_utils.paths import IMAGES, PROJECT, RESULTS


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
    assert all(command.__name__ in text for command in COMMANDS)


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


def test_help_is_there_without_torch():
    script = (
        "import sys\nfrom mmsa_utils.__main__ import main\n"
        "try: main(['notebooks', '--help'])\n"
        "except SystemExit: sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0


# ---- check and scores -------------------------------------------------------------------


def test_check_says_what_is_wrong_and_its_status_too(folder, capsys):
    assert main(["check", str(folder)]) == 0
    assert "no problems" in capsys.readouterr().out
    next((folder / "data").glob("*.txt")).write_text("")
    assert main(["check", str(folder)]) == 1
    assert "1 problem(s)" in capsys.readouterr().out


def test_check_without_a_folder_looks_at_the_one_in_use(capsys):
    assert main(["check"]) == 0
    assert f"{PROJECT / 'data' / 'demo'}: no problems" in capsys.readouterr().out


@pytest.fixture
def scored(tmp_path, monkeypatch):
    """An output folder in which the notebooks' three runs lie already."""
    monkeypatch.setenv("MMSA_OUT", str(tmp_path / "out"))
    for mode in MODES:
        fold = {"accuracy": 0.7, "macro_f1": 0.6}
        per_class = {label: {"recall": 0.5} for label in LABELS}
        record = {"run": mode, "oof": {**fold, "per_class": per_class}, "folds": [fold, fold]}
        save_json(record, tmp_path / "out" / "demo" / f"{mode}.json")
    return tmp_path


def test_scores_shows_the_three_modes(scored, capsys):
    assert main(["scores"]) == 0
    table = capsys.readouterr().out
    assert all(f"{mode} " in table for mode in MODES)
    assert "0.700 ± 0.000" in table


def test_scores_without_a_run_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MMSA_OUT", str(tmp_path))
    assert main(["scores"]) == 1
    assert "text.json is missing" in one_line(capsys)


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
    assert main([command, "--mode", "text"]) == 1
    assert "--mode" in one_line(capsys)


def test_what_a_command_sets_itself_is_refused(capsys):
    assert main(["notebooks", "--head", "gated"]) == 1
    assert "--head" in one_line(capsys)
    assert main(["ablations", "--finetune", "text"]) == 1
    assert "--finetune" in one_line(capsys)


def test_notebooks_are_saved_in_place_only_as_they_are(capsys):
    for option in (["--epochs", "3"], ["--exclude-problems"]):
        assert main(["notebooks", "--save", *option]) == 1
        assert "--save" in one_line(capsys)


def test_a_value_that_is_not_allowed_ends_in_one_line(tiny, capsys):
    assert main(["notebooks", "--epochs", "0"]) == 1
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
def called(folder, tmp_path, monkeypatch):
    """Posts to run on, and runs that only note what they were called with."""
    notes = {}
    monkeypatch.setenv("MMSA_DATA", str(folder))
    monkeypatch.setenv("MMSA_OUT", str(tmp_path / "out"))
    monkeypatch.setattr(reference, "run_reference", lambda run: notes.update(reference=run))
    monkeypatch.setattr(ablations, "run_ablations", lambda *a: notes.update(ablations=a))
    monkeypatch.setattr(report, "write_pages", lambda: notes.update(pages=True))
    return notes


def test_the_reference_run_writes_the_courses_results_and_pages(called):
    assert main(["reference"]) == 0
    run = called["reference"]
    assert (run.folder, run.images) == (RESULTS / "course", IMAGES)
    assert run.dataset.name == "course"
    assert called["pages"]


def test_with_changed_knobs_nothing_of_the_courses_is_written(called, tmp_path, capsys):
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


def test_posts_with_problems_are_left_out_when_asked_for(called, folder, capsys):
    next((folder / "data").glob("*.txt")).write_text("")
    assert main(["ablations"]) == 1
    assert "--exclude-problems" in capsys.readouterr().err
    assert main(["ablations", "--exclude-problems"]) == 0
    dataset, _, results = called["ablations"]
    assert len(dataset.posts) == 13
    assert results == RESULTS / "course"


@pytest.mark.parametrize("command", ["reference", "ablations"])
def test_without_the_courses_posts_it_says_where_they_go(command, capsys):
    assert main([command]) == 1
    said = one_line(capsys)
    assert "data/course" in said
    assert "MMSA_DATA" in said


def test_report_writes_the_pages(called):
    assert main(["report"]) == 0
    assert called["pages"]
