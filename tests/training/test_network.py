"""The network as a learner: validation posts stop it, all config knobs reach it."""

import numpy as np
import pytest
import torch

from mmsa_utils.config import Config
from mmsa_utils.training.batches import FeatureSource, PostData
from mmsa_utils.training.learners import FitContext
from mmsa_utils.training.network import NetworkClassifier

CONFIG = Config(mode="text", epochs=4)


def context(count, validation=40):
    rows = np.arange(count) >= count - validation
    return FitContext(validation=rows, groups=np.arange(count), fold_seed=0, seed=0)


def fitted(demo, config, **options):
    data = PostData(demo, config)
    network = NetworkClassifier(config, **options)
    return data, network.fit(data.labelled, demo.labels, context(len(demo.labelled)))


def test_validation_posts_are_not_trained_on(demo):
    """With their labels turned round, the weights after one epoch are the same."""
    config, (data, first) = CONFIG.but(epochs=1), fitted(demo, CONFIG.but(epochs=1))
    turned = demo.labels.copy()
    turned[200:] = (turned[200:] + 1) % 3
    again = NetworkClassifier(config).fit(data.labelled, turned, context(240))
    other = demo.labels.copy()
    other[:200] = (other[:200] + 1) % 3
    different = NetworkClassifier(config).fit(data.labelled, other, context(240))
    tables = [model.predict_proba(data.labelled) for model in (first, again)]
    assert np.array_equal(*tables)
    assert not np.allclose(tables[0], different.predict_proba(data.labelled))


def test_the_history_is_that_of_the_epochs(demo):
    _, network = fitted(demo, CONFIG)
    assert [log["epoch"] for log in network.history_] == [1, 2, 3, 4]
    losses = [log["val_loss"] for log in network.history_]
    assert network.best_epoch_ == 1 + int(np.argmin(losses))


def test_a_number_of_epochs_trains_on_all_posts(demo):
    data, network = fitted(demo, CONFIG.but(patience=1), epochs=3)
    assert len(network.history_) == 3
    turned = demo.labels.copy()
    turned[200:] = (turned[200:] + 1) % 3
    again = NetworkClassifier(CONFIG, epochs=3).fit(data.labelled, turned, context(240))
    table = network.predict_proba(data.labelled)
    assert not np.allclose(table, again.predict_proba(data.labelled))


def test_views_are_predictions_without_the_other_modality_and_its_input_has_no_say(demo):
    config = Config(epochs=2, batch_size=16)
    data, network = fitted(demo, config)
    X = data.subset(np.arange(0, 240, 5))
    both, views = network.predict_proba(X), network.predict_views(X)
    for seen, hidden in (("text", "image"), ("image", "text")):
        source, present = data.sources[hidden], data.present[hidden]
        data.present[hidden] = torch.zeros_like(present)
        assert np.allclose(network.predict_proba(X), views[seen], atol=1e-6)
        data.present[hidden] = present
        data.sources[hidden] = FeatureSource(5 - source.features)
        changed = network.predict_views(X)
        assert np.array_equal(changed[seen], views[seen])
        assert not np.allclose(changed[hidden], views[hidden], atol=1e-2)
        assert not np.allclose(network.predict_proba(X), both, atol=1e-2)
        data.sources[hidden] = source
    assert np.array_equal(network.predict_proba(X), both)


def test_what_looks_at_one_modality_has_no_views(demo):
    data, network = fitted(demo, CONFIG.but(epochs=1))
    assert network.predict_views(data.labelled) == {}


def test_no_posts_have_no_predictions_but_a_column_a_class(datasets):
    data, network = fitted(datasets[2], CONFIG.but(epochs=1))
    assert network.predict_proba(data.subset([])).shape == (0, 2)


@pytest.mark.parametrize(
    "changes", [{"finetune": ("text",), "trained_stages": 1}, {"average_decay": 0.9}]
)
def test_the_final_fit_honours_trained_encoders_and_averaged_weights(demo, changes):
    small = demo.__class__("demo", demo.labelled[:40], (), demo.excluded)
    config = CONFIG.but(batch_size=16, encoder_learning_rate=1e-3, **changes)
    data = PostData(small, config)
    network = NetworkClassifier(config, epochs=2).fit(data.labelled, small.labels, context(40))
    without = config.but(finetune=(), trained_stages=0, average_decay=0.0)
    plain = NetworkClassifier(without, epochs=2).fit(
        PostData(small, without).labelled, small.labels, context(40)
    )
    if "finetune" in changes:
        assert set(network.model_.encoders) == {"text"}
        layer = network.model_.encoders["text"].transformer.encoder.layer[0]
        fresh = PostData(small, config).encoders["text"].split(1)[1].transformer.encoder.layer[0]
        moved = layer.output.dense.weight - fresh.output.dense.weight
        assert moved.abs().max() > 1e-4
    else:
        pairs = zip(network.model_.parameters(), plain.model_.parameters(), strict=True)
        assert any(not torch.equal(a, b) for a, b in pairs)
    assert np.isfinite(network.predict_proba(data.labelled)).all()
