"""What the predictions say: which modality carries which post, and runs and steps in tables."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues

from ..config import MODES
from ..data.posts import Dataset
from ..data.text import comparable
from ..io import Record
from .anonymity import in_row_order
from .oof import (
    classes_of,
    predicted_classes,
    probabilities_of,
    require_same_posts,
    seeds_of,
)
from .records import of_track

# ---- which modality carries which post --------------------------------------------------


def _by_case(cases: Mapping[str, np.ndarray], right: np.ndarray, column: str) -> pd.DataFrame:
    """A row a case, from masks `(N,)`: its number of posts and the share that is right."""
    return pd.DataFrame(
        {
            "posts": {name: int(chosen.sum()) for name, chosen in cases.items()},
            column: {
                name: float(right[chosen].mean()) if chosen.any() else 0.0
                for name, chosen in cases.items()
            },
        }
    )


def _three_modes(
    table: pd.DataFrame, runs: Sequence[str], seed: int | None
) -> tuple[np.ndarray, ...]:
    """`(labels, text, image, fused)`, each `(N,)`: true classes, and the runs' predictions."""
    require_same_posts(table, runs)
    labels, _ = probabilities_of(table, runs[0], seed)
    return labels, *(probabilities_of(table, run, seed)[1].argmax(1) for run in runs)


def who_is_right(
    table: pd.DataFrame, seed: int | None = None, *, runs: Sequence[str] = MODES
) -> pd.DataFrame:
    """Posts by which modality alone is right: the columns `posts` and `fused right` (a share).

    Args:
        table: out-of-fold predictions.
        seed: which of the runs' seeds; the lowest by default.
        runs: of the text, of the picture, and of both, such as the three ensembles.

    Raises:
        CourseError: where a run is missing, or they are of different posts.
    """
    labels, text, image, fused = _three_modes(table, runs, seed)
    text_right, image_right = text == labels, image == labels
    cases = {
        "both right": text_right & image_right,
        "only text right": text_right & ~image_right,
        "only image right": ~text_right & image_right,
        "neither right": ~text_right & ~image_right,
    }
    return _by_case(cases, fused == labels, "fused right")


def overruling(
    table: pd.DataFrame, seed: int | None = None, *, runs: Sequence[str] = MODES
) -> pd.DataFrame:
    """Posts on which text and picture say different things: whom does the fused model follow?

    Args:
        table: out-of-fold predictions.
        seed: which of the runs' seeds; the lowest by default.
        runs: of the text, of the picture, and of both, such as the three ensembles.

    Returns:
        A table indexed by `text`, `image`, `neither`, with the columns `posts` and `right`
        (share of these posts on which the fused model is right).

    Raises:
        CourseError: where a run is missing, or they are of different posts.
    """
    labels, text, image, fused = _three_modes(table, runs, seed)
    follows = {"text": fused == text, "image": fused == image}
    follows["neither"] = ~(follows["text"] | follows["image"])
    cases = {name: (text != image) & chosen for name, chosen in follows.items()}
    return _by_case(cases, fused == labels, "right")


def label_noise(table: pd.DataFrame, run: str) -> Record:
    """Posts whose tag confident learning doubts, from a run's out-of-fold predictions.

    Northcutt, Jiang and Chuang, "Confident Learning", JAIR 70, 2021; probabilities are the
    mean over seeds.

    Returns:
        `{"posts", "classes": {label: posts}, "share_of_errors"}`: how many tags are doubted, by
        tag, and their share of the posts that the run gets wrong.

    Raises:
        CourseError: where the table lacks the run.
    """
    labels, _ = probabilities_of(table, run)
    tables = [probabilities_of(table, run, seed)[1] for seed in seeds_of(table, run)]
    mean = np.mean(tables, axis=0)
    doubted = find_label_issues(labels, mean, n_jobs=1)  # see DownweightedClassifier
    wrong = mean.argmax(1) != labels
    return {
        "posts": int(doubted.sum()),
        "classes": {
            name: int(doubted[labels == number].sum())
            for number, name in enumerate(classes_of(table))
        },
        "share_of_errors": float(doubted[wrong].mean()) if wrong.any() else 0.0,
    }


def words_by_correctness(
    table: pd.DataFrame, words: np.ndarray, rows: np.ndarray, *, run: str, enough: int = 6
) -> Record:
    """Accuracy of a run on posts whose picture holds no, a few, or many words.

    Args:
        table: out-of-fold predictions.
        words: `(N,)` the number of words in each post's picture, in the dataset's order.
        rows: `(N,)` the posts' numbers in the table, see `oof.table_rows`.
        run: which one; the accuracy is the mean over its seeds.
        enough: so many words are many.

    Returns:
        `{"none" | "a few" | "many": {"posts", "accuracy"}}`, without the empty ones.

    Raises:
        CourseError: where the table lacks the run.
    """
    counts = in_row_order(words, rows)
    labels, _ = probabilities_of(table, run)
    right = (predicted_classes(table, run) == labels).mean(0)
    cases = {
        "none": counts == 0,
        "a few": (counts > 0) & (counts < enough),
        "many": counts >= enough,
    }
    return {
        name: {"posts": int(chosen.sum()), "accuracy": float(right[chosen].mean())}
        for name, chosen in cases.items()
        if chosen.any()
    }


# ---- tables for reading -----------------------------------------------------------------


def spread(record: Record, name: str) -> str:
    """A figure as text: out of fold, mean over seeds, ± deviation over folds and seeds."""
    deviation = np.std([fold[name] for fold in record["folds"]], ddof=1)
    return f"{record['oof'][name]:.3f} ± {deviation:.3f}"


def score_table(records: Sequence[Record]) -> pd.DataFrame:
    """Runs side by side: mean and deviation over folds, and recalls out of fold, as texts.

    The columns are those of the runs' classes.
    """
    rows = {}
    for record in records:
        per_class = record["oof"]["per_class"]
        rows[record["run"]] = {
            "accuracy": spread(record, "accuracy"),
            "macro-F1": spread(record, "macro_f1"),
            **{f"recall {label}": f"{s['recall']:.3f}" for label, s in per_class.items()},
        }
    return pd.DataFrame(rows).T


def kept_steps(rows: Sequence[Record], mode: str) -> list[Record]:
    """The ablation's rows on the way to a mode's reported run, each building on the last."""
    features, ensemble = (of_track(rows, mode, step) for step in ("features", "ensemble"))
    return [row for row in features + ensemble[1:] if row["kept"]]  # ensemble[0] is features[-1]


def ablation_table(rows: Sequence[Record]) -> pd.DataFrame:
    """Rows of the ablation as a table of texts, indexed by the row's name.

    A gain is of the sum of accuracy and macro-F1 on validation predictions, ± its standard error.
    """
    return pd.DataFrame(
        {
            "": row["name"],
            "stage": row["step"],
            "against": row["against"] or "-",
            "validation accuracy": f"{row['validation']['accuracy']:.3f}",
            "validation macro-F1": f"{row['validation']['macro_f1']:.3f}",
            "gain": "-" if row["gain"] is None else f"{row['gain']:+.3f} ± {row['error']:.3f}",
            "accuracy": f"{row['oof']['accuracy']:.3f}",
            "macro-F1": f"{row['oof']['macro_f1']:.3f}",
            "kept": "yes" if row["kept"] else "no",
        }
        for row in rows
    ).set_index("")


# ---- the posts --------------------------------------------------------------------------


def data_facts(dataset: Dataset, groups: np.ndarray) -> Record:
    """Counts of a dataset for the report: no post is shown.

    Args:
        groups: `(N,)`, labelled posts with the same number are copies, see
            `mmsa_utils.data.find_groups`.

    Returns:
        `{"labelled", "unlabelled", "classes", "encodings", "groups", "equal_posts",
        "words_mean"}`; the mean is of words a post, labelled or not.
    """
    encodings = pd.Series([post.encoding for post in dataset.posts]).value_counts()
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    return {
        "labelled": len(dataset.labelled),
        "unlabelled": len(dataset.unlabelled),
        "classes": dict(zip(dataset.classes, counts.tolist(), strict=True)),
        "encodings": {name: int(count) for name, count in encodings.items()},
        "groups": _group_facts(dataset.labels, groups),
        "equal_posts": _equal_posts(dataset),
        "words_mean": float(np.mean([len(post.text.split()) for post in dataset.posts])),
    }


def _group_facts(labels: np.ndarray, groups: np.ndarray) -> Record:
    sizes = np.bincount(groups)
    different = pd.Series(labels).groupby(groups).nunique() > 1
    return {
        "of_copies": int((sizes > 1).sum()),
        "posts_in_them": int(sizes[sizes > 1].sum()),
        "largest": int(sizes.max()),
        "with_different_tags": int(different.sum()),
    }


def _equal_posts(dataset: Dataset) -> Record:
    """Posts equal in text *and* picture to another: where they differ, a tag must be wrong."""
    # A text that is a link alone, or a blank picture, equals the very same one and no other.
    keys = [
        (comparable(post.text) or post.text_key, post.facts.phash or post.image_key)
        for post in dataset.labelled
    ]
    table = pd.DataFrame({"key": keys, "label": dataset.labels})
    groups = [labels for _, labels in table.groupby("key")["label"] if len(labels) > 1]
    return {
        "posts": sum(len(labels) for labels in groups),
        "outvoted": int(sum(len(labels) - labels.value_counts().max() for labels in groups)),
    }
