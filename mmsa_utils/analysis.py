"""What the predictions say: comparisons of runs, and which modality carries which post."""

from itertools import combinations

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from . import metrics
from .config import LABELS
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
    fused_right = fused.argmax(1) == labels
    return pd.DataFrame(
        {
            "posts": {name: int(chosen.sum()) for name, chosen in cases.items()},
            "fused right": {
                name: float(fused_right[chosen].mean()) if chosen.any() else 0.0
                for name, chosen in cases.items()
            },
        }
    )


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
        "words_mean": float(np.mean([len(post.text.split()) for post in posts])),
    }
