"""Heads: what turns the modalities' vectors into logits, one a class.

To add a head, register a subclass of `Head`:

    @register_head("mine")
    class MyHead(Head):  # __init__(self, *, modalities, config, classes), forward(self, ...)

In this package it stands in this module; in a notebook any cell will do. Then
`Config(head="mine")` works everywhere.

Everywhere B is posts, M modalities, E `config.embed_dim`, K classes. A modality that a post has
not is a vector of zeros and False in `present`; it must turn nothing into NaN.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import ClassVar

import torch
from torch import nn

from ..config import HEADS, LABELS, Config
from ..errors import CourseError

NEUTRAL = LABELS.index("neutral")


class Head(nn.Module):
    """The base of all heads.

    Args:
        modalities: how many there are (M), at least one.
        config: its knobs, of which a head takes those that it needs.
        classes: the names of the classes (K).

    Attributes:
        made_for: the names of the only classes that a head works for; None where any will do.

    Raises:
        CourseError: where the head is made for other classes.
    """

    made_for: ClassVar[tuple[str, ...] | None] = None

    def __init__(self, *, modalities: int, config: Config, classes: Sequence[str] = LABELS) -> None:
        super().__init__()
        _require_fitting(type(self), classes)
        self.modalities, self.width, self.classes = modalities, config.embed_dim, tuple(classes)

    def forward(self, vectors: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """Logits `(B, K)` from vectors `(B, M, E)` and `present` `(B, M)` bool."""
        raise NotImplementedError


HEAD_CLASSES: dict[str, type[Head]] = {}


def register_head(name: str) -> Callable[[type[Head]], type[Head]]:
    """A decorator: enters a subclass of `Head` under a name that `Config.head` may then have.

    A name that is there already gets the new class, so that a notebook's cell may run again.
    """

    def register(head: type[Head]) -> type[Head]:
        HEAD_CLASSES[name] = head
        if name not in HEADS:
            HEADS.append(name)
        return head

    return register


def head_class(name: str) -> type[Head]:
    """The head registered under a name.

    Raises:
        CourseError: with the names that there are, where it is not among them.
    """
    if name not in HEAD_CLASSES:
        raise CourseError(f"head={name!r} is not known; choose from: {', '.join(HEAD_CLASSES)}")
    return HEAD_CLASSES[name]


def _fits(head: type[Head], classes: Sequence[str]) -> bool:
    return head.made_for in (None, tuple(classes))


def heads_for(classes: Sequence[str]) -> list[str]:
    """The names of the registered heads that work for these classes."""
    return [name for name, head in HEAD_CLASSES.items() if _fits(head, classes)]


def require_head(config: Config, classes: Sequence[str]) -> None:
    """Ends where a config fuses by a head that does not work for these classes.

    Raises:
        CourseError: with the heads that do; also where the head is not registered.
    """
    head = head_class(config.head)
    if len(config.modalities) > 1:
        _require_fitting(head, classes)


def _require_fitting(head: type[Head], classes: Sequence[str]) -> None:
    if not _fits(head, classes):
        names = [name for name, known in HEAD_CLASSES.items() if known is head]
        raise CourseError(
            f"head={(names or [head.__name__])[0]!r} is made for the classes "
            f"{', '.join(head.made_for or ())}, and these are {', '.join(classes)}: choose from "
            f"{', '.join(heads_for(classes))}"
        )


# ---- what heads are made of -------------------------------------------------------------


class UnimodalClassifiers(nn.Module):
    """A linear classifier for each modality."""

    def __init__(self, *, modalities: int, config: Config, classes: Sequence[str] = LABELS) -> None:
        super().__init__()
        width, count = config.embed_dim, len(classes)
        self.layers = nn.ModuleList(nn.Linear(width, count) for _ in range(modalities))

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Each modality's logits, `(B, M, E)` -> `(B, M, K)`."""
        logits = [layer(vectors[:, m]) for m, layer in enumerate(self.layers)]  # M of (B, K)
        return torch.stack(logits, dim=1)


def mean_present(values: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Mean over the modalities that are there; over all where none is. `(B, M, X) -> (B, X)`."""
    weight = torch.where(present.any(1, keepdim=True), present, True).unsqueeze(-1)  # (B, M, 1)
    return (values * weight).sum(1) / weight.sum(1)


def compose(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The rule that made the tags, on two distributions `(..., 3)`: equal tags stay, a polar
    one wins over neutral, opposite ones were dropped, so what is left is renormalised."""
    tags = first * second + first * second[..., [NEUTRAL]] + first[..., [NEUTRAL]] * second
    both_neutral = first[..., NEUTRAL] * second[..., NEUTRAL]
    tags = torch.cat([tags[..., :1], both_neutral.unsqueeze(-1), tags[..., 2:]], dim=-1)
    return tags / tags.sum(-1, keepdim=True).clamp(min=1e-9)


def _log(probabilities: torch.Tensor) -> torch.Tensor:
    """Log-probabilities, which are logits of themselves."""
    return probabilities.clamp(min=1e-9).log()


# ---- the heads --------------------------------------------------------------------------


@register_head("concat")
class ConcatHead(Head):
    """The branches' vectors side by side, then one linear classifier."""

    def __init__(self, *, modalities: int, config: Config, classes: Sequence[str] = LABELS) -> None:
        super().__init__(modalities=modalities, config=config, classes=classes)
        self.classifier = nn.Linear(modalities * self.width, len(classes))

    def forward(self, vectors: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """`(B, M, E)` -> `(B, M * E)` -> `(B, K)`."""
        return self.classifier(vectors.flatten(1))


@register_head("attention")
class AttentionHead(Head):
    """The lab report's fusion: each modality is a token, the tokens attend to each other.

    Multi-head self-attention (Vaswani et al., "Attention Is All You Need", NeurIPS 2017) over
    the M tokens, their mean, linear + ReLU + dropout, then LayerNorm(linear(x) + dropout(x))
    and a linear classifier. The residual is around the last linear layer, as in the report's
    code.
    """

    def __init__(self, *, modalities: int, config: Config, classes: Sequence[str] = LABELS) -> None:
        super().__init__(modalities=modalities, config=config, classes=classes)
        width = self.width
        self.attention = nn.MultiheadAttention(
            width, config.attention_heads, dropout=config.attention_dropout, batch_first=True
        )
        self.dense = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Dropout(config.dropout))
        self.linear = nn.Linear(width, width)
        self.dropout = nn.Dropout(config.dropout)
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Linear(width, len(classes))

    def forward(self, vectors: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """`(B, M, E)` -> mixed `(B, M, E)` -> mean `(B, E)` -> `(B, K)`."""
        # A post without any modality attends to its zero vectors: a masked row would be NaN.
        ignore = ~present & present.any(1, keepdim=True)  # (B, M)
        mixed, _ = self.attention(vectors, vectors, vectors, key_padding_mask=ignore)  # (B, M, E)
        x = self.dense(mean_present(mixed, present))  # (B, E)
        return self.classifier(self.norm(self.linear(x) + self.dropout(x)))


@register_head("late")
class LateHead(Head):
    """A classifier per modality; the average of their probabilities."""

    def __init__(self, *, modalities: int, config: Config, classes: Sequence[str] = LABELS) -> None:
        super().__init__(modalities=modalities, config=config, classes=classes)
        self.classifiers = UnimodalClassifiers(
            modalities=modalities, config=config, classes=classes
        )

    def forward(self, vectors: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """`(B, M, E)` -> probabilities `(B, M, K)` -> the logarithm of their mean `(B, K)`."""
        probabilities = self.classifiers(vectors).softmax(-1)
        return _log(mean_present(probabilities, present))


@register_head("gated")
class GatedHead(Head):
    """A gate per modality and number, computed from all modalities, then a linear classifier.

    Arevalo et al., "Gated Multimodal Units for Information Fusion", 2017.
    """

    def __init__(self, *, modalities: int, config: Config, classes: Sequence[str] = LABELS) -> None:
        super().__init__(modalities=modalities, config=config, classes=classes)
        self.gates = nn.Linear(modalities * self.width, modalities * self.width)
        self.classifier = nn.Linear(self.width, len(classes))

    def forward(self, vectors: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """`(B, M, E)` -> gated sum `(B, E)` -> `(B, K)`."""
        gates = self.gates(vectors.flatten(1)).sigmoid().view_as(vectors)  # (B, M, E)
        return self.classifier((gates * vectors.tanh()).sum(1))


@register_head("bilinear")
class BilinearHead(Head):
    """Products of one number of each modality, as a sum of a few outer products.

    Liu et al., "Efficient Low-rank Multimodal Fusion With Modality-Specific Factors", ACL
    2018: the constant 1 beside each vector (here: the bias) keeps what one modality says alone.
    """

    def __init__(self, *, modalities: int, config: Config, classes: Sequence[str] = LABELS) -> None:
        super().__init__(modalities=modalities, config=config, classes=classes)
        self.rank = config.bilinear_rank
        self.factors = nn.ModuleList(
            nn.Linear(self.width, self.rank * len(classes)) for _ in range(modalities)
        )
        self.bias = nn.Parameter(torch.zeros(len(classes)))

    def forward(self, vectors: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """`(B, M, E)` -> product over modalities `(B, rank, K)` -> `(B, K)`."""
        factors = [layer(vectors[:, m]) for m, layer in enumerate(self.factors)]
        product = torch.stack(factors).prod(0).unflatten(1, (self.rank, len(self.classes)))
        return product.sum(1) + self.bias


@register_head("composition")
class CompositionHead(Head):
    """Each modality has a sentiment of its own; the annotators' rule makes the tag of them.

    A modality that is not there counts as neutral, which by that rule changes nothing. The rule
    is of the course's three classes and says nothing of others.
    """

    made_for = LABELS

    def __init__(self, *, modalities: int, config: Config, classes: Sequence[str] = LABELS) -> None:
        super().__init__(modalities=modalities, config=config, classes=classes)
        self.classifiers = UnimodalClassifiers(
            modalities=modalities, config=config, classes=classes
        )

    def readings(self, vectors: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """Each modality's own distribution `(B, M, K)`, learnt from the posts' tags alone."""
        neutral = torch.eye(len(self.classes), device=vectors.device)[NEUTRAL]
        readings = self.classifiers(vectors).softmax(-1)
        return torch.where(present.unsqueeze(-1), readings, neutral)

    def forward(self, vectors: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """`(B, M, E)` -> readings `(B, M, K)` -> the logarithm of the tag's distribution."""
        return _log(reduce(compose, self.readings(vectors, present).unbind(1)))
