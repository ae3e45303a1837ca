"""Tuning the text encoder, end to end, on a few dozen made tweets."""

import os

import numpy as np
import pytest
import torch

from mmsa_utils.encoders.lora import merge_lora
from mmsa_utils.encoders.registry import build_text_encoder
from mmsa_utils.encoders.weights import shipped_records
from mmsa_utils.errors import CourseError
from mmsa_utils.experiments.tweets import (
    FILES,
    SETTINGS,
    TUNED,
    TweetClassifier,
    Tweets,
    checkpoint_folder,
    load_tweets,
    measures,
    split_off,
    tune,
    without_posts,
)
from mmsa_utils.io import file_sha256

FEW = SETTINGS.but(epochs=3, patience=3, batch_size=8, max_tokens=16, device="cpu")
SAYS = {
    "negative": ("what a sad and awful day", "i hate this broken train"),
    "neutral": ("the shop opens at nine", "we moved to the third floor"),
    "positive": ("so happy and proud today", "love this lovely warm place"),
}


def write(folder, split, count):
    """`count` tweets of each class."""
    lines = ["id\ttag\ttext"]
    for number in range(count):
        for tag, texts in SAYS.items():
            lines.append(f"{len(lines)}\t{tag}\t{texts[number % 2]} {'really ' * (number % 5)}")
    (folder / FILES[split]).write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def out(tmp_path, monkeypatch):
    """An out folder of the test's own."""
    monkeypatch.setenv("MMSA_OUT", str(tmp_path / "out"))
    return tmp_path / "out"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tweets")
    write(folder, "train", 12)
    write(folder, "test", 4)
    return folder


@pytest.fixture(scope="module")
def tuned(folder, tmp_path_factory):
    """`(record, file)` of one uninterrupted training."""
    file = tmp_path_factory.mktemp("weights") / "lora.safetensors"
    return tune(folder, [], file, config=FEW, held_out=6), file


def test_tweets_are_read_with_their_classes(folder):
    tweets = load_tweets(folder, "train")
    assert tweets["label"].tolist() == [0, 1, 2] * 12
    assert tweets["text"][0].startswith("what a sad")


def test_a_missing_or_wrong_file_is_named(folder, tmp_path):
    with pytest.raises(CourseError, match=r"train\.tsv is missing.*MMSA_TWEETS"):
        load_tweets(tmp_path, "train")
    file = tmp_path / FILES["test"]
    for wrong in ("id\ttext\n1\thello\n", "id\ttag\ttext\n1\tangry\thello\n"):
        file.write_text(wrong)
        with pytest.raises(CourseError, match=r"test\.tsv is not a table"):
            load_tweets(tmp_path, "test")


def test_no_training_is_begun_without_the_test_tweets(tmp_path):
    write(tmp_path, "train", 3)
    with pytest.raises(CourseError, match=r"test\.tsv is missing"):
        tune(tmp_path, [], tmp_path / "lora.safetensors", config=FEW)
    assert not list(tmp_path.glob("*.pt"))


def test_tweets_that_equal_a_post_are_left_out(folder, demo):
    tweets = load_tweets(folder, "train")
    tweets.loc[4, "text"] = demo.labelled[7].text.upper() + " https://t.co/x"
    kept = without_posts(tweets, demo.labelled)
    assert len(kept) == len(tweets) - 1
    assert kept["text"].tolist() == tweets["text"].drop(4).tolist()


def test_parts_are_one_pass_and_the_seed_says_in_which_order(folder):
    tweets = Tweets(build_text_encoder("minilm"), load_tweets(folder, "train"), FEW)

    def indices(seed):
        parts = tweets.parts(seed)
        return [batch for part in (1, 2, 3) for batch in parts(part).indices]

    assert sorted(np.concatenate(indices(0)).tolist()) == list(range(36))
    assert max(map(len, indices(0))) <= FEW.batch_size
    assert np.array_equal(np.concatenate(indices(0)), np.concatenate(indices(0)))
    assert not np.array_equal(np.concatenate(indices(0)), np.concatenate(indices(1)))


def test_the_classifier_learns_faster_than_lora_and_only_matrices_decay():
    encoder = build_text_encoder("minilm")
    groups = TweetClassifier(encoder).parameter_groups(SETTINGS)
    assert [group["lr"] for group in groups] == [5e-4, 5e-4, 1e-3, 1e-3]
    assert [group["weight_decay"] for group in groups] == [0.01, 0.0, 0.01, 0.0]
    assert all(p.ndim <= 1 for group in groups[1::2] for p in group["params"])


def test_each_shipped_file_is_of_an_encoder_of_its_own():
    assert {config.text_encoders for config in TUNED.values()} == {("minilm",), ("mpnet",)}
    assert set(TUNED) <= set(shipped_records())


def test_the_record_says_what_was_trained_on(tuned):
    record, file = tuned
    assert record["tweets"] == {"train": 30, "held_out": 6, "test": 12}
    assert [log["epoch"] for log in record["history"]] == [1, 2, 3]
    assert record["best_part"] in (1, 2, 3)
    assert record["settings"] == FEW.to_dict()
    assert record["environment"]["device"] == "cpu"
    assert file.is_file()
    assert not list(file.parent.glob("*.pt")), "a finished checkpoint would train nothing again"


def test_the_saved_file_predicts_what_was_measured(tuned, folder):
    record, file = tuned
    encoder = build_text_encoder("minilm")
    model = TweetClassifier(encoder)
    model.head.load_state_dict(merge_lora(encoder, file))
    test = Tweets(encoder, load_tweets(folder, "test"), FEW)
    with torch.inference_mode():
        logits = torch.cat([model.eval()(batch) for batch in test.in_order()])
    assert measures(test.labels.numpy(), logits.argmax(1).numpy()) == record["test"]


def test_killed_and_started_again_it_ends_with_the_same_file(
    tuned, folder, out, tmp_path, monkeypatch
):
    monkeypatch.setattr("mmsa_utils.training.loop.CHECKPOINT_SECONDS", 0)
    record, file = tuned
    again = tmp_path / "lora.safetensors"

    def kill(log):
        if log.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(folder, [], again, config=FEW, held_out=6, on_part=kill)
    assert not again.exists()
    assert len(list(out.glob("tweets/*/*.pt"))) == 1, "the checkpoint lies under out/"
    seen = []
    assert tune(folder, [], again, config=FEW, held_out=6, on_part=seen.append) == record
    assert [log.epoch for log in seen] == [2, 3]
    assert file_sha256(again) == file_sha256(file)
    assert not list(out.glob("tweets/*")), "and is removed at the end"


def test_a_finished_tuning_that_is_asked_for_again_trains_again(
    tuned, folder, out, tmp_path, monkeypatch
):
    record, _ = tuned
    file, seen = tmp_path / "lora.safetensors", []
    monkeypatch.setattr("mmsa_utils.experiments.tweets.shutil.rmtree", lambda *_, **__: None)
    tune(folder, [], file, config=FEW, held_out=6)  # as if killed just before it tidied up
    (left,) = out.glob("tweets/*/*.pt")
    os.utime(left, ns=(file.stat().st_mtime_ns - 1,) * 2)
    monkeypatch.undo()
    monkeypatch.setenv("MMSA_OUT", str(out))
    assert tune(folder, [], file, config=FEW, held_out=6, on_part=seen.append) == record
    assert [log.epoch for log in seen] == [1, 2, 3]
    assert [path.name for path in tmp_path.iterdir() if path != out] == ["lora.safetensors"]


def test_a_checkpoint_of_other_tweets_or_settings_is_not_gone_on_from(folder):
    tweets = load_tweets(folder, "train")
    train, validation = split_off(tweets, held_out=6, seed=0)
    given = {"config": FEW, "base": "minilm", "seed": 0}
    folders = [
        checkpoint_folder(train, validation, **given),
        checkpoint_folder(train[1:], validation, **given),
        checkpoint_folder(train, validation.assign(label=0), **given),
        checkpoint_folder(train, validation, **given | {"config": FEW.but(dropout=0.1)}),
        checkpoint_folder(train, validation, **given | {"base": "another"}),
        checkpoint_folder(train, validation, **given | {"seed": 1}),
    ]
    assert len(set(folders)) == len(folders)
    assert folders[0] == checkpoint_folder(train, validation, **given)


def test_held_out_tweets_are_not_trained_on(folder):
    tweets = load_tweets(folder, "train")
    train, validation = split_off(tweets, held_out=6, seed=0)
    assert len(validation) == 6
    assert sorted([*train.index, *validation.index]) == tweets.index.tolist()
