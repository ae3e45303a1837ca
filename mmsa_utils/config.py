"""Every knob of a run, one commented line each."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from .errors import CourseError
from .io import Record

LABELS = ("negative", "neutral", "positive")
MODES = ("text", "image", "fused")
ENGINES = ("torch", "openvino", "onnxruntime")
# Knobs that say how fast a run is, not what it learns.
MACHINE = ("device", "engine", "workers", "jobs")
# Names of heads. A list, because `register_head` adds to it.
HEADS = ["concat", "attention", "late", "gated", "bilinear", "composition"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """A run's settings. Immutable: `config.but(mode="text")` gives a changed copy.

    Raises:
        CourseError: where a setting is out of its range or does not fit another one.
    """

    # what is looked at
    mode: str = "fused"  # what the model looks at: text, image or fused
    text_encoders: tuple[str, ...] = ("minilm",)  # names of text encoders; several: side by side
    image_encoders: tuple[str, ...] = ("efficientnet_lite0",)  # names of image encoders
    words: bool = False  # the words in the picture, read by PP-OCR, as a stream of their own
    finetune: tuple[str, ...] = ()  # encoders trained with the rest: text, image or both
    trained_stages: int = 0  # how many stages of such an encoder, from the top; 0: all of it
    probe_first: bool = False  # with finetune: train the head alone first, then both (LP-FT)
    augment: bool = True  # training transform on the pictures when their encoder is trained
    max_tokens: int = 128  # longer texts are cut

    # the model
    head: str = "concat"  # how modalities are fused: one of HEADS
    embed_dim: int = 128  # width of a modality's vector
    image_hidden: int = 256  # width of the hidden layer of the picture branch
    dropout: float = 0.5  # share of zeros after each branch layer
    attention_heads: int = 8  # of the attention head; embed_dim is a multiple of it
    attention_dropout: float = 0.1  # on the attention head's weights
    bilinear_rank: int = 16  # width of the bilinear head's products
    modality_dropout: float = 0.0  # chance that a post's picture, or its text, is hidden

    # training
    epochs: int = 40  # at most so many; early stopping ends sooner
    patience: int = 8  # epochs without a lower validation loss before stopping
    batch_size: int = 64  # posts a step
    learning_rate: float = 1e-3  # of all that is not an encoder; with probe_first of the probe
    encoder_learning_rate: float = 5e-5  # of trained encoders; with probe_first of the head, too
    weight_decay: float = 0.01  # of AdamW; biases and norms have none
    warmup_epochs: float = 2.0  # linear warm-up, then cosine to zero
    clip_norm: float = 1.0  # largest norm of the gradient
    class_weights: str = "none"  # none, balanced or root (of balanced): rare classes weigh more
    label_smoothing: float = 0.0  # share of a label's weight that is spread over all classes
    auxiliary_weight: float = 0.0  # of the losses of each modality's own classifier
    mixup: float = 0.0  # alpha of the Beta law by which features of two posts are mixed; 0: none
    average_decay: float = 0.0  # of the moving average of the weights that is used; 0: none

    # protocol
    folds: int = 5  # of the cross-validation; each is the test set once
    train_share: float = 1.0  # share of the training posts that is used: less for a learning curve
    inner_folds: int = 8  # one of so many parts of the training posts is the validation set
    seeds: tuple[int, ...] = (0,)  # each gives its own folds and its own training

    # machine: meant to change speed only (bfloat16 on CUDA rounds more coarsely)
    device: str = "auto"  # cuda, mps, cpu; auto: what MMSA_DEVICE says, else the fastest there
    engine: str = "auto"  # of frozen image encoders, see ENGINES; auto: MMSA_ENGINE, or the fastest
    workers: int = 0  # processes that read and augment pictures
    jobs: int = 1  # processes that learn folds of frozen features; 0: one for each core

    def __post_init__(self) -> None:
        self._check_tuples()
        self._check_choices()
        self._check_ranges()
        self._check_finetune()

    def _check_tuples(self) -> None:
        for name in ("text_encoders", "image_encoders", "seeds", "finetune"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise CourseError(
                    f"{name}={value!r} is a string where a tuple is meant: write ({value!r},)"
                )
            if not isinstance(value, tuple):
                raise CourseError(f"{name}={value!r}: give a tuple")
            if not value and name != "finetune":
                raise CourseError(f"{name}=() is empty: name at least one")
        for seed in self.seeds:
            if not _is_whole(seed) or not 0 <= seed < _SEEDS:
                raise CourseError(
                    f"seeds={self.seeds}: {seed!r} is no whole number from 0 to {_SEEDS - 1}"
                )
        if len(set(self.seeds)) < len(self.seeds):
            raise CourseError(f"seeds={self.seeds}: one stands there twice and would count twice")

    def _check_choices(self) -> None:
        _one_of("mode", self.mode, MODES)
        _one_of("head", self.head, HEADS)
        _one_of("engine", self.engine, ("auto", *ENGINES))
        _one_of("class_weights", self.class_weights, ("none", "balanced", "root"))

    def _check_ranges(self) -> None:
        for name, least in _WHOLE.items():
            value = getattr(self, name)
            if not _is_whole(value) or value < least:
                raise CourseError(f"{name}={value!r}: give a whole number, {least} or more")
        for name, (meant, is_in) in _NUMBERS.items():
            value = getattr(self, name)
            if not _is_number(value) or not is_in(value):
                raise CourseError(f"{name}={value!r}: give a number {meant}")
        if self.embed_dim % self.attention_heads:
            raise CourseError(
                f"embed_dim={self.embed_dim} is no multiple of attention_heads="
                f"{self.attention_heads}: each attention head takes an equal part"
            )

    def _check_finetune(self) -> None:
        if self.mixup and self.finetune:
            raise CourseError(
                f"mixup={self.mixup} mixes frozen features, but finetune={self.finetune} trains "
                "encoders, which take tokens and pixels: set one of them to nothing"
            )
        for modality in self.finetune:
            _one_of("finetune", modality, ("text", "image"))
            if modality not in self.modalities:
                raise CourseError(
                    f"finetune={modality!r} trains an encoder that mode={self.mode!r} does not "
                    "look at: leave it out or change the mode"
                )
            if len(self.encoders(modality)) != 1:
                raise CourseError(
                    f"finetune={modality!r} trains one encoder, but {modality}_encoders names "
                    f"{len(self.encoders(modality))}: name one"
                )

    @property
    def modalities(self) -> tuple[str, ...]:
        """The streams that the mode looks at, in a fixed order. The words belong to the picture."""
        streams = ("text", "image") if self.mode == "fused" else (self.mode,)
        return (*streams, "words") if self.words and "image" in streams else streams

    def encoders(self, modality: str) -> tuple[str, ...]:
        """The encoder names of a modality."""
        names = {"text": self.text_encoders, "image": self.image_encoders}
        return names.get(modality, ("minilm_tweets",))

    def is_cut(self, modality: str) -> bool:
        """Whether only the upper part of an encoder is trained: the frozen one computes once."""
        return modality in self.finetune and self.trained_stages > 0

    def but(self, **changes: Any) -> Self:
        """A copy with these settings changed, checked anew."""
        return replace(self, **changes)

    def changes(self, other: "Config | None" = None) -> Record:
        """The settings that differ from another config's (the defaults), with the values here."""
        base = Config() if other is None else other
        pairs = ((f.name, getattr(self, f.name), getattr(base, f.name)) for f in fields(self))
        return {name: here for name, here, there in pairs if here != there}

    def to_dict(self) -> Record:
        """What is learnt and how, in plain JSON types, for records; nothing of `MACHINE`."""
        settings = json.loads(json.dumps(asdict(self)))
        return {name: value for name, value in settings.items() if name not in MACHINE}

    @staticmethod
    def tuples(settings: Record) -> Record:
        """Settings as read from JSON, lists as tuples again."""
        return {name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()}

    @classmethod
    def from_dict(cls, settings: Record) -> Self:
        """The config of a record's `config`, checked anew."""
        return cls(**cls.tuples(settings))

    def key(self) -> str:
        """A short name of all settings that change what is learnt."""
        settings = self.to_dict()
        del settings["seeds"]
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


_SEEDS = 2**32  # as many as scikit-learn's generators take
_Range = tuple[str, Callable[[float], bool]]  # in words, and as a test
_SHARE: _Range = ("from 0 to below 1", lambda x: 0 <= x < 1)
_POSITIVE: _Range = ("above 0", lambda x: x > 0)
_NOT_NEGATIVE: _Range = ("of 0 or more", lambda x: x >= 0)

# The least value of each whole number. BatchNorm needs two posts a batch; a text has at least
# the two marks around it and one token.
_WHOLE = {
    "trained_stages": 0,
    "max_tokens": 3,
    "embed_dim": 1,
    "image_hidden": 1,
    "attention_heads": 1,
    "bilinear_rank": 1,
    "epochs": 1,
    "patience": 1,
    "batch_size": 2,
    "folds": 2,
    "inner_folds": 2,
    "workers": 0,
    "jobs": 0,
}
_NUMBERS: dict[str, _Range] = {
    "dropout": _SHARE,
    "attention_dropout": _SHARE,
    "modality_dropout": _SHARE,
    "label_smoothing": _SHARE,
    "average_decay": _SHARE,
    "learning_rate": _POSITIVE,
    "encoder_learning_rate": _POSITIVE,
    "clip_norm": _POSITIVE,
    "weight_decay": _NOT_NEGATIVE,
    "warmup_epochs": _NOT_NEGATIVE,
    "auxiliary_weight": _NOT_NEGATIVE,
    "mixup": _NOT_NEGATIVE,
    "train_share": ("above 0, at most 1", lambda x: 0 < x <= 1),
}


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_whole(value) or isinstance(value, float)


def _one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise CourseError(f"{name}={value!r} is not known; choose from: {', '.join(allowed)}")


# The encoders and the training recipe of the lab report that this course starts from
# (its batch of 8, AdamW 5e-5, ten epochs, patience 4, three folds).
LAB_REPORT = Config(
    text_encoders=("bert-base-uncased",),
    image_encoders=("resnet50",),
    finetune=("text",),
    head="attention",
    epochs=10,
    patience=4,
    batch_size=8,
    learning_rate=5e-5,
    weight_decay=1e-3,
    class_weights="balanced",
    folds=3,
)
# For readers with internet: pictures and texts through CLIP, which learnt from both. Any other
# CLIP or SigLIP by its name, such as "clip:google/siglip2-base-patch16-224".
CLIP = Config(
    text_encoders=("clip:openai/clip-vit-base-patch32",),
    image_encoders=("clip:openai/clip-vit-base-patch32",),
)
PRESETS = {"embedded": Config(), "lab_report": LAB_REPORT, "clip": CLIP}
