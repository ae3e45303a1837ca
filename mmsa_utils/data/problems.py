"""What is wrong with the posts of a folder: a table, a row a problem."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..io import Record

PROBLEM_COLUMNS = ["file", "guid", "problem", "what to do"]
MANY = 20  # rows that say the same are shown as one where there are more


def make_problem(where: Path | str, guid: str, problem: str, advice: str) -> Record:
    """A row of the table."""
    return dict(zip(PROBLEM_COLUMNS, (str(where), guid, problem, advice), strict=True))


def problem_table(rows: Sequence[Record]) -> pd.DataFrame:
    """The table, with the columns `PROBLEM_COLUMNS`."""
    return pd.DataFrame(list(rows), columns=PROBLEM_COLUMNS)


def condense(table: pd.DataFrame) -> pd.DataFrame:
    """The table to be shown: a problem that more than `MANY` posts share is one row."""
    rows: list[Record] = []
    seen = set()
    sizes = table.groupby(["problem", "what to do"]).size().to_dict() if len(table) else {}
    for values in table.itertuples(index=False):
        row: Record = dict(zip(PROBLEM_COLUMNS, values, strict=True))
        kind = (row["problem"], row["what to do"])
        if sizes[kind] <= MANY:
            rows.append(row)
        elif kind not in seen:
            seen.add(kind)
            more = f"and {sizes[kind] - 1} more"
            rows.append(row | {"file": f"{row['file']} {more}", "guid": f"{row['guid']} {more}"})
    return problem_table(rows)
