"""A fused network without interaction, as a learner: trained as it is, projected to predict."""

import numpy as np
import torch

from ..config import Config
from ..devices import autocast, to_device
from ..io import Record
from ..models.additive import project
from .batches import PostSubset
from .learners import register_learner
from .network import NetworkClassifier


class AdditiveProjection(NetworkClassifier):
    """The network of a config, which predicts by the best sum of its text and its picture.

    See `models.additive`. Trained on the same folds by the same seeds it is the network itself, so
    that the difference of the two runs' predictions is what the network makes of interaction.
    The means go over the posts that are predicted together: the test posts of a fold.
    """

    @torch.inference_mode()
    def predict_proba(self, X: PostSubset) -> np.ndarray:
        model = self.model_.eval()
        device = next(model.parameters()).device
        batches = X.data.eval_batches(X.indices)
        with autocast(device):  # as the network's own predictions, or rounding would differ
            embedded = [model.embed(to_device(batch, device)) for batch in batches]
            vectors, present = (torch.cat(parts) for parts in zip(*embedded, strict=True))
            logits = project(model, vectors, present)
        return logits.softmax(1).cpu().numpy()

    def settings(self) -> Record:
        return {**super().settings(), "model": "additive projection"}


@register_learner("additive projection")
def _additive_projection(config: Config) -> AdditiveProjection:
    return AdditiveProjection(config)
