"""Heads against what they are meant to compute, and a head of one's own."""

import pytest
import torch

from mmsa_utils.config import HEADS, LABELS, Config
from mmsa_utils.errors import CourseError
from mmsa_utils.models import (
    Head,
    compose,
    head_class,
    heads,
    heads_for,
    mean_present,
    register_head,
    require_head,
)


def test_late_fusion_is_the_average_of_the_modalities_probabilities(make_model, make_batch):
    model, batch = make_model("late"), make_batch(6)
    vectors, _ = model.embed(batch)
    each = [
        layer(vectors[:, m]).softmax(-1) for m, layer in enumerate(model.head.classifiers.layers)
    ]
    assert torch.allclose(model(batch).softmax(-1), (each[0] + each[1]) / 2, atol=1e-6)


def test_attention_is_the_lab_reports_formula(make_model, make_batch):
    model, batch = make_model("attention"), make_batch(6)
    head = model.head
    tokens, _ = model.embed(batch)  # (6, 2, 128): two tokens
    width, n = 128, 8
    q, k, v = (tokens @ head.attention.in_proj_weight.T + head.attention.in_proj_bias).chunk(
        3, dim=-1
    )
    split = [x.reshape(6, 2, n, width // n).transpose(1, 2) for x in (q, k, v)]
    weights = (split[0] @ split[1].transpose(-1, -2) / (width // n) ** 0.5).softmax(-1)
    mixed = (weights @ split[2]).transpose(1, 2).reshape(6, 2, width)
    x = head.dense(head.attention.out_proj(mixed).mean(1))
    expected = head.classifier(head.norm(head.linear(x) + x))
    assert torch.allclose(model(batch), expected, atol=1e-5)


def test_mean_over_present_modalities():
    values = torch.tensor([[[1.0], [3.0]], [[1.0], [3.0]], [[1.0], [3.0]]])
    present = torch.tensor([[True, True], [False, True], [False, False]])
    assert mean_present(values, present).flatten().tolist() == [2.0, 3.0, 2.0]


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


def test_in_composition_a_modality_that_is_not_there_changes_nothing(make_model, make_batch):
    model, batch = make_model("composition"), make_batch(4, image=False)
    vectors, present = model.embed(batch)
    alone = model.head.readings(vectors, present)[:, 0]
    assert torch.allclose(model(batch).softmax(1), alone, atol=1e-5)


def test_the_bilinear_head_is_a_sum_of_outer_products(make_model, make_batch):
    model, batch = make_model("bilinear"), make_batch(3)
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


def test_a_closed_gate_lets_nothing_through(make_model, make_batch):
    model, batch = make_model("gated"), make_batch(3)
    with torch.no_grad():
        model.head.gates.weight.zero_()
        model.head.gates.bias[:128] = -100  # the text's
        model.head.gates.bias[128:] = 100
    vectors, present = model.embed(batch)
    expected = model.head.classifier(vectors[:, 1].tanh())
    assert torch.allclose(model.head(vectors, present), expected, atol=1e-5)


# ---- other classes ----------------------------------------------------------------------

TWO, FIVE = ("kind", "hateful"), tuple("abcde")


@pytest.mark.parametrize("classes", [TWO, FIVE])
def test_heads_have_a_logit_a_class(classes, make_model, make_batch):
    assert heads_for(classes) == [name for name in HEADS if name != "composition"]
    for head in heads_for(classes):
        model, batch = make_model(head, classes=classes, auxiliary_weight=0.5), make_batch(6)
        assert model(batch).shape == (6, len(classes)), head
        assert model.auxiliary(model.embed(batch)[0]).shape == (6, 2, len(classes))


@pytest.mark.parametrize("classes", [TWO, FIVE, LABELS[::-1]])
def test_composition_is_refused_by_name_where_its_rule_says_nothing(classes, make_model):
    assert heads_for(LABELS) == HEADS
    said = f"head='composition' is made for .*, and these are {', '.join(classes)}: .*concat, atten"
    config = Config(head="composition")
    with pytest.raises(CourseError, match=said):
        make_model("composition", classes=classes)
    with pytest.raises(CourseError, match=said):
        head_class("composition")(modalities=2, config=config, classes=classes)
    with pytest.raises(CourseError, match=said):
        require_head(config, classes)
    require_head(config.but(mode="text"), classes)  # nothing is fused there
    make_model("composition", dims={"text": 384}, classes=classes)


# ---- one's own --------------------------------------------------------------------------


@pytest.fixture
def mine(monkeypatch):
    """A head registered as "mine": the mean of the vectors, then a linear classifier."""
    monkeypatch.setattr(heads, "HEAD_CLASSES", dict(heads.HEAD_CLASSES))

    @register_head("mine")
    class MyHead(Head):
        def __init__(self, *, modalities, config, classes):
            super().__init__(modalities=modalities, config=config, classes=classes)
            self.classifier = torch.nn.Linear(self.width, len(classes))

        def forward(self, vectors, present):
            return self.classifier(mean_present(vectors, present))

    yield MyHead
    HEADS.remove("mine")


def test_an_own_head_is_used_by_its_name(mine, make_model, make_batch):
    model, batch = make_model("mine"), make_batch(4)
    assert isinstance(model.head, mine)
    assert model(batch).shape == (4, 3)
    assert head_class("mine") is mine
    assert make_model("mine", classes=FIVE)(batch).shape == (4, 5)
    assert "mine" in heads_for(FIVE)


def test_an_unknown_head_is_refused_with_those_that_exist(mine):
    with pytest.raises(CourseError, match=r"head='magic'.*concat, .*, mine"):
        Config(head="magic")
    with pytest.raises(CourseError, match=r"head='magic'.*concat, .*, mine"):
        head_class("magic")


def test_a_head_that_is_registered_again_is_the_new_one(mine):
    @register_head("mine")
    class Second(Head):
        pass

    assert head_class("mine") is Second
    assert HEADS.count("mine") == 1
