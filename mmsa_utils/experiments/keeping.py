"""The rule by which a step of the ablation is kept: more than one standard error, or not at all.

It looks at validation predictions alone; the scored folds decide nothing.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from ..evaluation.comparison import corrected_error
from ..evaluation.predictions import CHOICE_SCORES, CrossValidation
from ..evaluation.records import of_track
from ..io import Record
from ..training.learners import Nested

DIGITS = 6  # of what a row says of a fold


class Verdict(NamedTuple):
    """How a row compares with another one."""

    gain: float  # of the sum of accuracy and macro-F1, mean over seeds and folds
    error: float  # its standard error
    passes: bool  # whether the gain is more than noise


def total(scores: Mapping[str, float]) -> float:
    """What choices go by."""
    return sum(scores[name] for name in CHOICE_SCORES)


def _inner_share(run: CrossValidation) -> float:
    """n_test / n_train of the inner split that a run's validation predictions come from.

    A nested learner predicts each training post by a model that has learnt from the other
    parts; a network its validation set, by a model that has learnt from the rest.
    """
    first = run.results[0]
    inside = len(run.dataset.labelled) - len(first.test)
    held = len(first.validation_indices)
    parts = Nested.PARTS if held == inside else run.config.inner_folds
    return 1 / (parts - 1)


def fold_scores(run: CrossValidation) -> Record:
    """What a row says of a run's validation predictions, fold by fold.

    Returns:
        `{"validation_folds": {"accuracy", "macro_f1"}, "test_share": n_test / n_train}`: of each
        score a list a seed, of a number a fold; the share is that of the inner split.
    """
    folds = {
        name: [
            [round(r.validation[name], DIGITS) for r in run.results if r.seed == seed]
            for seed in run.config.seeds
        ]
        for name in CHOICE_SCORES
    }
    return {"validation_folds": folds, "test_share": round(_inner_share(run), DIGITS)}


def _totals(row: Record, seeds: Sequence[int]) -> np.ndarray:
    """`(S, folds)`: the sum of the scores, of the seeds asked for."""
    tables = [np.array(row["validation_folds"][name]) for name in CHOICE_SCORES]
    return np.sum(tables, axis=0)[[row["seeds"].index(seed) for seed in seeds]]


def errors_needed(scores: int, candidates: int) -> float:
    """How many standard errors a gain has to be, for one step of so many candidates to be kept.

    A single one needs one. Of several that are compared with the same row, the best is partly
    luck: each needs so much that the chance of keeping any without cause is no larger than that
    of a single one (Bonferroni, one-sided, t distribution).

    Args:
        scores: how many differences the gain is the mean of.
        candidates: how many are compared with the same row.
    """
    law = stats.t(scores - 1)
    return float(law.isf(law.sf(1) / candidates))


def verdict(row: Record, base: Record) -> Verdict:
    """What the row's validation scores say beside those of the row it is compared with.

    Differences are paired by seed and fold, over the seeds that both have. The standard error
    of their mean is Nadeau and Bengio's, see `comparison.corrected_error`, with n_test / n_train
    of the inner split. Beside a bootstrap over posts plus what differs from fold to fold it is
    about right for learners that are trained anew. Where nothing is (a prior correction) it is
    too small: then folds differ less than posts do, and a gain should be many errors large.

    Args:
        row: with `seeds`, `validation_folds` and `test_share`, see `fold_scores`, and `of`: how
            many candidates are corrected for.
        base: the row it is compared with.
    """
    seeds = [seed for seed in row["seeds"] if seed in base["seeds"]]
    differences = (_totals(row, seeds) - _totals(base, seeds)).ravel()
    gain = float(differences.mean())
    error = corrected_error(differences, test_share=row["test_share"])
    needed = errors_needed(len(differences), row["of"]) * error
    return Verdict(round(gain, DIGITS), round(error, DIGITS), 0 < gain >= needed)


def is_kept(row: Record, rows: Sequence[Record]) -> bool:
    """Whether a row's gain is more than noise, and no other one's on the same row is larger.

    A row that is compared with nothing is where a track starts: it is kept.

    Args:
        row: one of the rows.
        rows: all of the ablation; those of the row's own track (`mode` and `step`) count.
    """
    if row["against"] is None:
        return True
    track = of_track(rows, row["mode"], row["step"])
    base = next(r for r in track if r["name"] == row["against"])
    rivals = [r for r in track if r["against"] == row["against"]]
    passing = [r for r in rivals if verdict(r, base).passes]
    return bool(passing) and max(passing, key=lambda r: verdict(r, base).gain) is row
