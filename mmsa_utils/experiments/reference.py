"""The reference run on the course's own posts: choices, runs, records, predictions, figures.

Resumable at every fold. Stages and their times on 2 CPU cores are in `STEPS`.
"""

from functools import partial
from itertools import product

import numpy as np

from ..config import MODES, Config
from ..data.ocr import read_words
from ..data.posts import load_dataset
from ..data.splits import find_groups
from ..encoders import weights as weights
from ..evaluation import analysis
from ..evaluation.metrics import confusion, reliability
from ..evaluation.records import (
    load_json,
    load_oof,
    load_record,
    mean_summary,
    probabilities_of,
    save_json,
    save_validation,
    write_predictions,
)
from ..figures import results as plots
from ..models.fusion import outline
from ..paths import DEMO, IMAGES, RESULTS, course_folder, tweets_folder
from ..training.batches import PostData
from ..training.cross_validation import cross_validate
from ..training.ensemble import average_seeds, blend, decide
from ..training.final import ship
from ..training.learners import Logistic, Majority, Network, Ridge, TfIdf, VectorMachine
from .tweets import tune

FOLDER = RESULTS / "course"
ADAPTER = "minilm_tweets.safetensors"

# Four thousand posts and thousands of features: slow steps.
COURSE = Config(learning_rate=3e-4, seeds=(0, 1, 2))
BOTH_TEXT = ("minilm", "minilm_tweets")
THREE_TEXT = (*BOTH_TEXT, "mpnet")
BOTH_LITE = ("efficientnet_lite0", "efficientnet_lite2")
STAGES = tuple(f"{name}:stages" for name in BOTH_LITE)
DROPOUT = {"text": 0.5, "image": 0.7, "fused": 0.8}  # as inner splits chose on other features

# What the inner predictions keep, step by step, in results/course/ablations.json.
_TEXT = {"text_encoders": THREE_TEXT}
_IMAGE = {"image_encoders": STAGES, "words": True}
FEATURES = {
    "text": COURSE.but(mode="text", **_TEXT),
    "image": COURSE.but(mode="image", **_IMAGE),
    "fused": COURSE.but(mode="fused", **_TEXT, **_IMAGE),
}
# Networks do without words and MPNet: the shipped one works where no extra is installed.
WITHOUT_MPNET = {
    "text": {"text_encoders": BOTH_TEXT},
    "image": {},
    "fused": {"text_encoders": BOTH_TEXT},
}
NETWORK = {
    mode: FEATURES[mode].but(**WITHOUT_MPNET[mode], words=False, dropout=DROPOUT[mode])
    for mode in MODES
}
NETWORK["fused"] = NETWORK["fused"].but(auxiliary_weight=0.3, modality_dropout=0.2)
LEARNERS = {
    "linear": Logistic,
    "kernel ridge": Ridge,
    "vector machine": VectorMachine,
    "network": Network,
    "TF-IDF": TfIdf,
}
MEMBERS = {
    "text": ("linear", "kernel ridge", "vector machine", "TF-IDF"),
    "image": ("linear", "kernel ridge", "network"),
    "fused": ("linear", "kernel ridge", "TF-IDF"),
}
SHARES = (0.25, 0.5, 0.75, 1.0)
RUNS = (
    "majority",
    "tfidf",
    *MODES,
    "fused_ensemble",
    *(f"{mode}_network" for mode in MODES),
    "attention",
    "balanced",
)


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


def pooled(dataset, mode):
    """The blend of a mode's members."""
    return blend({name: member(dataset, mode, name) for name in MEMBERS[mode]})


# ---- stages -----------------------------------------------------------------------------


def _save(run, validation):
    save_validation(run, validation, FOLDER)


def _tweets(dataset):
    """The adapter of the text encoder, where it is missing: from the tweets."""
    if (weights.FOLDER / ADAPTER).exists():
        print(f"  {ADAPTER} is there; remove it to tune it again on the tweets")
        return
    record = tune(tweets_folder(), dataset.labelled + dataset.unlabelled, weights.FOLDER / ADAPTER)
    weights.record_shipped(ADAPTER, record)


def _words(dataset):
    """The words in all pictures, and the pictures that could not be read."""
    _, problems = read_words(dataset.labelled + dataset.unlabelled)
    for problem in problems:
        print(f"  counts as without words: {problem}")


def _baselines(dataset):
    config = COURSE.but(mode="text")
    _save("majority", cross_validate(dataset, config, learner=Majority, name="majority"))
    _save("tfidf", member(dataset, "text", "TF-IDF"))


def _networks(dataset):
    for mode in MODES:
        _save(f"{mode}_network", member(dataset, mode, "network"))


def _blends(dataset):
    """The runs that count: a blend a mode with its decision rule, and the mean of the seeds."""
    for mode in MODES:
        run = decide(pooled(dataset, mode))
        _save(mode, run)
    ensemble = average_seeds(run)  # the last mode is the fused one
    _save("fused_ensemble", ensemble)
    write_predictions(dataset, ensemble.unlabelled, FOLDER / "test_predictions.txt")
    before, after = run, blend({"fused": run})  # a blend of one is a temperature
    calibration = {"before": _reliability(before), "after": _reliability(after)}
    save_json(calibration, FOLDER / "calibration.json")


def _reliability(run):
    """Of all seeds' out-of-fold predictions together."""
    labels = np.tile(run.dataset.labels, len(run.probabilities))
    return reliability(labels, np.concatenate(run.probabilities))


def _variants(dataset):
    """The lab report's head; the fused network with balanced classes, and with plain folds."""
    network = NETWORK["fused"]
    attention = network.but(head="attention", dropout=0.5)
    _save("attention", cross_validate(dataset, attention, name="attention"))
    balanced = network.but(class_weights="balanced")
    _save("balanced", cross_validate(dataset, balanced, name="balanced"))
    alone = np.arange(len(dataset.labelled))  # every post a group of its own
    _save("plain_folds", cross_validate(dataset, network, name="plain-folds", groups=alone))


def _learning_curve(dataset):
    """Accuracy against the number of training posts, of the linear member without MPNet."""
    rows = []
    for mode, share in product(MODES, SHARES):
        config = FEATURES[mode].but(**WITHOUT_MPNET[mode], train_share=share)
        run = cross_validate(dataset, config, learner=Logistic, name=run_name(config, Logistic))
        scores = mean_summary(run.scores)
        rows.append(
            {
                "run": mode,
                "fraction": share,
                "posts": round(share * len(dataset.labelled) * (1 - 1 / config.folds)),
                "accuracy": scores["accuracy"],
                "macro_f1": scores["macro_f1"],
                "std": float(np.std([fold["accuracy"] for fold in run.fold_scores], ddof=1)),
            }
        )
    save_json(rows, FOLDER / "learning_curve.json")


def _shipped(dataset):
    record = load_record(FOLDER, "fused_network")
    ship(dataset, NETWORK["fused"], record, load_dataset(DEMO))


def _analysis(dataset):
    table = load_oof(FOLDER)
    compare = partial(analysis.compare_all, table, inner_folds=COURSE.inner_folds)
    words = np.array([len(text.split()) for text in read_words(dataset.labelled)[0]])
    by_words = {
        mode: analysis.words_by_correctness(table, words, dataset.rows, run=mode) for mode in MODES
    }
    save_json(
        {
            "data": analysis.data_facts(dataset, find_groups(dataset.labelled)),
            "comparisons": compare(["fused", "text", "image"]),
            "against_attention": compare(["fused_network", "attention", "text_network"]),
            "who_is_right": analysis.who_is_right(table).to_dict(orient="index"),
            "overruling": analysis.overruling(table).to_dict(orient="index"),
            "label_noise": analysis.label_noise(table, "fused"),
            "words_in_pictures": by_words,
            "confusion": {run: confusion(*probabilities_of(table, run)).tolist() for run in MODES},
        },
        FOLDER / "analysis.json",
    )


def _figures(dataset):
    plots.use_style()
    records = {run: load_record(FOLDER, run) for run in RUNS}
    fused, table = NETWORK["fused"], load_oof(FOLDER)
    compared = ("majority", "tfidf", *MODES, "fused_ensemble", "fused_network", "attention")
    figures = {
        "structure": plots.model_structure(outline(fused, PostData(dataset, fused).dims)),
        "class_balance": plots.class_balance(dataset.labels),
        "text_lengths": plots.text_lengths(dataset.labelled),
        "run_comparison": plots.run_comparison([records[run] for run in compared]),
        "class_recall": plots.class_recall([records[run] for run in (*MODES, "balanced")]),
        "who_is_right": plots.who_is_right(analysis.who_is_right(table)),
        "learning_curve": plots.learning_curve(load_json(FOLDER / "learning_curve.json")),
        "calibration": plots.calibration(load_json(FOLDER / "calibration.json")),
    }
    steps = load_json(FOLDER / "ablations.json")
    for mode in MODES:
        kept = analysis.kept_steps(steps, mode)
        figures[f"waterfall_{mode}"] = plots.waterfall(kept, title=mode)
        figures[f"curves_{mode}"] = plots.training_curves(records[f"{mode}_network"])
        counts = confusion(*probabilities_of(table, mode))
        figures[f"confusion_{mode}"] = plots.confusion_matrix(counts, title=mode)
    for name, figure in figures.items():
        plots.save_figure(figure, IMAGES / f"{name}.png")


# name, what it does, minutes on 2 CPU cores without caches, and with a GPU beside them. The latter
# are estimates: encoders take a tenth, all else stays on the processor.
STEPS = (
    ("tweets", _tweets, 25, 3),
    ("words", _words, 10, 10),
    ("baselines", _baselines, 5, 5),
    ("networks", _networks, 55, 40),
    ("blends", _blends, 35, 35),
    ("variants", _variants, 10, 8),
    ("learning curve", _learning_curve, 8, 8),
    ("shipped network", _shipped, 1, 1),
    ("analysis", _analysis, 1, 1),
    ("figures", _figures, 1, 1),
)


def run_reference(*, exclude_problems=False):
    """Every stage in order, on the posts in `MMSA_DATA` or `data/course`."""
    dataset = load_dataset(course_folder(), exclude_problems=exclude_problems, name="course")
    for number, (name, stage, minutes, _) in enumerate(STEPS, start=1):
        print(f"[{number}/{len(STEPS)}] {name} (about {minutes} min on 2 CPU cores)", flush=True)
        stage(dataset)
