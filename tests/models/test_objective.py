"""What training minimises, against its closed form."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import nn
from torch.distributions import Beta
from torch.nn.functional import cross_entropy

from mmsa_utils.config import Config
from mmsa_utils.models import make_loss, make_objective, plain_objective
from mmsa_utils.models.objective import draw_partners

DIMS = ("text", "image")
AUXILIARY = Config(head="late", auxiliary_weight=0.5)


def test_balanced_weights_are_scikit_learns():
    labels = np.array([0] * 6 + [1] * 2 + [2] * 12)
    loss = make_loss(labels, Config(class_weights="balanced"))
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert loss.weight.numpy() == pytest.approx(expected)
    root = make_loss(labels, Config(class_weights="root"))
    assert root.weight.numpy() == pytest.approx(np.sqrt(expected))
    assert make_loss(labels, Config(class_weights="none")).weight is None


def test_labels_are_smoothed_as_the_config_says():
    logits, labels = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([0])
    logs = logits.log_softmax(1)[0]
    found = make_loss(np.array([0, 1, 2]), Config(label_smoothing=0.3))(logits, labels)
    assert found.item() == pytest.approx(-(0.7 * logs[0] + 0.3 * logs.mean()).item())


@pytest.mark.parametrize("classes", [("a", "b"), tuple("abcde")])
@pytest.mark.parametrize("power", [1.0, 0.5])
def test_the_loss_on_any_number_of_classes_is_torchs(classes, power):
    rng, count = np.random.default_rng(0), len(classes)
    labels = np.r_[np.arange(count), rng.integers(0, count, 40)]
    config = Config(class_weights={1.0: "balanced", 0.5: "root"}[power], label_smoothing=0.2)
    weight = compute_class_weight("balanced", classes=np.arange(count), y=labels) ** power
    logits, y = torch.randn(len(labels), count), torch.from_numpy(labels)
    expected = cross_entropy(
        logits, y, weight=torch.tensor(weight, dtype=torch.float32), label_smoothing=0.2
    )
    assert make_loss(labels, config, classes)(logits, y).item() == pytest.approx(expected.item())


def test_a_class_without_a_training_post_has_a_weight_all_the_same():
    loss = make_loss(np.array([0, 0, 1, 3]), Config(class_weights="balanced"), tuple("abcde"))
    assert loss.weight.tolist() == pytest.approx([4 / 10, 4 / 5, 4 / 5, 4 / 5, 4 / 5])


def test_without_auxiliary_losses_the_heads_loss_is_minimised(make_model, make_batch):
    model, batch = make_model("late"), make_batch(6)
    objective = make_objective(model, Config(head="late"))
    expected = cross_entropy(model(batch), batch["label"])
    assert torch.allclose(objective(model, batch, cross_entropy), expected)
    assert torch.allclose(plain_objective(model, batch, cross_entropy), expected)


def test_auxiliary_losses_are_those_of_each_modalitys_own_classifier(make_model, make_batch):
    model, batch = make_model("late", auxiliary_weight=0.5), make_batch(6)
    batch["image_present"][:4] = False  # the image's loss is the mean over the other two
    vectors, _ = model.embed(batch)
    text, image = (layer(vectors[:, m]) for m, layer in enumerate(model.auxiliary.layers))
    labels = batch["label"]
    expected = (
        cross_entropy(model(batch), labels)
        + 0.5 * cross_entropy(text, labels)
        + 0.5 * cross_entropy(image[4:], labels[4:])
    )
    found = make_objective(model, AUXILIARY)(model, batch, cross_entropy)
    assert torch.allclose(found, expected, atol=1e-6)


def test_a_modality_that_no_post_has_gets_no_loss(make_model, make_batch):
    model, batch = make_model("late", auxiliary_weight=0.5), make_batch(6, image=False)
    vectors, _ = model.embed(batch)
    own = cross_entropy(model.auxiliary.layers[0](vectors[:, 0]), batch["label"])
    found = make_objective(model, AUXILIARY)(model, batch, cross_entropy)
    expected = cross_entropy(model(batch), batch["label"]) + 0.5 * own
    assert torch.allclose(found, expected, atol=1e-6)
    found.backward()
    layers = model.auxiliary.layers
    assert layers[0].weight.grad.any()
    assert layers[1].weight.grad is None or not layers[1].weight.grad.any()
    assert model.branches["text"][0].weight.grad.any()


# ---- mixup ------------------------------------------------------------------------------


class Linear(nn.Linear):
    """The simplest model that training takes."""

    modalities, auxiliary = ("text",), None

    def forward(self, batch):
        return super().forward(batch["text"])


def drawn(present, alpha, seed):
    """What an objective draws for a batch after this seed."""
    torch.manual_seed(seed)
    return Beta(alpha, alpha).sample().item(), draw_partners(present)


def test_mixup_on_a_linear_model_is_its_closed_form(make_batch):
    """Logits of a mean are the mean of logits; the loss is that of both labels."""
    batch, model, alpha = make_batch(9), Linear(384, 3), 0.7
    loss = make_loss(np.array([0, 0, 0, 1, 2]), Config(class_weights="balanced"))
    share, partners = drawn(batch["text_present"].unsqueeze(1), alpha, seed=3)
    torch.manual_seed(3)
    found = make_objective(model, Config(mode="text", mixup=alpha))(model, batch, loss)
    own, labels, weight = model(batch).detach(), batch["label"], loss.weight
    logs = (share * own + (1 - share) * own[partners]).log_softmax(1)

    def mean(y):
        return -(weight[y] * logs[torch.arange(9), y]).sum() / weight[y].sum()

    expected = share * mean(labels) + (1 - share) * mean(labels[partners])
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("share", [1.0, 0.0])
@pytest.mark.parametrize("auxiliary", [0.0, 0.5])
def test_a_share_of_one_is_no_mixup_and_one_of_zero_is_the_partner(
    make_model, make_batch, monkeypatch, share, auxiliary
):
    model, batch = make_model("late", auxiliary_weight=auxiliary), make_batch(8)
    batch["image_present"][:4] = False
    monkeypatch.setattr(Beta, "sample", lambda law: torch.tensor(share))
    config = AUXILIARY.but(auxiliary_weight=auxiliary)
    found = make_objective(model, config.but(mixup=0.3))(model, batch, cross_entropy)
    # A mean over posts does not care for their order, and partners are the posts in another.
    expected = make_objective(model, config)(model, batch, cross_entropy)
    assert torch.allclose(found, expected, atol=1e-6)


def test_mixup_mixes_what_the_auxiliary_classifiers_see(make_model, make_batch):
    model, batch = make_model("late", auxiliary_weight=0.5), make_batch(8)
    share, partners = drawn(torch.ones(8, 2, dtype=bool), 0.4, seed=1)
    mixed = batch | {m: share * batch[m] + (1 - share) * batch[m][partners] for m in DIMS}
    swapped = mixed | {"label": batch["label"][partners]}
    plain = make_objective(model, AUXILIARY)
    expected = share * plain(model, mixed, cross_entropy)
    expected = expected + (1 - share) * plain(model, swapped, cross_entropy)
    torch.manual_seed(1)
    found = make_objective(model, AUXILIARY.but(mixup=0.4))(model, batch, cross_entropy)
    assert torch.allclose(found, expected, atol=1e-5)
    assert batch["label"].shape == (8,)  # the batch itself is as it was


def test_partners_have_the_same_modalities_and_are_any_of_these():
    present = torch.tensor([[1, 1], [1, 0], [1, 1], [0, 1], [1, 0], [1, 1]]).bool()
    seen = np.zeros((6, 6))
    for seed in range(600):
        torch.manual_seed(seed)
        partners = draw_partners(present)
        assert sorted(partners.tolist()) == list(range(6))
        seen[range(6), partners] += 1
    alike = (present.unsqueeze(0) == present.unsqueeze(1)).all(2).numpy()
    assert (seen[~alike] == 0).all()
    assert seen == pytest.approx(600 * alike / alike.sum(1, keepdims=True), abs=60)
