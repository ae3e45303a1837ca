"""The reference run on the course's own posts, stage by stage: records, predictions, figures.

Resumable at every fold. What is run is in `recipes.py`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..config import MODES, Config
from ..data import ocr
from ..data.posts import Dataset, Post, load_dataset
from ..data.splits import find_groups
from ..encoders import weights
from ..errors import CourseError
from ..evaluation import analysis
from ..evaluation.anonymity import in_row_order
from ..evaluation.comparison import compare_all
from ..evaluation.folders import claim_folder
from ..evaluation.metrics import confusion, reliability
from ..evaluation.oof import TABLE, load_oof, probabilities_of, table_rows
from ..evaluation.predictions import CrossValidation
from ..evaluation.records import (
    load_ablations,
    load_record,
    mean_summary,
    save_run,
    write_predictions,
)
from ..figures.data import class_balance, text_lengths
from ..figures.diagrams import model_structure, outline
from ..figures.results import (
    calibration,
    class_recall,
    confusion_matrix,
    run_comparison,
    waterfall,
    who_is_right,
)
from ..figures.style import save_figure, use_style
from ..figures.training import learning_curve, training_curves
from ..io import Record, load_json, save_json
from ..models.heads import heads_for
from ..paths import DEMO
from ..settings import tweets_folder
from ..training.batches import PostData
from ..training.cross_validation import choose, cross_validate
from ..training.ensemble import average_seeds, correct_priors, make_ensemble
from ..training.final import NAME, add_calibration, ship
from .card import card_facts
from .interaction import Both, interaction_facts
from .recipes import ENSEMBLE_MEAN, ENSEMBLES, MAIN_RUNS, MINUTES, RUNS, Recipes
from .runs import base_learner, mode_ensemble, run_learner
from .tweets import TUNED, tune

SINGLE = ("text", "image")  # modes that see one modality
# Texts of pictures, and a line for each picture that could not be read.
WordReader = Callable[[Sequence[Post]], tuple[list[str], list[str]]]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What every stage works on, and where it writes."""

    dataset: Dataset
    recipes: Recipes
    folder: Path  # of records and predictions
    images: Path  # of figures
    weights: Path  # of the network that is shipped
    read_words: WordReader = field(default=ocr.read_words)

    def save(self, run: str, validation: CrossValidation) -> None:
        """Writes a run's record and predictions."""
        save_run(run, validation, self.folder)

    def base_learner(self, mode: str, name: str) -> CrossValidation:
        """One base learner's run."""
        return base_learner(self.dataset, self.recipes, mode, name)

    def network(self, mode: str) -> CrossValidation:
        """One mode's network by itself, not as a member of an ensemble."""
        return run_learner(self.dataset, self.recipes.networks[mode], "network")

    def record(self, run: str) -> Record:
        """A run's record, on these posts."""
        return load_record(self.folder, run, fingerprint=self.dataset.fingerprint)

    def table(self) -> pd.DataFrame:
        """The out-of-fold predictions of all runs, on these posts."""
        return load_oof(self.folder, fingerprint=self.dataset.fingerprint)


# ---- stages -----------------------------------------------------------------------------


def tweets(reference: Reference) -> None:
    """The LoRA of each tuned text encoder, where it is missing: from the tweets."""
    for name, config in TUNED.items():
        file = weights.FOLDER / name
        if file.exists():
            print(f"  {name} is there; remove it to tune it again on the tweets")
        elif reference.weights != weights.FOLDER:
            raise CourseError(
                f"{file} is missing, and is made on the course's own posts alone: restore it from "
                "the course"
            )
        else:
            record = tune(tweets_folder(), reference.dataset.posts, file, config=config)
            weights.record_shipped(name, record)


def words(reference: Reference) -> None:
    """The words in all pictures, and the pictures that could not be read."""
    _, problems = reference.read_words(reference.dataset.posts)
    for problem in problems:
        print(f"  counts as without words: {problem}")


def features(reference: Reference) -> None:
    """What the frozen encoders make of all posts, into the cache."""
    recipes = reference.recipes
    for config in (*recipes.features.values(), *recipes.networks.values()):
        PostData(reference.dataset, config).prepare()


def baselines(reference: Reference) -> None:
    """Always the same answer; words alone."""
    config = reference.recipes.start("text")
    majority = cross_validate(reference.dataset, config, learner="majority", name="majority")
    reference.save("majority", majority)
    reference.save("tfidf", reference.base_learner("text", "TF-IDF"))


def networks(reference: Reference) -> None:
    """The networks of the notebooks."""
    for mode in MODES:
        reference.save(mode, reference.network(mode))


def ensembles(reference: Reference) -> None:
    """The runs that count: an ensemble a mode with prior correction, and the mean of the seeds.

    The unlabelled posts get the answers of the ensemble that inner predictions favour.
    """
    dataset, folder = reference.dataset, reference.folder
    runs = {m: correct_priors(mode_ensemble(dataset, reference.recipes, m)) for m in MODES}
    for mode, run in runs.items():
        reference.save(ENSEMBLES[mode], run)
    reference.save(ENSEMBLE_MEAN, average_seeds(runs["fused"]))
    favoured = choose(runs.values())  # by what lies inside the training posts
    write_predictions(dataset, favoured.unlabelled, folder / "test_predictions.txt")
    scaled = make_ensemble({"fused": runs["fused"]})  # an ensemble of one is a temperature
    both = {"before": _reliability(runs["fused"]), "after": _reliability(scaled)}
    save_json({ENSEMBLES["fused"]: both}, folder / "calibration.json")


def _reliability(run: CrossValidation) -> Record:
    """Of all seeds' out-of-fold predictions together."""
    labels = np.tile(run.dataset.labels, len(run.probabilities))
    return reliability(labels, np.concatenate(run.probabilities))


def variants(reference: Reference) -> None:
    """The lab report's head; the fused network with balanced classes, and with plain folds."""
    dataset = reference.dataset
    for name, config in reference.recipes.variants.items():
        # Plain folds: every post a group of its own.
        groups = np.arange(len(dataset.labelled)) if name == "plain_folds" else None
        run = cross_validate(dataset, config, name=name.replace("_", "-"), groups=groups)
        reference.save(name, run)


def learning_curves(reference: Reference) -> None:
    """Accuracy against the number of training posts, of the linear model without MPNet."""
    recipes = reference.recipes
    rows = [
        _share_of_posts(reference, recipes.without_mpnet[mode].but(train_share=share))
        for mode, share in product(MODES, recipes.shares)
    ]
    save_json(rows, reference.folder / "learning_curve.json")


def _share_of_posts(reference: Reference, config: Config) -> Record:
    run = run_learner(reference.dataset, config, "linear")
    scores = mean_summary(run.scores)
    trained_on = config.train_share * len(reference.dataset.labelled) * (1 - 1 / config.folds)
    return {
        "mode": config.mode,
        "learner": "linear",
        "fraction": config.train_share,
        "posts": round(trained_on),
        "accuracy": scores["accuracy"],
        "macro_f1": scores["macro_f1"],
        "std": float(np.std([fold["accuracy"] for fold in run.fold_scores], ddof=1)),
        "std_macro_f1": float(np.std([fold["macro_f1"] for fold in run.fold_scores], ddof=1)),
    }


def shipped_network(reference: Reference) -> None:
    """The network that comes with the course, trained on all posts."""
    config, demo = reference.recipes.networks["fused"], load_dataset(DEMO)
    if config.finetune:
        print("  none is made: a network with trained encoders is too large to ship")
        return
    record = reference.record("fused")
    ship(reference.dataset, config, record, demo, folder=reference.weights)


def model_card(reference: Reference) -> None:
    """The figures of the model card: of the configuration that is shipped, cross-validated."""
    dataset, config = reference.dataset, reference.recipes.networks["fused"]
    run, groups = reference.network("fused"), find_groups(dataset.labelled)
    facts = card_facts(run, groups=groups, words=_words_or_none(reference))
    save_json(facts, reference.folder / "card.json")
    if _is_shipped(config, reference.weights):
        add_calibration(facts["calibration"], folder=reference.weights)
    else:
        print(f"  {reference.weights} has no network of this configuration to be calibrated")


def _is_shipped(config: Config, folder: Path) -> bool:
    """Whether the network that lies there is one of this configuration."""
    records = weights.shipped_records(folder) if (folder / NAME).exists() else {}
    return records.get(NAME, {}).get("config") == config.to_dict()


def _words_or_none(reference: Reference) -> list[int] | None:
    """The number of words in each labelled post's picture; None where they cannot be read here."""
    try:
        texts, _ = reference.read_words(reference.dataset.labelled)
    except CourseError as error:
        print(f"  without figures by words in the picture: {error}")
        return None
    return [len(text.split()) for text in texts]


def additive_projection(reference: Reference) -> None:
    """How much of fusion's gain is interaction: networks beside their additive projections."""
    dataset, networks = reference.dataset, reference.recipes.networks
    fitting = heads_for(dataset.classes)
    fused = {
        "fused": _with_projection(dataset, networks["fused"], "fused-network"),
        **{
            name: _with_projection(dataset, config, name)
            for name, config in reference.recipes.interacting.items()
            if config.head in fitting
        },
    }
    single = {mode: reference.network(mode) for mode in SINGLE}
    facts = interaction_facts(fused, single, groups=find_groups(dataset.labelled))
    save_json(facts, reference.folder / "emap.json")


def _with_projection(dataset: Dataset, config: Config, name: str) -> Both:
    """A network's run and that of its additive projection; `name` is that of the store."""
    network = cross_validate(dataset, config, name=name)
    learner = "additive projection"
    return network, cross_validate(dataset, config, learner=learner, name=f"{name}-added-up")


def analyses(reference: Reference) -> None:
    """What the predictions say, for the report."""
    dataset, table, runs = reference.dataset, reference.table(), list(ENSEMBLES.values())
    rows, groups = table_rows(table, dataset), find_groups(dataset.labelled)
    compare = partial(
        compare_all,
        table,
        inner_folds=reference.recipes.course.inner_folds,
        groups=in_row_order(groups, rows),
    )
    facts = {
        "data": analysis.data_facts(dataset, groups),
        "resampled": "groups of copies",  # by the bootstrap
        "comparisons": compare([ENSEMBLES[mode] for mode in ("fused", "text", "image")]),
        "against_attention": compare(["fused", "attention", "text"]),
        "analysed": runs,
        "who_is_right": analysis.who_is_right(table, runs=runs).to_dict(orient="index"),
        "overruling": analysis.overruling(table, runs=runs).to_dict(orient="index"),
        "label_noise": analysis.label_noise(table, ENSEMBLES["fused"]),
        "words_in_pictures": _by_words(reference, table, rows),
        "confusion": {run: confusion(*probabilities_of(table, run)).tolist() for run in runs},
    }
    save_json(facts, reference.folder / "analysis.json")


def _by_words(reference: Reference, table: pd.DataFrame, rows: np.ndarray) -> Record:
    """Accuracy of each ensemble by the number of words in the picture."""
    texts, _ = reference.read_words(reference.dataset.labelled)
    counts = np.array([len(text.split()) for text in texts])
    return {
        run: analysis.words_by_correctness(table, counts, rows, run=run)
        for run in ENSEMBLES.values()
    }


def figures(reference: Reference) -> None:
    """All figures of the report."""
    use_style()
    drawn = _figures_of_data(reference) | _figures_of_runs(reference) | _waterfalls(reference)
    for name, figure in drawn.items():
        save_figure(figure, reference.images / f"{name}.png")


def _figures_of_data(reference: Reference) -> dict[str, Figure]:
    dataset, config = reference.dataset, reference.recipes.networks["fused"]
    return {
        "structure": model_structure(
            outline(config, PostData(dataset, config).dims, classes=dataset.classes)
        ),
        "class_balance": class_balance(dataset.labels, classes=dataset.classes),
        "text_lengths": text_lengths(dataset.labelled, classes=dataset.classes),
    }


def _figures_of_runs(reference: Reference) -> dict[str, Figure]:
    folder, table = reference.folder, reference.table()
    records = {run: reference.record(run) for run in RUNS}
    ensembles = tuple(ENSEMBLES.values())
    drawn = {
        "run_comparison": run_comparison([records[run] for run in MAIN_RUNS]),
        "class_recall": class_recall([records[run] for run in (*ensembles, "balanced")]),
        "who_is_right": who_is_right(analysis.who_is_right(table, runs=ensembles)),
        "learning_curve": learning_curve(load_json(folder / "learning_curve.json")),
        "calibration": calibration(load_json(folder / "calibration.json")[ENSEMBLES["fused"]]),
    }
    for mode in MODES:
        drawn[f"curves_{mode}"] = training_curves(records[mode])
    for run in ensembles:
        counts = confusion(*probabilities_of(table, run))
        drawn[f"confusion_{run}"] = confusion_matrix(
            counts, title=run, classes=reference.dataset.classes
        )
    return drawn


def _waterfalls(reference: Reference) -> dict[str, Figure]:
    """Step by step, where the ablation has been run."""
    if not (reference.folder / "ablations.json").exists():
        print("  without the ablation there are no waterfalls: run `ablations`, too")
        return {}
    rows = load_ablations(reference.folder)
    return {
        f"waterfall_{mode}": waterfall(analysis.kept_steps(rows, mode), title=mode)
        for mode in MODES
    }


STAGES: dict[str, Callable[[Reference], None]] = {
    "tweets": tweets,
    "words": words,
    "features": features,
    "baselines": baselines,
    "networks": networks,
    "ensembles": ensembles,
    "variants": variants,
    "learning curve": learning_curves,
    "shipped network": shipped_network,
    "model card": model_card,
    "additive projection": additive_projection,
    "analysis": analyses,
    "figures": figures,
}


# These neither write nor read the table of predictions: they go on whatever its salt was.
WITHOUT_TABLE = {
    "tweets",
    "words",
    "features",
    "learning curve",
    "shipped network",
    "model card",
    "additive projection",
}


def _chosen(names: Sequence[str]) -> list[str]:
    """The stages of these names, in the order in which they are run; all where none is named."""
    unknown = [name for name in names if name not in STAGES]
    if unknown:
        raise CourseError(f"stage {unknown[0]!r} is not known; choose from: {', '.join(STAGES)}")
    return [name for name in STAGES if name in names or not names]


def _require_own_folder(reference: Reference, stages: Sequence[str]) -> None:
    """Says at the start what would stop the first run that is saved."""
    claim_folder(reference.folder, reference.dataset)
    if set(stages) - WITHOUT_TABLE and (reference.folder / TABLE).exists():
        table_rows(reference.table(), reference.dataset)


def run_reference(reference: Reference, *, stages: Sequence[str] = ()) -> dict[str, float]:
    """Runs stages in order; what is finished is read, not run again.

    Args:
        stages: names of `STAGES`; every one by default.

    Returns:
        The seconds that each stage took.

    Raises:
        CourseError: where a stage is not known, the folder of records is that of other posts,
            or its table, which the stages need, was shuffled by another salt.
    """
    chosen, seconds = _chosen(stages), {}
    _require_own_folder(reference, chosen)
    for number, name in enumerate(chosen, start=1):
        minutes, _ = MINUTES[name]
        print(f"[{number}/{len(chosen)}] {name} (about {minutes} min on 2 CPU cores)", flush=True)
        start = time.perf_counter()
        STAGES[name](reference)
        seconds[name] = time.perf_counter() - start
        print(f"  took {seconds[name]:.0f} s", flush=True)
    return seconds
