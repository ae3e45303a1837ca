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


def _fold_scores(table, run):
    """`{(seed, fold): (accuracy, macro-F1)}` of a run."""
    scores = {}
    for place, part in table[table["run"] == run].groupby(["seed", "fold"]):
        labels = part["label"].map(LABELS.index).to_numpy()
        predicted = part[list(LABELS)].to_numpy().argmax(1)
        scores[place] = ((predicted == labels).mean(), metrics.macro_f1(labels, predicted))
    return scores


def compare(table, first, second):
    """How `first` differs from `second` on the same folds.

    Returns a dictionary: `gain_accuracy` and `gain_macro_f1` (means over folds and seeds),
    `t_test_p` (corrected resampled t-test on accuracy), `mcnemar_p` (the largest over
    seeds) and `macro_f1_interval` (95 % paired bootstrap, first seed).
    """
    a, b = _fold_scores(table, first), _fold_scores(table, second)
    gains = np.array([np.subtract(a[place], b[place]) for place in sorted(a)])
    folds = len({fold for _, fold in a})
    _, t_test_p = metrics.corrected_t_test(gains[:, 0], test_share=1 / (folds - 1))
    mcnemar = []
    for seed in _seeds(table, first):
        labels, p = probabilities_of(table, first, seed)
        mcnemar.append(metrics.mcnemar_p(labels, p, probabilities_of(table, second, seed)[1]))
    labels, p = probabilities_of(table, first)
    interval = metrics.bootstrap_gain(labels, p, probabilities_of(table, second)[1])
    return {
        "first": first,
        "second": second,
        "gain_accuracy": float(gains[:, 0].mean()),
        "gain_macro_f1": float(gains[:, 1].mean()),
        "t_test_p": t_test_p,
        "mcnemar_p": max(mcnemar),
        "macro_f1_interval": list(interval),
    }


def compare_all(table, runs):
    """Every pair of runs compared; both p-values are also given Holm-adjusted over the pairs."""
    pairs = tqdm(list(combinations(runs, 2)), "comparing runs", leave=False)
    rows = [compare(table, first, second) for first, second in pairs]
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


def score_table(records):
    """Runs side by side: mean and deviation over folds, and the figures out of fold."""
    rows = {}
    for record in records:
        spread = {
            name: np.std([fold[name] for fold in record["folds"]], ddof=1)
            for name in ("accuracy", "macro_f1")
        }
        oof = record["oof"]
        rows[record["run"]] = {
            "accuracy": f"{oof['accuracy']:.3f} ± {spread['accuracy']:.3f}",
            "macro-F1": f"{oof['macro_f1']:.3f} ± {spread['macro_f1']:.3f}",
            **{f"recall {label}": f"{oof['per_class'][label]['recall']:.3f}" for label in LABELS},
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
        "width_median": float(np.median([post.facts.width for post in posts])),
        "height_median": float(np.median([post.facts.height for post in posts])),
    }
