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
TUNED_TEXT = (*BOTH_TEXT, "mpnet_tweets")
BOTH_LITE = ("efficientnet_lite0", "efficientnet_lite2")
STAGES = tuple(f"{name}:stages" for name in BOTH_LITE)
VIEWS = ("efficientnet_lite0:views", "efficientnet_lite2")

FEATURES = {
    "text": COURSE.but(mode="text", text_encoders=TUNED_TEXT),
    "image": COURSE.but(mode="image", image_encoders=STAGES, words=True),
    "fused": COURSE.but(mode="fused", text_encoders=TUNED_TEXT, image_encoders=VIEWS),
}
WITHOUT_MPNET: dict[str, Changes] = {
    "text": {"text_encoders": BOTH_TEXT},
    "image": {},
    "fused": {"text_encoders": BOTH_TEXT},
}
# What networks look at. They do without words and MPNet: the shipped one works where no extra is
# installed.
_PICTURE: Changes = {"image_encoders": STAGES, "words": False}
SEEN: dict[str, Changes] = {
    "text": WITHOUT_MPNET["text"],
    "image": _PICTURE,
    "fused": {**WITHOUT_MPNET["fused"], **_PICTURE},
}
_TRAINING: dict[str, Changes] = {
    "text": {"dropout": 0.7, "learning_rate": 1e-3, "label_smoothing": 0.1},
    "image": {"dropout": 0.8, "learning_rate": 3e-4},
    "fused": {"dropout": 0.7, "learning_rate": 1e-3},
}
NETWORKS = {mode: FEATURES[mode].but(**SEEN[mode], **_TRAINING[mode]) for mode in MODES}

# Of the fused network: what makes a variant, and what else it needs.
_VARIANTS: dict[str, tuple[Changes, Changes]] = {
    "attention": ({"head": "attention"}, {"dropout": 0.5, "learning_rate": 1e-3}),  # the lab's
    "balanced": ({"class_weights": "balanced"}, {}),
    "plain_folds": ({}, {}),  # copies may fall on both sides
}
_COMPOSITION: tuple[Changes, Changes] = (
    {"head": "composition"},
    {"dropout": 0.5, "learning_rate": 1e-4},
)
BASE_LEARNERS: dict[str, tuple[str, ...]] = {
    "text": ("linear", "kernel ridge"),
    "image": ("linear", "kernel ridge"),
    "fused": ("linear", "image ensemble"),
}
SHARES = (0.25, 0.5, 0.75, 1.0)
# Names of runs: a mode's is that of its network, as in notebooks 3 to 5.
ENSEMBLES = {mode: f"{mode}_ensemble" for mode in MODES}
ENSEMBLE_MEAN = f"{ENSEMBLES['fused']}_mean"  # over seeds
MAIN_RUNS = ("majority", "tfidf", *MODES, *ENSEMBLES.values())  # as the pages list them
RUNS = (*MAIN_RUNS, ENSEMBLE_MEAN, "attention", "balanced")
TWEET_TUNED = ("minilm", "mpnet")  # encoders whose LoRA weights come with the course
# Minutes of each stage on 2 CPU cores without caches (`results/bench.json`), and with a GPU beside
# them. The latter are estimates: encoders take a tenth, all else stays on the processor.
MINUTES = {
    "tweets": (25, 3),
    "words": (11, 11),
    "features": (18, 2),
    "baselines": (4, 4),
    "networks": (5, 3),
    "ensembles": (5, 5),
    "variants": (4, 3),
    "learning curve": (7, 7),
    "shipped network": (1, 1),
    "model card": (1, 1),
    "additive projection": (8, 7),
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
        return {
            "attention": self.variants["attention"],
            "composition": _variant(self.networks["fused"], _COMPOSITION, self.changes),
        }

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


def _variant(network: Config, variant: tuple[Changes, Changes], changes: Changes) -> Config:
    makes, needs = variant
    return changed(network.but(**makes, **needs), changes).but(**makes)


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
        variants={name: _variant(NETWORKS["fused"], v, changes) for name, v in _VARIANTS.items()},
        base_learners=BASE_LEARNERS,
        changes=changes,
    )
