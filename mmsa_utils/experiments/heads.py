"""Each head at its own best dropout and learning rate, from one small grid for all.

A head that needs much dropout looks bad at the setting of one that needs little. The grid is
judged on the validation sets of all folds of one seed; nothing is scored there.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

from ..config import Config
from ..data.posts import Dataset
from ..io import Record, load_json, save_json
from .keeping import total
from .recipes import Changes
from .runs import run_learner

FILE = "heads.json"
KNOBS = ("dropout", "learning_rate")  # of the grid


def make_grid(
    *, dropouts: Sequence[float], rates: Sequence[float], changes: Changes
) -> list[Changes]:
    """All settings that are tried. A knob that the run has changed has that one value."""
    values = {"dropout": dropouts, "learning_rate": rates}
    tried = [[changes[knob]] if knob in changes else values[knob] for knob in KNOBS]
    return [dict(zip(KNOBS, setting, strict=True)) for setting in product(*tried)]


def search(dataset: Dataset, config: Config, grid: Sequence[Changes]) -> list[Record]:
    """What each setting of the grid reaches on the validation sets of the first seed.

    Args:
        config: with the head.

    Returns:
        A row a setting: `{"mode", "head", "dropout", "learning_rate", "accuracy", "macro_f1",
        "loss"}`, means over folds; the loss is the lowest that early stopping found.
    """
    return [_row(dataset, config.but(seeds=config.seeds[:1], **setting)) for setting in grid]


def _row(dataset: Dataset, config: Config) -> Record:
    run = run_learner(dataset, config, "network")
    losses = [min(epoch["val_loss"] for epoch in result.history) for result in run.results]
    return {
        "mode": config.mode,
        "head": config.head,
        **{knob: getattr(config, knob) for knob in KNOBS},
        **run.validation_scores,
        "loss": sum(losses) / len(losses),
    }


def best(rows: Sequence[Record]) -> Changes:
    """The setting with the highest sum of accuracy and macro-F1; of equal ones the first."""
    row = max(rows, key=total)
    return {knob: row[knob] for knob in KNOBS}


def save_grid(rows: Sequence[Record], folder: Path, mode: str) -> None:
    """Writes a mode's rows into `<folder>/heads.json`; those of other modes stay."""
    file = folder / FILE
    others = load_json(file) if file.exists() else []
    save_json([*(row for row in others if row["mode"] != mode), *rows], file)
