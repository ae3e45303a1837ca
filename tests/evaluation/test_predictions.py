"""Folds put together: every prediction stands at its post's index."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import numpy as np
import pytest

from mmsa_utils.config import Config
from mmsa_utils.data.posts import Dataset
from mmsa_utils.evaluation import metrics
from mmsa_utils.evaluation.predictions import CrossValidation, FoldResult, assemble


def put_together(
    dataset: Dataset, config: Config, results: Sequence[FoldResult]
) -> CrossValidation:
    return assemble(dataset, config, results, settings={}, grouped=True)


def test_predictions_stand_at_the_indices_of_their_posts(
    make_run: Callable[..., CrossValidation],
) -> None:
    run = make_run()
    assert run.probabilities.shape == (2, 12, 3)
    assert np.isfinite(run.probabilities).all()
    for result in run.results:
        seed = run.config.seeds.index(result.seed)
        for index, probabilities in zip(result.test, result.probabilities, strict=True):
            assert run.probabilities[seed, index].tolist() == probabilities
            assert run.fold[seed, index] == result.fold


def test_tables_follow_the_seeds_of_the_config_whatever_the_order_of_the_results(
    make_run: Callable[..., CrossValidation],
) -> None:
    run = make_run()
    again = put_together(run.dataset, run.config, run.results[::-1])
    assert (again.probabilities == run.probabilities).all()
    turned = put_together(run.dataset, run.config.but(seeds=(5, 0)), run.results)
    assert (turned.probabilities == run.probabilities[::-1]).all()


def test_unlabelled_posts_get_the_mean_over_folds_and_seeds(
    make_run: Callable[..., CrossValidation],
) -> None:
    run = make_run()
    expected = sum(np.array(result.unlabelled) for result in run.results) / len(run.results)
    assert np.allclose(run.unlabelled, expected)


def test_scores_by_hand(dataset: Dataset) -> None:
    """Twelve posts 0, 1, 2, 0, 1, 2 ... in two folds: one all right, one all "negative"."""
    folds = (
        ([5, 4, 3, 2, 1, 0], [2, 1, 0, 2, 1, 0], 0.75),
        ([6, 7, 8, 9, 10, 11], [0, 0, 0, 0, 0, 0], 0.25),
    )
    results = [
        FoldResult(
            seed=0,
            fold=number,
            test=test,
            probabilities=np.eye(3)[predicted].tolist(),
            unlabelled=[],
            validation={"accuracy": accuracy, "macro_f1": accuracy / 2},
            validation_indices=[],
            validation_probabilities=[],
        )
        for number, (test, predicted, accuracy) in enumerate(folds)
    ]
    run = put_together(dataset, Config(folds=2), results)
    assert [score["accuracy"] for score in run.fold_scores] == pytest.approx([1, 1 / 3])
    assert [score["accuracy"] for score in run.scores] == pytest.approx([2 / 3])
    assert run.validation_scores == pytest.approx({"accuracy": 0.5, "macro_f1": 0.25})


def test_runs_on_other_classes_have_a_column_and_a_score_a_class(dataset: Dataset) -> None:
    """Five classes on twelve posts; each class is in both folds but the last, which has no post."""
    five = replace(dataset, classes=tuple("abcde"))
    table = np.random.default_rng(0).dirichlet(np.ones(5), 12)
    view = table[:, ::-1]
    results = [
        FoldResult(
            seed=0,
            fold=fold,
            test=test,
            probabilities=table[test].tolist(),
            unlabelled=[[0.1, 0.2, 0.3, 0.4, 0.0]] * 3,
            validation={},
            validation_indices=[],
            validation_probabilities=[],
            views={"text": view[test].tolist(), "image": table[test].tolist()},
        )
        for fold, test in enumerate(([3, 0, 7, 2, 9, 11], [1, 4, 5, 6, 8, 10]))
    ]
    run = put_together(five, Config(folds=2), results)
    assert run.probabilities.tolist() == [table.tolist()]
    assert run.unlabelled.shape == (3, 5)
    assert {seen: found.tolist() for seen, found in run.views.items()} == {
        "text": [view.tolist()],
        "image": [table.tolist()],
    }
    assert [list(score["per_class"]) for score in run.scores + run.fold_scores] == [[*"abcde"]] * 3


def test_scores_are_those_of_each_seed_and_fold(make_run: Callable[..., CrossValidation]) -> None:
    run, labels = make_run(), make_run().dataset.labels
    assert run.scores == [metrics.summary(labels, table) for table in run.probabilities]
    for result, score in zip(run.results, run.fold_scores, strict=True):
        seed = run.config.seeds.index(result.seed)
        chosen = run.fold[seed] == result.fold
        assert score == metrics.summary(labels[chosen], run.probabilities[seed, chosen])


def test_a_result_outlives_being_saved_as_json(make_run: Callable[..., CrossValidation]) -> None:
    result = make_run().results[0]
    assert FoldResult(**json.loads(json.dumps(asdict(result)))) == result
