"""The analysis on made tables, against values that were worked out by hand."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmsa_utils.config import LABELS
from mmsa_utils.data.images import ImageFacts
from mmsa_utils.data.posts import Dataset
from mmsa_utils.data.splits import find_groups
from mmsa_utils.errors import CourseError
from mmsa_utils.evaluation import analysis

MakeTable = Callable[..., pd.DataFrame]

# ---- which modality carries which post --------------------------------------------------

LABELS_OF_EIGHT = [0, 0, 1, 1, 2, 2, 0, 1]
EIGHT = {
    "text": [0, 0, 1, 2, 0, 2, 1, 0],
    "image": [0, 1, 1, 1, 0, 0, 2, 2],
    "fused": [0, 0, 2, 1, 2, 0, 0, 2],
}
ALL_RIGHT = dict.fromkeys(EIGHT, LABELS_OF_EIGHT)


@pytest.fixture
def eight(make_table: MakeTable) -> pd.DataFrame:
    """Eight posts; with seed 1 every run is right on all of them."""
    runs = {run: [EIGHT[run], ALL_RIGHT[run]] for run in EIGHT}
    return make_table(LABELS_OF_EIGHT, runs)


def test_who_is_right(eight: pd.DataFrame) -> None:
    cases = analysis.who_is_right(eight)
    assert cases["posts"].to_dict() == {
        "both right": 2,  # posts 0 and 2
        "only text right": 2,  # posts 1 and 5
        "only image right": 1,  # post 3
        "neither right": 3,  # posts 4, 6 and 7
    }
    shares = [1 / 2, 1 / 2, 1, 2 / 3]
    assert cases["fused right"].tolist() == pytest.approx(shares)


def test_overruling(eight: pd.DataFrame) -> None:
    followed = analysis.overruling(eight)
    # They differ on posts 1, 3, 5, 6 and 7; on post 4 they agree, and fusion follows neither.
    assert followed["posts"].to_dict() == {"text": 1, "image": 3, "neither": 1}
    assert followed["right"].to_dict() == pytest.approx({"text": 1, "image": 1 / 3, "neither": 1})


def test_another_seed_can_be_asked_for(eight: pd.DataFrame) -> None:
    assert analysis.who_is_right(eight, seed=1).loc["both right", "posts"] == 8
    assert analysis.overruling(eight, seed=1)["posts"].sum() == 0


def test_the_runs_may_be_others_than_the_modes_own(eight: pd.DataFrame) -> None:
    names = ["text_ensemble", "image_ensemble", "fused_ensemble"]
    ensembles = eight.assign(run=eight["run"] + "_ensemble")
    for pairing in (analysis.who_is_right, analysis.overruling):
        pd.testing.assert_frame_equal(pairing(ensembles, runs=names), pairing(eight))


def test_a_missing_mode_is_named(eight: pd.DataFrame) -> None:
    with pytest.raises(CourseError, match="no run 'image'"):
        analysis.who_is_right(eight[eight["run"] != "image"])


def test_modes_of_different_posts_are_not_paired(eight: pd.DataFrame) -> None:
    image = eight["run"] == "image"
    eight.loc[image, "label"] = eight.loc[image, "label"].to_numpy()[::-1]
    for pairing in (analysis.who_is_right, analysis.overruling):
        with pytest.raises(CourseError, match="not of the same posts"):
            pairing(eight)


def test_label_noise_without_errors_has_no_share_of_them(make_table: MakeTable) -> None:
    labels = np.repeat([0, 1, 2], 30)
    noise = analysis.label_noise(make_table(labels, {"fused": [labels]}), "fused")
    assert (noise["posts"], noise["share_of_errors"]) == (0, 0.0)


def test_label_noise_doubts_what_a_sure_model_contradicts(make_table: MakeTable) -> None:
    """Thirty posts a class; three tags are contradicted, surely; one only by a nose."""
    labels = np.repeat([0, 1, 2], 30)
    predicted = labels.copy()
    predicted[:2], predicted[60] = 2, 0
    table = make_table(labels, {"fused": [predicted, predicted]}, sure=0.9)
    hesitant = table["row"] == 30
    table.loc[hesitant, list(LABELS)] = [0.40, 0.29, 0.31]
    noise = analysis.label_noise(table, "fused")
    assert noise["posts"] == 3
    assert noise["classes"] == {"negative": 2, "neutral": 0, "positive": 1}
    assert noise["share_of_errors"] == pytest.approx(3 / 4)


@pytest.mark.parametrize("classes", [("sad", "happy"), tuple("12345")])
def test_label_noise_is_counted_by_the_tables_own_classes(
    classes: tuple[str, ...], make_table: MakeTable
) -> None:
    labels = np.repeat(range(len(classes)), 30)
    predicted = labels.copy()
    predicted[:2], predicted[-1] = 1, 0
    noise = analysis.label_noise(
        make_table(labels, {"fused": [predicted]}, sure=0.9, classes=classes), "fused"
    )
    assert noise["classes"] == {**dict.fromkeys(classes, 0), classes[0]: 2, classes[-1]: 1}
    assert noise["share_of_errors"] == 1


@pytest.mark.parametrize("classes", [("sad", "happy"), tuple("12345")])
def test_text_and_picture_are_weighed_on_any_classes(
    classes: tuple[str, ...], make_table: MakeTable
) -> None:
    last = len(classes) - 1
    labels = [0, last, last, 0]
    said = {"text": [0, last, 0, last], "image": [0, 0, last, last], "fused": [0, last, last, 0]}
    table = make_table(labels, {run: [classes] for run, classes in said.items()}, classes=classes)
    assert analysis.who_is_right(table)["posts"].tolist() == [1, 1, 1, 1]
    assert analysis.who_is_right(table)["fused right"].tolist() == [1, 1, 1, 1]
    assert analysis.overruling(table)["posts"].to_dict() == {"text": 1, "image": 1, "neither": 0}


def test_label_noise_takes_the_mean_over_seeds(make_table: MakeTable) -> None:
    labels = np.repeat([0, 1, 2], 30)
    first, others = labels.copy(), labels.copy()
    first[:2], others[0] = 2, 2  # post 0 is contradicted with every seed, post 1 with the first
    table = make_table(labels, {"fused": [first, others, others]}, sure=0.9)
    assert analysis.label_noise(table[table["seed"] == 0], "fused")["posts"] == 2
    assert analysis.label_noise(table, "fused")["posts"] == 1


def test_words_by_correctness(make_table: MakeTable) -> None:
    """Six posts, number i in row ROWS[i] of the table."""
    rows = np.array([2, 0, 1, 3, 5, 4])
    words = np.array([0, 0, 3, 6, 7, 0])
    right = {0: (1, 1), 1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 0), 5: (1, 1)}  # by post and seed
    seeds: list[list[int]] = [[0] * 6, [0] * 6]
    for post, known in right.items():
        for seed in (0, 1):
            seeds[seed][rows[post]] = 1 if known[seed] else 2
    table = make_table([1] * 6, {"text": seeds})
    found = analysis.words_by_correctness(table, words, rows, run="text")
    assert found == {
        "none": {"posts": 3, "accuracy": pytest.approx(2 / 3)},
        "a few": {"posts": 1, "accuracy": pytest.approx(1 / 2)},
        "many": {"posts": 2, "accuracy": pytest.approx(1 / 2)},
    }
    few = analysis.words_by_correctness(table, words, rows, run="text", enough=8)
    assert few["a few"] == {"posts": 3, "accuracy": pytest.approx(1 / 2)}
    assert "many" not in few, "what holds no post is left out"


# ---- tables for reading -----------------------------------------------------------------


def record(run: str, accuracies: list[float]) -> dict[str, Any]:
    scores = {"accuracy": 0.7, "macro_f1": 0.5}
    recalls = dict(zip(LABELS, ({"recall": r} for r in (0.6, 0.1234, 0.9)), strict=True))
    folds = [{"accuracy": accuracy, "macro_f1": 0.5} for accuracy in accuracies]
    return {"run": run, "oof": {**scores, "per_class": recalls}, "folds": folds}


def test_spread_is_the_deviation_over_folds() -> None:
    assert analysis.spread(record("text", [0.6, 0.8]), "accuracy") == "0.700 ± 0.141"
    assert analysis.spread(record("text", [0.6, 0.8]), "macro_f1") == "0.500 ± 0.000"


def test_score_table_has_a_column_a_class_of_the_runs() -> None:
    run = record("text", [0.6, 0.8])
    run["oof"]["per_class"] = {name: {"recall": n / 8} for n, name in enumerate("abcde")}
    table = analysis.score_table([run])
    assert table.columns[2:].tolist() == [f"recall {name}" for name in "abcde"]
    assert table.loc["text", "recall d"] == "0.375"


def test_score_table_has_a_row_a_run() -> None:
    table = analysis.score_table([record("text", [0.6, 0.8]), record("image", [0.7, 0.7])])
    assert table.index.tolist() == ["text", "image"]
    assert table.loc["text"].to_dict() == {
        "accuracy": "0.700 ± 0.141",
        "macro-F1": "0.500 ± 0.000",
        "recall negative": "0.600",
        "recall neutral": "0.123",
        "recall positive": "0.900",
    }


def step(
    name: str, kind: str, *, kept: bool = True, mode: str = "text", against: str | None = None
) -> dict[str, Any]:
    return {
        "name": name,
        "mode": mode,
        "step": kind,
        "against": against,
        "validation": {"accuracy": 0.71234, "macro_f1": 0.5},
        "oof": {"accuracy": 0.7, "macro_f1": 0.51},
        "kept": kept,
    }


STEPS = [
    step("linear", "features"),
    step("views", "features", kept=False, against="linear"),
    step("MPNet", "features", against="linear"),
    step("network", "network"),
    step("words", "features", mode="image"),
    step("linear", "ensemble"),
    step("prior correction", "ensemble", against="linear"),
    step("TF-IDF", "ensemble", kept=False, against="prior correction"),
]


def test_kept_steps_lead_from_the_first_features_to_the_reported_ensemble() -> None:
    names = [row["name"] for row in analysis.kept_steps(STEPS, "text")]
    assert names == ["linear", "MPNet", "prior correction"]
    assert [row["name"] for row in analysis.kept_steps(STEPS, "image")] == ["words"]


def test_ablation_table_shows_scores_gains_and_what_was_kept() -> None:
    first, second = STEPS[:2]
    rows = [{**first, "gain": None, "error": None}, {**second, "gain": -0.0123, "error": 0.0042}]
    table = analysis.ablation_table(rows)
    assert table.loc["views"].to_dict() == {
        "stage": "features",
        "against": "linear",
        "validation accuracy": "0.712",
        "validation macro-F1": "0.500",
        "gain": "-0.012 ± 0.004",
        "accuracy": "0.700",
        "macro-F1": "0.510",
        "kept": "no",
    }
    assert table["against"].tolist() == ["-", "linear"]
    assert table["gain"].tolist() == ["-", "-0.012 ± 0.004"]
    assert table["kept"].tolist() == ["yes", "no"]


# ---- the posts --------------------------------------------------------------------------


def test_facts_of_the_demo_set(demo: Dataset) -> None:
    facts = analysis.data_facts(demo, find_groups(demo.labelled))
    assert (facts["labelled"], facts["unlabelled"]) == (240, 40)
    assert facts["classes"] == dict.fromkeys(LABELS, 80)
    assert sum(facts["encodings"].values()) == 280
    texts = [post.text for post in demo.labelled + demo.unlabelled]
    assert facts["words_mean"] == pytest.approx(sum(len(t.split()) for t in texts) / 280)


def test_every_class_is_counted_also_one_without_posts(own: Dataset) -> None:
    more = replace(own, classes=(*own.classes, "last"))
    counts = analysis.data_facts(more, np.arange(12))["classes"]
    assert list(counts) == list(more.classes)
    assert list(counts.values()) == [*np.bincount(own.labels), 0]


def test_copies_are_counted(dataset: Dataset) -> None:
    """Post 3 is post 0 again, with the same tag; post 2 is post 0 with another one."""
    posts = list(dataset.labelled)
    for copy in (2, 3):
        posts[copy] = replace(posts[copy], text=posts[0].text, facts=posts[0].facts)
    posts[5] = replace(posts[5], encoding="gb18030", facts=posts[4].facts)  # the picture alone
    copied = Dataset("copied", tuple(posts), dataset.unlabelled, dataset.excluded)
    groups = np.array([0, 1, 0, 0, 2, 2, 3, 4, 5, 6, 7, 8])
    facts = analysis.data_facts(copied, groups)
    assert facts["groups"] == {
        "of_copies": 2,
        "posts_in_them": 5,
        "largest": 3,
        "with_different_tags": 2,
    }
    assert facts["equal_posts"] == {"posts": 3, "outvoted": 1}
    assert facts["encodings"] == {"utf-8": 14, "gb18030": 1}
    assert facts["words_mean"] == 3  # "post number 7"


def test_links_alone_and_blank_pictures_do_not_make_posts_equal(dataset: Dataset) -> None:
    """Posts 0 and 1 are the same file of each; post 2 is another link on another blank picture."""
    posts = list(dataset.labelled)
    for index, key in enumerate("aab"):
        empty = {"text": f"https://t.co/{key}", "facts": ImageFacts(phash="")}
        posts[index] = replace(posts[index], **empty, image_key=key)
    linked = Dataset("linked", tuple(posts), dataset.unlabelled, dataset.excluded)
    facts = analysis.data_facts(linked, np.arange(12))
    assert facts["equal_posts"] == {"posts": 2, "outvoted": 1}
