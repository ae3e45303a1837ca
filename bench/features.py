"""Pictures a second through the frozen image encoders: torch against the other engines.

What is measured is `extract_features` on an empty cache, all of it: the encoder is built, the
pictures are read, and what comes out is saved. Engines take turns, and the median of the rounds
counts.
"""

from statistics import median

import numpy as np

from mmsa_utils.config import ENGINES, Config
from mmsa_utils.data import Dataset
from mmsa_utils.encoders import extract_features
from mmsa_utils.errors import CourseError
from mmsa_utils.io import Record

from .common import POSTS, describe, machine, nothing_cached, some_posts, timed

ENCODERS = ("efficientnet_lite0", "efficientnet_lite2")
ROUNDS = 3


def _extract(dataset: Dataset, encoder: str, engine: str) -> tuple[float, np.ndarray]:
    config = Config(mode="image", image_encoders=(encoder,), engine=engine)
    with nothing_cached():
        return timed(lambda: extract_features(dataset.labelled, "image", config))


def _installed(dataset: Dataset, encoder: str) -> list[str]:
    """The engines that this machine has; each is tried, and so warm, before it is measured."""
    found = []
    for engine in ENGINES:
        try:
            _extract(dataset, encoder, engine)
            found.append(engine)
        except CourseError as error:
            print(f"{engine}: {error}", flush=True)
    return found


def compare_engines(dataset: Dataset, encoder: str, *, rounds: int) -> Record:
    """Pictures a second by engine, against torch; and how far the features are from torch's."""
    engines = _installed(dataset, encoder)
    runs = [{e: _extract(dataset, encoder, e) for e in engines} for _ in range(rounds)]
    seconds = {engine: median(run[engine][0] for run in runs) for engine in engines}
    features = {engine: runs[0][engine][1] for engine in engines}
    fastest = min(seconds, key=lambda engine: seconds[engine])
    return {
        "seconds": {engine: round(value, 2) for engine, value in seconds.items()},
        "times_torch": {e: round(seconds["torch"] / value, 2) for e, value in seconds.items()},
        "fastest": fastest,
        "largest_difference": {
            engine: float(f"{np.abs(table - features['torch']).max():.1e}")
            for engine, table in features.items()
            if engine != "torch"
        },
    }


def measure(*, quick: bool = False) -> Record:
    """The record of this piece."""
    before, dataset = machine(), some_posts(40 if quick else POSTS)
    encoders, rounds = (ENCODERS[:1], 1) if quick else (ENCODERS, ROUNDS)
    return {
        "what": "frozen features of pictures, from files to the cache, by engine",
        **describe(dataset),
        "encoders": {name: compare_engines(dataset, name, rounds=rounds) for name in encoders},
        "environment": before,
    }
