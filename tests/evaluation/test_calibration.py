"""Temperatures: found again where they are known, best on a grid, and fitted without the fold."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss

from mmsa_utils.config import Config
from mmsa_utils.data.images import ImageFacts
from mmsa_utils.data.posts import PROBLEM_COLUMNS, Dataset, Post
from mmsa_utils.evaluation import metrics
from mmsa_utils.evaluation.calibration import (
    LIMIT,
    calibration_facts,
    cross_fitted_temperature,
    fit_temperature,
    refusals,
    with_temperature,
)
from mmsa_utils.evaluation.predictions import CrossValidation


def drawn(count, classes=3, seed=0):
    """Calibrated predictions `(count, classes)` and labels that are drawn from them."""
    rng = np.random.default_rng(seed)
    table = softmax(rng.normal(scale=1.5, size=(count, classes)), axis=1)
    return table, np.array([rng.choice(classes, p=row) for row in table])


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_a_known_temperature_is_found_again(temperature, classes):
    table, labels = drawn(20_000, classes)
    too_sure = softmax(np.log(table) * temperature, axis=1)
    assert fit_temperature(too_sure, labels) == pytest.approx(temperature, rel=0.06)


def test_no_temperature_of_a_fine_grid_has_a_lower_log_loss():
    table, labels = drawn(300)
    table = softmax(2 * np.log(table), axis=1)
    losses = {
        t: log_loss(labels, softmax(np.log(table) / t, axis=1)) for t in np.arange(0.5, 5, 0.01)
    }
    found = fit_temperature(table, labels)
    assert found == pytest.approx(min(losses, key=losses.get), abs=0.01)
    assert log_loss(labels, with_temperature(table, found)) <= min(losses.values()) + 1e-9


def test_a_temperature_divides_logits_and_changes_no_answer():
    table, _ = drawn(50)
    found = with_temperature(table.reshape(5, 10, 3), 1.7)
    assert found.reshape(-1, 3) == pytest.approx(softmax(np.log(table) / 1.7, axis=1))
    assert (found.argmax(-1).ravel() == table.argmax(1)).all()
    assert with_temperature(table, 1) == pytest.approx(table)


def test_predictions_that_are_always_right_or_wrong_have_a_temperature_at_the_limit():
    table, labels = np.eye(3) * 0.1 + 0.3, np.array([0, 1, 2])
    assert fit_temperature(table, labels) == pytest.approx(1 / LIMIT, rel=1e-3)
    assert fit_temperature(table, (labels + 1) % 3) == pytest.approx(LIMIT, rel=1e-3)


def test_a_saved_zero_is_no_infinite_error():
    table = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] * 50)
    labels = np.array([0, 1] * 49 + [0, 2])
    found = fit_temperature(table, labels)
    assert 1 < found < LIMIT
    assert np.isfinite(with_temperature(table, found)).all()


def test_a_folds_temperature_comes_from_the_other_folds():
    table, labels = drawn(600)
    tables, fold = (
        np.stack([table, table**2 / (table**2).sum(1, keepdims=True)]),
        np.arange(600) % 3,
    )
    found = cross_fitted_temperature(tables, labels, np.stack([fold, fold]))
    spoilt = np.where(fold == 1, (labels + 1) % 3, labels)  # of one fold alone
    again = cross_fitted_temperature(tables, spoilt, np.stack([fold, fold]))
    assert (again[:, fold == 1] == found[:, fold == 1]).all()
    assert not np.allclose(again[:, fold != 1], found[:, fold != 1])
    others = fold != 2
    expected = fit_temperature(tables[1, others], labels[others])
    assert found[1, fold == 2] == pytest.approx(with_temperature(tables[1, fold == 2], expected))


def test_refusing_counts_posts_and_the_answers_that_are_left():
    table = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.55, 0.45]])
    rows = refusals(table, np.array([0, 1, 1, 1]), [0.5, 0.7, 0.8, 0.95])
    assert rows == [
        {"least": 0.5, "refused": 0, "accuracy": 0.5},
        {"least": 0.7, "refused": 0.25, "accuracy": 0.6667},
        {"least": 0.8, "refused": 0.5, "accuracy": 0.5},
        {"least": 0.95, "refused": 1, "accuracy": None},
    ]


@pytest.fixture(scope="module")
def validation():
    """Two seeds of 400 posts of two classes; the whole network is too sure, the text is not."""
    table, labels = drawn(400, classes=2)
    posts = tuple(
        Post(str(n), int(label), "a", "utf-8", b"", str(n), ImageFacts())
        for n, label in enumerate(labels)
    )
    sharp = softmax(2 * np.log(table), axis=1)
    excluded = pd.DataFrame(columns=PROBLEM_COLUMNS)
    return CrossValidation(
        dataset=Dataset("made", posts, (), excluded, ("calm", "loud")),
        config=Config(seeds=(0, 1)),
        results=(),
        probabilities=np.stack([sharp, sharp]),
        fold=np.stack([np.arange(400) % 5, np.arange(400) % 4]),
        unlabelled=np.empty((0, 2)),
        settings={},
        grouped=True,
        views={"text": np.stack([table, table])},
    )


def test_the_facts_of_a_run_are_by_situation(validation):
    facts = calibration_facts(validation)
    labels = validation.dataset.labels
    assert [set(part) for part in facts.values()] == [{"both", "text"}] * 3
    both = facts["calibration"]["both"]
    before = metrics.reliability(labels, validation.probabilities[0])["ece"]
    assert facts["temperatures"]["both"] == pytest.approx(
        2 * facts["temperatures"]["text"], rel=1e-3
    )
    assert both["posts"] == 400
    assert both["before"] == pytest.approx(before)
    assert both["after"] < both["before"] / 2
    after = cross_fitted_temperature(validation.probabilities, labels, validation.fold)
    assert both["after"] == pytest.approx(
        np.mean([metrics.reliability(labels, table)["ece"] for table in after])
    )


def test_the_steps_of_a_run_begin_where_an_answer_can_be_refused(validation):
    steps = calibration_facts(validation)["least"]["both"]["steps"]
    assert [steps[0]["least"], steps[1]["least"], steps[-1]["least"]] == [0.5, 0.51, 1.0]
    assert steps[0]["refused"] == 0
    right = (validation.probabilities.argmax(2) == validation.dataset.labels).mean()
    assert steps[0]["accuracy"] == pytest.approx(right, abs=1e-4)
    refused = [step["refused"] for step in steps]
    assert refused == sorted(refused)
