"""What every piece of the bench needs: posts, an empty cache, and what it ran on."""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from unittest import mock

import torch

from mmsa_utils.data import Dataset, Post, load_dataset
from mmsa_utils.devices import environment
from mmsa_utils.io import Record
from mmsa_utils.paths import DEMO
from mmsa_utils.settings import data_folder

Result = TypeVar("Result")
POSTS = 400


def some_posts(count: int = POSTS) -> Dataset:
    """So many labelled posts of the data set, the same ones each time; all where it has fewer.

    They are the first by a hash of text and picture, in the order of the data set.
    """
    dataset = load_dataset(data_folder(), exclude_problems=True)
    chosen = set(sorted(map(_order, dataset.labelled))[:count])
    posts = tuple(post for post in dataset.labelled if _order(post) in chosen)
    return replace(dataset, labelled=posts, unlabelled=())


def _order(post: Post) -> str:
    return hashlib.sha256(f"{post.guid} {post.content}".encode()).hexdigest()


def describe(dataset: Dataset) -> Record:
    """What a record says of the posts that were measured on."""
    return {
        "posts": len(dataset.labelled),
        "of": "the demo set" if data_folder() == DEMO else "the course's posts",
    }


@contextmanager
def nothing_cached() -> Iterator[Path]:
    """An empty folder for caches and one for results, in the place of this machine's own."""
    with tempfile.TemporaryDirectory() as name:
        places = {"MMSA_CACHE": f"{name}/cache", "MMSA_OUT": f"{name}/out"}
        with mock.patch.dict(os.environ, places):
            yield Path(name)


def timed(do: Callable[[], Result]) -> tuple[float, Result]:
    """`(seconds, result)`."""
    start = time.perf_counter()
    result = do()
    return time.perf_counter() - start, result


def machine() -> Record:
    """What it was measured on: the libraries, the cores, and how busy they were before."""
    return {**environment(torch.device("cpu")), "load_before": round(os.getloadavg()[0], 2)}
