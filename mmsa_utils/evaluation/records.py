"""Records of runs: JSON with every figure of a run, `<folder>/<run>.json`.

The predictions that the figures come from are in one table beside them, see `oof`.
"""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..config import LABELS
from ..data.posts import Dataset
from ..errors import CourseError
from ..io import Record, load_json, replacing, save_json
from .anonymity import load_salt
from .folders import require_own
from .oof import oof_table, save_oof
from .predictions import CrossValidation

_MEASURES = ("accuracy", "macro_f1", "weighted_f1")


# ---- making -----------------------------------------------------------------------------


def mean_summary(scores: Sequence[Record]) -> Record:
    """The mean over seeds of `metrics.summary` dictionaries, figure by figure."""
    classes = scores[0]["per_class"]
    return {
        **{name: float(np.mean([s[name] for s in scores])) for name in _MEASURES},
        "per_class": {
            label: {
                name: float(np.mean([s["per_class"][label][name] for s in scores]))
                for name in ("precision", "recall", "f1")
            }
            for label in classes
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
            "classes": list(dataset.classes),
            "excluded": count_problems(dataset.excluded),
        },
        "oof": mean_summary(validation.scores),
        "folds": _fold_records(validation),
        "environment": _environment(validation),
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


def _environment(validation: CrossValidation) -> Record | list[Record]:
    """What the folds were computed on; a list where that is not the same for all."""
    found = validation.environments
    return found[0] if len(found) == 1 else found


def count_problems(problems: pd.DataFrame) -> dict[str, int]:
    """How often each problem occurs, such as `{"missing picture": 2}`; no post is named.

    Args:
        problems: with the columns `data.PROBLEM_COLUMNS`.
    """
    pairs = zip(problems["guid"], problems["problem"], strict=True)
    kinds = pd.Series([_kind(problem, guid) for guid, problem in pairs], dtype=object)
    return {str(kind): int(count) for kind, count in kinds.value_counts().sort_index().items()}


_QUOTED = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""  # by repr, with quotes inside


def _kind(problem: str, guid: str) -> str:
    """A problem without what it quotes from the posts, and without their names."""
    quoted = re.sub(rf"{_QUOTED}|\S*[/\\]\S*", "...", problem)
    return re.sub(rf"(?<!\w){re.escape(guid)}(?!\w)", "...", quoted) if guid else quoted


# ---- saving -----------------------------------------------------------------------------


def save_run(
    run: str, validation: CrossValidation, folder: Path, *, salt: bytes | None = None
) -> Record:
    """Saves record and predictions of a run; returns the record.

    Args:
        salt: what the rows are shuffled by; by default the one under `out/`.

    Raises:
        CourseError: where the folder holds runs on other posts.
    """
    table = oof_table(run, validation, salt=salt or load_salt())
    save_oof(table, folder, validation.dataset)
    record = make_record(run, validation)
    save_json(record, folder / f"{run}.json")
    return record


def write_predictions(dataset: Dataset, probabilities: ArrayLike, file: Path) -> None:
    """Writes `guid,tag` for the unlabelled posts, in the order of their list.

    Args:
        probabilities: `(m, K)`, a row an unlabelled post in the dataset's order, a column a
            class of it.

    Raises:
        CourseError: where there are not as many predictions as unlabelled posts.
    """
    probabilities = np.asarray(probabilities).reshape(-1, len(dataset.classes))
    if len(probabilities) != len(dataset.unlabelled):
        raise CourseError(
            f"{len(probabilities)} predictions for {len(dataset.unlabelled)} unlabelled posts"
        )
    tags = np.take(dataset.classes, probabilities.argmax(1))
    pairs = zip(dataset.unlabelled, tags, strict=True)
    rows = [("guid", "tag"), *((post.guid, tag) for post, tag in pairs)]
    with (
        replacing(file) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as handle,
    ):
        csv.writer(handle, lineterminator="\n").writerows(rows)


# ---- loading ----------------------------------------------------------------------------


def load_record(folder: Path, run: str, *, fingerprint: str | None = None) -> Record:
    """The record of a run, see `make_record`.

    One that does not name its classes is of the course's three.

    Args:
        fingerprint: of the posts that it has to be of; any by default.

    Raises:
        CourseError: where it is missing, no JSON, or of other posts.
    """
    file = folder / f"{run}.json"
    record = load_json(file)
    require_own(file, record.get("dataset", {}).get("fingerprint"), fingerprint)
    record.setdefault("dataset", {}).setdefault("classes", list(LABELS))
    return record


def load_ablations(folder: Path) -> list[Record]:
    """The rows of the ablation, kept or not.

    Raises:
        CourseError: where they are missing or no JSON.
    """
    return load_json(folder / "ablations.json")


def of_track(rows: Sequence[Record], mode: str, step: str) -> list[Record]:
    """The rows of an ablation's track, in order."""
    return [row for row in rows if (row["mode"], row["step"]) == (mode, step)]


def load_analysis(folder: Path) -> Record:
    """What the reference run found out about its predictions and its posts.

    Raises:
        CourseError: where it is missing or no JSON.
    """
    return load_json(folder / "analysis.json")
