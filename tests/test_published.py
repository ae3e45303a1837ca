"""Figures quoted from elsewhere: each with its protocol, and what the report says beside them."""

import re

import jinja2
import pytest

from mmsa_utils.evaluation.intervals import accuracy_interval
from mmsa_utils.experiments import report
from mmsa_utils.io import load_json
from mmsa_utils.paths import RESULTS

PUBLISHED = load_json(RESULTS / "published.json")
FIGURES = PUBLISHED["figures"]
SAID = {"group", "task", "name", "accuracy", "f1", "split", "chosen_by", "seeds", "scored_posts",
        "scored_posts_from", "source", "known_from", "seen"}  # fmt: skip


def run(accuracy):
    oof = {"accuracy": accuracy, "weighted_f1": 0.7, "macro_f1": 0.6}
    return {"oof": oof, "protocol": {"folds": 5, "seeds": [0, 1, 2]}}


@pytest.fixture(scope="module")
def section():
    environment = report._environment()
    assert environment.undefined is jinja2.StrictUndefined
    environment.filters["interval"] = accuracy_interval
    runs = {"fused_ensemble": 0.7412, "fused_ensemble_mean": 0.7434, "fused": 0.7256,
            "majority": 0.597}  # fmt: skip
    return environment.get_template("published.md.jinja").render(
        published=PUBLISHED,
        runs={name: run(accuracy) for name, accuracy in runs.items()},
        analysis={"data": {"labelled": 4000}},
    )


@pytest.fixture(scope="module")
def cells(section):
    """The cells of each row, by what its first one says."""
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:2] == "| "]
    return {row[0]: row for row in rows}


@pytest.mark.parametrize("row", FIGURES, ids=lambda row: row["name"])
def test_a_figure_comes_with_all_that_a_comparison_needs(row):
    assert set(row) == SAID
    assert row["task"] in PUBLISHED["tasks"]
    assert row["group"] in PUBLISHED["groups"]
    assert 0.4 < row["accuracy"] < 0.9
    assert row["source"]
    assert row["known_from"]
    posts = PUBLISHED["tasks"][row["task"]]["posts"]
    assert row["scored_posts"] is None or posts is None or row["scored_posts"] < posts / 4


@pytest.mark.parametrize(
    "row",
    [row for row in FIGURES if "a whole number" in row["scored_posts_from"]],
    ids=lambda row: row["name"],
)
def test_a_number_of_posts_that_is_inferred_fits_the_figure(row):
    posts = row["scored_posts"]
    assert round(row["accuracy"] * posts) / posts == pytest.approx(row["accuracy"], abs=1.01e-4)
    if row["scored_posts_from"].startswith("a tenth"):
        tenth = PUBLISHED["tasks"][row["task"]]["posts"] / 10
        assert posts == pytest.approx(tenth, abs=1.2)


def test_posts_that_agree_are_as_many_as_the_annotation_says():
    shares = PUBLISHED["annotation"]["pair_shares"]
    agreeing = sum(shares[f"{label}-{label}"] for label in ("negative", "neutral", "positive"))
    tasks = PUBLISHED["tasks"]
    assert agreeing * tasks["joined"]["posts"] == pytest.approx(tasks["agreeing"]["posts"], abs=7)


def test_every_figure_is_a_row_with_its_interval(cells):
    assert {row["name"] for row in FIGURES} < set(cells)
    assert len({row["name"] for row in FIGURES}) == len(FIGURES)
    mdse = cells["MDSE"]
    assert mdse[1:3] == ["4,511", "450"]
    assert mdse[5:8] == ["76.22 %", "72.1 % to 79.9 %", "weighted 75.71 %"]
    assert cells["CLIP L/14@336"][6] == "not known"
    assert cells["CLIP L/14@336"][-1].endswith("not seen again")
    assert cells["ensemble (`fused_ensemble`)"][5:7] == ["74.1 %", "72.7 % to 75.5 %"]


def test_both_traps_are_said_in_words(section):
    words = " ".join(section.split())
    assert "is right on 79.6 % of those and on 72.7 % of 4,318 posts" in words
    assert "450 posts has a 95 % interval of about 4.0 points either way" in words
    assert "74 % there, all that is known is 69.8 % to 77.8 %" in words
    assert "of one that scores 77 %, 72.9 % to 80.6 %" in words


def test_what_was_only_asked_is_marked(section):
    heading = section.index("asked, not trained: the best of ten prompts")
    assert section.index("| Gemini") > heading
    assert "3 of the 10 large models" in " ".join(section.split())


def test_the_section_is_sound_markdown(section):
    assert "\n\n\n" not in section
    tables = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert len(tables) == 1 + len(PUBLISHED["groups"])
    for table in tables:
        assert {line.count(" | ") for line in table.splitlines() if "---" not in line} == {8}
