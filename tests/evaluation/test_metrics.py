"""Metrics against independent references."""

import numpy as np
import pytest
from sklearn.metrics import classification_report, confusion_matrix, f1_score

from mmsa_utils.config import LABELS
from mmsa_utils.evaluation import metrics

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, 200)
P = RNG.dirichlet(np.ones(3), 200)


def test_summary_is_scikit_learns_report() -> None:
    expected = classification_report(Y, P.argmax(1), target_names=LABELS, output_dict=True)
    found = metrics.summary(Y, P)
    assert found["accuracy"] == pytest.approx(expected["accuracy"])
    assert found["macro_f1"] == pytest.approx(expected["macro avg"]["f1-score"])
    assert found["weighted_f1"] == pytest.approx(expected["weighted avg"]["f1-score"])
    for label in LABELS:
        ours, theirs = found["per_class"][label], expected[label]
        assert ours["precision"] == pytest.approx(theirs["precision"])
        assert ours["recall"] == pytest.approx(theirs["recall"])
        assert ours["f1"] == pytest.approx(theirs["f1-score"])


@pytest.mark.parametrize("classes", [("kind", "hateful"), tuple("abcde")])
def test_any_number_of_classes_is_scored_as_by_scikit_learn(classes: tuple[str, ...]) -> None:
    count = len(classes)
    labels, table = RNG.integers(0, count, 90), RNG.dirichlet(np.ones(count), 90)
    table[:, -1] = 0  # the last class is never predicted
    predicted = table.argmax(1)
    expected = classification_report(
        labels, predicted, target_names=classes, output_dict=True, zero_division=0
    )
    found = metrics.summary(labels, table, classes=classes)
    assert list(found["per_class"]) == list(classes)
    for name in classes:
        assert found["per_class"][name]["f1"] == pytest.approx(expected[name]["f1-score"])
    assert found["macro_f1"] == pytest.approx(expected["macro avg"]["f1-score"])
    assert found["weighted_f1"] == pytest.approx(expected["weighted avg"]["f1-score"])
    by_counting = metrics.macro_f1(labels, predicted, classes=classes)
    assert by_counting == pytest.approx(found["macro_f1"])
    counts = metrics.confusion(labels, table)
    assert counts.tolist() == confusion_matrix(labels, predicted).tolist()


def test_macro_f1_by_counting_is_scikit_learns() -> None:
    predicted = P.argmax(1)
    assert metrics.macro_f1(Y, predicted) == pytest.approx(f1_score(Y, predicted, average="macro"))
    never = np.where(predicted == 1, 2, predicted)
    assert metrics.macro_f1(Y, never) == pytest.approx(f1_score(Y, never, average="macro"))


def test_a_class_that_is_never_predicted_counts_as_zero() -> None:
    only_positive = np.tile([0, 0, 1.0], (200, 1))
    assert metrics.summary(Y, only_positive)["per_class"]["neutral"]["f1"] == 0


def test_confusion_has_the_true_class_by_row() -> None:
    negative, positive = [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]
    counts = metrics.confusion([0, 0, 1], [negative, positive, positive])
    assert counts.tolist() == [[1, 0, 1], [0, 0, 1], [0, 0, 0]]


def test_calibration_error_is_the_mean_distance_of_confidence_and_accuracy() -> None:
    labels = np.array([0, 0, 0, 0, 2])
    sure = np.tile([0.75, 0.15, 0.10], (4, 1))
    sure[0] = [0.15, 0.75, 0.10]  # one of four wrong: 0.75 is just right
    table = np.vstack([sure, [[0.05, 0.05, 0.90]]])
    result = metrics.reliability(labels, table)
    assert result["ece"] == pytest.approx(0.1 / 5)
    assert [row["posts"] for row in result["bins"]] == [4, 1]
