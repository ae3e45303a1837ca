"""Answers: those of the model, each modality's part exact, and the same in any company."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from mmsa_utils.config import Config
from mmsa_utils.encoders import features
from mmsa_utils.encoders.registry import build_encoder
from mmsa_utils.errors import CourseError
from mmsa_utils.prediction import Predictor, make_post, predictor
from mmsa_utils.training import PostData, load_shipped_model
from mmsa_utils.training.batches import trained_parts

T = {"both": 2.0, "text": 0.5, "image": 1.5}


def softmax(logits, temperature):
    powers = np.exp(np.asarray(logits, dtype=float) / temperature)
    return powers / powers.sum(-1, keepdims=True)


def test_the_shipped_model_says_what_its_network_says(demo, shipped):
    posts = demo.labelled[:6]
    model, config = load_shipped_model()
    batch = PostData(replace(demo, labelled=posts, unlabelled=()), config).batch(np.arange(6))
    with torch.inference_mode():
        expected = model(batch).numpy()
    found = shipped.predict(posts)
    temperature = shipped.facts["temperatures"]["both"]
    assert shipped.logits(posts) == pytest.approx(expected, abs=1e-3)
    for answer, logits in zip(found, expected, strict=True):
        assert answer.probabilities == pytest.approx(softmax(logits, temperature), abs=1e-3)
        assert answer.probabilities.sum() == pytest.approx(1)


def test_one_post_is_answered_as_it_is_among_others(shipped, picture):
    pairs = [
        ("so happy today", picture),
        ("I hate it", None),
        (None, 255 - picture),
        ("x " * 90, picture),
    ]
    together = shipped.predict(pairs)
    alone = [shipped.predict(text=text, image=image) for text, image in pairs]
    for one, other in zip(together, alone, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)
        assert one.contributions == pytest.approx(other.contributions, abs=1e-4)
        assert (one.label, one.notes, set(one.views)) == (
            other.label,
            other.notes,
            set(other.views),
        )


@pytest.mark.parametrize(
    "head", ["concat", "attention", "late", "gated", "bilinear", "composition"]
)
def test_contributions_are_the_mean_over_all_orders_of_joining(head, make_predictor, picture):
    made = make_predictor(head=head, facts={"temperatures": T})
    post = make_post("so happy today", picture)
    answer = made.predict([post])[0]

    def value(*shown):
        """The probability of the answer where the model sees these alone."""
        hidden = {name: name in shown for name in ("text", "image")}
        situation = shown[0] if len(shown) == 1 else "both"
        table = softmax(made.logits([post], present=hidden)[0], T[situation])
        return table[answer.probabilities.argmax()], table

    gains = {"text": [], "image": []}
    for order in itertools.permutations(gains):
        for place, player in enumerate(order):
            gains[player].append(value(*order[: place + 1])[0] - value(*order[:place])[0])
    expected = {player: np.mean(steps) for player, steps in gains.items()}
    assert answer.contributions == pytest.approx(expected, abs=1e-5)
    whole = value("text", "image")[0] - value()[0]
    assert sum(answer.contributions.values()) == pytest.approx(whole, abs=1e-5)
    for name, view in answer.views.items():
        assert view == pytest.approx(value(name)[1], abs=1e-5)


def test_a_post_without_a_picture_has_its_own_temperature_and_no_contribution_of_one(
    make_predictor,
):
    made = make_predictor(facts={"temperatures": T})
    (answer,) = made.predict([("so happy today", None)])
    assert answer.probabilities == pytest.approx(
        softmax(made.logits([make_post("so happy today")])[0], T["text"]), abs=1e-5
    )
    assert answer.contributions["image"] == 0
    assert answer.shares == {"text": 1, "image": 0}
    assert list(answer.views) == ["text"]
    assert (answer.views["text"] == answer.probabilities).all()


@pytest.mark.parametrize("mode", ["text", "image"])
def test_a_model_of_one_modality_has_one_view_and_one_player(mode, make_predictor, picture):
    made = make_predictor(mode=mode, facts={"temperatures": {"both": 3.0}})
    answer = made.predict(text="so happy today", image=picture)
    post = make_post("so happy today", picture)
    assert answer.probabilities == pytest.approx(softmax(made.logits([post])[0], 3.0), abs=1e-5)
    assert list(answer.views) == list(answer.contributions) == [mode]
    assert answer.shares == {mode: 1}


def test_words_in_the_picture_belong_to_it(make_predictor, picture, monkeypatch):
    made = make_predictor(words=True)
    monkeypatch.setattr("mmsa_utils.encoders.held.available", lambda: True)
    monkeypatch.setattr(
        "mmsa_utils.encoders.held.read_words",
        lambda posts, keep: (["happy words" if post.has_image else "" for post in posts], []),
    )
    post = make_post("so happy today", picture)
    batch = made.batch([post])
    assert batch["words_present"].all()
    hidden = made.logits([post], present={"image": False})
    assert hidden == pytest.approx(made.logits([make_post("so happy today")]), abs=1e-5)
    assert set(made.predict([post])[0].contributions) == {"text", "image"}


def test_hiding_may_differ_from_post_to_post(make_predictor, picture):
    made, posts = make_predictor(), [make_post("good", picture), make_post("bad", picture)]
    mixed = made.logits(posts, present={"text": [True, False]})
    assert mixed[0] == pytest.approx(made.logits(posts)[0], abs=1e-5)
    assert mixed[1] == pytest.approx(made.logits(posts, present={"text": False})[1], abs=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"finetune": ("text",)},
        {"finetune": ("text", "image"), "trained_stages": 1},
        {"finetune": ("image",), "mode": "image"},
    ],
)
def test_encoders_that_were_trained_are_the_ones_that_answer(settings, make_predictor, demo):
    config = Config(**{"image_encoders": ("tiny",), **settings})
    made = make_predictor(encoders=trained_parts(config), **settings)
    with torch.no_grad():
        for values in made.model.encoders.parameters():
            values.mul_(1.05)
    posts = demo.labelled[:3]
    whole = {m: build_encoder(m, config.encoders(m)[0]) for m in config.finetune}
    given = whole if config.trained_stages else dict(made.model.encoders)
    batch = PostData(demo, config, given).batch(np.arange(3))
    with torch.inference_mode():
        assert made.logits(posts) == pytest.approx(made.model(batch).numpy(), abs=1e-4)


def test_any_classes_are_answered(make_predictor):
    made = make_predictor(classes=("a", "b", "c", "d", "e"), mode="text")
    answer = made.predict(text="so happy today")
    assert answer.classes == made.classes == ("a", "b", "c", "d", "e")
    assert answer.probabilities.shape == (5,)


def test_more_posts_than_a_batch_come_back_in_their_order(make_predictor, monkeypatch):
    made = make_predictor(mode="text")
    texts = ["good", "bad", "a longer text about the weather", "x"]
    expected = [made.predict(text=text).probabilities for text in texts]
    monkeypatch.setattr(predictor, "BATCH", 3)
    found = [answer.probabilities for answer in made.predict([(text, None) for text in texts])]
    assert np.array(found) == pytest.approx(np.array(expected), abs=1e-5)
    assert made.predict([]) == []


def test_predicting_leaves_no_trace_on_the_disk(make_predictor, picture, monkeypatch, tmp_path):
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path))
    make_predictor().predict(text="so happy today", image=picture)
    assert list(tmp_path.iterdir()) == []


def test_predicting_leaves_torchs_random_numbers_alone(make_predictor, picture):
    made, state = make_predictor(), torch.get_rng_state()
    made.predict(text="so happy today", image=picture)
    assert torch.equal(torch.get_rng_state(), state)


def test_encoders_are_built_once(make_predictor, picture, monkeypatch):
    made = make_predictor()
    first = made.predict(text="so happy today", image=picture)

    def refuse(*_):
        raise AssertionError("built again")

    monkeypatch.setattr("mmsa_utils.encoders.held.build_encoder", refuse)
    monkeypatch.setattr(features, "build_encoder", refuse)
    again = made.predict(text="so happy today", image=picture)
    assert (again.probabilities == first.probabilities).all()


@pytest.mark.parametrize(
    ("posts", "said"),
    [
        ("a text", "give a sequence of posts"),
        (["a text"], "post 1 is no pair"),
        ([("good", None), ("a", None, None)], "post 2 is no pair"),
        ([("good", None), (None, None)], "post 2: .*neither a text nor a picture"),
        ([("good", None), ("good", "none.jpg")], "post 2: none.jpg: there is no such picture"),
        ([("good", None), (" ", None)], "post 2: there is no text and no picture"),
    ],
)
def test_what_cannot_be_answered_is_named_in_a_line(posts, said, make_predictor):
    with pytest.raises(CourseError, match=said) as error:
        make_predictor().predict(posts)
    assert "\n" not in str(error.value)


def test_posts_and_one_post_are_not_asked_for_together(make_predictor, picture):
    made = make_predictor()
    for posts, given in (([], {"text": "good"}), ([], {"image": picture}), (make_post("a"), {})):
        with pytest.raises(CourseError, match="give a sequence of posts, or text="):
            made.predict(posts, **given)


# ---- how sure -----------------------------------------------------------------------------

STEPS = [
    {"least": 0.5, "refused": 0.1, "accuracy": 0.8},
    {"least": 0.51, "refused": 0.2, "accuracy": 0.85},
    {"least": 1.0, "refused": 1.0, "accuracy": None},
]
LEAST = {
    "both": {"posts": 40, "steps": STEPS},
    "text": {"posts": 40, "steps": [{"least": 0.5, "refused": 0.3, "accuracy": 0.6}]},
}


def test_what_refusing_brings_is_read_at_the_nearest_step(make_predictor):
    made = make_predictor(facts={"least": LEAST})
    assert made.least(0.5) == {"refused": 0.1, "accuracy_of_rest": 0.8, "posts": 40}
    assert made.least(0.508)["refused"] == 0.2
    assert made.least(0.1)["refused"] == 0.1
    assert made.least(1)["accuracy_of_rest"] is None
    assert made.least(0.5, given=["text"])["refused"] == 0.3
    with pytest.raises(CourseError, match="came without the figures"):
        made.least(0.5, given=["image"])
    one = make_predictor(mode="text", facts={"least": LEAST})
    assert one.least(0.5, given=["text"]) == one.least(0.5) == made.least(0.5)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_is_a_probability(threshold, make_predictor):
    with pytest.raises(CourseError, match="give a probability"):
        make_predictor(facts={"least": LEAST}).least(threshold)


def test_a_model_without_temperatures_says_that_it_is_not_calibrated(make_predictor):
    plain, fitted = make_predictor(), make_predictor(facts={"temperatures": T})
    assert plain.facts["temperatures"] == {"both": 1, "text": 1, "image": 1}
    assert not plain.facts["calibrated"]
    assert fitted.facts["calibrated"]
    assert isinstance(plain, Predictor)
    assert make_predictor(mode="text").facts["temperatures"] == {"both": 1}
