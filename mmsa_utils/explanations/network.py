"""What answers: a trained network together with its encoders, differentiable from end to end."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import torch
from torch import nn

from ..config import Config
from ..data.posts import Post
from ..devices import to_device
from ..encoders.held import HeldEncoders
from ..encoders.image import ImageEncoder
from ..encoders.inputs import ImageInputs
from ..encoders.text import TextEncoder
from ..models.fusion import SentimentModel
from ..prediction.looking import look
from ..prediction.predictor import Predictor

_Part = TypeVar("_Part", bound=nn.Module)


@dataclass(frozen=True)
class Network:
    """A model that takes vectors, and the encoders that make them.

    Attributes:
        model: in evaluation mode, on the CPU; all its modalities come in as vectors.
        config: of the model.
        text_encoders, image_encoders: in the order of `config`, in evaluation mode; empty where
            the model does not look at texts, or at pictures.
        held: the predictor's own encoders, which read the words in pictures as well.
        temperatures: what logits are divided by, a number a situation (`both`, `text`, `image`:
            what a post has); 1 where there is none.
    """

    model: SentimentModel
    config: Config
    text_encoders: tuple[TextEncoder, ...]
    image_encoders: tuple[ImageEncoder, ...]
    held: HeldEncoders
    temperatures: Mapping[str, float]

    def seen(self, post: Post) -> Post:
        """The post as the network gets it: a text that shows nothing is none.

        Raises:
            CourseError: where there is nothing that the model looks at.
        """
        limit = self.config.max_tokens
        streams, encoders = self.model.modalities, self.text_encoders
        return look(post, streams=streams, encoders=encoders, max_tokens=limit).post

    def text_vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """`(n, D)` of texts: all encoders' vectors side by side."""
        limit = self.config.max_tokens
        tokens = [encoder.tokenize(texts, max_tokens=limit) for encoder in self.text_encoders]
        return self._joined(self.text_encoders, tokens)

    def vectors_of_tokens(
        self, ids: Sequence[torch.Tensor], masks: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """`(n, D)` of texts, given as each encoder's own tokens `(n, T)` and mask `(1, T)`."""
        pairs = zip(ids, masks, strict=True)
        tokens = [{"input_ids": i, "attention_mask": mask.expand_as(i)} for i, mask in pairs]
        return self._joined(self.text_encoders, tokens)

    def image_vectors(self, pixels: Sequence[torch.Tensor]) -> torch.Tensor:
        """`(n, D)` of pictures, given as each encoder's own input `(n, 3, S, S)`."""
        return self._joined(self.image_encoders, pixels)

    def image_vector(self, number: int, pixels: torch.Tensor) -> torch.Tensor:
        """What one of the image encoders says: its part of `image_vectors`."""
        return self._joined([self.image_encoders[number]], [pixels])

    def _joined(self, encoders: Sequence[nn.Module], inputs: Sequence[Any]) -> torch.Tensor:
        device = self.held.device
        pairs = zip(encoders, inputs, strict=True)
        return torch.cat([encoder(to_device(x, device)).cpu() for encoder, x in pairs], dim=1)

    def word_vectors(self, post: Post) -> torch.Tensor:
        """`(1, 4)` of the words in a post's picture, read by PP-OCR where that is installed."""
        return torch.from_numpy(self.held.features([post], "words", self.config))

    def pixels(self, post: Post) -> list[torch.Tensor]:
        """A post's picture as each encoder sees it, `(1, 3, S, S)`."""
        return [ImageInputs(encoder).load([post]) for encoder in self.image_encoders]


def network_of(predictor: Predictor) -> Network:
    """A predictor's network, whether its encoders are frozen, trained along or trained in part.

    Raises:
        CourseError: where an encoder cannot be had.
    """
    model, there = copy.deepcopy(predictor.model), predictor.model.modalities
    model.encoders = nn.ModuleDict()  # what was trained along stands beside it
    encoders = {m: _whole(predictor, m) for m in ("text", "image") if m in there}
    return Network(
        model=model,
        config=predictor.config,
        text_encoders=cast(tuple[TextEncoder, ...], encoders.get("text", ())),
        image_encoders=cast(tuple[ImageEncoder, ...], encoders.get("image", ())),
        held=predictor.encoders,
        temperatures=predictor.facts.get("temperatures", {}),
    )


def _whole(predictor: Predictor, modality: str) -> tuple[nn.Module, ...]:
    """A modality's encoders from its input on."""
    device, trained = predictor.encoders.device, predictor.model.encoders
    if modality not in trained:
        return predictor.encoders.of(modality)
    upper: Any = copy.deepcopy(trained[modality]).to(device)
    if not predictor.config.is_cut(modality):
        return (upper,)
    frozen, stages = predictor.encoders.of(modality)[0], predictor.config.trained_stages
    if isinstance(frozen, TextEncoder):
        whole = copy.deepcopy(frozen)
        layers = whole.transformer.encoder.layer[:-stages]
        whole.transformer.encoder.layer = layers + upper.transformer.encoder.layer
        return (whole.eval(),)
    lower: Any = frozen.split(stages)[0]
    whole_image = copy.deepcopy(frozen)
    whole_image.network = nn.Sequential(*lower, *cast(nn.Sequential, upper.network))
    return (whole_image.eval(),)


# ---- networks that know nothing ---------------------------------------------------------


def randomised(network: Network, *, encoders: bool = False, seed: int = 0) -> Network:
    """The same network with weights drawn anew: an explanation of it explains nothing.

    Args:
        encoders: whether those of the encoders are drawn as well, beside head and branches.
        seed: of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        changed = replace(network, model=_redrawn(network.model))
        if not encoders:
            return changed
        texts = tuple(_redrawn(encoder) for encoder in network.text_encoders)
        images = tuple(_redrawn(encoder) for encoder in network.image_encoders)
        return replace(changed, text_encoders=texts, image_encoders=images)


@torch.no_grad()
def _redrawn(module: _Part) -> _Part:
    """A copy in which the values of each weight tensor are shuffled: their scale stays."""
    other = copy.deepcopy(module)
    for values in other.parameters():
        order = torch.randperm(values.numel())
        values.copy_(values.flatten()[order.to(values.device)].view_as(values))
    return other
