"""The additive projection as a learner: the same training, other predictions."""

import numpy as np
import pytest
import torch

from mmsa_utils.config import Config
from mmsa_utils.models import additive_projection
from mmsa_utils.training import additive, cross_validate, make_learner
from mmsa_utils.training.batches import PostData
from mmsa_utils.training.learners import FitContext

CONFIG = Config(head="bilinear", epochs=2, folds=3, inner_folds=4, batch_size=32)


@pytest.fixture(scope="module")
def fitted(demo):
    """The data, and both learners fitted alike."""
    data = PostData(demo, CONFIG)
    rows = np.arange(240) >= 200
    context = FitContext(validation=rows, groups=np.arange(240), fold_seed=0, seed=0)
    names = ("network", "additive projection")
    return data, *(make_learner(n, CONFIG).fit(data.labelled, demo.labels, context) for n in names)


def test_it_is_the_networks_own_projection_whatever_the_batches(fitted):
    data, network, projection = fitted
    X = data.subset(np.arange(0, 240, 3))  # several batches
    expected = additive_projection(network.model_, data.batch(X.indices)).softmax(1)
    table = projection.predict_proba(X)
    assert np.allclose(table, expected.numpy(), atol=1e-5)
    assert not np.allclose(table, network.predict_proba(X), atol=1e-3)


def test_training_is_the_networks(fitted):
    _, network, projection = fitted
    pairs = zip(network.model_.parameters(), projection.model_.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    assert network.history_ == projection.history_


def test_cross_validated_by_its_name_a_head_that_adds_changes_nothing(demo, tmp_path):
    config = CONFIG.but(head="concat", epochs=1)
    runs = [
        cross_validate(demo, config, learner=name, store=tmp_path / name)
        for name in ("network", "additive projection")
    ]
    assert np.allclose(runs[0].probabilities, runs[1].probabilities, atol=1e-5)
    assert runs[1].settings["model"] == "additive projection"


def test_it_computes_in_the_numbers_of_the_networks_predictions(fitted, monkeypatch):
    data, _, projection = fitted
    monkeypatch.setattr(additive, "autocast", lambda device: torch.autocast("cpu", torch.bfloat16))
    model, halves = projection.model_, []
    hooks = [
        layer.register_forward_hook(lambda *_: halves.append(torch.is_autocast_enabled("cpu")))
        for layer in (*model.branches.values(), model.head)
    ]
    projection.predict_proba(data.subset(np.arange(5)))
    for hook in hooks:
        hook.remove()
    assert halves == [True] * 3
