"""Every setting of the reference run: what is trained, on what, and under which name.

What is chosen here is what the ablation keeps (results/course/ablations.json); a test compares
the two. Learners are named as in `training.learners`; nothing here needs torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..config import MODES, Config

Changes = Mapping[str, Any]  # knobs of Config and their values

# Four thousand posts and thousands of features: slow steps.
COURSE = Config(learning_rate=3e-4, seeds=(0, 1, 2))
BOTH_TEXT = ("minilm", "minilm_tweets")
THREE_TEXT = (*BOTH_TEXT, "mpnet")
BOTH_LITE = ("efficientnet_lite0", "efficientnet_lite2")
STAGES = tuple(f"{name}:stages" for name in BOTH_LITE)
DROPOUT = {"text": 0.5, "image": 0.7, "fused": 0.8}  # as validation sets chose on other features

_TEXT: Changes = {"text_encoders": THREE_TEXT}
_IMAGE: Changes = {"image_encoders": STAGES, "words": True}
FEATURES = {
    "text": COURSE.but(mode="text", **_TEXT),
    "image": COURSE.but(mode="image", **_IMAGE),
    "fused": COURSE.but(mode="fused", **_TEXT, **_IMAGE),
}
# Networks do without words and MPNet: the shipped one works where no extra is installed.
WITHOUT_MPNET: dict[str, Changes] = {
    "text": {"text_encoders": BOTH_TEXT},
    "image": {},
    "fused": {"text_encoders": BOTH_TEXT},
}
NETWORK: dict[str, Changes] = {
    mode: {**WITHOUT_MPNET[mode], "words": False, "dropout": DROPOUT[mode]} for mode in MODES
}
_FUSED = {**NETWORK["fused"], "auxiliary_weight": 0.3, "modality_dropout": 0.2}
NETWORKS = {mode: FEATURES[mode].but(**(NETWORK | {"fused": _FUSED})[mode]) for mode in MODES}

# Of the fused network: what makes a variant, and what else it needs.
_VARIANTS: dict[str, tuple[Changes, Changes]] = {
    "attention": ({"head": "attention"}, {"dropout": 0.5}),  # the lab report's
    "balanced": ({"class_weights": "balanced"}, {}),
    "plain_folds": ({}, {}),  # copies may fall on both sides
}
BASE_LEARNERS = {
    "text": ("linear", "kernel ridge", "support vector machine", "TF-IDF"),
    "image": ("linear", "kernel ridge", "network"),
    "fused": ("linear", "kernel ridge", "TF-IDF"),
}
SHARES = (0.25, 0.5, 0.75, 1.0)
# Names of runs: a mode's is that of its network, as in notebooks 3 to 5.
ENSEMBLES = {mode: f"{mode}_ensemble" for mode in MODES}
ENSEMBLE_MEAN = f"{ENSEMBLES['fused']}_mean"  # over seeds
MAIN_RUNS = ("majority", "tfidf", *MODES, *ENSEMBLES.values())  # as the pages list them
RUNS = (*MAIN_RUNS, ENSEMBLE_MEAN, "attention", "balanced")
TWEET_TUNED = ("minilm", "mpnet")  # encoders whose LoRA weights come with the course
# Minutes of each stage on 2 CPU cores without caches, and with a GPU beside them. The latter are
# estimates: encoders take a tenth, all else stays on the processor.
MINUTES = {
    "tweets": (25, 3),
    "words": (10, 10),
    "baselines": (5, 5),
    "networks": (55, 40),
    "ensembles": (35, 35),
    "variants": (10, 8),
    "learning curve": (8, 8),
    "shipped network": (1, 1),
    "model card": (4, 4),
    "additive projection": (30, 30),
    "analysis": (1, 1),
    "figures": (1, 1),
}


@dataclass(frozen=True, kw_only=True)
class Recipes:
    """All configs of a reference run, and what is put together from them."""

    course: Config  # what every track starts from
    features: dict[str, Config]  # by mode: of the base learners on frozen features
    networks: dict[str, Config]  # by mode
    without_mpnet: dict[str, Config]  # by mode: the features again, for the learning curve
    variants: dict[str, Config]  # by run: of the fused network
    base_learners: dict[str, tuple[str, ...]]  # by mode: of its ensemble
    shares: tuple[float, ...] = SHARES  # of the training posts, for the learning curve
    changes: Changes = field(default_factory=dict)  # knobs that this run has changed

    @property
    def interacting(self) -> dict[str, Config]:
        """Fused networks whose head can do more than add up what text and picture say, by run."""
        composition = self.networks["fused"].but(head="composition")
        return {"attention": self.variants["attention"], "composition": composition}

    def start(self, mode: str) -> Config:
        """The course's config for a mode, nothing chosen yet."""
        return self.course.but(mode=mode, finetune=_looked_at(mode, self.course.finetune))


def _looked_at(mode: str, finetune: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(modality for modality in finetune if mode in (modality, "fused"))


def changed(config: Config, changes: Changes) -> Config:
    """A config with changed knobs; of `finetune`, what its mode looks at.

    Raises:
        CourseError: where the knobs do not go with the config.
    """
    finetune = _looked_at(config.mode, changes.get("finetune", config.finetune))
    return config.but(**{**changes, "finetune": finetune})


def _variant(name: str, changes: Changes) -> Config:
    makes, needs = _VARIANTS[name]
    return changed(NETWORKS["fused"].but(**makes, **needs), changes).but(**makes)


def reference_recipes(changes: Changes | None = None) -> Recipes:
    """The recipes of the reference run.

    Args:
        changes: knobs, changed in every config. What makes a variant stays as it is: the run
            `attention` has its head whatever the others have.

    Raises:
        CourseError: where a value is not allowed, or does not go with a config.
    """
    changes = dict(changes or {})
    without_mpnet = {mode: FEATURES[mode].but(**WITHOUT_MPNET[mode]) for mode in MODES}
    return Recipes(
        course=changed(COURSE, changes),
        features={mode: changed(FEATURES[mode], changes) for mode in MODES},
        networks={mode: changed(NETWORKS[mode], changes) for mode in MODES},
        without_mpnet={mode: changed(without_mpnet[mode], changes) for mode in MODES},
        variants={name: _variant(name, changes) for name in _VARIANTS},
        base_learners=BASE_LEARNERS,
        changes=changes,
    )
