"""A run's settings: checked when they are made, and named the same for ever."""

import inspect
import json
from dataclasses import fields

import pytest

from mmsa_utils.config import LAB_REPORT, PRESETS, Config
from mmsa_utils.errors import CourseError

WHOLE = {
    "folds": 2, "inner_folds": 2, "epochs": 1, "patience": 1, "batch_size": 2,
    "workers": 0, "jobs": 0,
    "trained_stages": 0, "max_tokens": 3, "embed_dim": 1, "image_hidden": 1,
    "attention_heads": 1, "bilinear_rank": 1,
}  # fmt: skip
SHARES = ("dropout", "attention_dropout", "modality_dropout", "label_smoothing", "average_decay")
POSITIVE = ("learning_rate", "encoder_learning_rate", "clip_norm")
NOT_NEGATIVE = ("weight_decay", "auxiliary_weight", "warmup_epochs")


def refusal(**settings):
    """The message of a config that is refused: one line."""
    with pytest.raises(CourseError) as caught:
        Config(**settings)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize(
    "settings",
    [{"head": "magic"}, {"mode": "sound"}, {"finetune": ("ears",)}, {"class_weights": "some"}],
)
def test_unknown_settings_are_refused_with_those_that_exist(settings):
    assert "choose from" in refusal(**settings)


@pytest.mark.parametrize(("name", "least"), WHOLE.items())
def test_whole_numbers_have_a_least_value(name, least):
    expected = f"{name}={least - 1}: give a whole number, {least} or more"
    assert refusal(**{name: least - 1}) == expected
    assert "whole number" in refusal(**{name: least + 0.5})
    Config(**{"attention_heads": 1, name: least})


@pytest.mark.parametrize("name", SHARES)
def test_shares_are_from_0_to_below_1(name):
    for wrong in (-0.1, 1.0, float("nan"), "0.5", True):
        assert refusal(**{name: wrong}) == f"{name}={wrong!r}: give a number from 0 to below 1"
    assert getattr(Config(**{name: 0}), name) == 0


@pytest.mark.parametrize("name", POSITIVE)
def test_rates_are_above_0(name):
    assert refusal(**{name: 0.0}) == f"{name}=0.0: give a number above 0"


@pytest.mark.parametrize("name", NOT_NEGATIVE)
def test_weights_and_warm_up_are_not_negative(name):
    assert refusal(**{name: -1}) == f"{name}=-1: give a number of 0 or more"
    Config(**{name: 0})


def test_a_share_of_the_training_posts_may_be_all_but_not_none():
    assert "above 0, at most 1" in refusal(train_share=0.0)
    assert "above 0, at most 1" in refusal(train_share=1.01)
    assert Config(train_share=1).train_share == 1


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ((), "empty"),
        ((0, 1, 0), "twice"),
        ((0.5,), "0.5 is no whole number"),
        ([0], "tuple"),
        ((-1,), "-1 is no whole number from 0 to 4294967295"),
        ((0, 2**32), "4294967296 is no whole number from 0"),
    ],
)
def test_seeds_are_different_whole_numbers(seeds, message):
    assert message in refusal(seeds=seeds)
    assert Config(seeds=(2**32 - 1,)).seeds == (4294967295,)


@pytest.mark.parametrize("name", ["text_encoders", "image_encoders", "finetune"])
def test_a_string_where_a_tuple_is_meant_shows_the_tuple(name):
    assert "write ('minilm',)" in refusal(**{name: "minilm"})


@pytest.mark.parametrize("name", ["text_encoders", "image_encoders"])
def test_a_modality_has_at_least_one_encoder(name):
    assert refusal(**{name: ()}) == f"{name}=() is empty: name at least one"


def test_attention_heads_take_equal_parts_of_the_vector():
    message = refusal(embed_dim=100)
    assert "embed_dim=100" in message
    assert "attention_heads=8" in message


def test_only_an_encoder_that_the_mode_looks_at_is_trained():
    assert "mode='text' does not look at" in refusal(mode="text", finetune=("image",))
    with pytest.raises(CourseError, match="mode='image'"):
        LAB_REPORT.but(mode="image")  # its text encoder is trained


def test_one_encoder_of_a_modality_is_trained_not_two():
    both = ("efficientnet_lite0", "efficientnet_lite2")
    assert "names 2: name one" in refusal(image_encoders=both, finetune=("image",))


def test_words_in_pictures_belong_to_the_picture():
    assert Config(words=True).modalities == ("text", "image", "words")
    assert Config(mode="image", words=True).modalities == ("image", "words")
    assert Config(mode="text", words=True).modalities == ("text",)


def test_mixup_goes_with_frozen_features_only():
    with pytest.raises(CourseError, match=r"mixup=0\.2 mixes frozen"):
        Config(mixup=0.2, finetune=("text",))


# ---- names of settings ------------------------------------------------------------------


@pytest.mark.parametrize("config", [Config(seeds=(3, 1)), *PRESETS.values()])
def test_a_record_gives_the_config_back(config):
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_record_says_nothing_of_the_machine():
    fast = Config(jobs=3, workers=2, device="cpu", engine="torch")
    assert fast.to_dict() == Config().to_dict()


def test_a_key_is_the_same_as_ever_so_that_finished_folds_are_found_again():
    assert Config().key() == "b7fec15149bd"
    assert LAB_REPORT.key() == "66336417a8d0"


def test_a_key_tells_what_changes_the_result_and_nothing_else():
    for same in (
        {"device": "cpu"},
        {"engine": "torch"},
        {"workers": 3},
        {"jobs": 2},
        {"seeds": (4,)},
    ):
        assert Config(**same).key() == Config().key()
    for other in ({"dropout": 0.4}, {"text_encoders": ("mpnet",)}, {"inner_folds": 4}):
        assert Config(**other).key() != Config().key()


def test_changes_are_the_settings_that_differ():
    config = Config(dropout=0.8, seeds=(1, 2))
    assert config.changes() == {"dropout": 0.8, "seeds": (1, 2)}
    assert config.changes(Config(seeds=(1, 2), head="late")) == {"dropout": 0.8, "head": "concat"}
    assert Config().changes() == {}


def test_every_knob_is_explained_where_it_stands():
    lines = inspect.getsource(Config).splitlines()
    for knob in fields(Config):
        (line,) = [line for line in lines if line.startswith(f"    {knob.name}: ")]
        assert "  # " in line, knob.name
