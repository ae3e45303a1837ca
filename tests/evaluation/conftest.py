"""Made posts and predictions: evaluation is tested without any training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmsa_utils.config import LABELS, Config
from mmsa_utils.data.images import ImageFacts
from mmsa_utils.data.posts import PROBLEM_COLUMNS, Dataset, Post
from mmsa_utils.evaluation.predictions import CrossValidation, FoldResult, assemble
from mmsa_utils.evaluation.records import save_run


@pytest.fixture(autouse=True)
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has an out folder, and so a salt, of its own."""
    monkeypatch.setenv("MMSA_OUT", str(tmp_path / "out"))
    return tmp_path / "out"


def make_post(number: int, label: int | None, *, text: str = "", phash: str = "") -> Post:
    return Post(
        guid=f"guid{number:03d}",
        label=label,
        text=text or f"post number {number}",
        encoding="utf-8",
        image=Path(f"guid{number:03d}.jpg"),
        content=f"content {number}",
        facts=ImageFacts(phash=phash or f"{number:016x}"),
    )


@pytest.fixture
def dataset() -> Dataset:
    """Twelve labelled posts, four a class, and three unlabelled ones; one was left out."""
    labelled = tuple(make_post(number, number % 3) for number in range(12))
    unlabelled = tuple(make_post(number, None) for number in range(12, 15))
    left_out = pd.DataFrame([["x.txt", "x", "empty text", "write it"]], columns=PROBLEM_COLUMNS)
    return Dataset("made", labelled, unlabelled, left_out)


@pytest.fixture
def others(dataset: Dataset) -> Dataset:
    """As many other posts, in a folder of the same name."""
    labelled = tuple(make_post(number, number % 3) for number in range(20, 32))
    return Dataset("made", labelled, dataset.unlabelled, dataset.excluded)


@pytest.fixture(params=[("sad", "happy"), tuple("12345")], ids=["two", "five"])
def own(dataset: Dataset, request: pytest.FixtureRequest) -> Dataset:
    """The same posts with two classes, and with five that look like numbers."""
    count = len(request.param)
    labelled = tuple(replace(p, label=n % count) for n, p in enumerate(dataset.labelled))
    return replace(dataset, labelled=labelled, classes=request.param)


@pytest.fixture
def make_run(dataset: Dataset) -> Callable[..., CrossValidation]:
    """A function: `make_run(draw)` gives a run with random predictions, 3 folds and 2 seeds.

    `on`: devices that its folds take in turn. `of`: the posts, where they are others.
    """
    config = Config(mode="text", folds=3, inner_folds=2, seeds=(0, 5))

    def make(
        draw: int = 0, *, on: Sequence[str] = ("a made one",), of: Dataset = dataset
    ) -> CrossValidation:
        rng, results, alike = np.random.default_rng(draw), [], np.ones(len(of.classes))
        for seed in config.seeds:
            order = np.random.default_rng(seed).permutation(len(of.labelled))
            for fold, test in enumerate(np.split(order, config.folds)):
                validation = order[~np.isin(order, test)][:4]
                tables = [rng.dirichlet(alike, size).round(6) for size in (4, 3, 4)]
                result = FoldResult(
                    seed=seed,
                    fold=fold,
                    test=test.tolist(),
                    probabilities=tables[0].tolist(),
                    unlabelled=tables[1].tolist(),
                    validation={"accuracy": 0.5 + fold / 10, "macro_f1": 0.25},
                    validation_indices=validation.tolist(),
                    validation_probabilities=tables[2].tolist(),
                    best_epoch=2,
                    history=[{"epoch": 1, "val_loss": 1.0}],
                    seconds=1.5,
                    environments=[{"device": on[fold % len(on)]}],
                )
                results.append(result)
        return assemble(of, config, results, settings={"model": "dice"}, grouped=True)

    return make


@pytest.fixture
def make_table() -> Callable[..., pd.DataFrame]:
    """A function that writes predicted classes as a table of out-of-fold predictions.

    `runs` maps a run to a list of classes a seed, `(S, N)`; posts alternate between `folds`.
    """

    def make(
        labels: Sequence[int],
        runs: Mapping[str, Sequence[Sequence[int]]],
        *,
        folds: int = 2,
        sure: float = 0.8,
        classes: Sequence[str] = LABELS,
    ) -> pd.DataFrame:
        number = np.arange(len(labels))
        tables = []
        for run, seeds in runs.items():
            for seed, predicted in enumerate(seeds):
                table = np.full((len(labels), len(classes)), (1 - sure) / (len(classes) - 1))
                table[number, predicted] = sure
                facts = {"run": run, "seed": seed, "row": number, "fold": number % folds}
                frame = pd.DataFrame(facts | {"label": np.take(classes, labels)})
                tables.append(frame.assign(**dict(zip(classes, table.T, strict=True))))
        return pd.concat(tables, ignore_index=True)

    return make


@pytest.fixture
def runs(make_run: Callable[..., CrossValidation], tmp_path: Path) -> dict[str, CrossValidation]:
    """Two runs on the same posts, saved in `tmp_path`."""
    runs = {"text": make_run(0), "image": make_run(1)}
    for name, run in runs.items():
        save_run(name, run, tmp_path)
    return runs
