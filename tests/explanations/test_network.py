"""The network that is explained is the one that predicts, however its encoders were trained."""

import pytest
import torch
from scipy.special import expit

from mmsa_utils.config import Config
from mmsa_utils.explanations import Target, network_of, randomised
from mmsa_utils.prediction import make_post
from mmsa_utils.training.network import trained_parts


def probability(network, post):
    return expit(Target(network, post).value)


@pytest.mark.parametrize("given", [("text", "image"), ("text",), ("image",)])
def test_it_says_what_the_predictor_says_in_every_situation(given, make_predictor, picture):
    facts = {"temperatures": {"both": 2.0, "text": 0.5, "image": 3.0}}
    predictor = make_predictor(facts=facts)
    text = "a sunny day" if "text" in given else None
    post = make_post(text, picture if "image" in given else None)
    said = predictor.predict([post])[0]
    target = Target(network_of(predictor), post)
    assert predictor.classes[target.label] == said.label
    assert expit(target.value) == pytest.approx(said.confidence, abs=1e-5)


@pytest.mark.parametrize("mode", ["text", "image"])
def test_a_network_of_one_modality(mode, make_predictor, post):
    predictor = make_predictor(mode=mode, facts={"temperatures": {"both": 2.0, mode: 9.0}})
    said = predictor.predict([post])[0]
    assert probability(network_of(predictor), post) == pytest.approx(said.confidence, abs=1e-5)


LITE = {"image_encoders": ("efficientnet_lite0",), "finetune": ("image",), "mode": "image"}


@pytest.mark.parametrize(
    "settings",
    [
        {"finetune": ("text",)},
        {"finetune": ("text",), "trained_stages": 2},
        {**LITE},
        {**LITE, "trained_stages": 2},
    ],
    ids=["text", "upper text", "image", "upper image"],
)
def test_trained_encoders_are_explained_from_the_input_on(settings, make_predictor, post):
    encoders = trained_parts(Config(**{"image_encoders": ("one convolution",), **settings}))
    with torch.no_grad():
        for values in (p for encoder in encoders.values() for p in encoder.parameters()):
            values.mul_(1.1)  # as a training would have changed them
    predictor = make_predictor(encoders=encoders, **settings)
    network, said = network_of(predictor), predictor.predict([post])[0]
    assert probability(network, post) == pytest.approx(said.confidence, abs=1e-4)
    frozen = network_of(make_predictor(**{**settings, "finetune": (), "trained_stages": 0}))
    assert abs(probability(frozen, post) - said.confidence) > 1e-3
    assert list(predictor.model.encoders) == list(settings["finetune"])  # as it was


def test_gradients_flow_through_encoders_that_a_prediction_has_built(make_predictor, post):
    predictor = make_predictor()
    predictor.predict([post])
    target = Target(network_of(predictor), post)
    pixels = [view.requires_grad_() for view in target.pixels]
    target.log_odds(image=target.network.image_vectors(pixels)).sum().backward()
    assert pixels[0].grad.abs().max() > 0


# ---- weights drawn anew -----------------------------------------------------------------


def weights_of(network):
    texts, images = network.text_encoders[0], network.image_encoders[0]
    return {
        name: list(module.parameters())
        for name, module in {"model": network.model, "text": texts, "image": images}.items()
    }


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("encoders", [False, True])
def test_randomised_weights_are_the_old_ones_in_another_order(encoders, network):
    before = {name: [p.clone() for p in ps] for name, ps in weights_of(network).items()}
    state = torch.get_rng_state()
    other = weights_of(randomised(network, encoders=encoders))
    assert torch.equal(torch.get_rng_state(), state)
    now = weights_of(network)
    assert all(same(before[name], now[name]) for name in before)
    assert not same(before["model"], other["model"])
    assert same(before["text"], other["text"]) != encoders
    assert same(before["image"], other["image"]) != encoders
    for old, new in zip(before["model"], other["model"], strict=True):
        assert torch.equal(old.flatten().sort().values, new.flatten().sort().values)


def test_a_seed_gives_the_same_random_network_and_another_seed_another(network):
    first, again, other = (weights_of(randomised(network, seed=s))["model"] for s in (3, 3, 4))
    assert same(first, again)
    assert not same(first, other)
