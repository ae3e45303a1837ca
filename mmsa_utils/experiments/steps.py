"""What the ablation tries, in order: sources of features, heads, training, ensembles, fine-tuning.

In what order is part of the rule: a step that is no better than noise is dropped, so of two
things that are equally good the one that comes first, the simpler, stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..config import Config
from .recipes import (
    BOTH_LITE,
    BOTH_TEXT,
    SEEN,
    STAGES,
    TUNED_TEXT,
    VIEWS,
    WITHOUT_MPNET,
    Changes,
)

Encoders = Mapping[str, tuple[str, ...]]  # names by knob: `text_encoders`, `image_encoders`


@dataclass(frozen=True)
class Step:
    """What a row tries, on top of what was kept before it."""

    name: str
    changes: str  # for the reader
    settings: Changes = field(default_factory=dict)  # of the config
    adds: Encoders = field(default_factory=dict)  # encoders beside those that are there
    seeds: int | None = None  # only the first so many; all by default

    def on(self, config: Config) -> Changes:
        """What it sets in a config."""
        added = {knob: (*getattr(config, knob), *names) for knob, names in self.adds.items()}
        return {**self.settings, **added}


# ---- frozen features --------------------------------------------------------------------

_TEXT = (
    Step(
        "tweet-tuned", "the text encoder tuned on tweets instead", {"text_encoders": BOTH_TEXT[1:]}
    ),
    Step(
        "both encoders",
        "tuned and untuned text encoder side by side",
        {"text_encoders": BOTH_TEXT},
    ),
)
_IMAGE = (
    Step("words", "+ the words in the picture, by PP-OCR", {"words": True}),
    Step("two networks", "+ Lite2 beside Lite0", {"image_encoders": BOTH_LITE}),
    Step("two stages", "+ the last two stages of both", {"image_encoders": STAGES}),
    Step("views", "+ Lite0 on mirror image and four corners", {"image_encoders": VIEWS}),
)
_LARGE = (
    Step(
        "MPNet",
        "+ MPNet, five times as large, beside both",
        {"text_encoders": (*BOTH_TEXT, "mpnet")},
    ),
    Step(
        "tweet-tuned MPNet",
        "MPNet tuned on tweets instead of MPNet",
        {"text_encoders": TUNED_TEXT},
    ),
    Step(
        "both MPNets",
        "tuned and untuned MPNet, beside both",
        {"text_encoders": (*BOTH_TEXT, "mpnet", "mpnet_tweets")},
    ),
)
FEATURES = {"text": _TEXT + _LARGE, "image": _IMAGE, "fused": _TEXT + _IMAGE + _LARGE}
# Cheap ideas, in one batch: each beside the features that were kept, corrected for their number.
CHEAP = (
    Step("lexicon", "+ VADER's four scores of the tweet", adds={"text_encoders": ("vader",)}),
    Step(
        "plain words",
        "+ the tweet-tuned encoder, hashtags split and emoji named",
        adds={"text_encoders": ("minilm_tweets:plain_words",)},
    ),
    Step(
        "colours",
        "+ hue, saturation and brightness of the picture",
        adds={"image_encoders": ("colours",)},
    ),
)

# ---- the network ------------------------------------------------------------------------

HEADS = ("concat", "late", "attention", "gated", "bilinear", "composition")  # the simplest first
DROPOUTS = (0.3, 0.5, 0.7, 0.8)
RATES = (1e-4, 3e-4, 1e-3)
# Of its training, at the chosen head's setting.
_TRAINING = (
    Step("balanced classes", "class weights in the loss", {"class_weights": "balanced"}),
    Step("label smoothing", "label smoothing of 0.1", {"label_smoothing": 0.1}),
    Step("averaged weights", "moving average of the weights", {"average_decay": 0.99}),
    Step("feature mixup", "features of two posts mixed, alpha 0.2", {"mixup": 0.2}),
)
_FUSION = (
    Step("auxiliary losses", "+ a loss for each modality alone", {"auxiliary_weight": 0.3}),
    Step("modality dropout", "+ a modality hidden on one post in five", {"modality_dropout": 0.2}),
)
TRAINING = {"text": _TRAINING, "image": _TRAINING, "fused": _FUSION + _TRAINING}

# ---- ensembles --------------------------------------------------------------------------

# "text ensemble" is the one that is kept for the text. On both modalities a support vector machine
# takes an hour and more: there it is not tried.
_ONE_MODEL = ("linear", "kernel ridge", "support vector machine", "network")
CANDIDATES = {
    "text": (*_ONE_MODEL, "TF-IDF"),
    "image": _ONE_MODEL,
    "fused": ("linear", "kernel ridge", "network", "TF-IDF", "text ensemble", "image ensemble"),
}

# ---- fine-tuning ------------------------------------------------------------------------

# The network before that. Its head is not searched for: both sides of the comparison have it.
FROZEN: Mapping[str, Changes] = {
    "text": {"text_encoders": ("mpnet_tweets",), "dropout": 0.5},
    "image": {"image_encoders": ("efficientnet_lite0",), "dropout": 0.7},
}
_GENTLY: Changes = {
    "encoder_learning_rate": 2e-5,
    "probe_first": True,
    "epochs": 8,
    "patience": 3,
    "batch_size": 32,
    "warmup_epochs": 0.5,
}
_TOP_LAYERS: Changes = {"finetune": ("text",), "trained_stages": 2, **_GENTLY}
_LAST_STAGES: Changes = {
    "finetune": ("image",),
    "trained_stages": 4,
    "augment": False,
    **_GENTLY,
}
_HASTY: Changes = {"probe_first": False, "epochs": 3, "average_decay": 0.0}
FINETUNED = {
    "text": (
        Step("top layers", "the head first, then the last two layers along", _TOP_LAYERS),
        Step(
            "averaged top layers",
            "the same, moving average of the weights",
            {**_TOP_LAYERS, "average_decay": 0.99},
        ),
        Step(
            "from a random head",
            "the contrast: head and layers from the start, three epochs",
            {**_TOP_LAYERS, **_HASTY},
            seeds=1,
        ),
    ),
    "image": (
        Step(
            "last stages",
            "the head first, then Lite0's last two stages along, pictures as they are",
            _LAST_STAGES,
        ),
        Step(
            "augmented",
            "the same, pictures augmented",
            {**_LAST_STAGES, "augment": True},
            seeds=1,
        ),
    ),
}
# The fine-tuned network in the ensemble. It is asked about all training posts, which takes four
# more trainings a fold.
BLENDED = {mode: FINETUNED[mode][0] for mode in FINETUNED}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is tried, by mode."""

    features: Mapping[str, Sequence[Step]] = field(default_factory=lambda: FEATURES)
    cheap: Mapping[str, Sequence[Step]] = field(default_factory=lambda: {"fused": CHEAP})
    without_mpnet: Mapping[str, Changes] = field(default_factory=lambda: WITHOUT_MPNET)
    network: Mapping[str, Changes] = field(default_factory=lambda: SEEN)
    heads: Sequence[str] = HEADS  # of the fused network; the first is the one to beat
    dropouts: Sequence[float] = DROPOUTS
    rates: Sequence[float] = RATES
    training: Mapping[str, Sequence[Step]] = field(default_factory=lambda: TRAINING)
    candidates: Mapping[str, Sequence[str]] = field(default_factory=lambda: CANDIDATES)
    frozen: Mapping[str, Changes] = field(default_factory=lambda: FROZEN)
    finetuned: Mapping[str, Sequence[Step]] = field(default_factory=lambda: FINETUNED)
    blended: Mapping[str, Step] = field(default_factory=lambda: BLENDED)
