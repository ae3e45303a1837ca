"""What is left of a fused model without interaction: its best additive projection.

Hessel and Lee, "Does my multimodal model learn cross-modal interactions? It's harder to tell
than you might think!", EMNLP 2020 (there: EMAP). Two players: the text, and the picture with
the words in it.
"""

import torch

from .fusion import SentimentModel
from .trainable import Batch

_AT_ONCE = 2**15  # pairs of a text and a picture that go through the head together


@torch.inference_mode()
def additive_projection(model: SentimentModel, batch: Batch) -> torch.Tensor:
    """Logits `(N, K)` of the best sum of a function of the text and one of the picture.

    "Best" in mean square over all N x N pairs of a text and a picture of these posts. What a
    model knows from the two together, and from neither alone, is gone. Leaves the model in
    evaluation mode.

    Args:
        model: any; one that adds up what its modalities say is its own projection.
        batch: N posts. They are the set that the means go over, so that a batch of one post is
            projected on itself.
    """
    return project(model, *model.eval().embed(batch))


@torch.inference_mode()
def project(model: SentimentModel, vectors: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """`additive_projection` of posts that are embedded already, by `SentimentModel.embed`.

    The head is evaluated N x N times, some pairs at a time. Sums are float64, and on the CPU:
    Apple's GPUs have no such numbers.

    Args:
        vectors: `(N, M, E)`.
        present: `(N, M)` bool.
    """
    size = max(1, _AT_ONCE // len(vectors))
    by_text, by_picture = [], torch.zeros(1, dtype=torch.float64)
    for chosen in torch.arange(len(vectors), device=vectors.device).split(size):
        logits = _all_pairs(model, vectors, present, chosen)  # (n, N, K)
        by_text.append(logits.mean(1))
        by_picture = by_picture + logits.sum(0) / len(vectors)
    text = torch.cat(by_text)  # (N, K): a row a text, the mean over pictures
    return (text + by_picture - text.mean(0)).float().to(vectors.device)


def _all_pairs(
    model: SentimentModel, vectors: torch.Tensor, present: torch.Tensor, chosen: torch.Tensor
) -> torch.Tensor:
    """`(n, N, K)` float64 logits on the CPU: chosen posts' texts beside the pictures of all."""
    is_text = torch.tensor([name == "text" for name in model.modalities], device=vectors.device)
    pairs = torch.where(is_text[:, None], vectors[chosen, None], vectors)  # (n, N, M, E)
    there = torch.where(is_text, present[chosen, None], present)  # (n, N, M)
    logits = model.head(pairs.flatten(0, 1), there.flatten(0, 1))
    return logits.unflatten(0, there.shape[:2]).cpu().double()
