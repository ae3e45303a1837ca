"""Shapes, missing modalities, and heads against what they are meant to compute."""

import pytest
import torch

from mmsa_utils.config import HEADS, Config
from mmsa_utils.errors import CourseError
from mmsa_utils.models.fusion import SentimentModel, compose, describe, make_objective, mean_present

DIMS = {"text": 384, "image": 1280}


def batch_of(n, text=True, image=True):
    generator = torch.Generator().manual_seed(0)
    return {
        "text": torch.randn(n, 384, generator=generator),
        "image": torch.randn(n, 1280, generator=generator),
        "text_present": torch.full((n,), text),
        "image_present": torch.full((n,), image),
    }


def model_of(head="concat", dims=DIMS):
    torch.manual_seed(0)
    return SentimentModel(dims=dims, config=Config(head=head)).eval()


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("present", [(True, True), (True, False), (False, True), (False, False)])
def test_any_modality_may_be_missing_without_nan(head, present):
    batch = batch_of(5, *present)
    model = model_of(head)
    logits = model(batch)
    assert logits.shape == (5, 3)
    assert torch.isfinite(logits).all()
    model.train()(batch).sum().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(torch.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize("head", HEADS)
def test_a_missing_modalitys_input_has_no_influence(head):
    model, batch = model_of(head), batch_of(4, image=False)
    before = model(batch)
    batch["image"] = batch["image"] * 100 + 7
    assert torch.allclose(before, model(batch))


@pytest.mark.parametrize("modality", ["text", "image"])
def test_one_model_has_three_modes(modality):
    model = model_of(dims={modality: DIMS[modality]})
    batch = batch_of(4)
    other = "image" if modality == "text" else "text"
    del batch[other], batch[f"{other}_present"]
    assert model(batch).shape == (4, 3)


def test_late_fusion_is_the_average_of_the_modalities_probabilities():
    model, batch = model_of("late"), batch_of(6)
    vectors, _ = model.embed(batch)
    each = [
        layer(vectors[:, m]).softmax(-1) for m, layer in enumerate(model.head.classifiers.layers)
    ]
    assert torch.allclose(model(batch).softmax(-1), (each[0] + each[1]) / 2, atol=1e-6)


def test_attention_is_the_lab_reports_formula():
    model, batch = model_of("attention"), batch_of(6)
    head = model.head
    tokens, _ = model.embed(batch)  # (6, 2, 128): two tokens
    width, heads = 128, 8
    q, k, v = (tokens @ head.attention.in_proj_weight.T + head.attention.in_proj_bias).chunk(
        3, dim=-1
    )
    split = [x.reshape(6, 2, heads, width // heads).transpose(1, 2) for x in (q, k, v)]
    weights = (split[0] @ split[1].transpose(-1, -2) / (width // heads) ** 0.5).softmax(-1)
    mixed = (weights @ split[2]).transpose(1, 2).reshape(6, 2, width)
    x = head.dense(head.attention.out_proj(mixed).mean(1))
    expected = head.classifier(head.norm(head.linear(x) + x))
    assert torch.allclose(model(batch), expected, atol=1e-5)


def test_mean_over_present_modalities():
    values = torch.tensor([[[1.0], [3.0]], [[1.0], [3.0]], [[1.0], [3.0]]])
    present = torch.tensor([[True, True], [False, True], [False, False]])
    assert mean_present(values, present).flatten().tolist() == [2.0, 3.0, 2.0]


def test_describe_ends_with_three_logits_a_post():
    rows = describe(model_of(), batch_of(4))
    assert rows[0] == ("text", "input", (4, 384))
    assert rows[-1] == ("head.classifier", "Linear", (4, 3))


@pytest.mark.parametrize(
    "settings", [{"head": "magic"}, {"mode": "sound"}, {"finetune": ("ears",)}]
)
def test_unknown_settings_are_refused_with_those_that_exist(settings):
    with pytest.raises(CourseError, match="choose from"):
        Config(**settings)


# ---- composition, gates, products -------------------------------------------------------


def test_composition_is_the_annotators_rule_on_all_pairs():
    """By enumeration: equal tags stay, a polar one wins over neutral, opposite ones are dropped."""
    first, second = torch.tensor([0.2, 0.3, 0.5]), torch.tensor([0.6, 0.1, 0.3])
    expected = torch.zeros(3)
    for a in range(3):
        for b in range(3):
            if {a, b} != {0, 2}:
                tag = b if a == 1 else a
                expected[tag] += first[a] * second[b]
    found = compose(first, second)
    assert torch.allclose(found, expected / expected.sum())


def test_in_composition_a_modality_that_is_not_there_changes_nothing():
    model, batch = model_of("composition"), batch_of(4, image=False)
    vectors, present = model.embed(batch)
    alone = model.head.readings(vectors, present)[:, 0]
    assert torch.allclose(model(batch).softmax(1), alone, atol=1e-5)


def test_the_bilinear_head_is_a_sum_of_outer_products():
    model, batch = model_of("bilinear"), batch_of(3)
    vectors, present = model.embed(batch)
    head, logits = model.head, torch.zeros(3, 3)
    for r in range(head.rank):
        for c in range(3):
            k = r * 3 + c
            parts = [
                vectors[:, m] @ layer.weight[k] + layer.bias[k]
                for m, layer in enumerate(head.factors)
            ]
            logits[:, c] += parts[0] * parts[1]
    assert torch.allclose(head(vectors, present), logits + head.bias, atol=1e-5)


def test_modality_dropout_hides_at_most_one_modality_and_only_in_training():
    config = Config(modality_dropout=1.0)
    model = SentimentModel(dims=DIMS, config=config)
    present = torch.ones(200, 2, dtype=torch.bool)
    hidden = model._hide(present)
    assert (hidden.sum(1) == 1).all()
    assert 60 < hidden[:, 0].sum() < 140
    batch = batch_of(4)
    assert model.eval().embed(batch)[1].all()


def test_auxiliary_losses_reach_each_branch_and_absent_modalities_have_none():
    config = Config(head="late", auxiliary_weight=0.5)
    model = SentimentModel(dims=DIMS, config=config)
    objective = make_objective(model, config)
    batch = {**batch_of(6), "label": torch.tensor([0, 1, 2, 0, 1, 2])}
    batch["image_present"][:] = False
    loss = torch.nn.functional.cross_entropy
    assert objective(model, batch, loss) > loss(model(batch), batch["label"])
    objective(model, batch, loss).backward()
    layers = model.auxiliary.layers
    assert layers[0].weight.grad.abs().sum() > 0
    assert layers[1].weight.grad is None or not layers[1].weight.grad.any()
