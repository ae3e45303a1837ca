"""Every knob of a run, one commented line each."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace

from .errors import CourseError

LABELS = ("negative", "neutral", "positive")
MODES = ("text", "image", "fused")
HEADS = ("concat", "attention", "late", "gated", "bilinear", "composition")


@dataclass(frozen=True, kw_only=True)
class Config:
    """A run's settings. Immutable: `config.but(mode="text")` gives a changed copy."""

    # what is looked at
    mode: str = "fused"  # text, image or fused
    text_encoders: tuple[str, ...] = ("minilm",)  # names in encoders.py; several: side by side
    image_encoders: tuple[str, ...] = ("efficientnet_lite0",)
    words: bool = False  # the words in the picture, read by PP-OCR, as a stream of their own
    finetune: tuple[str, ...] = ()  # encoders trained with the rest: text, image or both
    trained_stages: int = 0  # of such an encoder, counted from the top; 0: all of it
    augment: bool = True  # training transform on the pictures when their encoder is trained
    max_tokens: int = 128  # longer texts are cut

    # the model
    head: str = "concat"  # how modalities are fused: one of HEADS
    embed_dim: int = 128  # width of a modality's vector
    image_hidden: int = 256  # width of the hidden layer of the picture branch
    dropout: float = 0.5  # after each branch layer
    attention_heads: int = 8
    attention_dropout: float = 0.1
    bilinear_rank: int = 16
    modality_dropout: float = 0.0  # chance that a post's picture, or its text, is hidden

    # training
    epochs: int = 40  # at most; early stopping ends sooner
    patience: int = 8  # epochs without a lower inner loss before stopping
    batch_size: int = 64
    learning_rate: float = 1e-3  # of all that is not an encoder
    encoder_learning_rate: float = 5e-5  # of encoders that are fine-tuned
    weight_decay: float = 0.01
    warmup_epochs: float = 2.0  # linear warm-up, then cosine to zero
    clip_norm: float = 1.0  # largest norm of the gradient
    class_weights: str = "none"  # or balanced, or root (of these): rare classes weigh more
    label_smoothing: float = 0.0
    auxiliary_weight: float = 0.0  # of the losses of each modality's own classifier
    average_decay: float = 0.0  # of the moving average of the weights that is used; 0: none

    # protocol
    folds: int = 5
    train_share: float = 1.0  # of the training posts are used: fewer, for a learning curve
    inner_folds: int = 8  # one of so many parts of the training posts is kept to stop early
    seeds: tuple[int, ...] = (0,)  # each gives its own folds and its own training

    # machine: meant to change speed only (bfloat16 on CUDA rounds more coarsely)
    device: str = "auto"  # cuda, mps, cpu; auto: what MMSA_DEVICE says, else the fastest there
    workers: int = 0  # processes that read and augment pictures

    def __post_init__(self):
        _one_of("mode", self.mode, MODES)
        _one_of("head", self.head, HEADS)
        _one_of("class_weights", self.class_weights, ("none", "balanced", "root"))
        for modality in self.finetune:
            _one_of("finetune", modality, ("text", "image"))
            if len(self.encoders(modality)) != 1:
                raise CourseError(
                    f"finetune={modality!r} trains one encoder, but {modality}_encoders names "
                    f"{len(self.encoders(modality))}: name one"
                )

    @property
    def modalities(self):
        """The streams that the mode looks at, in a fixed order. The words belong to the picture."""
        streams = ("text", "image") if self.mode == "fused" else (self.mode,)
        return (*streams, "words") if self.words and "image" in streams else streams

    def encoders(self, modality):
        """The encoder names of a modality."""
        names = {"text": self.text_encoders, "image": self.image_encoders}
        return names.get(modality, ("minilm_tweets",))

    def is_cut(self, modality):
        """Whether only the upper part of an encoder is trained: the frozen one computes once."""
        return modality in self.finetune and self.trained_stages > 0

    def but(self, **changes):
        """A copy with these settings changed."""
        return replace(self, **changes)

    def to_dict(self):
        """Plain JSON types, for records."""
        return json.loads(json.dumps(asdict(self)))

    @staticmethod
    def tuples(settings):
        """Settings as read from JSON, lists as tuples again."""
        return {name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()}

    @classmethod
    def from_dict(cls, settings):
        """The config of a record's `config`."""
        return cls(**cls.tuples(settings))

    def key(self):
        """A short name of all settings that change what is learnt."""
        settings = self.to_dict()
        del settings["device"], settings["workers"], settings["seeds"]
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def _one_of(name, value, allowed):
    if value not in allowed:
        raise CourseError(f"{name}={value!r} is not known; choose from: {', '.join(allowed)}")


# The encoders and the training recipe of the lab report that this course starts from
# (its batch of 8, AdamW 5e-5, ten epochs, patience 4, three folds).
REFERENCE = Config(
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
PRESETS = {"embedded": Config(), "reference": REFERENCE}
