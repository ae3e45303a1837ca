"""Tests of the look: colours told apart, and saved pictures that are the same every time."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy.spatial.distance import pdist

from mmsa_utils.config import LABELS, MODES
from mmsa_utils.figures import CLASS_COLOURS, MODE_COLOURS, class_colours, save_figure
from mmsa_utils.figures.style import BASELINE_COLOUR, UNLABELLED_COLOUR, run_colour


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


@pytest.mark.parametrize(
    "classes",
    [
        ("sad", "happy"),
        ("very negative", *LABELS, "very positive"),
        tuple(map(str, range(8))),
        tuple(map(str, range(30))),
    ],
    ids=len,
)
def test_any_classes_have_colours_of_their_own_and_the_known_keep_theirs(
    classes: tuple[str, ...],
) -> None:
    colours = class_colours(classes)
    assert tuple(colours) == classes
    assert len(set(colours.values())) == len(classes)
    assert not set(colours.values()) & {*MODE_COLOURS.values(), BASELINE_COLOUR, UNLABELLED_COLOUR}
    kept = {name: colour for name, colour in colours.items() if name in LABELS}
    assert kept == {name: CLASS_COLOURS[name] for name in kept}


def test_the_known_classes_keep_their_colours_in_other_case_and_order() -> None:
    assert class_colours(LABELS) == CLASS_COLOURS
    assert class_colours(("Positive", "NEGATIVE")) == {
        "Positive": CLASS_COLOURS["positive"],
        "NEGATIVE": CLASS_COLOURS["negative"],
    }


# What people see who lack one kind of cone, linear light: Machado, Oliveira and Fernandes, "A
# Physiologically-based Model for Simulation of Color Vision Deficiency", 2009, severity 1.
SIGHTS = {
    "all three cones": np.eye(3),
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
}
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def lab(colours: Iterable[str], sight: ArrayLike) -> np.ndarray:
    """`(N, 3)`: colours in CIELAB (D65), seen with such eyes."""
    srgb = np.array([to_rgb(colour) for colour in colours])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.asarray(sight).T, 0, 1)
    xyz = seen @ np.transpose(TO_XYZ) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@pytest.mark.parametrize("sight", SIGHTS)
def test_five_classes_are_told_apart_also_by_people_who_see_less_colour(sight: str) -> None:
    """A distance of 2 in CIELAB is just seen; these are ten times as far."""
    both = class_colours(("very negative", "negative", "positive", "very positive"))
    for colours in (class_colours(tuple("12345")), both):
        assert pdist(lab(colours.values(), SIGHTS[sight])).min() > 20


def test_a_mode_and_its_ensemble_have_one_colour_and_other_runs_the_baselines_grey() -> None:
    for run in ("fused", "fused_ensemble", "fused_ensemble_mean"):
        assert run_colour(run) == MODE_COLOURS["fused"]
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
