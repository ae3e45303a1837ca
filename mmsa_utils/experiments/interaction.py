"""How much of fusion's gain is interaction: fused networks beside their additive projections.

The projection (EMAP; Hessel and Lee, "Does my multimodal model learn cross-modal interactions?
It's harder to tell than you might think!", EMNLP 2020) is the sum of a function of the text and
one of the picture that comes nearest to a network. What it cannot say needs both at once. A gain
over a single modality that the projection keeps is that of adding two opinions up.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ..evaluation.anonymity import anonymous_rows, in_row_order
from ..evaluation.comparison import compare, holm
from ..evaluation.oof import oof_table
from ..evaluation.predictions import CrossValidation
from ..evaluation.records import make_record
from ..io import Record
from ..training.cross_validation import choose
from .card import scores_of

MEASURES = ("accuracy", "macro_f1")
_UNSAVED = b"rows of a table that is never saved"  # in the place of a salt: nobody sees them
Both = tuple[CrossValidation, CrossValidation]  # a network, and its additive projection


def interaction_facts(
    networks: Mapping[str, Both], single: Mapping[str, CrossValidation], *, groups: np.ndarray
) -> Record:
    """Fused networks, their additive projections and networks of one modality, compared.

    Args:
        networks: by name, all on the same folds; the first one is that of the protocol.
        single: by name, networks that see one modality and were trained on it, same folds.
        groups: `(N,)`, labelled posts with the same number are copies.

    Returns:
        `protocol`, `dataset` and `environment` as in the first network's record; `single`
        (`card.scores_of` each); `better`: the single network that the validation predictions
        prefer; and `networks`, by name: `head`, `scores`, `projection` (scores of it), `changed`
        (the share of posts on which it answers otherwise, mean over seeds), `gain` (over the
        better single network), `interaction` (over the projection): both rows of
        `evaluation.comparison.compare`, p-values Holm-adjusted over the networks, and
        `within_noise` by measure; `share`: interaction by gain, by measure, None where the gain
        is noise or none.

    Raises:
        CourseError: where the runs are of different posts, seeds or folds.
    """
    first, _ = next(iter(networks.values()))
    record = make_record("fused", first)
    better = next(name for name, run in single.items() if run is choose(single.values()))
    opponents = dict.fromkeys(networks, single[better])
    gains = _compared(networks, opponents, better, groups)
    projections = {name: projection for name, (_, projection) in networks.items()}
    losses = _compared(networks, projections, "additive projection", groups)
    return {
        **{name: record[name] for name in ("protocol", "dataset", "environment")},
        "single": {name: scores_of(run, run.probabilities) for name, run in single.items()},
        "better": better,
        "networks": {
            name: {**_facts(*both), "gain": gain, "interaction": loss, "share": _share(gain, loss)}
            for (name, both), gain, loss in zip(networks.items(), gains, losses, strict=True)
        },
    }


def _facts(network: CrossValidation, projection: CrossValidation) -> Record:
    answers = network.probabilities.argmax(2), projection.probabilities.argmax(2)
    return {
        "head": network.config.head,
        "scores": scores_of(network, network.probabilities),
        "projection": scores_of(projection, projection.probabilities),
        "changed": float((answers[0] != answers[1]).mean()),
    }


def _compared(
    networks: Mapping[str, Both],
    opponents: Mapping[str, CrossValidation],
    second: str,
    groups: np.ndarray,
) -> list[Record]:
    """Each network against its opponent, which is called `second`, by the course's own tests."""
    rows = []
    for name, (network, _) in networks.items():
        runs = {name: network, second: opponents[name]}
        table = pd.concat([oof_table(run, v, salt=_UNSAVED) for run, v in runs.items()])
        order = in_row_order(groups, anonymous_rows(network.dataset, salt=_UNSAVED))
        inner_folds = network.config.inner_folds
        rows.append(compare(table, name, second, inner_folds=inner_folds, groups=order))
    return _judged(rows)


def _judged(rows: Sequence[Record]) -> list[Record]:
    """Comparisons with p-values adjusted for their number, and whether each is noise."""
    adjusted = {
        f"{name}_holm": holm([row[name] for row in rows]) for name in ("t_test_p", "mcnemar_p")
    }
    judged = [
        {**row, **{name: values[number] for name, values in adjusted.items()}}
        for number, row in enumerate(rows)
    ]
    return [{**row, "within_noise": within_noise(row)} for row in judged]


def within_noise(row: Record) -> dict[str, bool]:
    """By measure, whether a difference may be chance.

    In accuracy: unless both the t-test and McNemar's find it, Holm-adjusted, at 0.05. In
    macro-F1: where the 95 % interval holds 0.
    """
    low, high = row["macro_f1_interval"]
    return {
        "accuracy": bool(max(row["t_test_p_holm"], row["mcnemar_p_holm"]) >= 0.05),
        "macro_f1": bool(low <= 0 <= high),
    }


def _share(gain: Record, interaction: Record) -> dict[str, float | None]:
    """Interaction's part in each measure's gain; None where there is no gain to be shared out."""
    return {
        name: None
        if gain["within_noise"][name] or gain[f"gain_{name}"] <= 0
        else interaction[f"gain_{name}"] / gain[f"gain_{name}"]
        for name in MEASURES
    }
