"""A model of one's own posts: cross-validated, then trained on all of them and saved."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from ..config import Config
from ..data.posts import Dataset
from ..errors import CourseError
from ..evaluation.calibration import calibration_facts
from ..evaluation.predictions import CrossValidation
from ..evaluation.records import make_record
from ..io import Record
from ..models.heads import require_head
from ..prediction.store import require_place, save_model
from ..training.batches import PostData
from ..training.cross_validation import cross_validate
from ..training.final import train_final
from ..training.probe import has_probe
from .recipes import NETWORKS, Changes

NAME = "own"  # of the run


def own_config(changes: Changes) -> Config:
    """The reference run's network for the mode that is asked for, with one seed.

    Args:
        changes: knobs that are to differ.

    Raises:
        CourseError: where a value is not allowed, or does not go with the others.
    """
    network = NETWORKS.get(changes.get("mode", "fused"), NETWORKS["fused"])
    return network.but(seeds=(0,)).but(**changes)


def train_model(dataset: Dataset, config: Config, folder: Path) -> Record:
    """Cross-validates a network, trains it on all labelled posts, and saves it as a model folder.

    The folds lie under `out/`: stopped at any moment, a second start goes on there. The final
    training takes as many epochs as the median of the folds.

    Args:
        dataset: the posts, of any classes.
        config: of the network and its cross-validation.
        folder: not there yet, empty, or a model's, which is replaced.

    Returns:
        What is saved beside the weights about the cross-validation, see `model_facts`.

    Raises:
        CourseError: where the folder holds something else, the head does not go with the
            classes, the network cannot be fitted on all posts, or a class has too few posts.
    """
    require_place(folder)
    require_head(config, dataset.classes)
    _require_final_fit(config)
    facts = model_facts(cross_validate(dataset, config, name=NAME))
    data = PostData(dataset, config)
    model = train_final(data, config, epochs=facts["epochs"], seed=config.seeds[0])
    save_model(folder, model=model, config=config, classes=dataset.classes, facts=facts)
    return facts


def _require_final_fit(config: Config) -> None:
    """Ends before the cross-validation where the training on all posts would end after it."""
    if has_probe(config):
        raise CourseError(
            "probe_first=True needs validation posts, and the last training, on all posts, has "
            "none: leave --probe-first out"
        )


def model_facts(validation: CrossValidation) -> Record:
    """What a model's folder says of its cross-validation, in JSON types; no post is named."""
    record, dataset = make_record(NAME, validation), validation.dataset
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    epochs = [result.best_epoch for result in validation.results]
    return {
        "dataset": record["dataset"],
        "class_counts": dict(zip(dataset.classes, counts.tolist(), strict=True)),
        "epochs": max(1, int(np.median(epochs))),
        "protocol": record["protocol"],
        "scores": record["oof"],
        "deviations": _deviations(validation),
        **calibration_facts(validation),
    }


def _deviations(validation: CrossValidation) -> Record:
    """Of the figures in `scores`, over folds and seeds."""
    scores, labels = validation.fold_scores, validation.dataset.labels
    seen = [set(labels[result.test]) for result in validation.results]
    recalls = {
        name: _deviation(
            score["per_class"][name]["recall"]
            for score, there in zip(scores, seen, strict=True)
            if label in there  # in a fold without its posts a class has no recall
        )
        for label, name in enumerate(validation.dataset.classes)
    }
    figures = {name: _deviation(s[name] for s in scores) for name in ("accuracy", "macro_f1")}
    return {**figures, "recall": recalls}


def _deviation(values: Iterable[float]) -> float | None:
    """None where a single value has none."""
    found = list(values)
    return float(np.std(found, ddof=1)) if len(found) > 1 else None


def result_table(facts: Record) -> pd.DataFrame:
    """The cross-validation as a table of texts: figures out of fold, ± deviation over folds.

    Args:
        facts: as `train_model` returns them.
    """
    scores, deviations = facts["scores"], facts["deviations"]
    counts = facts["class_counts"]
    rows = {
        "accuracy": _spread(scores["accuracy"], deviations["accuracy"]),
        "macro-F1": _spread(scores["macro_f1"], deviations["macro_f1"]),
    }
    for name, count in counts.items():
        recall = _spread(scores["per_class"][name]["recall"], deviations["recall"][name])
        rows[f"recall {name} ({count} posts)"] = recall
    return pd.DataFrame({"": rows})


def _spread(value: float, deviation: float | None) -> str:
    return f"{value:.3f}" if deviation is None else f"{value:.3f} ± {deviation:.3f}"
