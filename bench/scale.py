"""Seconds and memory at 1,000, 10,000 and 100,000 synthetic posts: linear, and flat.

Two jobs, each in a process of its own, nothing cached:

load      the checked load of all posts, the groups of copies among them, and five folds. It holds
          every post (not its picture), so its memory grows with the posts.
predict   a file of posts in, a file of predictions out, in batches. The model answers at once:
          what is measured is all around it, and memory is to stay the same.

`python -m bench.scale JOB POSTS.jsonl` is one such process; it prints its figures.
"""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse.csgraph  # noqa: F401 (read before anything is measured)
import sklearn.model_selection  # noqa: F401

from mmsa_utils.config import LABELS
from mmsa_utils.data import Post, find_groups, load_dataset, make_folds
from mmsa_utils.io import Record
from mmsa_utils.prediction.files import predict_file
from mmsa_utils.prediction.result import Prediction
from mmsa_utils.settings import without_progress

from .common import machine, nothing_cached, timed
from .synthetic import write_posts

SIZES = (1_000, 10_000, 100_000)
_STATUS = Path("/proc/self/status")  # of Linux


# ---- one process ------------------------------------------------------------------------


class InstantPredictor:
    """A model in form alone: each post gets the same answer, at once."""

    classes, facts = LABELS, {"sha256": "0" * 64}

    def predict(self, posts: Sequence[Post]) -> list[Prediction]:
        even = np.full(len(LABELS), 1 / len(LABELS))
        views = {"text": even, "image": even}
        shares = {"text": 0.1, "image": 0.1}
        return [Prediction(LABELS, even, views, shares, ()) for _ in posts]


def _load(posts: Path) -> dict[str, float]:
    load, dataset = timed(lambda: load_dataset(posts))
    group, groups = timed(lambda: find_groups(dataset.labelled))
    folds, _ = timed(lambda: make_folds(dataset.labels, groups, folds=5, seed=0))
    return {"load": load, "groups": group, "folds": folds}


def _predict(posts: Path) -> dict[str, float]:
    model: Any = InstantPredictor()
    seconds, _ = timed(lambda: predict_file(model, posts, posts.with_name("predictions.csv")))
    return {"predict": seconds}


JOBS: dict[str, Callable[[Path], dict[str, float]]] = {"load": _load, "predict": _predict}


def _peak() -> float:
    """The most memory that this process has had, in megabytes.

    On Linux `ru_maxrss` begins with what the parent had when it started this process.
    """
    if _STATUS.exists():
        line = next(x for x in _STATUS.read_text().splitlines() if x.startswith("VmHWM:"))
        return int(line.split()[1]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def run_job(job: str, posts: Path) -> Record:
    """Seconds by step, and the process's peak memory before and after, in megabytes."""
    with nothing_cached():
        before = _peak()
        seconds = JOBS[job](posts)
        return {
            "seconds": {step: round(value, 2) for step, value in seconds.items()},
            "megabytes": {"libraries": round(before), "peak": round(_peak())},
        }


# ---- all of them ------------------------------------------------------------------------


def _in_process(job: str, posts: Path) -> Record:
    command = [sys.executable, "-m", "bench.scale", job, str(posts)]
    found = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env=without_progress()
    )
    return json.loads(found.stdout.splitlines()[-1])


def growth(sizes: dict[int, Record]) -> Record:
    """The largest size against the one before it: ten times the posts, how many times the rest.

    Linear steps take as many times the seconds as there are times the posts; memory that is flat
    is 1.
    """
    before, last = sorted(sizes)[-2:]
    small, large = sizes[before], sizes[last]
    return {
        "times_posts": round(last / before, 1),
        "times_seconds": {
            step: round(value / max(small["seconds"][step], 0.01), 1)
            for step, value in large["seconds"].items()
        },
        "times_peak_memory": round(large["megabytes"]["peak"] / small["megabytes"]["peak"], 2),
    }


def measure(*, quick: bool = False, sizes: Sequence[int] = SIZES) -> Record:
    """The record of this piece."""
    before, record = machine(), {}
    sizes = (100, 200) if quick else sizes
    with tempfile.TemporaryDirectory() as folder:
        files = {size: write_posts(Path(folder) / str(size), size) for size in sizes}
        for job in JOBS:
            found = {size: _in_process(job, file) for size, file in files.items()}
            record[job] = {"posts": found, "growth": growth(found)}
    return {
        "what": "synthetic posts, ten a picture, nothing cached; each job in its own process",
        **record,
        "environment": before,
    }


if __name__ == "__main__":
    print(json.dumps(run_job(sys.argv[1], Path(sys.argv[2]))))
