"""Records from before the renaming are understood; today's pass unchanged."""

from mmsa_utils.evaluation.old_words import in_new_words

OLD = {
    "model": "logarithmic opinion pool, weights fitted on inner predictions of each fold",
    "weights": {"linear": 0.5, "vector machine": 0.2},
    "members": {
        "linear": {
            "model": "logistic regression on standardised frozen features",
            "strength": "of (0.1, 1), by log-loss on the inner split of each fold",
        },
        "vector machine": {
            "model": "RBF support vector machine on standardised frozen features",
            "strength": "of (2.0,), by log-loss on the inner split of each fold",
        },
        "kernel ridge": {
            "model": "RBF kernel ridge regression on one-hot classes",
            "strength": "of (1.0,), by log-loss on the inner split of each fold",
        },
        "TF-IDF": {"model": "kernel ridge regression on TF-IDF of words", "strength": 2.0},
    },
    "rule": "factors of the classes, chosen on inner predictions of each fold",
    "factors": {"negative": 1.2},
}
NEW = {
    "model": "logarithmic opinion pool, weights fitted on inner predictions of each fold",
    "weights": {"linear": 0.5, "support vector machine": 0.2},
    "base_learners": {
        "linear": {
            "model": "logistic regression on standardised frozen features",
            "C": "of (0.1, 1), by log-loss on the validation set of each fold",
        },
        "support vector machine": {
            "model": "RBF support vector machine on standardised frozen features",
            "C": "of (2.0,), by log-loss on the validation set of each fold",
        },
        "kernel ridge": {
            "model": "RBF kernel ridge regression on one-hot classes",
            "alpha": "of (1.0,), by log-loss on the validation set of each fold",
        },
        "TF-IDF": {"model": "kernel ridge regression on TF-IDF of words", "alpha": 2.0},
    },
    "prior_correction": "factors of the classes, chosen on inner predictions of each fold",
    "class_factors": {"negative": 1.2},
}


def test_settings_of_an_ensemble() -> None:
    assert in_new_words(OLD) == NEW
    assert list(in_new_words(OLD)) == list(NEW), "the order is kept"


def test_rows_of_an_ablation() -> None:
    rows = [
        {"name": "decision rule", "changes": "+ factors of the classes", "against": None},
        {
            "name": "vector machine",
            "changes": "+ vector machine, blended",
            "against": "decision rule",
        },
        {
            "name": "text blend",
            "changes": "+ text blend, blended",
            "against": "vector machine",
        },
    ]
    assert in_new_words(rows) == [
        {"name": "prior correction", "changes": "+ factors of the classes", "against": None},
        {
            "name": "support vector machine",
            "changes": "+ support vector machine, in the ensemble",
            "against": "prior correction",
        },
        {
            "name": "text ensemble",
            "changes": "+ text ensemble, in the ensemble",
            "against": "support vector machine",
        },
    ]


def test_what_is_not_an_old_word_is_left_alone() -> None:
    record = {"protocol": {"inner_split": "one of 8"}, "config": {"inner_folds": 8, "words": True}}
    assert in_new_words(record) == record
    assert in_new_words(NEW) == NEW
