"""CLIP and SigLIP: pictures and texts in one space, because they learnt from pairs of the two.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML
2021; Zhai et al., "Sigmoid Loss for Language Image Pre-Training", ICCV 2023. Each encoder here is
one half of such a model of the transformers library, by hub name or from a folder. Pictures are
resized to a square as for every other encoder: what a centre crop would cut off stays.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
import transformers
from torch import nn

from ..data.text import clean
from ..errors import CourseError
from ..sources import source_digest
from .image import ImageEncoder
from .text import TextEncoder, Tokens
from .weights import state_fingerprint

PREFIX = "clip:"


def _fingerprint(half: nn.Module) -> str:
    """Names the weights and this code: the key of other encoders' features does not know it."""
    return f"{state_fingerprint(half)}+{source_digest([Path(__file__)])}"


def _refuse_split() -> NoReturn:
    raise CourseError(
        "A CLIP encoder cannot be cut into a frozen and a trained part: train all of it "
        "(trained_stages=0)"
    )


class ClipTextEncoder(TextEncoder):
    """CLIP's text half: a text becomes the vector of its end mark, projected.

    Args:
        model: a `CLIPModel`.
        tokenizer: the one that it was trained with.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__(model.text_model, tokenizer, fingerprint="taken below, of all weights")
        self.projection: nn.Module = model.text_projection
        self.dim = model.config.projection_dim
        self.fingerprint = _fingerprint(self)

    def places(self, max_tokens: int) -> int:
        """At most the number of places that CLIP learnt, 77."""
        return min(max_tokens, self.transformer.config.max_position_embeddings)

    def split(self, stages: int) -> tuple[Callable[[Tokens], torch.Tensor], TextEncoder]:
        """Refused, whatever `stages`.

        Raises:
            CourseError: always.
        """
        _refuse_split()

    def forward(self, tokens: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """`(B, dim)` from `input_ids` and `attention_mask`, each `(B, T)`."""
        return self.projection(self.transformer(**tokens).pooler_output)


class SiglipTextEncoder(TextEncoder):
    """SigLIP's text half: a text becomes the vector of the last place, which may be padding.

    It learnt from texts in lower case, all padded to one length, without a mask.

    Args:
        model: a `SiglipModel`.
        tokenizer: the one that it was trained with.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__(model.text_model, tokenizer, fingerprint="taken below, of all weights")
        self.dim = self.transformer.config.projection_size
        self.fingerprint = _fingerprint(self)

    def prepared(self, text: str) -> str:
        """In lower case."""
        return text.lower()

    def places(self, max_tokens: int) -> int:
        """At most the number of places that SigLIP learnt, 64."""
        return min(max_tokens, self.transformer.config.max_position_embeddings)

    def tokenize(self, texts: Iterable[str], *, max_tokens: int) -> Tokens:
        """Tokens of cleaned texts, cut, and padded to all places that SigLIP learnt, 64.

        Returns:
            `input_ids` and `attention_mask`, each `(B, 64)`; the mask says what is no padding.
        """
        cut = self.tokenizer(
            [self.prepared(clean(text)) for text in texts],
            truncation=True,
            max_length=self.places(max_tokens),
        )
        padded = self.tokenizer.pad(
            {"input_ids": cut["input_ids"]},
            padding="max_length",
            max_length=self.transformer.config.max_position_embeddings,
            return_attention_mask=True,
            return_tensors="pt",
        )
        return {name: padded[name] for name in ("input_ids", "attention_mask")}

    def split(self, stages: int) -> tuple[Callable[[Tokens], torch.Tensor], TextEncoder]:
        """Refused, whatever `stages`.

        Raises:
            CourseError: always.
        """
        _refuse_split()

    def forward(self, tokens: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """`(B, dim)` from `input_ids` `(B, T)`; the mask is not looked at."""
        return self.transformer(input_ids=tokens["input_ids"]).pooler_output


class ClipImageEncoder(ImageEncoder):
    """The picture half of either. Only all of it can be trained."""

    def split(self, stages: int) -> tuple[nn.Module, ImageEncoder]:
        """Refused, whatever `stages`.

        Raises:
            CourseError: always.
        """
        _refuse_split()


class _Pictures(nn.Module):
    """`(B, 3, size, size)` to `(B, dim)`: CLIP projects what it pooled, SigLIP does not."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.vision = model.vision_model
        self.projection: nn.Module = getattr(model, "visual_projection", nn.Identity())

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.projection(self.vision(pixel_values=pixels).pooler_output)


_TEXT_HALVES = {"clip": ClipTextEncoder, "siglip": SiglipTextEncoder}


def _load(source: str) -> Any:
    model: Any = transformers.AutoModel.from_pretrained(source, dtype=torch.float32)
    if model.config.model_type not in _TEXT_HALVES:
        raise CourseError(
            f"{source} is a model of the kind {model.config.model_type!r}, but {PREFIX} takes "
            f"these: {', '.join(_TEXT_HALVES)}. Of SigLIP 2 the models of a fixed size are of "
            "the kind 'siglip'"
        )
    return model


def load_clip_text(source: str) -> TextEncoder:
    """The text half of a CLIP or SigLIP model.

    Args:
        source: a folder as a path, or a hub name such as `openai/clip-vit-base-patch32`.

    Raises:
        CourseError: where it is a model of another kind.
        ImportError, OSError, ValueError: where transformers cannot load it.
    """
    model = _load(source)
    tokenizer = transformers.AutoTokenizer.from_pretrained(source)
    return _TEXT_HALVES[model.config.model_type](model, tokenizer)


def load_clip_image(source: str) -> ImageEncoder:
    """The picture half of a CLIP or SigLIP model, with the size, mean and deviation it learnt.

    Args:
        source: a folder as a path, or a hub name such as `openai/clip-vit-base-patch32`.

    Raises:
        CourseError: where it is a model of another kind.
        ImportError, OSError, ValueError: where transformers cannot load it.
    """
    model = _load(source)
    processor = transformers.AutoImageProcessor.from_pretrained(source)
    pictures, vision = _Pictures(model), model.config.vision_config
    return ClipImageEncoder(
        pictures,
        dim=getattr(pictures.projection, "out_features", vision.hidden_size),
        size=vision.image_size,
        mean=tuple(processor.image_mean),
        std=tuple(processor.image_std),
        fingerprint=_fingerprint(pictures),
    )
