"""Text encoders: a transformer and its tokenizer, a text in and a vector out."""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import torch
import transformers
from torch import nn

from ..data.text import clean
from ..errors import CourseError
from .weights import state_fingerprint

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

Tokens = dict[str, torch.Tensor]


class _Given(nn.Module):
    """In the place of a transformer's embeddings where what lies below is computed already."""

    def forward(self, inputs_embeds: torch.Tensor, **_: object) -> torch.Tensor:
        return inputs_embeds


_Module = TypeVar("_Module", bound=nn.Module)


def _shallow(module: _Module) -> _Module:
    """A module with the same parts, of which others may be put in their place."""
    other = copy.copy(module)
    other._modules = dict(module._modules)
    return other


def _with_layers(transformer: Any, layers: nn.ModuleList) -> Any:
    """A BERT-like transformer with other layers; it shares all else with the one that is given."""
    other, encoder = _shallow(transformer), _shallow(transformer.encoder)
    encoder.layer, other.encoder = layers, encoder
    return other


class TextEncoder(nn.Module):
    """A transformer and its tokenizer; a text becomes the mean of its token vectors.

    The mean is the pooling of Sentence-BERT (Reimers and Gurevych, EMNLP 2019).

    A subclass that reads a text otherwise says so in `prepared`, `places` or `has_tokens`: what
    cuts a long text and what explains its words goes by them.

    Args:
        transformer: a BERT-like model of the transformers library.
        tokenizer: the one that it was trained with.
        fingerprint: a name of exactly these weights, part of the key of cached features; by
            default the SHA-256 of all of them.

    Attributes:
        dim: width of the vector.
        has_tokens: whether it reads tokens of its tokenizer, and not a text by rules.
    """

    has_tokens = True
    # Any: the classes of transformers' many models have no common type with these members.
    transformer: Any
    tokenizer: Any

    def __init__(self, transformer: Any, tokenizer: Any, *, fingerprint: str | None = None) -> None:
        super().__init__()
        self.transformer = transformer
        self.tokenizer = tokenizer
        self.dim: int = transformer.config.hidden_size
        self.fingerprint = fingerprint or state_fingerprint(transformer)

    def prepared(self, text: str) -> str:
        """A cleaned text as the tokenizer gets it."""
        return text

    def places(self, max_tokens: int) -> int:
        """How many tokens of a text are read at most, where `max_tokens` are asked for."""
        return max_tokens

    def tokenize(self, texts: Iterable[str], *, max_tokens: int) -> Tokens:
        """Tokens of cleaned texts, padded to the longest of them.

        Returns:
            `input_ids` and `attention_mask`, each `(B, T)` with `T <= max_tokens`.
        """
        tokens = self.tokenizer(
            [self.prepared(clean(text)) for text in texts],
            padding=True,
            truncation=True,
            max_length=self.places(max_tokens),
            return_tensors="pt",
        )
        return {name: tokens[name] for name in ("input_ids", "attention_mask")}

    def split(self, stages: int) -> tuple[Callable[[Tokens], torch.Tensor], "TextEncoder"]:
        """`(lower, upper)`: the encoder without its last `stages` layers, and these alone.

        The lower part gives a vector a token, `(B, T, dim)`; the upper one is an encoder that
        takes them as `inputs_embeds`, with all layers where there are no more than `stages`. The
        upper one is a copy; the lower one, which is not trained, shares this encoder's weights.

        Raises:
            CourseError: where the transformer keeps its layers elsewhere than BERT does.
        """
        layers = getattr(getattr(self.transformer, "encoder", None), "layer", None)
        if layers is None:
            raise CourseError(
                f"This text encoder, a {type(self.transformer).__name__}, cannot be cut into a "
                "frozen and a trained part: train all of it (trained_stages=0)"
            )
        lower, upper = _with_layers(self.transformer, layers[:-stages]), _shallow(self)
        upper.transformer = _with_layers(self.transformer, layers[-stages:])
        upper.transformer.embeddings = _Given()
        return lambda tokens: lower(**tokens).last_hidden_state, copy.deepcopy(upper)

    def forward(self, tokens: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """`(B, dim)` from `input_ids` `(B, T)` or `inputs_embeds` `(B, T, dim)`, and the mask."""
        mask = tokens["attention_mask"].unsqueeze(-1)  # (B, T, 1)
        hidden = self.transformer(**tokens).last_hidden_state  # (B, T, dim)
        # The mean goes over real tokens only: padding has vectors, too, and would count.
        return (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)  # (B, dim)


def load_text_encoder(source: str, *, fingerprint: str | None = None) -> TextEncoder:
    """A `TextEncoder` from a folder or from the hub of transformers.

    Args:
        source: a folder as a path, or a hub name such as `bert-base-uncased`.
        fingerprint: see `TextEncoder`.

    Raises:
        OSError, ValueError: where transformers cannot load it.
    """
    # Eager attention, so that attention maps can be shown; float32 on every machine.
    transformer = transformers.AutoModel.from_pretrained(
        source, dtype=torch.float32, attn_implementation="eager"
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(source)
    return TextEncoder(transformer, tokenizer, fingerprint=fingerprint)
