"""What is explained: one class's log-odds, as a function of a post's text and picture."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ..data.posts import Post
from ..data.text import clean
from .network import Network

AT_ONCE = 32  # changed versions of a post that go through an encoder together


class Target:
    """A network's log-odds of one class for one post, and for changed versions of it.

    The log-odds are those of the calibrated probability p: log p / (1 - p), the evidence for the
    class against all others. They do not saturate where p comes near to 0 or 1. The temperature is
    that of the post as it is, whatever is taken away from it.

    Args:
        network: what answers.
        post: with a text, a picture, or both.
        label: the index of the class; that of the answer by default.

    Attributes:
        label: as above.
        text: of the post, cleaned, as far as it counts.
        pixels: the picture as each image encoder sees it, `(1, 3, S, S)`.
        value: the log-odds of the post as it is.

    Raises:
        CourseError: where the post has nothing that the network looks at, or its picture cannot
            be read.
    """

    @torch.no_grad()  # not inference_mode: what is given takes part in gradients
    def __init__(self, network: Network, post: Post, label: int | None = None) -> None:
        self.network, self.post = network, network.seen(post)
        self.text, self.pixels = clean(self.post.text), network.pixels(self.post)
        self._has = {"text": bool(self.text), "image": self.post.has_image}
        self._given = self._as_it_is()
        self.label = int(self._logits({})[0].argmax()) if label is None else label
        self.value = float(self.log_odds())

    def _as_it_is(self) -> dict[str, torch.Tensor]:
        """A batch of this one post."""
        vectors = {m: self._vector(m) for m in self.network.model.modalities}
        there = dict(self._has)
        if "words" in vectors:
            there["words"] = bool(vectors["words"][0, -1] > 0)  # their number
        return vectors | {f"{m}_present": torch.tensor([there[m]]) for m in vectors}

    def _vector(self, modality: str) -> torch.Tensor:
        """`(1, D)`. Words in the picture are given: they stay as they were read."""
        if modality == "text":
            return self.network.text_vectors([self.text])
        if modality == "image":
            return self.network.image_vectors(self.pixels)
        return self.network.word_vectors(self.post)

    def has(self, modality: str) -> bool:
        """Whether the post has a modality and the network looks at it."""
        return modality in self.network.model.modalities and self._has[modality]

    @property
    def temperature(self) -> float:
        """What the logits are divided by."""
        looked_at = [m for m in ("text", "image") if m in self.network.model.modalities]
        had = [m for m in looked_at if self._has[m]]
        return self.network.temperatures.get(had[0] if len(had) < len(looked_at) else "both", 1.0)

    def _logits(self, changed: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """`(n, K)`, calibrated."""
        batch = self._given | dict(changed)
        size = max(len(value) for value in batch.values())
        whole = {name: value.expand(size, *value.shape[1:]) for name, value in batch.items()}
        return self.network.model(whole) / self.temperature

    def log_odds(self, **changed: torch.Tensor) -> torch.Tensor:
        """`(n,)` of n versions of the post; differentiable.

        Args:
            changed: what differs from the post, as in a batch: `text` or `image` vectors
                `(n, D)`, `text_present` or `image_present` `(n,)`.
        """
        logits = self._logits(changed)
        others = torch.arange(logits.shape[1]) != self.label
        return logits[:, self.label] - logits[:, others].logsumexp(1)

    @torch.inference_mode()
    def of_texts(self, texts: Sequence[str]) -> np.ndarray:
        """`(n,)` log-odds with other texts beside this picture; an empty one is no text."""
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))  # less padding
        found = np.empty(len(texts))
        for start in range(0, len(texts), AT_ONCE):
            chosen = order[start : start + AT_ONCE]
            some = [texts[index] for index in chosen]
            present = torch.tensor([bool(clean(text)) for text in some])
            vectors = self.network.text_vectors(some)
            found[chosen] = self.log_odds(text=vectors, text_present=present).numpy()
        return found

    @torch.inference_mode()
    def of_pictures(self, pixels: Sequence[torch.Tensor]) -> np.ndarray:
        """`(n,)` log-odds with other pictures, each encoder's `(n, 3, S, S)`, beside this text."""
        return self.log_odds(image=self.network.image_vectors(pixels)).numpy()
