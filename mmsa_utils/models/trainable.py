"""What the training loop asks of any network: how it wants to be optimised."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from ..config import Config

# A batch of B posts: `label` (B,); for each modality its input, a tensor or a dictionary of
# tensors of which the first side is B, and `<modality>_present` (B,) bool.
Batch = dict[str, Any]


class Trainable(nn.Module):
    """A network that turns a batch into logits and says how it is optimised."""

    def parameter_groups(self, config: Config) -> list[dict[str, Any]]:
        """Parameters with their learning rate and weight decay, as torch's optimizers take them."""
        raise NotImplementedError


def decay_groups(
    parameters: Iterable[nn.Parameter], *, learning_rate: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Groups for an optimizer: matrices with weight decay, biases and norms without.

    Frozen parameters are left out, and so is a group without any.
    """
    trained = [p for p in parameters if p.requires_grad]
    matrices = [p for p in trained if p.ndim > 1]
    others = [p for p in trained if p.ndim <= 1]
    groups = [
        {"params": matrices, "lr": learning_rate, "weight_decay": weight_decay},
        {"params": others, "lr": learning_rate, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
