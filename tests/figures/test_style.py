"""Tests of the look: colours told apart, and saved pictures that are the same every time."""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from mmsa_utils.config import LABELS, MODES
from mmsa_utils.figures import CLASS_COLOURS, MODE_COLOURS, save_figure
from mmsa_utils.figures.style import run_colour


def draw() -> Figure:
    figure, axes = plt.subplots()
    axes.plot([1, 3, 2])
    axes.set_title("a line")
    return figure


def test_every_class_and_mode_has_a_colour_of_its_own() -> None:
    assert set(CLASS_COLOURS) == set(LABELS)
    assert set(MODE_COLOURS) == {*MODES, "words"}
    colours = [*CLASS_COLOURS.values(), *MODE_COLOURS.values()]
    assert len(set(colours)) == len(colours)


def test_a_run_that_is_no_mode_is_drawn_in_the_baselines_grey() -> None:
    assert run_colour("fused") == MODE_COLOURS["fused"]
    assert run_colour("majority") == run_colour("tfidf")
    assert run_colour("majority") not in MODE_COLOURS.values()


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "new folder" / "first.png", tmp_path / "second.png"
    save_figure(draw(), first)
    save_figure(draw(), second)
    assert first.read_bytes() == second.read_bytes()
    assert b"matplotlib" not in first.read_bytes().lower()  # its version would change the file


def test_a_saved_figure_is_closed(tmp_path: Path) -> None:
    save_figure(draw(), tmp_path / "figure.png")
    assert plt.get_fignums() == []
