"""BERT in plain torch, for the embedded MiniLM: the modules of transformers take seconds to import.

Devlin, Chang, Lee and Toutanova, "BERT: Pre-training of Deep Bidirectional Transformers for
Language Understanding", NAACL 2019. Names of weights are those of transformers' `BertModel`, and
a test proves equal outputs.

Everywhere B is texts, T tokens, D the width, H attention heads.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import torch
from safetensors.torch import load_file
from torch import nn


@dataclass(frozen=True)
class BertConfig:
    """What a published `config.json` says of the network."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    pad_token_id: int
    layer_norm_eps: float
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float

    @classmethod
    def load(cls, file: Path) -> Self:
        """Reads the file; what it says beside is left out."""
        said = json.loads(file.read_text())
        return cls(**{name: said[name] for name in cls.__dataclass_fields__})


class BertOutput(NamedTuple):
    """What the network gives, under the name that it has in transformers."""

    last_hidden_state: torch.Tensor  # (B, T, D)


class Vectors(nn.Embedding):
    """A vector a number; no weights are drawn."""

    def reset_parameters(self) -> None:
        """Nothing: a file has them. To draw them without a device torch would load its compiler."""


class Embeddings(nn.Module):
    """Vectors of the tokens and of their places."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.word_embeddings = Vectors(config.vocab_size, width, config.pad_token_id)
        self.position_embeddings = Vectors(config.max_position_embeddings, width)
        self.token_type_embeddings = Vectors(config.type_vocab_size, width)
        self.LayerNorm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(
        self, input_ids: torch.Tensor | None, inputs_embeds: torch.Tensor | None
    ) -> torch.Tensor:
        """`(B, T)` tokens, or `(B, T, D)` vectors of tokens, to `(B, T, D)`."""
        vectors = self.word_embeddings(input_ids) if inputs_embeds is None else inputs_embeds
        places = self.position_embeddings.weight[: vectors.shape[1]]  # (T, D)
        # There is one text, so all tokens are of the first of two types.
        return self.dropout(self.LayerNorm(vectors + self.token_type_embeddings.weight[0] + places))


class SelfAttention(nn.Module):
    """Each token looks at all tokens of its text."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.heads = config.num_attention_heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.dropout = nn.Dropout(config.attention_probs_dropout_prob)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """`(B, T, D)` to `(B, T, D)`; the bias `(B, 1, 1, T)` is lowest where nobody looks."""
        query, key, value = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, H, T, D / H)
            for layer in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5 + bias  # (B, H, T, T)
        return (self.dropout(scores.softmax(-1)) @ value).transpose(1, 2).flatten(2)


class Residual(nn.Module):
    """Linear, dropout, and the norm of the sum with what the block began with."""

    def __init__(self, inputs: int, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        """`(B, T, inputs)` and `(B, T, D)` to `(B, T, D)`."""
        return self.LayerNorm(self.dropout(self.dense(x)) + before)


class Layer(nn.Module):
    """Self-attention, then two linear layers on each token; either with a residual."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self.attention = nn.ModuleDict(
            {"self": SelfAttention(config), "output": Residual(width, config)}
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, inner)})
        self.output = Residual(inner, config)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """`(B, T, D)` to `(B, T, D)`; see `SelfAttention` for the bias."""
        x = self.attention["output"](self.attention["self"](x, bias), x)
        return self.output(nn.functional.gelu(self.intermediate["dense"](x)), x)


class Layers(nn.Module):
    """The layers, one after the other."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """`(B, T, D)` to `(B, T, D)`; see `SelfAttention` for the bias."""
        for layer in self.layer:
            x = layer(x, bias)
        return x


class Bert(nn.Module):
    """The network: embeddings, then layers."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.encoder = Layers(config)
        # Never asked: a text's vector is the mean of its tokens. The published file has it.
        self.pooler = nn.ModuleDict({"dense": nn.Linear(config.hidden_size, config.hidden_size)})

    def get_input_embeddings(self) -> nn.Module:
        """The layer that turns tokens into vectors."""
        return self.embeddings.word_embeddings

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
    ) -> BertOutput:
        """The tokens' vectors.

        Args:
            input_ids: `(B, T)` tokens.
            attention_mask: `(B, T)`, 0 for padding, which no token looks at; none by default.
            inputs_embeds: `(B, T, D)` in the place of `input_ids`: vectors of the tokens.
        """
        x = self.embeddings(input_ids=input_ids, inputs_embeds=inputs_embeds)
        mask = (
            torch.ones(x.shape[:2], device=x.device) if attention_mask is None else attention_mask
        )
        lowest = torch.finfo(x.dtype).min
        bias = torch.zeros(mask.shape, dtype=x.dtype, device=x.device)
        bias = bias.masked_fill(mask == 0, lowest)[:, None, None]  # (B, 1, 1, T)
        return BertOutput(self.encoder(x, bias))


def load_bert(folder: Path) -> Bert:
    """The network of a folder with `config.json` and `model.safetensors`, in evaluation mode."""
    with torch.device("meta"):  # no weights are drawn that the file replaces
        network = Bert(BertConfig.load(folder / "config.json"))
    state = load_file(folder / "model.safetensors")
    network.load_state_dict({name: state[name] for name in network.state_dict()}, assign=True)
    return network.eval()
