"""The figures of the model card, against scikit-learn and counts by hand on made predictions."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from mmsa_utils.experiments.card import FEWEST, by_modality, by_step, card_facts, scores_of
from mmsa_utils.io import load_json, save_json


@pytest.fixture(scope="module")
def run(made_run):
    return made_run(50, views={"text": 70, "image": 90})


@pytest.fixture(scope="module")
def facts(run):
    words = [number % 9 for number in range(200)]
    return card_facts(run, groups=np.arange(200) // 2, words=words)


def test_scores_are_those_of_scikit_learn(run):
    labels = run.dataset.labels
    scores = scores_of(run, run.views["text"])
    whole = [f1_score(labels, table.argmax(1), average="macro") for table in run.views["text"]]
    assert scores["macro_f1"]["mean"] == pytest.approx(np.mean(whole))
    assert scores["accuracy"]["mean"] == pytest.approx(1 - 70 / 200)
    by_fold = [
        accuracy_score(labels[result.test], np.argmax(result.views["text"], 1))
        for result in run.results
    ]
    assert scores["accuracy"]["deviation"] == pytest.approx(np.std(by_fold, ddof=1))


def test_a_class_that_no_post_has_counts_as_in_the_runs_record(made_run, posts):
    run = made_run(50)
    more = replace(posts, classes=("calm", "loud", "absent"))
    wider = replace(
        run,
        dataset=more,
        results=tuple(replace(r, probabilities=wide(r.probabilities)) for r in run.results),
    )
    scores = scores_of(wider, wider.probabilities)
    assert scores["macro_f1"]["mean"] == pytest.approx(
        2 / 3 * scores_of(run, run.probabilities)["macro_f1"]["mean"]
    )
    record = card_facts(wider, groups=np.arange(200))["oof"]
    assert scores["macro_f1"]["mean"] == pytest.approx(record["macro_f1"])


def wide(table):
    return [[*row, 0.0] for row in table]


def test_a_class_has_the_mean_over_seeds_of_its_figures(run, facts):
    labels = run.dataset.labels
    recalls = [recall_score(labels, t.argmax(1), pos_label=1) for t in run.probabilities]
    assert facts["oof"]["per_class"]["loud"]["recall"] == pytest.approx(np.mean(recalls))
    assert facts["classes"] == {"calm": 140, "loud": 60}
    assert facts["always"] == 0.7
    assert facts["groups"] == 100


def test_posts_are_cut_by_the_words_that_the_network_gets_to_read(run, facts):
    numbers = np.arange(200) % 20  # the link is no word
    rows = facts["by_text_length"]
    assert {name: row["posts"] for name, row in rows.items()} == {
        "none": 10, "1 to 7": 70, "8 to 15": 80, "16 or more": 40,
    }  # fmt: skip
    chosen = numbers >= 16
    labels, right = run.dataset.labels, run.probabilities.argmax(2) == run.dataset.labels
    assert rows["16 or more"]["accuracy"] == pytest.approx(right[:, chosen].mean())
    f1 = [f1_score(labels[chosen], t.argmax(1)[chosen], average="macro") for t in run.probabilities]
    assert rows["16 or more"]["macro_f1"] == pytest.approx(np.mean(f1))
    text = run.views["text"].argmax(2) == labels
    assert rows["16 or more"]["text"] == pytest.approx(text[:, chosen].mean())


def test_what_holds_of_few_posts_is_not_shown(run):
    counts = [0] * (FEWEST - 1) + [1] * FEWEST + [9] * (201 - 2 * FEWEST)
    rows = by_step(run, counts, {"none": (0, 0), "one": (1, 1), "more": (2, None)})
    assert {name: row["posts"] for name, row in rows.items()} == {"one": 10, "more": 181}


def test_words_that_were_not_read_are_not_counted(run, facts):
    assert sum(row["posts"] for row in facts["by_words_in_picture"].values()) == 200
    assert list(facts["by_words_in_picture"]) == ["none", "1 to 5", "6 or more"]
    assert card_facts(run, groups=np.arange(200))["by_words_in_picture"] is None


def test_every_post_is_in_one_case_of_who_is_right(run):
    cases = by_modality(run)
    assert sum(row["posts"] for row in cases.values()) == pytest.approx(200, abs=2)
    labels = run.dataset.labels
    text, image = (run.views[name].argmax(2) == labels for name in ("text", "image"))
    right = run.probabilities.argmax(2) == labels
    assert cases["text"]["accuracy"] == pytest.approx(right[text & ~image].mean())
    both = cases["both"]["posts"] + cases["text"]["posts"]
    assert both == pytest.approx(200 - 70, abs=1), "the text's view is right on these"


def test_a_network_of_one_modality_has_a_card_without_views(made_run):
    facts = card_facts(made_run(50), groups=np.arange(200))
    assert list(facts["scores"]) == ["both"]
    assert facts["by_modality"] is None
    assert "text" not in facts["by_text_length"]["1 to 7"]


def test_the_card_names_no_post_and_can_be_saved(facts, posts, tmp_path):
    save_json(facts, tmp_path / "card.json")
    assert load_json(tmp_path / "card.json") == facts
    text = (tmp_path / "card.json").read_text()
    assert not any(post.guid in text for post in posts.labelled)
    assert "word word" not in text
