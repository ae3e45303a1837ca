"""Records of runs: JSON with every figure, and one anonymous table of predictions.

`results/<dataset>/<run>.json` and `results/<dataset>/oof.csv` (long form: run, seed, row,
fold, label and a probability per class; `row` is the same post in every run and seed, and
nothing says which).
"""

import json
import os
import platform

import numpy as np
import pandas as pd
import torch

from ..config import LABELS
from ..devices import pick_device
from ..errors import CourseError
from ..io import replacing

OOF_COLUMNS = ["run", "seed", "row", "fold", "label", *LABELS]
_MEASURES = ("accuracy", "macro_f1", "weighted_f1")


def environment(device):
    """What a run was computed on, without naming the machine."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": str(device),
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }


def mean_summary(scores):
    """The mean over seeds of `metrics.summary` dictionaries, figure by figure."""
    return {
        **{name: float(np.mean([s[name] for s in scores])) for name in _MEASURES},
        "per_class": {
            label: {
                name: float(np.mean([s["per_class"][label][name] for s in scores]))
                for name in ("precision", "recall", "f1")
            }
            for label in LABELS
        },
    }


def make_record(run, validation):
    """The record of a cross-validation, in the schema that README.md describes."""
    dataset, config = validation.dataset, validation.config
    folds = [
        {
            "fold": result.fold,
            "seed": result.seed,
            "accuracy": score["accuracy"],
            "macro_f1": score["macro_f1"],
            "inner": result.inner,
            "best_epoch": result.best_epoch,
            "history": result.history,
        }
        for result, score in zip(validation.results, validation.fold_scores, strict=True)
    ]
    return {
        "run": run,
        "protocol": {
            "folds": config.folds,
            "seeds": list(config.seeds),
            "grouped": validation.grouped,
            "inner_split": f"one of {config.inner_folds} grouped parts of the training posts",
        },
        "config": validation.settings,
        "dataset": {
            "name": dataset.name,
            "posts": len(dataset.labelled),
            "fingerprint": dataset.fingerprint,
            "excluded": dataset.excluded[["guid", "problem"]].to_dict("records"),
        },
        "oof": mean_summary(validation.scores),
        "folds": folds,
        "environment": environment(pick_device(config.device)),
        "seconds": round(sum(result.seconds for result in validation.results), 1),
    }


def oof_table(run, validation):
    """Out-of-fold predictions as a table with the columns `OOF_COLUMNS`, rows shuffled."""
    tables = []
    for seed, fold, probabilities in zip(
        validation.config.seeds, validation.fold, validation.probabilities, strict=True
    ):
        table = pd.DataFrame(probabilities, columns=LABELS)
        table = table.assign(
            run=run,
            seed=seed,
            row=validation.dataset.rows,
            fold=fold,
            label=np.take(LABELS, validation.dataset.labels),
        )
        tables.append(table.sort_values("row"))
    return pd.concat(tables)[OOF_COLUMNS]


def save_json(content, file):
    """Writes JSON, whole or not at all."""
    with replacing(file) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def save_oof(table, folder):
    """Puts a run's predictions into `<folder>/oof.csv`, in the place of that run's old ones."""
    file = folder / "oof.csv"
    if file.exists():
        old = load_oof(folder)
        table = pd.concat([old[~old["run"].isin(table["run"])], table])
    with replacing(file) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g")


def save_validation(run, validation, folder):
    """Saves record and predictions of a run; returns the record."""
    record = make_record(run, validation)
    save_json(record, folder / f"{run}.json")
    save_oof(oof_table(run, validation), folder)
    return record


def load_json(file):
    """A JSON file's content.

    Raises:
        CourseError: where it is missing or no JSON.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(f"{file} is missing: run the step that writes it first") from None
    except ValueError as error:
        raise CourseError(f"{file} is not readable as JSON ({error}): make it again") from error


def load_record(folder, run):
    """The record of a run."""
    return load_json(folder / f"{run}.json")


def load_oof(folder):
    """The table of out-of-fold predictions of all runs.

    Raises:
        CourseError: where it is missing or has other columns.
    """
    file = folder / "oof.csv"
    if not file.exists():
        raise CourseError(f"{file} is missing: run the cross-validation first")
    table = pd.read_csv(file)
    if list(table.columns) != OOF_COLUMNS:
        raise CourseError(f"{file} has the columns {list(table.columns)}, not {OOF_COLUMNS}")
    return table


def probabilities_of(table, run, seed=None):
    """`(labels (N,), probabilities (N, 3))` of a run in an OOF table, ordered by row."""
    chosen = table[table["run"] == run]
    seed = chosen["seed"].min() if seed is None else seed
    chosen = chosen[chosen["seed"] == seed].sort_values("row")
    if chosen.empty:
        raise CourseError(f"the table of predictions has no run {run!r} with seed {seed}")
    labels = chosen["label"].map(LABELS.index).to_numpy()
    return labels, chosen[list(LABELS)].to_numpy()


def write_predictions(dataset, probabilities, file):
    """Writes `guid,tag` for the unlabelled posts, in the order of their list.

    Args:
        probabilities: `(m, 3)`, a row an unlabelled post in the dataset's order.
    """
    if len(probabilities) != len(dataset.unlabelled):
        raise CourseError(
            f"{len(probabilities)} predictions for {len(dataset.unlabelled)} unlabelled posts"
        )
    tags = np.take(LABELS, np.asarray(probabilities).argmax(1))
    pairs = zip(dataset.unlabelled, tags, strict=True)
    lines = ["guid,tag", *(f"{post.guid},{tag}" for post, tag in pairs)]
    with replacing(file) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
