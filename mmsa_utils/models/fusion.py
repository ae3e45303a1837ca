"""The model: a branch per modality and a head on top. One model, three modes.

A branch turns an encoder's vector into `embed_dim` numbers; the head turns the branches'
vectors into logits, one a class. A modality that a post has not is a vector of zeros and is
left out of attention and averages, so that nothing becomes NaN.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import torch
from torch import nn

from ..config import LABELS, Config
from .heads import ConcatHead, UnimodalClassifiers, head_class
from .trainable import Batch, Trainable, decay_groups


def _layer(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    """Linear -> BatchNorm -> ReLU -> dropout, the block that every branch is made of."""
    return nn.Sequential(
        nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU(), nn.Dropout(dropout)
    )


def make_branch(modality: str, inputs: int, config: Config) -> nn.Sequential:
    """A modality's branch, `(B, inputs)` -> `(B, embed_dim)`.

    Text has one layer, the picture two (`image_hidden` in between), the words in the picture
    a linear one.
    """
    if modality == "text":
        return _layer(inputs, config.embed_dim, config.dropout)
    if modality == "words":  # four numbers bear no dropout
        return nn.Sequential(nn.BatchNorm1d(inputs), nn.Linear(inputs, config.embed_dim))
    return nn.Sequential(
        _layer(inputs, config.image_hidden, config.dropout),
        _layer(config.image_hidden, config.embed_dim, config.dropout),
    )


class KeptNorm(nn.BatchNorm1d):
    """A BatchNorm that keeps its statistics, in training, too."""

    def train(self, mode: bool = True) -> Self:
        """It stays in evaluation mode, whatever is asked for."""
        return super().train(False)


class SentimentModel(Trainable):
    """Encoders (or nothing, on frozen features) -> branches -> head.

    Args:
        dims: width of each modality's encoder output, `{"text": 384, "image": 1280}`; its
            keys are the modalities that the model looks at.
        config: the model's knobs.
        classes: the names of the classes (K).
        encoders: encoder modules to train along, by modality; the others' inputs are
            features already.

    Raises:
        CourseError: where the config's head is not registered, or not made for these classes.
    """

    auxiliary: UnimodalClassifiers | None

    def __init__(
        self,
        *,
        dims: Mapping[str, int],
        config: Config,
        classes: Sequence[str] = LABELS,
        encoders: Mapping[str, nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.modalities, self.width, self.classes = tuple(dims), config.embed_dim, tuple(classes)
        self.encoders = nn.ModuleDict(encoders or {})
        self.branches = nn.ModuleDict(
            {modality: make_branch(modality, dim, config) for modality, dim in dims.items()}
        )
        # One modality has nothing to fuse: its head is the plain classifier.
        fused = len(dims) > 1
        head = head_class(config.head) if fused else ConcatHead
        self.head = head(modalities=len(dims), config=config, classes=classes)
        self.modality_dropout = config.modality_dropout if fused else 0.0
        self.auxiliary = None
        if config.auxiliary_weight and fused:
            self.auxiliary = UnimodalClassifiers(
                modalities=len(dims), config=config, classes=classes
            )

    def parameter_groups(self, config: Config) -> list[dict[str, Any]]:
        """Groups for an optimizer: encoders at their own rate, biases and norms without decay."""
        encoders = set(self.encoders.parameters())
        others = [p for p in self.parameters() if p not in encoders]
        decay = config.weight_decay
        return [
            *decay_groups(
                self.encoders.parameters(),
                learning_rate=config.encoder_learning_rate,
                weight_decay=decay,
            ),
            *decay_groups(others, learning_rate=config.learning_rate, weight_decay=decay),
        ]

    def keep_norms(self) -> None:
        """From now on BatchNorm keeps its statistics; its weights are trained like all others.

        For a trained head that goes on with its encoders: their dropout, and batches of texts of
        like length, have statistics of their own. Learnt anew, these would make the predictions
        worse where no weight has moved.
        """
        for module in list(self.modules()):
            for name, norm in module.named_children():
                if isinstance(norm, nn.BatchNorm1d):
                    kept = KeptNorm(norm.num_features)
                    kept.load_state_dict(norm.state_dict())
                    setattr(module, name, kept)

    def hide_modality(self, present: torch.Tensor) -> torch.Tensor:
        """`present` `(B, M)` with one modality less for some posts, `modality_dropout` of them.

        Done in training, so that no head relies on all modalities being there.
        """
        hide = torch.rand(len(present), device=present.device) < self.modality_dropout
        which = torch.randint(present.shape[1], (len(present),), device=present.device)
        hidden = nn.functional.one_hot(which, present.shape[1]).bool() & hide.unsqueeze(1)
        return present & ~hidden

    def _branch(self, modality: str, x: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """`(B, dim)` -> `(B, embed_dim)`; zeros where a post has not the modality.

        In training BatchNorm sees the posts that have it, and no others. A single one has no
        variance: it goes through as in evaluation.
        """
        branch = self.branches[modality]
        if not self.training or there.all():
            return branch(x) * there.unsqueeze(-1)
        vectors = x.new_zeros(len(x), self.width)
        if there.sum() == 1:
            branch.eval()
        if there.any():
            vectors[there] = branch(x[there]).to(vectors.dtype)
        branch.train()
        return vectors

    def embed(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """`(B, M, embed_dim)` branch vectors and `(B, M)` bool: which modality is there."""
        vectors = []
        for modality in self.modalities:
            x = batch[modality]
            if modality in self.encoders:
                x = self.encoders[modality](x)  # tokens or pixels -> (B, dim)
            vectors.append(self._branch(modality, x, batch[f"{modality}_present"]))
        present = torch.stack([batch[f"{m}_present"] for m in self.modalities], dim=1)
        if self.training and self.modality_dropout:
            present = self.hide_modality(present)
        return torch.stack(vectors, dim=1) * present.unsqueeze(-1), present

    def forward(self, batch: Batch) -> torch.Tensor:
        """Logits `(B, K)` of a batch: `text`, `image` and who is there, `*_present` `(B,)`."""
        return self.head(*self.embed(batch))


def hide(batch: Batch, modality: str) -> Batch:
    """A batch in which no post has a modality: what a model says of it, the others say.

    The words in the picture are hidden with the picture. The batch itself stays as it is.
    """
    streams = ("image", "words") if modality == "image" else (modality,)
    marks = [f"{stream}_present" for stream in streams if f"{stream}_present" in batch]
    return batch | {mark: torch.zeros_like(batch[mark]) for mark in marks}


def describe(model: SentimentModel, batch: Batch) -> list[tuple[str, str, tuple[int, ...]]]:
    """The way of one batch through the model: rows of `(layer, kind, shape out)`.

    Leaves the model in evaluation mode.
    """
    rows = [(name, "input", tuple(batch[name].shape)) for name in model.modalities]
    hooks = []

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, _inputs: Any, output: Any) -> None:
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
