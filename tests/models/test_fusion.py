"""The model: shapes, missing modalities, three modes, and what its optimizer is told."""

import pytest
import torch
from torch import nn

from mmsa_utils.config import HEADS, Config
from mmsa_utils.models import SentimentModel, describe, hide

DIMS = {"text": 384, "image": 1280}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("present", [(True, True), (True, False), (False, True), (False, False)])
def test_any_modality_may_be_missing_without_nan(head, present, make_model, make_batch):
    batch = make_batch(5, text=present[0], image=present[1])
    model = make_model(head)
    logits = model(batch)
    assert logits.shape == (5, 3)
    assert torch.isfinite(logits).all()
    model.train()(batch).sum().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(torch.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize("head", HEADS)
def test_in_evaluation_a_missing_modalitys_input_has_no_influence(head, make_model, make_batch):
    model, batch = make_model(head), make_batch(4, image=False)
    before = model(batch)
    batch["image"] = batch["image"] * 100 + 7
    assert torch.allclose(before, model(batch))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("hidden", ["text", "image"])
def test_what_is_hidden_has_no_say_and_the_words_go_with_the_picture(
    head, hidden, make_model, make_batch
):
    model, batch = make_model(head, dims={**DIMS, "words": 4}), make_batch(5)
    batch["words"], batch["words_present"] = torch.randn(5, 4), torch.tensor([True] * 4 + [False])
    before, marks = model(batch), {k: v for k, v in batch.items() if k.endswith("_present")}
    view = model(hide(batch, hidden))
    streams = ("image", "words") if hidden == "image" else ("text",)
    for stream in streams:
        batch[stream] = 7 - 3 * batch[stream]
    assert torch.allclose(model(hide(batch, hidden)), view)
    assert not torch.allclose(model(batch), before)
    assert all(batch[name] is mark and mark[:4].all() for name, mark in marks.items())
    for stream in {"text", "image", "words"} - set(streams):
        changed = model(hide(batch | {stream: 7 - 3 * batch[stream]}, hidden))
        assert not torch.allclose(changed, view)


@pytest.mark.parametrize("modality", ["text", "image"])
def test_one_model_has_three_modes(modality, make_model, make_batch):
    model = make_model(dims={modality: DIMS[modality]})
    batch = make_batch(4)
    other = "image" if modality == "text" else "text"
    del batch[other], batch[f"{other}_present"]
    assert model(batch).shape == (4, 3)


def test_describe_ends_with_three_logits_a_post(make_model, make_batch):
    rows = describe(make_model(), make_batch(4))
    assert rows[0] == ("text", "input", (4, 384))
    assert rows[-1] == ("head.classifier", "Linear", (4, 3))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(make_model):
    one, again = make_model("attention"), make_model("attention")
    torch.manual_seed(1)
    other = SentimentModel(dims=DIMS, config=Config(head="attention"))
    assert torch.equal(one.head.classifier.weight, again.head.classifier.weight)
    assert not torch.equal(one.head.classifier.weight, other.head.classifier.weight)


def test_modality_dropout_hides_at_most_one_modality_and_only_in_training(make_batch):
    config = Config(modality_dropout=0.99)
    torch.manual_seed(0)
    model = SentimentModel(dims=DIMS, config=config)
    present = torch.ones(1000, 2, dtype=torch.bool)
    hidden = model.hide_modality(present)
    assert (hidden.sum(1) >= 1).all()
    assert (hidden.sum(1) == 1).float().mean() > 0.97
    assert 400 < hidden[:, 0].sum() < 600  # either of the two
    batch = make_batch(200)
    assert not model.train().embed(batch)[1].all()
    assert model.eval().embed(batch)[1].all()


def test_an_encoder_that_is_trained_along_sees_the_raw_input(make_batch):
    encoder = nn.Linear(1280, 7)
    dims, config = {"text": 384, "image": 7}, Config(finetune=("image",))
    model = SentimentModel(dims=dims, config=config, encoders={"image": encoder})
    model(make_batch(4)).sum().backward()
    assert encoder.weight.grad.any()


# ---- groups for the optimizer -----------------------------------------------------------


def test_encoders_get_their_own_rate_and_biases_and_norms_no_decay():
    config = Config(
        finetune=("text",), learning_rate=1e-3, encoder_learning_rate=1e-5, weight_decay=0.1
    )
    encoder = nn.Sequential(nn.Linear(5, 384), nn.LayerNorm(384))
    model = SentimentModel(dims=DIMS, config=config, encoders={"text": encoder})
    names = {id(p): name for name, p in model.named_parameters()}
    groups = model.parameter_groups(config)
    found = {
        names[id(p)]: (group["lr"], group["weight_decay"])
        for group in groups
        for p in group["params"]
    }
    assert set(found) == set(names.values())  # each is in one group
    assert sum(len(group["params"]) for group in groups) == len(names)
    for name, parameter in model.named_parameters():
        rate = 1e-5 if name.startswith("encoders.") else 1e-3
        assert found[name] == (rate, 0.1 if parameter.ndim > 1 else 0.0), name


@pytest.mark.parametrize("absent", [1, 3])
def test_in_training_absent_posts_inputs_move_no_others(absent, make_model, make_batch):
    """Whatever stands in the place of an absent picture, nothing else changes."""
    batch = make_batch(4)
    batch["image_present"][:absent] = False  # of four: with three absent, one alone is left
    found = []
    for filler in (0.0, 100.0):
        model = make_model("concat").train()
        model.branches.apply(lambda m: isinstance(m, nn.Dropout) and m.eval())
        batch["image"][:absent] = filler
        found.append((model(batch), model.state_dict()))
    assert torch.equal(found[0][0], found[1][0])
    for name, value in found[0][1].items():  # running means and variances, too
        assert torch.equal(value, found[1][1][name])


def test_statistics_are_those_of_the_posts_that_have_the_modality(make_model, make_batch):
    batch = make_batch(6)
    batch["image_present"][4:] = False
    model = make_model("concat").train()
    model(batch)
    layer = model.branches["image"][0]
    inside = layer[0](batch["image"][:4])  # the linear layer below BatchNorm
    assert torch.allclose(layer[1].running_mean, 0.1 * inside.mean(0), atol=1e-6)


def test_one_post_alone_with_a_modality_trains_like_any_other(make_model, make_batch):
    batch = make_batch(4)
    batch["image_present"][1:] = False
    model = make_model("concat").train()
    model(batch).sum().backward()
    assert model.branches["image"].training
    assert model.branches["image"][0][0].weight.grad.abs().sum() > 0
