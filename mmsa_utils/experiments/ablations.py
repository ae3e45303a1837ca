"""Step by step: what each idea gives, measured inside the training posts and out of fold.

Every row says what it is compared with (`against`), and is kept if the sum of accuracy and
macro-F1 on its validation predictions is above that row's: the test folds decide nothing. What
is kept here is what `recipes.py` holds; a test compares the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..config import MODES, Config
from ..data.posts import Dataset
from ..evaluation.folders import claim_folder
from ..evaluation.predictions import CrossValidation
from ..evaluation.records import mean_summary
from ..io import Record, save_json
from ..models.heads import heads_for
from ..training.classical import DOUBTED_WEIGHT
from ..training.ensemble import correct_priors, make_ensemble
from .recipes import (
    BOTH_LITE,
    BOTH_TEXT,
    DROPOUT,
    NETWORK,
    STAGES,
    THREE_TEXT,
    WITHOUT_MPNET,
    Changes,
    Recipes,
)
from .runs import base_learner, run_learner

VIEWS = ("efficientnet_lite0:views", "efficientnet_lite2")


class Step(NamedTuple):
    """What a row tries, on top of what was kept before it."""

    name: str
    changes: str  # for the reader
    settings: Changes  # of the config


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
    Step("MPNet", "+ MPNet, five times as large, beside both", {"text_encoders": THREE_TEXT}),
)
FEATURES = {"text": _TEXT + _LARGE, "image": _IMAGE, "fused": _TEXT + _IMAGE + _LARGE}

# The sentiment model on the kept features, and what may change in its head and training.
_TRAINING = (
    Step("balanced classes", "class weights in the loss", {"class_weights": "balanced"}),
    Step("label smoothing", "label smoothing of 0.1", {"label_smoothing": 0.1}),
    Step("averaged weights", "moving average of the weights", {"average_decay": 0.99}),
)
_FUSION = (
    Step("late head", "late instead of concat", {"head": "late"}),
    Step("attention head", "attention instead of concat", {"head": "attention"}),
    Step("gated head", "gated instead of concat", {"head": "gated"}),
    Step("bilinear head", "low-rank bilinear instead of concat", {"head": "bilinear"}),
    Step("composition head", "composition instead of concat", {"head": "composition"}),
    Step("auxiliary losses", "+ a loss for each modality alone", {"auxiliary_weight": 0.3}),
    Step("modality dropout", "+ a modality hidden on one post in five", {"modality_dropout": 0.2}),
)
NETWORKS = {"text": _TRAINING, "image": _TRAINING[:1], "fused": _FUSION + _TRAINING}

# What an ensemble may hold. "text ensemble" is the one that is kept for the text.
_ONE_MODEL = ("linear", "kernel ridge", "support vector machine", "network")
CANDIDATES = {
    "text": (*_ONE_MODEL, "TF-IDF"),
    "image": _ONE_MODEL,
    "fused": (*_ONE_MODEL, "TF-IDF", "text ensemble", "image ensemble"),
}

# Fine-tuning, with one seed: the same encoder frozen first, then its upper part trained along.
TUNED: Changes = {"epochs": 3, "patience": 3, "batch_size": 32, "warmup_epochs": 0.5}
_TOP_LAYERS = {"finetune": ("text",), "trained_stages": 3, "encoder_learning_rate": 5e-5}
_LAST_STAGES = {"finetune": ("image",), "trained_stages": 4, "encoder_learning_rate": 2e-4}
_FROZEN: Mapping[str, Changes] = {
    "text": {"text_encoders": ("minilm_tweets",)},
    "image": {"image_encoders": ("efficientnet_lite0",)},
}
FINETUNED = {
    "text": (
        Step(
            "top layers",
            "the last three layers of the tweet-tuned encoder trained along",
            _TOP_LAYERS,
        ),
        Step(
            "root class weights",
            "the same with the square root of balanced class weights in the loss",
            _TOP_LAYERS | {"class_weights": "root"},
        ),
    ),
    "image": (
        Step(
            "last stages",
            "Lite0's last two stages trained along, pictures as they are",
            _LAST_STAGES | {"augment": False},
        ),
        Step(
            "augmented",
            "Lite0's last two stages trained along, pictures augmented",
            _LAST_STAGES | {"augment": True},
        ),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is tried, by mode."""

    features: Mapping[str, Sequence[Step]] = field(default_factory=lambda: FEATURES)
    without_mpnet: Mapping[str, Changes] = field(default_factory=lambda: WITHOUT_MPNET)
    network: Mapping[str, Changes] = field(default_factory=lambda: NETWORK)  # the first one
    networks: Mapping[str, Sequence[Step]] = field(default_factory=lambda: NETWORKS)
    candidates: Mapping[str, Sequence[str]] = field(default_factory=lambda: CANDIDATES)
    finetuned: Mapping[str, Sequence[Step]] = field(default_factory=lambda: FINETUNED)


def total(scores: Mapping[str, float]) -> float:
    """What choices go by."""
    return scores["accuracy"] + scores["macro_f1"]


def is_kept(row: Record, rows: Sequence[Record]) -> bool:
    """Whether a row's validation score is above that of the row it is compared with.

    A row that is compared with nothing is where a track starts: it is kept.
    """
    if row["against"] is None:
        return True
    track = [r for r in rows if (r["mode"], r["step"]) == (row["mode"], row["step"])]
    before = next(r for r in track if r["name"] == row["against"])
    return total(row["validation"]) > total(before["validation"])


def _unless_changed(settings: Changes, changes: Changes) -> dict[str, object]:
    """Settings that every row of a track has, but for the knobs that the run has changed."""
    return {name: changes.get(name, value) for name, value in settings.items()}


class Track:
    """Rows that build on each other: a new one is compared with the last one kept."""

    def __init__(self, dataset: Dataset, rows: list[Record], mode: str, step: str) -> None:
        self.dataset, self.rows, self.mode, self.step = dataset, rows, mode, step
        self.against: str | None = None

    def enter(
        self, name: str, changes: str, run: CrossValidation, settings: Changes | None = None
    ) -> bool:
        """Adds a row; returns whether the validation predictions keep what it tries."""
        row: Record = {
            "name": name,
            "mode": self.mode,
            "step": self.step,
            "changes": changes,
            "settings": dict(settings or {}),
            "against": self.against,
            "validation": run.validation_scores,
            "oof": mean_summary(run.scores),
            "seeds": list(run.config.seeds),
            "seconds": round(sum(result.seconds for result in run.results), 1),
        }
        row["kept"] = kept = is_kept(row, self.rows)
        self.rows.append(row)
        if kept:
            self.against = name
        scores = " / ".join(f"{row['validation'][m]:.4f}" for m in ("accuracy", "macro_f1"))
        print(f"{self.mode}: {name}: validation {scores}{', kept' * kept}", flush=True)
        return kept

    def run(self, step: Step, config: Config, *, learner: str) -> Config:
        """Tries a change of the config; returns the config that goes on."""
        tried = config.but(**step.settings)
        run = run_learner(self.dataset, tried, learner)
        return tried if self.enter(step.name, step.changes, run, step.settings) else config


@dataclass
class Ablation:
    """An ablation that is being run: what is tried, and the rows so far."""

    dataset: Dataset
    recipes: Recipes
    folder: Path
    plan: Plan
    rows: list[Record] = field(default_factory=list)

    def track(self, mode: str, step: str) -> Track:
        """An empty track."""
        return Track(self.dataset, self.rows, mode, step)

    def save(self) -> None:
        """Writes the rows so far."""
        save_json(self.rows, self.folder / "ablations.json")

    def steps_of_networks(self, mode: str) -> list[Step]:
        """The plan's, but for heads that are made for other classes than these."""
        fitting = heads_for(self.dataset.classes)
        steps = self.plan.networks[mode]
        return [step for step in steps if step.settings.get("head", fitting[0]) in fitting]

    def base_learner(self, mode: str, name: str) -> CrossValidation:
        """One base learner's run."""
        return base_learner(self.dataset, self.recipes, mode, name)


# ---- the tracks -------------------------------------------------------------------------


def feature_track(ablation: Ablation, mode: str) -> Config:
    """Linear models on frozen features, one more source at a time; returns the kept config."""
    track, config = ablation.track(mode, "features"), ablation.recipes.start(mode)
    first = Step("linear", "logistic regression, one encoder a modality", {})
    for step in (first, *ablation.plan.features[mode]):
        config = track.run(step, config, learner="linear")
    return config


def network_track(ablation: Ablation, mode: str, config: Config) -> None:
    """The sentiment model on the kept features, its head and its training."""
    track = ablation.track(mode, "network")
    settings = _unless_changed(ablation.plan.network[mode], ablation.recipes.changes)
    first = Step("network", "the network, which does without words and MPNet", settings)
    for step in (first, *ablation.steps_of_networks(mode)):
        config = track.run(step, config, learner="network")


def noise_track(ablation: Ablation, mode: str, config: Config) -> None:
    """Suspicious training posts at a lower weight; without MPNet, which the question can spare."""
    track = ablation.track(mode, "label noise")
    settings = _unless_changed(ablation.plan.without_mpnet[mode], ablation.recipes.changes)
    config = config.but(**settings)
    track.run(Step("as labelled", "the linear model", {}), config, learner="linear")
    changes = f"suspicious training posts weigh {DOUBTED_WEIGHT}"
    track.run(Step("down-weighted", changes, {}), config, learner="cleaned linear")


def ensemble_track(ablation: Ablation, mode: str) -> None:
    """Prior correction first, then base learners added one by one, corrected if that helped."""
    track = ablation.track(mode, "ensemble")
    first, *others = ablation.plan.candidates[mode]
    kept = {first: ablation.base_learner(mode, first)}
    track.enter(first, "alone", kept[first])
    corrected = correct_priors(kept[first])
    helps = track.enter("prior correction", "+ factors of the classes", corrected)
    for name in others:
        tried = {**kept, name: ablation.base_learner(mode, name)}
        run = make_ensemble(tried)
        if track.enter(name, f"+ {name}, in the ensemble", correct_priors(run) if helps else run):
            kept = tried


def finetuning_track(ablation: Ablation, mode: str) -> None:
    """Encoders trained along, one seed."""
    track, changes = ablation.track(mode, "fine-tuning"), ablation.recipes.changes
    one_seed: Changes = {"seeds": (0,), "dropout": DROPOUT[mode], **_FROZEN[mode]}
    config = ablation.recipes.start(mode).but(**_unless_changed(one_seed, changes))
    first = Step("frozen, one seed", "the same encoder, frozen", {})
    config = track.run(first, config, learner="network")
    common = _unless_changed(TUNED, changes)
    for step in ablation.plan.finetuned[mode]:
        tried = step._replace(settings={**common, **step.settings})
        config = track.run(tried, config, learner="network")


def run_ablations(
    dataset: Dataset, recipes: Recipes, folder: Path, *, plan: Plan | None = None
) -> None:
    """All rows, in order, into `<folder>/ablations.json`; a finished fold is read, not learnt.

    Fine-tuning comes last, because it takes hours on 2 CPU cores: the rows before it are
    saved first, and again after each mode.

    Raises:
        CourseError: where the folder holds runs on other posts.
    """
    claim_folder(folder, dataset)
    ablation = Ablation(dataset, recipes, folder, plan or Plan())
    configs = {}
    for mode in MODES:
        configs[mode] = feature_track(ablation, mode)
        network_track(ablation, mode, configs[mode])
    noise_track(ablation, "fused", configs["fused"])
    for mode in MODES:
        ensemble_track(ablation, mode)
    ablation.save()
    for mode in ablation.plan.finetuned:
        finetuning_track(ablation, mode)
        ablation.save()
