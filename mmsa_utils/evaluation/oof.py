"""The table of out-of-fold predictions, `<folder>/oof.csv`: all runs on one data set.

Long form: run, seed, row, fold, label and a probability a class, in columns named after the
classes. `row` is the same post in every run and with every seed; what it says of the post, and
what not, is in `anonymity`.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from ..data.posts import Dataset
from ..errors import CourseError
from ..io import replacing
from ..settings import out_folder
from .anonymity import anonymous_rows, in_row_order, load_salt
from .folders import claim_folder, fingerprint_of, require_own
from .predictions import CrossValidation

TABLE = "oof.csv"
FACT_COLUMNS = ["run", "seed", "row", "fold", "label"]  # all others are probabilities of classes


def classes_of(table: pd.DataFrame) -> tuple[str, ...]:
    """The classes of a table of predictions, in the order of its columns."""
    return tuple(name for name in table.columns if name not in FACT_COLUMNS)


# ---- making and saving ------------------------------------------------------------------


def oof_table(run: str, validation: CrossValidation, *, salt: bytes) -> pd.DataFrame:
    """Out-of-fold predictions: `FACT_COLUMNS` and a column a class, `S * N` lines ordered by row.

    Args:
        salt: what the rows are shuffled by, see `anonymity.load_salt`.
    """
    rows = anonymous_rows(validation.dataset, salt=salt)
    classes = list(validation.dataset.classes)
    labels = np.take(classes, validation.dataset.labels)
    tables = []
    for seed, fold, probabilities in zip(
        validation.config.seeds, validation.fold, validation.probabilities, strict=True
    ):
        table = pd.DataFrame(probabilities, columns=classes)
        table = table.assign(run=run, seed=seed, row=rows, fold=fold, label=labels)
        tables.append(table.sort_values("row"))
    return pd.concat(tables)[[*FACT_COLUMNS, *classes]]


def _lock() -> FileLock:
    """Held by the one process that changes a table; ends with its process."""
    file = out_folder() / ".tables.lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(file)


def save_oof(table: pd.DataFrame, folder: Path, dataset: Dataset) -> None:
    """Puts a run's predictions into `<folder>/oof.csv`, in the place of that run's old ones.

    Args:
        table: see `oof_table`.
        dataset: the posts that were predicted.

    Raises:
        CourseError: where the table there is of other posts or classes, or was shuffled
            otherwise.
    """
    file = folder / TABLE
    with _lock():
        claim_folder(folder, dataset)
        if file.exists():
            old = load_oof(folder)
            _require_same_classes(file, old, table)
            _require_same_shuffle(file, old, table)
            table = pd.concat([old[~old["run"].isin(table["run"])], table])
        with replacing(file) as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g")


def _require_same_classes(file: Path, old: pd.DataFrame, new: pd.DataFrame) -> None:
    if classes_of(old) != classes_of(new):
        raise CourseError(
            f"{file} is of the classes {', '.join(classes_of(old))}, these predictions of "
            f"{', '.join(classes_of(new))}: save to another folder, or remove this table"
        )


def _require_same_shuffle(file: Path, old: pd.DataFrame, new: pd.DataFrame) -> None:
    rows = pd.concat([old, new])[["row", "label"]].drop_duplicates()
    if rows["row"].duplicated().any():
        raise CourseError(
            f"{file} was shuffled by another salt than the one under {out_folder()}, so the same "
            "row is another post there: remove this table and start again. Finished folds are "
            "read, not learnt again"
        )


# ---- loading and reading ----------------------------------------------------------------


def load_oof(folder: Path, *, fingerprint: str | None = None) -> pd.DataFrame:
    """The table of out-of-fold predictions of all runs: `FACT_COLUMNS` and a column a class.

    Args:
        fingerprint: of the posts that it has to be of; any by default.

    Raises:
        CourseError: where it is missing, has other columns, has a label that is none of its
            classes, or is of other posts.
    """
    file = folder / TABLE
    if not file.exists():
        raise CourseError(f"{file} is missing: run the cross-validation first")
    require_own(file, fingerprint_of(folder), fingerprint)
    try:
        table = pd.read_csv(file, dtype=_types(), keep_default_na=False)
    except ValueError as error:  # what pandas raises at an empty or a broken table
        raise CourseError(f"{file} is not readable as a table ({error}): make it again") from error
    _require_columns(file, table)
    return table


def _types() -> defaultdict[str, type]:
    """Of the columns. A class may be named 1, or None: its name is text all the same."""
    facts = {"run": str, "seed": int, "row": int, "fold": int, "label": str}
    return defaultdict(lambda: float, facts)


def _require_columns(file: Path, table: pd.DataFrame) -> None:
    """Ends where a table has not a column a class, or labels that are no class."""
    found, classes = list(table.columns), classes_of(table)
    if found[: len(FACT_COLUMNS)] != FACT_COLUMNS or len(classes) < 2:
        raise CourseError(f"{file} has the columns {found}, not {FACT_COLUMNS} and two classes")
    unknown = set(table["label"]) - set(classes)
    if unknown:
        raise CourseError(
            f"{file} has the label {min(unknown)!r}, but no such class: make it again"
        )


def table_rows(table: pd.DataFrame, dataset: Dataset, *, salt: bytes | None = None) -> np.ndarray:
    """`(N,)`: the row of each labelled post in a table of predictions.

    Args:
        salt: what the rows are shuffled by; by default the one under `out/`.

    Raises:
        CourseError: where the table is of other posts, or was shuffled by another salt.
    """
    rows = anonymous_rows(dataset, salt=salt or load_salt())
    labels = np.take(dataset.classes, in_row_order(dataset.labels, rows))
    found = table[["row", "label"]].drop_duplicates().sort_values("row")
    if found["label"].tolist() != labels.tolist():
        raise CourseError(
            f"the table of predictions is not of these posts ({dataset.name}), or was shuffled by "
            f"another salt than the one under {out_folder()}: remove it ({TABLE}) and make it again"
        )
    return rows


def seeds_of(table: pd.DataFrame, run: str) -> list[int]:
    """The seeds of a run in an OOF table, ascending."""
    return sorted(table.loc[table["run"] == run, "seed"].unique().tolist())


def probabilities_of(
    table: pd.DataFrame, run: str, seed: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`(labels (N,), probabilities (N, K))` of a run in an OOF table, ordered by row.

    Args:
        table: see `load_oof`; its K classes are those of `classes_of`.
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
    classes = classes_of(table)
    return chosen["label"].map(classes.index).to_numpy(), chosen[list(classes)].to_numpy()


def predicted_classes(table: pd.DataFrame, run: str) -> np.ndarray:
    """Predicted classes of a run in an OOF table, `(S, N)`: a line a seed, posts ordered by row.

    Raises:
        CourseError: where the table has no such run.
    """
    probabilities_of(table, run)  # says so where there is no such run
    tables = [probabilities_of(table, run, seed)[1] for seed in seeds_of(table, run)]
    return np.stack([probabilities.argmax(1) for probabilities in tables])


def require_same_posts(table: pd.DataFrame, runs: Sequence[str]) -> None:
    """Ends what would pair predictions of different posts.

    Raises:
        CourseError: where the table lacks one of the runs, or their rows are not of the same
            posts: one has other rows, or another label in a row.
    """
    known: list[pd.DataFrame] = []
    for run in runs:
        probabilities_of(table, run)  # says so where there is no such run
        posts = table.loc[table["run"] == run, ["row", "label"]].drop_duplicates()
        known.append(posts.sort_values(["row", "label"], ignore_index=True))
        if posts["row"].duplicated().any() or not known[0].equals(known[-1]):
            raise CourseError(
                f"the runs {runs[0]!r} and {run!r} are not of the same posts: their rows or "
                "labels differ. Run both on the same data set"
            )
