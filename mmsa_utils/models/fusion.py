"""The model: a branch per modality and a head on top. One model, three modes.

A branch turns an encoder's vector into `embed_dim` numbers; the head turns the branches'
vectors into three logits. A modality that a post has not is a vector of zeros and is
left out of attention and averages, so that nothing becomes NaN.
"""

from functools import reduce

import torch
from torch import nn

from ..config import LABELS
from ..training.loop import plain_objective

CLASSES = len(LABELS)
NEUTRAL = LABELS.index("neutral")


def _layer(inputs, outputs, dropout):
    """Linear -> BatchNorm -> ReLU -> dropout, the block that every branch is made of."""
    return nn.Sequential(
        nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU(), nn.Dropout(dropout)
    )


def make_branch(modality, inputs, config):
    """Text: inputs -> 128. Picture: inputs -> 256 -> 128. Words in the picture: 4 -> 128."""
    if modality == "text":
        return _layer(inputs, config.embed_dim, config.dropout)
    if modality == "words":  # four numbers bear no dropout
        return nn.Sequential(nn.BatchNorm1d(inputs), nn.Linear(inputs, config.embed_dim))
    return nn.Sequential(
        _layer(inputs, config.image_hidden, config.dropout),
        _layer(config.image_hidden, config.embed_dim, config.dropout),
    )


# ---- heads: (B, M, embed_dim) and present (B, M) -> logits (B, 3) -----------------------


class ConcatHead(nn.Module):
    """The branches' vectors side by side, then one linear classifier."""

    def __init__(self, *, modalities, config):
        super().__init__()
        self.classifier = nn.Linear(modalities * config.embed_dim, CLASSES)

    def forward(self, vectors, present):
        return self.classifier(vectors.flatten(1))  # (B, M, E) -> (B, M * E) -> (B, 3)


class AttentionHead(nn.Module):
    """The lab report's fusion: each modality is a token, the tokens attend to each other.

    Multi-head self-attention over the M tokens, their mean, linear + ReLU + dropout, then
    LayerNorm(linear(x) + dropout(x)) and a linear classifier. The residual is around the
    last linear layer, as in the report's code.
    """

    def __init__(self, *, modalities, config):
        super().__init__()
        width = config.embed_dim
        self.attention = nn.MultiheadAttention(
            width, config.attention_heads, dropout=config.attention_dropout, batch_first=True
        )
        self.dense = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Dropout(config.dropout))
        self.linear = nn.Linear(width, width)
        self.dropout = nn.Dropout(config.dropout)
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Linear(width, CLASSES)

    def forward(self, vectors, present):
        # A post without any modality attends to its zero vectors: a masked row would be NaN.
        ignore = ~present & present.any(1, keepdim=True)  # (B, M)
        mixed, _ = self.attention(vectors, vectors, vectors, key_padding_mask=ignore)  # (B, M, E)
        x = self.dense(mean_present(mixed, present))  # (B, E)
        return self.classifier(self.norm(self.linear(x) + self.dropout(x)))  # (B, 3)


class UnimodalClassifiers(nn.Module):
    """A linear classifier for each modality."""

    def __init__(self, *, modalities, config):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(config.embed_dim, CLASSES) for _ in range(modalities))

    def forward(self, vectors):
        logits = [layer(vectors[:, m]) for m, layer in enumerate(self.layers)]  # M of (B, 3)
        return torch.stack(logits, dim=1)  # (B, M, 3)


def _log(probabilities):
    """Log-probabilities, which are logits of themselves."""
    return probabilities.clamp(min=1e-9).log()


class LateHead(nn.Module):
    """A classifier per modality; the average of their probabilities."""

    def __init__(self, *, modalities, config):
        super().__init__()
        self.classifiers = UnimodalClassifiers(modalities=modalities, config=config)

    def forward(self, vectors, present):
        probabilities = self.classifiers(vectors).softmax(-1)  # (B, M, 3)
        return _log(mean_present(probabilities, present))  # (B, 3)


class GatedHead(nn.Module):
    """A gate per modality and number, computed from all modalities, then a linear classifier.

    Arevalo et al., "Gated Multimodal Units for Information Fusion", 2017.
    """

    def __init__(self, *, modalities, config):
        super().__init__()
        self.gates = nn.Linear(modalities * config.embed_dim, modalities * config.embed_dim)
        self.classifier = nn.Linear(config.embed_dim, CLASSES)

    def forward(self, vectors, present):
        gates = self.gates(vectors.flatten(1)).sigmoid().view_as(vectors)  # (B, M, E)
        return self.classifier((gates * vectors.tanh()).sum(1))  # (B, E) -> (B, 3)


class BilinearHead(nn.Module):
    """Products of one number of each modality, as a sum of a few outer products.

    Liu et al., "Efficient Low-rank Multimodal Fusion With Modality-Specific Factors", ACL
    2018: the constant 1 beside each vector (here: the bias) keeps what one modality says alone.
    """

    def __init__(self, *, modalities, config):
        super().__init__()
        self.rank = config.bilinear_rank
        self.factors = nn.ModuleList(
            nn.Linear(config.embed_dim, self.rank * CLASSES) for _ in range(modalities)
        )
        self.bias = nn.Parameter(torch.zeros(CLASSES))

    def forward(self, vectors, present):
        factors = [layer(vectors[:, m]) for m, layer in enumerate(self.factors)]  # M of (B, R * 3)
        product = torch.stack(factors).prod(0).unflatten(1, (self.rank, CLASSES))  # (B, R, 3)
        return product.sum(1) + self.bias  # (B, 3)


def compose(first, second):
    """The rule that made the tags, on two distributions `(..., 3)`: equal tags stay, a polar
    one wins over neutral, opposite ones were dropped, so what is left is renormalised."""
    tags = first * second + first * second[..., [NEUTRAL]] + first[..., [NEUTRAL]] * second
    both_neutral = first[..., NEUTRAL] * second[..., NEUTRAL]
    tags = torch.cat([tags[..., :1], both_neutral.unsqueeze(-1), tags[..., 2:]], dim=-1)
    return tags / tags.sum(-1, keepdim=True).clamp(min=1e-9)


class CompositionHead(nn.Module):
    """Each modality has a sentiment of its own; the annotators' rule makes the tag of them.

    A modality that is not there counts as neutral, which by that rule changes nothing.
    """

    def __init__(self, *, modalities, config):
        super().__init__()
        self.classifiers = UnimodalClassifiers(modalities=modalities, config=config)

    def readings(self, vectors, present):
        """Each modality's own distribution `(B, M, 3)`, learnt from the posts' tags alone."""
        neutral = torch.eye(CLASSES, device=vectors.device)[NEUTRAL]
        readings = self.classifiers(vectors).softmax(-1)
        return torch.where(present.unsqueeze(-1), readings, neutral)

    def forward(self, vectors, present):
        return _log(reduce(compose, self.readings(vectors, present).unbind(1)))  # (B, 3)


def mean_present(values, present):
    """Mean over the modalities that are there; over all where none is. `(B, M, X) -> (B, X)`."""
    weight = torch.where(present.any(1, keepdim=True), present, True).unsqueeze(-1)  # (B, M, 1)
    return (values * weight).sum(1) / weight.sum(1)


HEAD_CLASSES = {
    "concat": ConcatHead,
    "attention": AttentionHead,
    "late": LateHead,
    "gated": GatedHead,
    "bilinear": BilinearHead,
    "composition": CompositionHead,
}


# ---- the whole model --------------------------------------------------------------------


class SentimentModel(nn.Module):
    """Encoders (or nothing, on frozen features) -> branches -> head.

    Args:
        dims: width of each modality's encoder output, `{"text": 384, "image": 1280}`; its
            keys are the modalities that the model looks at.
        encoders: encoder modules to train along, by modality; the others' inputs are
            features already.
    """

    def __init__(self, *, dims, config, encoders=None):
        super().__init__()
        self.modalities = tuple(dims)
        self.encoders = nn.ModuleDict(encoders or {})
        self.branches = nn.ModuleDict(
            {modality: make_branch(modality, dim, config) for modality, dim in dims.items()}
        )
        # One modality has nothing to fuse: its head is the plain classifier.
        head = HEAD_CLASSES[config.head] if len(dims) > 1 else ConcatHead
        self.head = head(modalities=len(dims), config=config)
        self.modality_dropout = config.modality_dropout if len(dims) > 1 else 0.0
        self.auxiliary = None
        if config.auxiliary_weight and len(dims) > 1:
            self.auxiliary = UnimodalClassifiers(modalities=len(dims), config=config)

    def _hide(self, present):
        """In training some posts lose one of their modalities: no head may rely on both."""
        hide = torch.rand(len(present), device=present.device) < self.modality_dropout
        which = torch.randint(present.shape[1], (len(present),), device=present.device)
        hidden = nn.functional.one_hot(which, present.shape[1]).bool() & hide.unsqueeze(1)
        return present & ~hidden

    def embed(self, batch):
        """`(B, M, embed_dim)` branch vectors and `(B, M)` bool: which modality is there."""
        vectors = []
        for modality in self.modalities:
            x = batch[modality]
            if modality in self.encoders:
                x = self.encoders[modality](x)  # tokens or pixels -> (B, dim)
            vectors.append(self.branches[modality](x))  # (B, embed_dim)
        present = torch.stack([batch[f"{m}_present"] for m in self.modalities], dim=1)
        if self.training and self.modality_dropout:
            present = self._hide(present)
        return torch.stack(vectors, dim=1) * present.unsqueeze(-1), present

    def forward(self, batch):
        """Logits `(B, 3)` of a batch: `text`, `image` and who is there, `*_present` `(B,)`."""
        return self.head(*self.embed(batch))


def make_objective(model, config):
    """What is minimised: the head's loss, and beside it those of each modality's own classifier."""
    if model.auxiliary is None:
        return plain_objective

    def objective(model, batch, loss_function):
        vectors, present = model.embed(batch)
        loss = loss_function(model.head(vectors, present).float(), batch["label"])
        own = model.auxiliary(vectors).float()  # (B, M, 3)
        for logits, there in zip(own.unbind(1), present.unbind(1), strict=True):
            if there.any():
                own_loss = loss_function(logits[there], batch["label"][there])
                loss = loss + config.auxiliary_weight * own_loss
        return loss

    return objective


def describe(model, batch):
    """The way of one batch through the model: rows of `(layer, kind, shape out)`."""
    rows = [(name, "input", tuple(batch[name].shape)) for name in model.modalities]
    hooks = []

    def note(name):
        def hook(module, _inputs, output):
            output = output[0] if isinstance(output, tuple) else output
            rows.append((name, type(module).__name__, tuple(output.shape)))

        return hook

    for name, module in model.named_modules():
        # Attention counts as one layer; its inner projection is never called by itself.
        if isinstance(module, nn.MultiheadAttention) or not list(module.children()):
            hooks.append(module.register_forward_hook(note(name)))
    with torch.inference_mode():
        model.eval()(batch)
    for hook in hooks:
        hook.remove()
    return rows


def _outline_branch(modality, dim, config):
    state = "fine-tuned" if modality in config.finetune else "frozen"
    names = "\n".join(config.encoders(modality))
    names = names.replace("efficientnet_lite", "Lite" if ":" in names else "EffNet-Lite")
    widths = [config.embed_dim]
    if modality == "image":
        widths = [config.image_hidden, config.embed_dim]
    if modality == "words":
        return [
            "words in\nthe picture",
            f"tweet classifier\n{state}\n-> {dim}",
            f"linear -> {widths[0]}",
        ]
    return [
        {"text": "tweet", "image": "picture"}[modality],
        f"{names}\n{state}\n-> {dim}",
        *(f"linear -> {width}\nBatchNorm\nReLU\ndropout {config.dropout}" for width in widths),
    ]


def outline(config, dims):
    """The model in words, for `plots.model_structure`: `[(lane, text)]`.

    Lanes are the modalities of `dims` and `head`.
    """
    rows = [(m, text) for m, dim in dims.items() for text in _outline_branch(m, dim, config)]
    classifier = f"linear\n-> {CLASSES} logits"
    if len(dims) > 1 and config.head in ("late", "composition"):
        rows += [(m, f"{classifier}\nsoftmax") for m in dims]
        last = {
            "late": f"mean of the\n{CLASSES} proba-\nbilities",
            "composition": "the annota-\ntors' rule",
        }
        return [*rows, ("head", last[config.head])]
    if len(dims) > 1 and config.head == "attention":
        rows += [
            ("head", f"attention\n{len(dims)} tokens\n{config.attention_heads} heads\nmean"),
            ("head", f"linear\nReLU\ndropout {config.dropout}"),
            ("head", "linear\n+ residual\nLayerNorm"),
        ]
    elif len(dims) > 1 and config.head == "gated":
        rows += [("head", f"gates\nsum\n-> {config.embed_dim}")]
    elif len(dims) > 1 and config.head == "bilinear":
        return [*rows, ("head", f"sum of {config.bilinear_rank}\nproducts\n-> {CLASSES} logits")]
    elif len(dims) > 1:
        rows += [("head", f"concatenate\n-> {len(dims) * config.embed_dim}")]
    return [*rows, ("head", classifier), ("head", f"softmax\n{CLASSES} proba-\nbilities")]
