"""The reference run on the course's own posts: choices, runs, records, predictions, figures.

Resumable at every fold. Stages and their times on 2 CPU cores are in `STAGES`.
"""

from functools import partial

import numpy as np

from . import analysis, plots
from .batches import PostData
from .blending import blend
from .config import MODES, Config
from .crossval import cross_validate
from .dataset import load_dataset
from .members import KernelMachine, Logistic, Network, TfIdf
from .metrics import confusion
from .models import outline
from .paths import IMAGES, RESULTS, course_folder
from .records import (
    load_oof,
    load_record,
    probabilities_of,
    save_json,
    save_validation,
    write_predictions,
)
from .splits import find_groups

FOLDER = RESULTS / "course"

# Four thousand posts and thousands of features: slow steps.
COURSE = Config(learning_rate=3e-4, seeds=(0, 1, 2))
BOTH_TEXT = ("minilm", "minilm_tweets")
BOTH_LITE = ("efficientnet_lite0", "efficientnet_lite2")
DROPOUT = {"text": 0.5, "image": 0.7, "fused": 0.8}  # as inner splits chose on other features

# What the inner predictions keep, step by step, in results/course/ablations.json.
_FEATURES = {"text_encoders": BOTH_TEXT, "image_encoders": BOTH_LITE, "words": True}
FEATURES = {mode: COURSE.but(mode=mode, **_FEATURES) for mode in MODES}
NETWORK = {mode: FEATURES[mode].but(dropout=DROPOUT[mode]) for mode in MODES}
LEARNERS = {
    "linear": Logistic,
    "kernel machine": KernelMachine,
    "network": Network,
    "TF-IDF": TfIdf,
}
MEMBERS = {
    "text": ("linear", "kernel machine", "network", "TF-IDF"),
    "image": ("linear", "kernel machine", "network"),
    "fused": ("linear", "kernel machine", "network", "TF-IDF", "text blend", "image blend"),
}


def run_name(config, learner):
    """The name under which the folds of a learner are stored."""
    return f"{config.mode}-{learner.__name__.lower()}"


def member(dataset, mode, name):
    """The cross-validation of one member of a mode's blend."""
    if name.endswith(" blend"):
        return pooled(dataset, name.removesuffix(" blend"))
    learner = LEARNERS[name]
    config = NETWORK[mode] if learner is Network else FEATURES[mode]
    if learner is TfIdf:
        config = COURSE.but(mode="text")  # it looks at words and at nothing else
    return cross_validate(dataset, config, learner=learner, name=run_name(config, learner))


def members(dataset, mode):
    """`{name: CrossValidation}` of all members that a mode's blend may have."""
    return {name: member(dataset, mode, name) for name in MEMBERS[mode]}


def pooled(dataset, mode):
    """The blend of a mode's members."""
    return blend(members(dataset, mode))


# ---- stages -----------------------------------------------------------------------------


def _baselines(dataset):
    for run, learner in BASELINES.items():
        config = COURSE.but(mode="text")
        validation = cross_validate(dataset, config, learner=learner, name=run)
        save_validation(run, validation, FOLDER)


def _models(dataset):
    chosen, choices = {}, []
    for mode in MODES:
        chosen[mode], rows = try_candidates(dataset, mode)
        choices += rows
        save_validation(mode, chosen[mode], FOLDER)
    save_json(choices, FOLDER / "selection.json")
    write_predictions(dataset, chosen["fused"].unlabelled, FOLDER / "test_predictions.txt")


def _variants(dataset):
    """The lab report's head; the fused model with balanced classes, and with plain folds."""
    fused = Config.from_dict(load_record(FOLDER, "fused")["config"])
    attention = cross_validate(dataset, ATTENTION, name="fused-attention-0.5")
    save_validation("attention", attention, FOLDER)
    balanced = cross_validate(dataset, fused.but(class_weights="balanced"), name="balanced")
    save_validation("balanced", balanced, FOLDER)
    alone = np.arange(len(dataset.labelled))  # every post a group of its own
    plain = cross_validate(dataset, fused, name="plain-folds", groups=alone)
    save_validation("plain_folds", plain, FOLDER)


def _analysis(dataset):
    table = load_oof(FOLDER)
    compare = partial(analysis.compare_all, table, inner_folds=COURSE.inner_folds)
    save_json(
        {
            "data": analysis.data_facts(dataset, find_groups(dataset.labelled)),
            "comparisons": compare(["fused", "text", "image"]),
            "against_attention": compare(["fused", "attention", "text"]),
            "who_is_right": analysis.who_is_right(table).to_dict(orient="index"),
            "confusion": {run: confusion(*probabilities_of(table, run)).tolist() for run in MODES},
        },
        FOLDER / "analysis.json",
    )


def _figures(dataset):
    plots.use_style()
    records = {run: load_record(FOLDER, run) for run in RUNS}
    fused = Config.from_dict(records["fused"]["config"])
    table = load_oof(FOLDER)
    figures = {
        "structure": plots.model_structure(outline(fused, PostData(dataset, fused).dims)),
        "class_balance": plots.class_balance(dataset.labels),
        "text_lengths": plots.text_lengths(dataset.labelled),
        "run_comparison": plots.run_comparison(list(records.values())),
        "class_recall": plots.class_recall([records[run] for run in RUNS[1:]]),
        "who_is_right": plots.who_is_right(analysis.who_is_right(table)),
    }
    for mode in MODES:
        figures[f"curves_{mode}"] = plots.training_curves(records[mode])
        counts = confusion(*probabilities_of(table, mode))
        figures[f"confusion_{mode}"] = plots.confusion_matrix(counts, title=mode)
    for name, figure in figures.items():
        plots.save_figure(figure, IMAGES / f"{name}.png")


# name, what it does, minutes on 2 CPU cores without caches
STAGES = (
    ("baselines", _baselines, 1),
    ("models", _models, 25),
    ("variants", _variants, 4),
    ("analysis", _analysis, 1),
    ("figures", _figures, 1),
)


def run_reference(*, exclude_problems=False):
    """Every stage in order, on the posts in `MMSA_DATA` or `data/course`."""
    dataset = load_dataset(course_folder(), exclude_problems=exclude_problems, name="course")
    for number, (name, stage, minutes) in enumerate(STAGES, start=1):
        print(f"[{number}/{len(STAGES)}] {name} (about {minutes} min on 2 CPU cores)", flush=True)
        stage(dataset)
