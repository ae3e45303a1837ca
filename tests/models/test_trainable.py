"""Groups of parameters, as an optimizer takes them."""

from torch import nn

from mmsa_utils.models import decay_groups


def test_frozen_parameters_are_in_no_group():
    layers = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    layers[0].requires_grad_(False)
    layers[1].bias.requires_grad_(False)
    groups = decay_groups(layers.parameters(), learning_rate=1.0, weight_decay=0.1)
    assert len(groups) == 1  # none that is empty
    assert groups[0]["params"][0] is layers[1].weight
