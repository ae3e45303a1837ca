"""Figures quoted from elsewhere: each with its protocol, and what the report says beside them."""

import re
from collections import Counter

import jinja2
import pytest

from mmsa_utils.experiments import report
from mmsa_utils.io import load_json
from mmsa_utils.paths import RESULTS

PUBLISHED = load_json(RESULTS / "published.json")
FIGURES = PUBLISHED["figures"]
SAID = {"group", "task", "name", "accuracy", "f1", "split", "chosen_by", "seeds", "scored_posts",
        "scored_posts_from", "source", "known_from", "seen"}  # fmt: skip


PAGE = """{% from "LANGUAGE.md.jinja" import say %}
{% from "published.md.jinja" import short_table, own_table, full_tables with context %}
{{ own_table() }}
{{ full_tables() }}
{{ short_table(["MDSE", "QMF"]) }}"""


def run(accuracy):
    oof = {"accuracy": accuracy, "weighted_f1": 0.7, "macro_f1": 0.6}
    return {"oof": oof, "protocol": {"folds": 5, "seeds": [0, 1, 2]}}


def rendered(language):
    environment = report._environment()
    assert environment.undefined is jinja2.StrictUndefined
    runs = {"fused_ensemble": 0.7412, "fused_ensemble_mean": 0.7434, "fused": 0.7256}
    return environment.from_string(PAGE.replace("LANGUAGE", language)).render(
        published=PUBLISHED,
        quoted={row["name"]: row for row in FIGURES},
        runs={name: run(accuracy) for name, accuracy in runs.items()},
        data={"labelled": 4000},
    )


@pytest.fixture(scope="module")
def section():
    return rendered("english")


@pytest.fixture(scope="module")
def cells(section):
    """The cells of each row, by what its first one says."""
    full = section.rpartition("Posts, by number")[0]
    rows = [line.strip("| ").split(" | ") for line in full.splitlines() if line[:2] == "| "]
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


def test_a_short_table_says_the_same_of_some(section):
    short = section.rpartition("Posts, by number")[2]
    assert "| MDSE | 4,511 | 450 | 76.22 % | 72.1 % to 79.9 % | weighted 75.71 % |" in short
    assert "| QMF, agreeing posts only | 2,592 | 519 | 77.96 % | 74.2 % to 81.3 % | - |" in short


def test_in_chinese_the_rows_are_the_same(section):
    """Names and phrases differ, figures and rows do not."""
    numbers = [re.findall(r"\d+\.\d+ %|\d,\d{3}", text) for text in (section, rendered("chinese"))]
    assert Counter(numbers[0]) == Counter(numbers[1])
    assert "| 不详 |" in rendered("chinese")


def test_what_was_only_asked_is_marked(section):
    heading = section.index("asked, the best of ten prompts")
    assert section.index("| Gemini") > heading


def test_the_tables_are_sound_markdown(section):
    tables = re.findall(r"(?:^\|.*\n)+", section + "\n", re.MULTILINE)
    assert len(tables) == 2 + len(PUBLISHED["groups"])
    for table, bars in zip(tables, [8] * (len(tables) - 1) + [5], strict=True):
        assert {line.count(" | ") for line in table.splitlines() if "---" not in line} == {bars}
