"""Files that grow row by row: what is written is read again, and only whole rows count."""

import csv
import os
from pathlib import Path

import pytest

from mmsa_utils.errors import CourseError
from mmsa_utils.prediction import partial
from mmsa_utils.prediction.partial import CsvRows, JsonRows, PartialFile

COLUMNS = ["a", "b,c"]
CELLS = ["", "plain", ' "quoted" ', "a,b", "one\ntwo", "one\rtwo", "one\r\ntwo", "№ 😀", "'"]
FROM = {"input": "x"}


@pytest.mark.parametrize("kind", [CsvRows(COLUMNS), JsonRows()])
@pytest.mark.parametrize("cell", CELLS)
def test_a_row_is_read_as_it_was_written(kind, cell, tmp_path):
    row = {"a": cell, "b,c": "2"}
    assert kind.decode(kind.encode(row)) == row
    assert kind.encode(row).endswith(b"\n")


def test_csv_is_what_any_reader_of_csv_takes(tmp_path):
    rows, file = CsvRows(COLUMNS), tmp_path / "out.csv"
    written = [{"a": cell, "b,c": 0.5} for cell in CELLS]
    file.write_bytes(rows.head + b"".join(map(rows.encode, written)))
    with file.open(newline="", encoding="utf-8") as handle:
        assert [row["a"] for row in csv.DictReader(handle)] == CELLS


@pytest.mark.parametrize("kind", [CsvRows(["a"]), JsonRows()])
def test_half_a_character_can_be_written(kind):
    assert rb"\ud83d" in kind.encode({"a": "x\ud83d"})


def test_a_file_is_there_once_it_is_whole_and_goes_on_until_then(tmp_path):
    out, rows = tmp_path / "out.csv", CsvRows(["a"])
    with PartialFile(out, rows, FROM) as part:
        part.append([{"a": "1"}, {"a": "2"}])
    assert not out.exists()
    with PartialFile(out, rows, FROM) as part:
        assert part.done == 2
        part.append([{"a": "3"}])
        assert list(part.written()) == [{"a": "1"}, {"a": "2"}, {"a": "3"}]
        part.finish()
    assert out.read_text() == "a\n1\n2\n3\n"
    assert list(tmp_path.iterdir()) == [out]


def test_rows_may_be_written_otherwise_in_the_end(tmp_path):
    out = tmp_path / "out.csv"
    with PartialFile(out, CsvRows(["a", "b"]), FROM) as part:
        part.append([{"a": "1", "b": "2"}])
        part.finish(CsvRows(["b"]))
    assert out.read_text() == "b\n2\n"
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("rows", [None, JsonRows()])
def test_nothing_is_moved_or_removed_while_it_is_open(rows, tmp_path, monkeypatch):
    """Windows would refuse it."""
    moved, removed, closed = os.replace, Path.unlink, []
    with PartialFile(tmp_path / "out.csv", CsvRows(["a"]), FROM) as part:

        def noted(action, path, *rest, **options):
            if Path(path) == part.part:
                closed.append(part._file.closed)
            return action(path, *rest, **options)

        monkeypatch.setattr(partial.os, "replace", lambda *a, **o: noted(moved, *a, **o))
        monkeypatch.setattr(Path, "unlink", lambda *a, **o: noted(removed, *a, **o))
        part.finish(rows)
    assert closed == [True]


def test_a_lock_of_a_process_that_is_gone_locks_nothing(tmp_path):
    (tmp_path / "out.csv.part.lock").touch()
    with PartialFile(tmp_path / "out.csv", CsvRows(["a"]), FROM) as part:
        part.finish()
    assert (tmp_path / "out.csv").read_text() == "a\n"


def test_what_was_begun_from_something_else_leaves_no_lock(tmp_path):
    rows = CsvRows(["a"])
    with PartialFile(tmp_path / "out.csv", rows, FROM):
        pass
    for _ in range(2):
        with pytest.raises(CourseError, match="with another input: remove it"):
            PartialFile(tmp_path / "out.csv", rows, {"input": "y"}).__enter__()
