"""What the predictions say: comparisons of runs, and which modality carries which post."""

from itertools import combinations

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from tqdm.auto import tqdm

from ..config import LABELS
from ..data.text import comparable
from . import metrics
from .records import probabilities_of


def _seeds(table, run):
    return sorted(table.loc[table["run"] == run, "seed"].unique())


def _predicted(table, run):
    """Predicted classes of a run, `(S, N)`: a row a seed, posts ordered by their number."""
    tables = [probabilities_of(table, run, seed)[1] for seed in _seeds(table, run)]
    return np.stack([probabilities.argmax(1) for probabilities in tables])


def _fold_accuracy(table, run):
    """Accuracy by seed and fold, as a Series."""
    chosen = table[table["run"] == run]
    right = chosen[list(LABELS)].to_numpy().argmax(1) == chosen["label"].map(LABELS.index)
    return right.groupby([chosen["seed"], chosen["fold"]]).mean()


def compare(table, first, second, *, inner_folds):
    """How `first` differs from `second` on the same posts and folds.

    Args:
        table: out-of-fold predictions.
        inner_folds: one of so many parts of the training posts was kept from training.

    Returns a dictionary: `gain_accuracy` and `gain_macro_f1` (of the out-of-fold figures,
    mean over seeds), `macro_f1_interval` (95 %, bootstrap over posts), `t_test_p`
    (corrected resampled t-test on accuracy, all folds of all seeds) and `mcnemar_p` (the
    largest over seeds).
    """
    labels, _ = probabilities_of(table, first)
    a, b = _predicted(table, first), _predicted(table, second)
    folds = table["fold"].nunique()
    trained_on = (folds - 1) * (1 - 1 / inner_folds)  # in units of a fold
    gains = _fold_accuracy(table, first) - _fold_accuracy(table, second)
    return {
        "first": first,
        "second": second,
        "gain_accuracy": float((a == labels).mean() - (b == labels).mean()),
        "gain_macro_f1": float(
            np.mean([metrics.macro_f1(labels, p) for p in a])
            - np.mean([metrics.macro_f1(labels, p) for p in b])
        ),
        "macro_f1_interval": list(metrics.bootstrap_gain(labels, a, b)),
        "t_test_p": metrics.corrected_t_test(gains, test_share=1 / trained_on)[1],
        "mcnemar_p": max(metrics.mcnemar_p(labels, p, q) for p, q in zip(a, b, strict=True)),
    }


def compare_all(table, runs, *, inner_folds=8):
    """Every pair of runs compared; both p-values are also given Holm-adjusted over the pairs."""
    pairs = tqdm(list(combinations(runs, 2)), "comparing runs", leave=False)
    rows = [compare(table, first, second, inner_folds=inner_folds) for first, second in pairs]
    for name in ("t_test_p", "mcnemar_p"):
        for row, adjusted in zip(rows, metrics.holm([r[name] for r in rows]), strict=True):
            row[f"{name}_holm"] = adjusted
    return rows


def comparison_table(rows):
    """`compare_all` rows as a table for reading."""
    return pd.DataFrame(
        {
            "comparison": f"{row['first']} - {row['second']}",
            "accuracy": f"{row['gain_accuracy']:+.3f}",
            "macro-F1": f"{row['gain_macro_f1']:+.3f}",
            "macro-F1, 95 %": "{:+.3f} to {:+.3f}".format(*row["macro_f1_interval"]),
            "p t-test (Holm)": f"{row['t_test_p_holm']:.2g}",
            "p McNemar (Holm)": f"{row['mcnemar_p_holm']:.2g}",
        }
        for row in rows
    ).set_index("comparison")


def _by_case(cases, right, column):
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


def who_is_right(table, seed=None):
    """Posts by which modality alone is right: DataFrame with `posts` and `fused right`."""
    labels, fused = probabilities_of(table, "fused", seed)
    right = {
        run: probabilities_of(table, run, seed)[1].argmax(1) == labels for run in ("text", "image")
    }
    cases = {
        "both right": right["text"] & right["image"],
        "only text right": right["text"] & ~right["image"],
        "only image right": ~right["text"] & right["image"],
        "neither right": ~right["text"] & ~right["image"],
    }
    return _by_case(cases, fused.argmax(1) == labels, "fused right")


def overruling(table, seed=None):
    """Posts on which text and picture say different things: whom does the fused model follow?

    Returns a DataFrame indexed by `text`, `picture`, `neither`, with the columns `posts`
    and `right` (share of these posts on which the fused model is right).
    """
    labels, fused = probabilities_of(table, "fused", seed)
    says = {run: probabilities_of(table, run, seed)[1].argmax(1) for run in ("text", "image")}
    fused, differ = fused.argmax(1), says["text"] != says["image"]
    follows = {"text": fused == says["text"], "picture": fused == says["image"]}
    follows["neither"] = ~(follows["text"] | follows["picture"])
    cases = {name: differ & chosen for name, chosen in follows.items()}
    return _by_case(cases, fused == labels, "right")


def label_noise(table, run):
    """Posts whose tag confident learning doubts, from a run's out-of-fold predictions.

    Northcutt, Jiang and Chuang, "Confident Learning", JAIR 70, 2021; probabilities are the
    mean over seeds.
    """
    tables = [probabilities_of(table, run, seed) for seed in _seeds(table, run)]
    labels, mean = tables[0][0], np.mean([probabilities for _, probabilities in tables], axis=0)
    doubted, wrong = find_label_issues(labels, mean), mean.argmax(1) != labels
    return {
        "posts": int(doubted.sum()),
        "classes": {
            name: int(doubted[labels == number].sum()) for number, name in enumerate(LABELS)
        },
        "share_of_errors": float(doubted[wrong].mean()),
    }


def words_by_correctness(table, words, rows, *, run, enough=6):
    """Accuracy of a run on posts whose picture holds no, a few, or many words.

    Args:
        words: `(N,)` the number of words in each post's picture.
        rows: `(N,)` the posts' anonymous numbers.
    """
    counts = np.empty(len(words), dtype=int)
    counts[rows] = words
    labels, _ = probabilities_of(table, run)
    right = (_predicted(table, run) == labels).mean(0)
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


def spread(record, name):
    """A figure as text: out of fold, mean over seeds, ± deviation over folds and seeds."""
    deviation = np.std([fold[name] for fold in record["folds"]], ddof=1)
    return f"{record['oof'][name]:.3f} ± {deviation:.3f}"


def score_table(records):
    """Runs side by side: mean and deviation over folds, and the figures out of fold."""
    rows = {}
    for record in records:
        per_class = record["oof"]["per_class"]
        rows[record["run"]] = {
            "accuracy": spread(record, "accuracy"),
            "macro-F1": spread(record, "macro_f1"),
            **{f"recall {label}": f"{per_class[label]['recall']:.3f}" for label in LABELS},
        }
    return pd.DataFrame(rows).T


def kept_steps(rows, mode):
    """The ablation's rows on the way to a mode's reported run, each building on the last."""
    features = [row for row in rows if (row["mode"], row["step"]) == (mode, "features")]
    ensemble = [row for row in rows if (row["mode"], row["step"]) == (mode, "ensemble")]
    return [row for row in features + ensemble[1:] if row["kept"]]  # ensemble[0] is features[-1]


def ablation_table(rows):
    """Rows of the ablation as a table for reading."""
    return pd.DataFrame(
        {
            "": row["name"],
            "against": row["against"] or "-",
            "inner accuracy": f"{row['inner']['accuracy']:.3f}",
            "inner macro-F1": f"{row['inner']['macro_f1']:.3f}",
            "accuracy": f"{row['oof']['accuracy']:.3f}",
            "macro-F1": f"{row['oof']['macro_f1']:.3f}",
            "kept": "yes" if row["kept"] else "no",
        }
        for row in rows
    ).set_index("")


def data_facts(dataset, groups):
    """Counts of a dataset for the report: no post is shown."""
    posts = dataset.labelled + dataset.unlabelled
    sizes = np.bincount(groups)
    labels = pd.Series(dataset.labels).groupby(groups)
    encodings = pd.Series([post.encoding for post in posts]).value_counts()
    return {
        "labelled": len(dataset.labelled),
        "unlabelled": len(dataset.unlabelled),
        "classes": dict(zip(LABELS, np.bincount(dataset.labels).tolist(), strict=True)),
        "encodings": {name: int(count) for name, count in encodings.items()},
        "groups": {
            "of_copies": int((sizes > 1).sum()),
            "posts_in_them": int(sizes[sizes > 1].sum()),
            "largest": int(sizes.max()),
            "with_different_tags": int((labels.nunique() > 1).sum()),
        },
        "equal_posts": _equal_posts(dataset),
        "words_mean": float(np.mean([len(post.text.split()) for post in posts])),
    }


def _equal_posts(dataset):
    """Posts equal in text *and* picture to another: where they differ, a tag must be wrong."""
    keys = [(comparable(post.text), post.facts.phash) for post in dataset.labelled]
    table = pd.DataFrame({"key": keys, "label": dataset.labels})
    groups = [labels for _, labels in table.groupby("key")["label"] if len(labels) > 1]
    return {
        "posts": sum(len(labels) for labels in groups),
        "outvoted": int(sum(len(labels) - labels.value_counts().max() for labels in groups)),
    }
