"""Step by step: what each idea gives, measured inside the training posts and out of fold.

Every row says what it is compared with (`against`), and is kept if the sum of accuracy and
macro-F1 on its inner predictions is above that row's: the scored folds decide nothing. What
is kept here is what `reference.py` runs; a test compares the two.
"""

from ..config import MODES
from ..evaluation.records import mean_summary, save_json
from ..training.cross_validation import Learner, cross_validate
from ..training.ensemble import blend, decide
from ..training.learners import CleanedLogistic, Logistic
from .reference import (
    BOTH_LITE,
    BOTH_TEXT,
    COURSE,
    DROPOUT,
    FOLDER,
    STAGES,
    THREE_TEXT,
    WITHOUT_MPNET,
    member,
    run_name,
)

VIEWS = ("efficientnet_lite0:views", "efficientnet_lite2")

# name, what changes for the reader, what changes in the config: on top of what was kept.
_TEXT = (
    ("tweet-tuned", "the text encoder tuned on tweets instead", {"text_encoders": BOTH_TEXT[1:]}),
    ("both encoders", "tuned and untuned text encoder side by side", {"text_encoders": BOTH_TEXT}),
)
_IMAGE = (
    ("words", "+ the words in the picture, by PP-OCR", {"words": True}),
    ("two networks", "+ Lite2 beside Lite0", {"image_encoders": BOTH_LITE}),
    ("two stages", "+ the last two stages of both", {"image_encoders": STAGES}),
    ("views", "+ Lite0 on mirror image and four corners", {"image_encoders": VIEWS}),
)
_LARGE = (("MPNet", "+ MPNet, five times as large, beside both", {"text_encoders": THREE_TEXT}),)
FEATURES = {"text": _TEXT + _LARGE, "image": _IMAGE, "fused": _TEXT + _IMAGE + _LARGE}

# The sentiment model on the kept features, and what may change in its head and training.
_TRAINING = (
    ("balanced classes", "class weights in the loss", {"class_weights": "balanced"}),
    ("label smoothing", "label smoothing of 0.1", {"label_smoothing": 0.1}),
    ("averaged weights", "moving average of the weights", {"average_decay": 0.99}),
)
_FUSION = (
    ("late head", "late instead of concat", {"head": "late"}),
    ("attention head", "attention instead of concat", {"head": "attention"}),
    ("gated head", "gated instead of concat", {"head": "gated"}),
    ("bilinear head", "low-rank bilinear instead of concat", {"head": "bilinear"}),
    ("composition head", "composition instead of concat", {"head": "composition"}),
    ("auxiliary losses", "+ a loss for each modality alone", {"auxiliary_weight": 0.3}),
    ("modality dropout", "+ a modality hidden on one post in five", {"modality_dropout": 0.2}),
)
NETWORKS = {"text": _TRAINING, "image": _TRAINING[:1], "fused": _FUSION + _TRAINING}

# What may be blended. "text blend" is the blend that is kept for the text.
_ONE_MODEL = ("linear", "kernel ridge", "vector machine", "network")
CANDIDATES = {
    "text": (*_ONE_MODEL, "TF-IDF"),
    "image": _ONE_MODEL,
    "fused": (*_ONE_MODEL, "TF-IDF", "text blend", "image blend"),
}

# Fine-tuning, with one seed: the same encoder frozen first, then its upper part trained along.
_TUNED = {"epochs": 3, "patience": 3, "batch_size": 32, "warmup_epochs": 0.5}
_TOP_LAYERS = {"finetune": ("text",), "trained_stages": 3, "encoder_learning_rate": 5e-5}
_LAST_STAGES = {"finetune": ("image",), "trained_stages": 4, "encoder_learning_rate": 2e-4}
FINETUNED = {
    "text": (
        {"text_encoders": ("minilm_tweets",)},
        (
            (
                "top layers",
                "the last three layers of the tweet-tuned encoder trained along",
                _TOP_LAYERS,
            ),
            (
                "root class weights",
                "the same with the square root of balanced class weights in the loss",
                _TOP_LAYERS | {"class_weights": "root"},
            ),
        ),
    ),
    "image": (
        {"image_encoders": ("efficientnet_lite0",)},
        (
            (
                "last stages",
                "Lite0's last two stages trained along, pictures as they are",
                _LAST_STAGES | {"augment": False},
            ),
            (
                "augmented",
                "Lite0's last two stages trained along, pictures augmented",
                _LAST_STAGES | {"augment": True},
            ),
        ),
    ),
}


def total(inner):
    """What choices go by."""
    return inner["accuracy"] + inner["macro_f1"]


def is_kept(row, rows):
    """Whether a row's inner score is above that of the row it is compared with.

    A row that is compared with nothing is where a track starts: it is kept.
    """
    if row["against"] is None:
        return True
    track = [r for r in rows if (r["mode"], r["step"]) == (row["mode"], row["step"])]
    before = next(r for r in track if r["name"] == row["against"])
    return total(row["inner"]) > total(before["inner"])


class _Track:
    """Rows that build on each other: a new one is compared with the last one kept."""

    def __init__(self, rows, mode, step):
        self.rows, self.mode, self.step = rows, mode, step
        self.against = None

    def enter(self, name, changes, validation, settings=None):
        """Adds a row; returns whether the inner predictions keep what it tries."""
        row = {
            "name": name,
            "mode": self.mode,
            "step": self.step,
            "changes": changes,
            "settings": settings or {},
            "against": self.against,
            "inner": validation.inner_scores,
            "oof": mean_summary(validation.scores),
            "seeds": list(validation.config.seeds),
            "seconds": round(sum(result.seconds for result in validation.results), 1),
        }
        row["kept"] = is_kept(row, self.rows)
        self.rows.append(row)
        if row["kept"]:
            self.against = name
        scores = " / ".join(f"{row['inner'][m]:.4f}" for m in ("accuracy", "macro_f1"))
        print(f"{self.mode}: {name}: inner {scores}{', kept' * row['kept']}", flush=True)
        return row["kept"]

    def run(self, name, changes, dataset, config, settings, *, learner):
        """Tries a change of the config; returns the config that goes on."""
        tried = config.but(**settings)
        validation = cross_validate(dataset, tried, learner=learner, name=run_name(tried, learner))
        kept = self.enter(name, changes, validation, settings)
        return tried if kept else config


# ---- the tracks -------------------------------------------------------------------------


def feature_track(dataset, rows, mode):
    """Linear models on frozen features, one more source at a time; returns the kept config."""
    track, config = _Track(rows, mode, "features"), COURSE.but(mode=mode)
    first = ("linear", "logistic regression, one encoder a modality", {})
    for name, changes, settings in (first, *FEATURES[mode]):
        config = track.run(name, changes, dataset, config, settings, learner=Logistic)
    return config


def network_track(dataset, rows, mode, config):
    """The sentiment model on the kept features, its head and its training; the kept config."""
    track = _Track(rows, mode, "network")
    first = (
        "network",
        "the network, which does without words and MPNet",
        {**WITHOUT_MPNET[mode], "words": False, "dropout": DROPOUT[mode]},
    )
    for name, changes, settings in (first, *NETWORKS[mode]):
        config = track.run(name, changes, dataset, config, settings, learner=Learner)
    return config


def finetuning_track(dataset, rows, mode):
    """Encoders trained along, one seed."""
    base, tries = FINETUNED[mode]
    track = _Track(rows, mode, "fine-tuning")
    config = COURSE.but(mode=mode, seeds=(0,), dropout=DROPOUT[mode], **base)
    first = ("frozen, one seed", "the same encoder, frozen", {})
    config = track.run(*first[:2], dataset, config, first[2], learner=Learner)
    for name, changes, settings in tries:
        config = track.run(name, changes, dataset, config, _TUNED | settings, learner=Learner)


def noise_track(dataset, rows, mode, config):
    """Suspicious training posts at a lower weight; without MPNet, which the question can spare."""
    track, config = _Track(rows, mode, "label noise"), config.but(**WITHOUT_MPNET[mode])
    track.run("as labelled", "the linear model", dataset, config, {}, learner=Logistic)
    changes = f"suspicious training posts weigh {CleanedLogistic.WEIGHT}"
    track.run("down-weighted", changes, dataset, config, {}, learner=CleanedLogistic)


def blend_track(dataset, rows, mode):
    """The decision rule first, then members added one by one to a blend, under that rule."""
    track = _Track(rows, mode, "ensemble")
    first, *others = CANDIDATES[mode]
    kept = {first: member(dataset, mode, first)}
    track.enter(first, "alone", kept[first])
    helps = track.enter("decision rule", "+ factors of the classes", decide(kept[first]))
    rule = decide if helps else lambda run: run
    for name in others:
        tried = {**kept, name: member(dataset, mode, name)}
        if track.enter(name, f"+ {name}, blended", rule(blend(tried))):
            kept = tried


def run_ablations(dataset):
    """All rows, in order; a fold that is finished is read, not learnt.

    Fine-tuning comes last, because it takes hours on 2 CPU cores: the rows before it are
    saved first, and again after each mode.
    """
    rows = []

    def save():
        save_json(rows, FOLDER / "ablations.json")

    for mode in MODES:
        config = feature_track(dataset, rows, mode)
        network_track(dataset, rows, mode, config)
    noise_track(dataset, rows, "fused", config)
    for mode in MODES:
        blend_track(dataset, rows, mode)
    save()
    for mode in FINETUNED:
        finetuning_track(dataset, rows, mode)
        save()
