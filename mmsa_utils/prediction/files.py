"""Predictions of many posts: of a file, a row each, or of a folder's unlabelled posts.

Posts are read and answered in batches, so that memory stays the same for any number of them. What
cannot be read is a row with its error. An interrupted run goes on, see `partial`: batches begin
where they would have begun, so that the file gets the same bytes.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from ..data.lists import LABELLED, UNLABELLED
from ..data.post_rows import PostRow, columns_of, iterate_rows
from ..data.posts import Post
from ..errors import CourseError
from ..io import Record, file_sha256
from ..progress import progress_bar
from ..version import __version__
from .partial import CsvRows, JsonRows, PartialFile, Rows
from .posts import make_post
from .predictor import BATCH, Predictor
from .result import Prediction
from .unlabelled import read_unlabelled

UNSURE = "not sure"  # in the place of a class where the model is less sure than it has to be
MODALITIES = ("text", "image")

Notes = tuple[str, ...]

_Item = TypeVar("_Item")
_Found = tuple[Post, Notes] | str  # a post with notes, or what is wrong with it


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When a post gets no answer.

    Attributes:
        least: a probability; where the most probable class has less, the answer is `UNSURE`.
        missing_ok: predict from the text alone where a picture cannot be read.

    Raises:
        CourseError: where `least` is no probability.
    """

    least: float = 0.0
    missing_ok: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.least <= 1:
            raise CourseError(f"least={self.least}: give a probability, from 0 to 1")

    def answer(self, prediction: Prediction) -> str:
        """The class, or `UNSURE`."""
        return prediction.label if prediction.confidence >= self.least else UNSURE


@dataclass
class Outcome:
    """How many rows a file of predictions has, also from a run that was interrupted."""

    rows: int = 0
    faults: int = 0  # rows with an error
    unsure: int = 0  # rows whose answer is `UNSURE`

    def add(self, answer: str | None, error: str | None) -> None:
        """Counts a row."""
        self.rows += 1
        self.faults += bool(error)
        self.unsure += answer == UNSURE


def read_post(
    text: str | None, image: Path | None, rules: Rules | None = None
) -> tuple[Post, Notes]:
    """`(post, notes)` of a text, a picture's file, or both.

    Raises:
        CourseError: where there is neither, or the picture cannot be read and the rules do not
            allow to go without.
    """
    try:
        return make_post(text, image), ()
    except CourseError as error:
        if not (rules and rules.missing_ok and text and image):
            raise
        return make_post(text), (f"the picture was left out: {error}",)


# ---- a file -----------------------------------------------------------------------------


def answer_columns(classes: Sequence[str]) -> list[str]:
    """The columns that predictions add to those of a file."""
    probabilities = [f"p_{name}" for name in classes]
    says = [f"{name}_says" for name in MODALITIES]
    shares = [f"share_{name}" for name in MODALITIES]
    return ["predicted", *probabilities, *says, *shares, "note", "error"]


def predict_file(model: Predictor, source: Path, out: Path, rules: Rules | None = None) -> Outcome:
    """Predicts the posts of a `.csv` or `.jsonl`, a row each; see `data.post_rows`.

    Args:
        model: what answers.
        source: the posts. Its columns stay as they are, and `answer_columns` follow: the answer,
            the probability of each class, what each modality alone says, the share of each
            modality, notes, and what is wrong with the row.
        out: `.csv` or `.jsonl`, whatever the source is.
        rules: when a post gets no answer.

    Raises:
        CourseError: in one line, where the source as a whole cannot be read, one of its columns
            has the name of a new one, `out` is the source or no file of predictions, or what
            was begun there is of something else.
    """
    rules = rules or Rules()
    rows = _rows_of(out, source, model.classes)
    _require_free(out, [source], "predicted")
    made_from = _made_from(model, f"{source.absolute()} {file_sha256(source)}", rules)
    total = sum(1 for _ in iterate_rows(source))
    with PartialFile(out, rows, made_from) as part, ThreadPoolExecutor() as pool:

        def answer(batch: Sequence[PostRow]) -> list[Record]:
            found = list(pool.map(lambda row: _read_row(row, rules), batch))
            columns = _columns_of_answers(model, found, rules)
            return [row.cells | new for row, new in zip(batch, columns, strict=True)]

        outcome = _fill(part, iterate_rows(source), total, answer, "predicted")
        part.finish()
    return outcome


def _rows_of(out: Path, source: Path, classes: Sequence[str]) -> Rows:
    """How the rows of `out` are written, by its suffix."""
    columns, new = columns_of(source), answer_columns(classes)
    if clash := [name for name in columns if name in new]:
        raise CourseError(
            f"{source}: the predictions have a column {clash[0]} of their own: rename yours"
        )
    if out.suffix.lower() == ".csv":
        return CsvRows([*columns, *new])
    if out.suffix.lower() == ".jsonl":
        return JsonRows()
    raise CourseError(f"{out}: name a file .csv or .jsonl (JSON lines) for the predictions")


def _read_row(row: PostRow, rules: Rules) -> _Found:
    if row.error:
        return f"line {row.number}: {row.error}"
    if row.text is None and row.image is None:
        return f"line {row.number}: there is neither a text nor a picture"
    try:
        return read_post(row.text, row.image, rules)
    except CourseError as error:
        return f"line {row.number}: {error}"


def _columns_of_answers(model: Predictor, found: Sequence[_Found], rules: Rules) -> list[Record]:
    """The columns `answer_columns` of each post; None where there is nothing to say."""
    answers = iter(_predict(model, [one[0] for one in found if not isinstance(one, str)]))
    rows: list[Record] = []
    for one in found:
        answer = one if isinstance(one, str) else next(answers)
        row = dict.fromkeys(answer_columns(model.classes))
        if isinstance(answer, str):
            rows.append(row | {"error": answer})
        else:
            rows.append(row | _as_columns(answer, one[1], rules))
    return rows


def _as_columns(answer: Prediction, notes: Sequence[str], rules: Rules) -> Record:
    told = answer.to_dict()
    row: Record = {f"p_{name}": p for name, p in told["probabilities"].items()}
    for modality, view in told["views"].items():
        row[f"{modality}_says"] = view["label"]
        row[f"share_{modality}"] = told["shares"][modality]
    note = "; ".join([*notes, *answer.notes]) or None
    return row | {"predicted": rules.answer(answer), "note": note}


# ---- a folder ---------------------------------------------------------------------------


def predict_folder(
    model: Predictor, folder: Path, out: Path, rules: Rules | None = None
) -> Outcome:
    """Predicts the unlabelled posts of a folder in the course's layout, in their order.

    Args:
        model: what answers.
        folder: with test_without_label.txt and data/.
        out: gets a line `guid,tag` a post; where some cannot be read, a third column `error`.
            These are told on standard error as well.
        rules: when a post gets no tag.

    Raises:
        CourseError: in one line, where the list cannot be read, `out` is a list of the folder
            or no list, or what was begun there is of something else.
    """
    rules = rules or Rules()
    _require_free(out, [folder / LABELLED, folder / UNLABELLED], "guid")
    posts = read_unlabelled(folder, missing_ok=rules.missing_ok)
    made_from = _made_from(model, f"{folder.absolute()} {_digest(posts)}", rules)

    def answer(batch: Sequence[tuple[str, Post | str]]) -> list[Record]:
        answers = iter(_predict(model, [post for _, post in batch if isinstance(post, Post)]))
        return [
            _as_line(guid, post if isinstance(post, str) else next(answers), rules)
            for guid, post in batch
        ]

    with PartialFile(out, CsvRows(["guid", "tag", "error"]), made_from) as part:
        outcome = _fill(part, posts, len(posts), answer, "tag")
        for row in part.written():
            if row["error"]:
                print(row["error"], file=sys.stderr)
        part.finish(None if outcome.faults else CsvRows(["guid", "tag"]))
    return outcome


def _as_line(guid: str, answer: Prediction | str, rules: Rules) -> Record:
    if isinstance(answer, str):
        return {"guid": guid, "error": answer}
    return {"guid": guid, "tag": rules.answer(answer)}


def _digest(posts: Sequence[tuple[str, Post | str]]) -> str:
    lines = [[guid, post if isinstance(post, str) else post.content] for guid, post in posts]
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()


# ---- both -------------------------------------------------------------------------------


def _require_free(out: Path, own: Sequence[Path], sign: str) -> None:
    """Ends where `out` would replace what is none of this package's predictions."""
    if not out.exists():
        return
    if out.is_dir():
        raise CourseError(f"{out} is a folder: name a file for the predictions")
    if any(path.exists() and out.samefile(path) for path in own):
        raise CourseError(f"{out} is the list of posts itself: name another file")
    with out.open("rb") as file:
        if sign.encode() not in file.readline(2**20):
            raise CourseError(f"{out} is there and holds no predictions: name another file")


def _made_from(model: Predictor, posts: str, rules: Rules) -> Record:
    facts = json.dumps(model.facts, sort_keys=True, default=str)
    return {
        "input": posts,
        "model": hashlib.sha256(facts.encode()).hexdigest(),
        "--least": rules.least,
        "--missing-ok": rules.missing_ok,
        "version of mmsa_utils": __version__,
    }


def _fill(
    part: PartialFile,
    items: Iterable[_Item],
    total: int,
    answer: Callable[[Sequence[_Item]], list[Record]],
    column: str,
) -> Outcome:
    """Writes the rows that are missing, and counts all.

    Args:
        items: what there is a row for, all of them.
        answer: the rows of a batch.
        column: of the answers.
    """
    outcome = Outcome()
    for row in _all_rows(part, items, total, answer):
        outcome.add(row.get(column), row.get("error"))
    return outcome


def _all_rows(
    part: PartialFile,
    items: Iterable[_Item],
    total: int,
    answer: Callable[[Sequence[_Item]], list[Record]],
) -> Iterator[Record]:
    yield from part.written()
    with progress_bar(
        None, part.out.name, total=total, initial=part.done, leave=True, unit="post"
    ) as bar:
        for start, batch in _batches(items):
            if part.done < start + len(batch):
                rows = answer(batch)[part.done - start :]
                part.append(rows)
                bar.update(len(rows))
                yield from rows


def _batches(items: Iterable[_Item]) -> Iterator[tuple[int, list[_Item]]]:
    """Each batch and the number of its first item."""
    start, iterator = 0, iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield start, batch
        start += len(batch)


def _predict(model: Predictor, posts: Sequence[Post]) -> list[Prediction | str]:
    """An answer a post, or what is wrong with it: one that fails costs no other its answer."""
    try:
        return list(model.predict(posts)) if posts else []
    except CourseError as error:
        if len(posts) == 1:
            return [str(error)]
        return [answer for post in posts for answer in _predict(model, [post])]
