"""How much of fusion's gain is interaction: the fused network beside its additive projection.

The projection (EMAP; Hessel and Lee, "Does my multimodal model learn cross-modal interactions?
It's harder to tell than you might think!", EMNLP 2020) is the sum of a function of the text and
one of the picture that comes nearest to a network. What it cannot say needs both at once. A gain
over a single modality that the projection keeps is that of adding two opinions.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..evaluation.anonymity import anonymous_rows, in_row_order
from ..evaluation.comparison import compare_all
from ..evaluation.oof import oof_table
from ..evaluation.predictions import CrossValidation
from ..evaluation.records import make_record
from ..io import Record
from ..training.cross_validation import choose
from .card import scores_of

MEASURES = ("accuracy", "macro_f1")
_UNSAVED = b"rows of a table that is never saved"  # in the place of a salt: nobody sees them


def interaction_facts(
    fused: CrossValidation,
    projection: CrossValidation,
    single: Mapping[str, CrossValidation],
    *,
    groups: np.ndarray,
) -> Record:
    """The fused network, its additive projection and networks of one modality, compared.

    Args:
        fused, projection: the network's run and its projection's, on the same folds.
        single: by name, networks that see one modality and were trained on it, same folds.
        groups: `(N,)`, labelled posts with the same number are copies.

    Returns:
        `protocol`, `dataset`, `environment` as in the fused run's record; `scores` by run
        (`card.scores_of`), the fused network's views among them; `better`: the single network
        that the validation predictions prefer; `comparisons` of the three
        (`evaluation.comparison.compare_all`); `changed`: the share of posts on which the
        projection answers otherwise, mean over seeds; `gain` (fused over `better`) and
        `interaction` (fused over its projection), each with `within_noise`; `share`: interaction
        by gain, None where there is no gain.

    Raises:
        CourseError: where the runs are of different posts, seeds or folds.
    """
    record = make_record("fused", fused)
    better = next(name for name, run in single.items() if run is choose(single.values()))
    runs = {"fused": fused, "additive projection": projection, better: single[better]}
    tables = {
        **{name: run.probabilities for name, run in (runs | dict(single)).items()},
        **{f"{name} view": table for name, table in fused.views.items()},
    }
    comparisons = _compare(runs, groups)
    interaction, gain, _ = (_difference(row) for row in comparisons)
    return {
        **{name: record[name] for name in ("protocol", "dataset", "environment")},
        "scores": {name: scores_of(fused, table) for name, table in tables.items()},
        "better": better,
        "comparisons": comparisons,
        "changed": _changed(fused, projection),
        "gain": gain,
        "interaction": interaction,
        "share": {
            name: interaction[name] / gain[name] if gain[name] > 0 else None for name in MEASURES
        },
    }


def _compare(runs: Mapping[str, CrossValidation], groups: np.ndarray) -> list[Record]:
    """Each pair of runs, in their order, by the course's own tests."""
    table = pd.concat([oof_table(name, run, salt=_UNSAVED) for name, run in runs.items()])
    first = next(iter(runs.values()))
    rows = anonymous_rows(first.dataset, salt=_UNSAVED)
    inner_folds = first.config.inner_folds
    return compare_all(
        table, list(runs), inner_folds=inner_folds, groups=in_row_order(groups, rows)
    )


def _difference(row: Record) -> Record:
    """What a comparison comes to, and whether it is no more than noise."""
    gains = {name: row[f"gain_{name}"] for name in MEASURES}
    return {**gains, "within_noise": is_noise(row)}


def is_noise(row: Record) -> bool:
    """Whether a row of `compare_all` may be chance: not every test used finds a difference.

    The t-test is on accuracy, McNemar's on answers (both Holm-adjusted, at 0.05), and the
    interval, which has to leave out 0, is of the difference in macro-F1.
    """
    low, high = row["macro_f1_interval"]
    return bool(max(row["t_test_p_holm"], row["mcnemar_p_holm"]) >= 0.05 or low <= 0 <= high)


def _changed(fused: CrossValidation, projection: CrossValidation) -> float:
    """The share of posts, mean over seeds, on which two runs of the same posts differ."""
    return float((fused.probabilities.argmax(2) != projection.probabilities.argmax(2)).mean())
