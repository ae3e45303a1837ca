"""Rows say nothing of their posts: the promise, and the attack that once worked."""

import hashlib
import json
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from mmsa_utils.config import Config
from mmsa_utils.data.posts import Dataset
from mmsa_utils.errors import CourseError
from mmsa_utils.evaluation.anonymity import anonymous_rows, in_row_order, load_salt
from mmsa_utils.evaluation.oof import load_oof, probabilities_of
from mmsa_utils.evaluation.predictions import CrossValidation, FoldResult, assemble
from mmsa_utils.evaluation.records import save_run
from mmsa_utils.paths import PROJECT

SALT = bytes(range(32))


@pytest.fixture
def many(dataset: Dataset) -> Dataset:
    """Six hundred posts, two hundred a class, in random order."""
    labels = np.random.default_rng(7).permutation(np.repeat([0, 1, 2], 200))
    first = dataset.labelled[0]
    posts = tuple(
        replace(first, guid=f"guid{number}", label=int(label))
        for number, label in enumerate(labels)
    )
    return Dataset("many", posts, (), dataset.excluded)


# ---- the shuffle ------------------------------------------------------------------------


def test_rows_are_the_same_for_the_same_posts_and_salt_and_for_no_others(
    demo: Dataset, dataset: Dataset
) -> None:
    rows = anonymous_rows(dataset, salt=SALT)
    assert sorted(rows) == list(range(12))
    assert (anonymous_rows(dataset, salt=SALT) == rows).all()
    assert (anonymous_rows(dataset, salt=SALT[::-1]) != rows).any()
    part = Dataset("made", demo.labelled[:12], (), demo.excluded)
    assert (anonymous_rows(part, salt=SALT) != rows).any()
    renamed = Dataset("another name", dataset.labelled, (), dataset.excluded)
    assert (anonymous_rows(renamed, salt=SALT) == rows).all()


def test_values_of_posts_can_be_put_in_the_order_of_the_rows() -> None:
    assert in_row_order(np.array([7, 8, 9]), np.array([2, 0, 1])).tolist() == [8, 9, 7]


# ---- the salt ---------------------------------------------------------------------------


def test_the_salt_is_drawn_once_is_random_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    first = load_salt(tmp_path / "a")
    assert len(first) == 32
    assert load_salt(tmp_path / "a") == first
    assert load_salt(tmp_path / "b") != first
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["salt"]
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "a" / "salt").stat().st_mode) == 0o600


def test_runs_that_start_at_once_agree_on_one_salt(tmp_path: Path) -> None:
    barrier = Barrier(8)

    def draw(_: int) -> bytes:
        barrier.wait()
        return load_salt(tmp_path)

    with ThreadPoolExecutor(8) as pool:
        salts = set(pool.map(draw, range(8)))
    assert salts == {load_salt(tmp_path)}
    assert [file.name for file in tmp_path.iterdir()] == ["salt"]


def test_a_file_system_without_links_has_a_salt_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr("os.link", refuse)
    assert load_salt(tmp_path) == load_salt(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["salt"]


@pytest.mark.parametrize("content", ["", "abc", "00" * 31, "zz" * 32])
def test_a_broken_salt_is_named(content: str, out: Path) -> None:
    out.mkdir()
    (out / "salt").write_text(content)
    with pytest.raises(CourseError, match=r"salt is no salt: remove it"):
        load_salt()


def test_git_ignores_the_salt() -> None:
    if not (PROJECT / ".git").exists():
        pytest.skip("no repository")
    command = ["git", "-C", str(PROJECT), "check-ignore", "--quiet", "out/salt"]
    assert subprocess.run(command, check=False).returncode == 0


def test_what_is_saved_holds_neither_the_salt_nor_a_post(
    make_run: Callable[..., CrossValidation], tmp_path: Path, out: Path
) -> None:
    save_run("text", make_run(), tmp_path / "results")
    salt = load_salt()
    files = list((tmp_path / "results").iterdir())
    assert {file.name for file in files} == {"text.json", "oof.csv", "oof.json"}
    for file in files:
        content = file.read_text()
        for secret in (
            salt.hex(),
            salt.hex()[:8],
            str(int.from_bytes(salt, "big")),
            "guid",
            "post n",
        ):
            assert secret not in content


# ---- the attack -------------------------------------------------------------------------


def numbers_in(content: Any) -> Iterator[int]:
    """Every number that a record publishes, texts read as numbers and hashed, too."""
    if isinstance(content, dict):
        content = [*content, *content.values()]
    if isinstance(content, list):
        for value in content:
            yield from numbers_in(value)
    elif isinstance(content, str):
        yield int.from_bytes(hashlib.sha256(content.encode()).digest(), "big")
        if re.fullmatch(r"[0-9a-f]+", content):
            yield int(content, 16)
            yield int(content[:8], 16)
    elif isinstance(content, int | float) and content >= 0:
        yield int(content)


def guessed_orders(record: Any, count: int) -> Iterator[np.ndarray]:
    """Shuffles of `count` rows that can be tried by whoever knows the record and the code."""
    for seed in {*numbers_in(record), *range(20)}:
        yield np.random.default_rng(seed).permutation(count)
        yield np.random.RandomState(seed % 2**32).permutation(count)


def best_agreement(labels: np.ndarray, by_row: np.ndarray, record: Any) -> float:
    """The share of labels in the right place, in the best of the orders and of their inverses."""
    guesses = list(guessed_orders(record, len(labels)))
    guesses += [np.argsort(order) for order in guesses]
    return float(max((by_row[order] == labels).mean() for order in guesses))


@pytest.fixture
def published(many: Dataset, tmp_path: Path) -> tuple[np.ndarray, Any]:
    """`(labels by row, record)` of a run, as anyone can read them in its folder."""
    folds = np.array_split(np.arange(600), 2)
    results = [
        FoldResult(
            seed=0,
            fold=number,
            test=test.tolist(),
            probabilities=np.random.default_rng(1).dirichlet(np.ones(3), len(test)).tolist(),
            unlabelled=[],
            validation={"accuracy": 0.5, "macro_f1": 0.5},
            validation_indices=[],
            validation_probabilities=[],
        )
        for number, test in enumerate(folds)
    ]
    run = assemble(many, Config(folds=2), results, settings={"model": "dice"}, grouped=True)
    save_run("text", run, tmp_path / "results")
    by_row, _ = probabilities_of(load_oof(tmp_path / "results"), "text")
    return by_row, json.loads((tmp_path / "results" / "text.json").read_text())


def test_nothing_that_is_published_gives_the_order_of_the_labels(
    many: Dataset, published: tuple[np.ndarray, Any]
) -> None:
    by_row, record = published
    assert record["dataset"]["fingerprint"] == many.fingerprint
    chance = np.sqrt(2 / 9 / 600)  # a third is right by chance; this is its deviation
    assert best_agreement(many.labels, by_row, record) < 1 / 3 + 5 * chance


def test_the_attack_finds_a_shuffle_by_the_fingerprint(
    many: Dataset, published: tuple[np.ndarray, Any]
) -> None:
    _, record = published
    rows = np.random.default_rng(int(many.fingerprint, 16)).permutation(600)
    assert best_agreement(many.labels, in_row_order(many.labels, rows), record) == 1
