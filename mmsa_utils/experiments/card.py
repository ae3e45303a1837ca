"""The figures of the model card: how good a configuration is, on which posts, and how sure.

All of them come from the out-of-fold predictions of one cross-validation of a fused network, and
all are counts and means: no post is shown, and neither is what holds of fewer than `FEWEST` posts.
(Mitchell et al., "Model Cards for Model Reporting", FAT* 2019: figures by group, not only one.)
"""

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.metrics import f1_score

from ..data.text import clean
from ..evaluation.calibration import calibration_facts
from ..evaluation.metrics import macro_f1
from ..evaluation.predictions import CrossValidation
from ..evaluation.records import make_record
from ..io import Record

FEWEST = 10  # posts that a figure is shown of
TEXT_LENGTHS = {"none": (0, 0), "1 to 7": (1, 7), "8 to 15": (8, 15), "16 or more": (16, None)}
WORDS_IN_PICTURE = {"none": (0, 0), "1 to 5": (1, 5), "6 or more": (6, None)}
_Steps = Mapping[str, tuple[int, int | None]]
_FROM_RECORD = ("protocol", "config", "dataset", "oof", "environment", "seconds")


def card_facts(
    validation: CrossValidation, *, groups: np.ndarray, words: Sequence[int] | None = None
) -> Record:
    """Everything that the model card says of a network's predictions.

    Args:
        validation: of the network; with `views`, where it looks at two modalities.
        groups: `(N,)`, labelled posts with the same number are copies.
        words: `(N,)` the number of words in each labelled post's picture; None where they have
            not been read.

    Returns:
        What `records.make_record` says of the run (`folds` without histories), and beside it:
        `classes` (posts by class), `groups` (how many there are), `always` (accuracy of saying
        the most frequent class of every post), `scores` (`scores_of` the whole network, and of
        each of its views), `by_text_length`, `by_words_in_picture` (both `by_step`; the latter
        None without `words`), `by_modality` (`by_modality`; None without views) and
        `calibration` (`evaluation.calibration.calibration_facts`).
    """
    record, dataset = make_record("card", validation), validation.dataset
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    lengths = [len(clean(post.text).split()) for post in dataset.labelled]
    tables = {"both": validation.probabilities, **validation.views}
    return {
        **{name: record[name] for name in _FROM_RECORD},
        "folds": [_without_history(fold) for fold in record["folds"]],
        "classes": dict(zip(dataset.classes, counts.tolist(), strict=True)),
        "groups": len(np.unique(groups)),
        "always": float(counts.max() / counts.sum()),
        "scores": {name: scores_of(validation, table) for name, table in tables.items()},
        "by_text_length": by_step(validation, lengths, TEXT_LENGTHS),
        "by_words_in_picture": None
        if words is None
        else by_step(validation, words, WORDS_IN_PICTURE),
        "by_modality": by_modality(validation) if validation.views else None,
        "calibration": calibration_facts(validation),
    }


def _without_history(fold: Record) -> Record:
    return {name: fold[name] for name in ("fold", "seed", "accuracy", "macro_f1", "best_epoch")}


# ---- scores -----------------------------------------------------------------------------


def scores_of(validation: CrossValidation, tables: np.ndarray) -> Record:
    """Accuracy and macro-F1 of out-of-fold predictions, as everywhere in the course.

    Args:
        validation: says the labels and the folds.
        tables: `(S, N, K)` probabilities: the run's own, or those of one of its views.

    Returns:
        `{"accuracy" | "macro_f1": {"mean", "deviation"}}`: the mean over seeds of the figure of
        all posts, and the deviation over the folds of all seeds.
    """
    labels, predicted = validation.dataset.labels, tables.argmax(2)
    classes = validation.dataset.classes
    whole = [_scores(labels, row, classes) for row in predicted]
    parts = [
        _scores(labels[test], row[test], classes)
        for row, fold in zip(predicted, validation.fold, strict=True)
        for test in (fold == number for number in np.unique(fold))
    ]
    return {
        name: {
            "mean": float(np.mean([score[name] for score in whole])),
            "deviation": float(np.std([score[name] for score in parts], ddof=1)),
        }
        for name in ("accuracy", "macro_f1")
    }


def _scores(labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> Record:
    """Accuracy and macro-F1 of true and predicted classes, both `(n,)`."""
    return {
        "accuracy": float((labels == predicted).mean()),
        "macro_f1": macro_f1(labels, predicted, classes=classes),
    }


# ---- by group of posts ------------------------------------------------------------------


def by_step(validation: CrossValidation, counts: Sequence[int], steps: _Steps) -> Record:
    """Figures of posts by a number that each of them has, such as that of its words.

    Args:
        counts: `(N,)`, a number a labelled post.
        steps: the least and the largest number of each step, by its name; None is without end.

    Returns:
        `{step: {"posts", "accuracy", "macro_f1", ...}}`, means over seeds, and the accuracy of
        each view by its name; steps of fewer than `FEWEST` posts are left out.
    """
    numbers = np.asarray(counts)
    masks = {
        name: (numbers >= least) & (numbers <= (numbers.max() if most is None else most))
        for name, (least, most) in steps.items()
    }
    return {name: _of_some(validation, m) for name, m in masks.items() if m.sum() >= FEWEST}


def _of_some(validation: CrossValidation, chosen: np.ndarray) -> Record:
    """Figures of some posts, `(N,)` bool: means over seeds; that of F1 is over classes that occur.

    All posts of a step may be of one class: then the others say nothing of the network.
    """
    labels = validation.dataset.labels[chosen]
    answers = validation.probabilities.argmax(2)[:, chosen]
    views = {name: table.argmax(2)[:, chosen] for name, table in validation.views.items()}
    f1 = [f1_score(labels, row, average="macro", zero_division=0) for row in answers]
    return {
        "posts": int(chosen.sum()),
        "accuracy": float(np.mean([float((labels == row).mean()) for row in answers])),
        "macro_f1": float(np.mean(f1)),
        **{name: float((predicted == labels).mean()) for name, predicted in views.items()},
    }


def by_modality(validation: CrossValidation) -> Record:
    """Which modality carries the answer: posts by which view of the network is right alone.

    Args:
        validation: with the views `text` and `image`.

    Returns:
        `{case: {"posts", "accuracy"}}` for `both`, `text` (only the text's view is right),
        `image` and `none`: posts are the mean over seeds, rounded; the accuracy is that of the
        whole network on them. Cases of fewer than `FEWEST` posts are left out.
    """
    labels, seeds = validation.dataset.labels, len(validation.probabilities)
    text, image = (validation.views[name].argmax(2) == labels for name in ("text", "image"))
    right = validation.probabilities.argmax(2) == labels
    cases = {
        "both": text & image,
        "text": text & ~image,
        "image": ~text & image,
        "none": ~text & ~image,
    }
    return {
        name: {"posts": round(chosen.sum() / seeds), "accuracy": float(right[chosen].mean())}
        for name, chosen in cases.items()
        if chosen.sum() >= FEWEST * seeds
    }
