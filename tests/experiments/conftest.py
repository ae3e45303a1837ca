"""What the runs of these tests share: few tries of small models."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmsa_utils.config import MODES, Config
from mmsa_utils.data.images import ImageFacts
from mmsa_utils.data.posts import PROBLEM_COLUMNS, Dataset, Post
from mmsa_utils.evaluation.predictions import FoldResult, assemble
from mmsa_utils.experiments.recipes import Recipes

SMALL = Config(epochs=3, seeds=(0, 1), folds=2, inner_folds=3)


@pytest.fixture(scope="session")
def few():
    """A few base learners by mode."""
    return {
        "text": ("linear", "network", "TF-IDF"),
        "image": ("linear", "network"),
        "fused": ("network", "text ensemble", "image ensemble"),
    }


@pytest.fixture(scope="session")
def recipes(few):
    """Recipes of a reference run that takes seconds on the demo set."""
    configs = {mode: SMALL.but(mode=mode) for mode in MODES}
    return Recipes(
        course=SMALL,
        features=configs,
        networks=configs,
        without_mpnet=configs,
        variants={
            "attention": SMALL.but(head="attention"),
            "balanced": SMALL.but(class_weights="balanced"),
            "plain_folds": SMALL,
        },
        base_learners=few,
        shares=(0.5, 1.0),
    )


@pytest.fixture(scope="session")
def posts():
    """Two hundred made posts of two classes: 140 calm ones, 60 loud ones, in no order."""
    labels = np.random.default_rng(0).permutation([0] * 140 + [1] * 60)
    labelled = tuple(
        Post(
            guid=f"guid{number:03d}",
            label=int(label),
            text=" ".join(["word"] * (number % 20)) + " http://t.co/x",
            encoding="utf-8",
            image=Path(f"guid{number:03d}.jpg"),
            content=f"content {number}",
            facts=ImageFacts(phash=f"{number:016x}"),
        )
        for number, label in enumerate(labels)
    )
    left_out = pd.DataFrame([], columns=PROBLEM_COLUMNS)
    return Dataset("made", labelled, (), left_out, classes=("calm", "loud"))


@pytest.fixture(scope="session")
def made_run(posts):
    """A function: `made_run(wrong=40)` is a run on these posts, 4 folds and 2 seeds.

    `wrong`: how many posts it gets wrong with each seed, chosen by `draw`. `validation`: its
    accuracy on the validation sets. `views`: by name, how many the view gets wrong.
    """
    config = SMALL.but(folds=4, seeds=(0, 5))

    def table(wrong, rng):
        sure = rng.uniform(0.6, 0.9, len(posts.labels))
        answers = posts.labels.copy()
        answers[rng.permutation(len(answers))[:wrong]] ^= 1
        return np.where(np.arange(2) == answers[:, None], sure[:, None], 1 - sure[:, None])

    def make(wrong, *, draw=0, validation=0.5, views=None):
        rng, results = np.random.default_rng(draw), []
        for seed in config.seeds:
            tables = {name: table(n, rng) for name, n in {"": wrong, **(views or {})}.items()}
            order = np.random.default_rng(seed).permutation(len(posts.labels))
            for fold, test in enumerate(np.split(order, config.folds)):
                says = {name: values[test].tolist() for name, values in tables.items()}
                results.append(
                    FoldResult(
                        seed=seed,
                        fold=fold,
                        test=test.tolist(),
                        probabilities=says.pop(""),
                        unlabelled=[],
                        validation={"accuracy": validation, "macro_f1": validation},
                        validation_indices=[],
                        validation_probabilities=[],
                        environments=[{"device": "cpu"}],
                        views=says,
                    )
                )
        return assemble(posts, config, results, settings={}, grouped=True)

    return make
