"""What the runs of these tests share: few tries of small models."""

import pytest

from mmsa_utils.config import MODES, Config
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
