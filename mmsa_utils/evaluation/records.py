"""Records of runs: JSON with every figure, and one anonymous table of predictions.

`results/<dataset>/<run>.json` and `results/<dataset>/oof.csv` (long form: run, seed, row,
fold, label and a probability per class; `row` is the same post in every run and seed, and
nothing says which).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..config import LABELS
from ..data.posts import Dataset
from ..errors import CourseError
from ..io import Record, load_json, replacing, save_json
from .old_words import in_new_words
from .predictions import CrossValidation

OOF_COLUMNS = ["run", "seed", "row", "fold", "label", *LABELS]
_MEASURES = ("accuracy", "macro_f1", "weighted_f1")


# ---- making -----------------------------------------------------------------------------


def mean_summary(scores: Sequence[Record]) -> Record:
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


def make_record(run: str, validation: CrossValidation) -> Record:
    """The record of a cross-validation, in the schema that README.md describes."""
    dataset, config = validation.dataset, validation.config
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
        "folds": _fold_records(validation),
        "environment": validation.environment,
        "seconds": round(sum(result.seconds for result in validation.results), 1),
    }


def _fold_records(validation: CrossValidation) -> list[Record]:
    return [
        {
            "fold": result.fold,
            "seed": result.seed,
            "accuracy": score["accuracy"],
            "macro_f1": score["macro_f1"],
            "validation": result.validation,
            "best_epoch": result.best_epoch,
            "history": result.history,
        }
        for result, score in zip(validation.results, validation.fold_scores, strict=True)
    ]


def anonymous_rows(dataset: Dataset) -> np.ndarray:
    """`(N,)` int array: each labelled post's number in oof.csv, the same in every run.

    A shuffle that depends on the posts alone, so that tables of predictions can be joined by
    row without naming a post. Whoever has all the posts can work it out.
    """
    seed = int(dataset.fingerprint, 16)
    return np.random.default_rng(seed).permutation(len(dataset.labelled))


def oof_table(run: str, validation: CrossValidation) -> pd.DataFrame:
    """Out-of-fold predictions with the columns `OOF_COLUMNS`, `S * N` lines ordered by row."""
    rows = anonymous_rows(validation.dataset)
    labels = np.take(LABELS, validation.dataset.labels)
    tables = []
    for seed, fold, probabilities in zip(
        validation.config.seeds, validation.fold, validation.probabilities, strict=True
    ):
        table = pd.DataFrame(probabilities, columns=list(LABELS))
        table = table.assign(run=run, seed=seed, row=rows, fold=fold, label=labels)
        tables.append(table.sort_values("row"))
    return pd.concat(tables)[OOF_COLUMNS]


# ---- saving -----------------------------------------------------------------------------


def save_oof(table: pd.DataFrame, folder: Path) -> None:
    """Puts a run's predictions into `<folder>/oof.csv`, in the place of that run's old ones."""
    file = folder / "oof.csv"
    if file.exists():
        old = load_oof(folder)
        table = pd.concat([old[~old["run"].isin(table["run"])], table])
    with replacing(file) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g")


def save_run(run: str, validation: CrossValidation, folder: Path) -> Record:
    """Saves record and predictions of a run; returns the record."""
    record = make_record(run, validation)
    save_json(record, folder / f"{run}.json")
    save_oof(oof_table(run, validation), folder)
    return record


def write_predictions(dataset: Dataset, probabilities: ArrayLike, file: Path) -> None:
    """Writes `guid,tag` for the unlabelled posts, in the order of their list.

    Args:
        probabilities: `(m, 3)`, a row an unlabelled post in the dataset's order.

    Raises:
        CourseError: where there are not as many predictions as unlabelled posts.
    """
    probabilities = np.asarray(probabilities)
    if len(probabilities) != len(dataset.unlabelled):
        raise CourseError(
            f"{len(probabilities)} predictions for {len(dataset.unlabelled)} unlabelled posts"
        )
    tags = np.take(LABELS, probabilities.argmax(1))
    pairs = zip(dataset.unlabelled, tags, strict=True)
    lines = ["guid,tag", *(f"{post.guid},{tag}" for post, tag in pairs)]
    with replacing(file) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


# ---- loading ----------------------------------------------------------------------------


def load_record(folder: Path, run: str) -> Record:
    """The record of a run, see `make_record`.

    Raises:
        CourseError: where it is missing or no JSON.
    """
    return in_new_words(load_json(folder / f"{run}.json"))


def load_ablations(folder: Path) -> list[Record]:
    """The rows of the ablation, kept or not.

    Raises:
        CourseError: where they are missing or no JSON.
    """
    return in_new_words(load_json(folder / "ablations.json"))


def load_analysis(folder: Path) -> Record:
    """What the reference run found out about its predictions and its posts.

    Raises:
        CourseError: where it is missing or no JSON.
    """
    return in_new_words(load_json(folder / "analysis.json"))


def load_oof(folder: Path) -> pd.DataFrame:
    """The table of out-of-fold predictions of all runs, with the columns `OOF_COLUMNS`.

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


def seeds_of(table: pd.DataFrame, run: str) -> list[int]:
    """The seeds of a run in an OOF table, ascending."""
    return sorted(table.loc[table["run"] == run, "seed"].unique().tolist())


def probabilities_of(
    table: pd.DataFrame, run: str, seed: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`(labels (N,), probabilities (N, 3))` of a run in an OOF table, ordered by row.

    Args:
        table: see `load_oof`.
        run: which one.
        seed: which of its seeds; the lowest by default.

    Raises:
        CourseError: where the table has no such run or seed.
    """
    chosen = table[table["run"] == run]
    seed = chosen["seed"].min() if seed is None else seed
    chosen = chosen[chosen["seed"] == seed].sort_values("row")
    if chosen.empty:
        raise CourseError(f"the table of predictions has no run {run!r} with seed {seed}")
    labels = chosen["label"].map(LABELS.index).to_numpy()
    return labels, chosen[list(LABELS)].to_numpy()


def predicted_classes(table: pd.DataFrame, run: str) -> np.ndarray:
    """Predicted classes of a run in an OOF table, `(S, N)`: a line a seed, posts ordered by row.

    Raises:
        CourseError: where the table has no such run.
    """
    probabilities_of(table, run)  # says so where there is no such run
    tables = [probabilities_of(table, run, seed)[1] for seed in seeds_of(table, run)]
    return np.stack([probabilities.argmax(1) for probabilities in tables])
