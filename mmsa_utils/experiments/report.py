"""README.md, report.md, report.zh.md, MODEL_CARD.md, and skeletons of reports on other posts.

No result in them is typed by hand: each is read from a record.
"""

import hashlib
import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from .. import __doc__ as package_says
from ..config import LABELS, MODES, Config
from ..data.demo import CEILINGS
from ..encoders.weights import shipped_records
from ..errors import CourseError
from ..evaluation import analysis as analyses
from ..evaluation.comparison import compare_all, comparison_table
from ..evaluation.intervals import accuracy_interval
from ..evaluation.metrics import confusion
from ..evaluation.oof import TABLE, classes_of, load_oof, probabilities_of
from ..evaluation.records import load_ablations, load_analysis, load_record, of_track
from ..io import Record, load_json, replacing
from ..paths import IMAGES, PROJECT, RESULTS
from ..training.classical import PENALTIES
from ..training.ensemble import MOST_LOST
from ..training.final import NAME
from ..training.learners import Nested
from ..version import __version__
from .card import FEWEST
from .front import example, notebook_minutes
from .heads import FILE as GRID
from .keeping import errors_needed
from .places import COURSE_NAME
from .recipes import (
    BASE_LEARNERS,
    ENSEMBLES,
    MAIN_RUNS,
    MINUTES,
    RUNS,
    TWEET_TUNED,
    reference_recipes,
)
from .steps import DROPOUTS, FROZEN, RATES

PAGES = ("README.md", "report.md", "report.zh.md", "MODEL_CARD.md")  # on the course's own posts
OWN_REPORT = "own_report.md"  # the template of a report on other posts
PREDICTIONS = "test_predictions.txt"
ALL_RUNS = (*RUNS, "plain_folds")
TEXT_ALONE = ("Mixtral, text alone", "ChatGPT, text alone")  # of the large models that were asked
TUNED = "Qwen2.5-VL 7B, tuned on 1 % of the posts (PTCD)"  # the one among them that was trained
BARELY = 1.5  # standard errors: a gain below that may well be luck
SHOWN = 4  # of the steps below
# Steps that teach something where they are not kept, the most telling first. Those of heads and
# fine-tuning have paragraphs of their own.
TELLING = (
    ("fused", "network", "balanced classes"),
    ("fused", "features", "lexicon"),
    ("fused", "label noise", "down-weighted"),
    ("fused", "network", "feature mixup"),
    ("fused", "features", "views"),
    ("fused", "ensemble", "text ensemble"),
    ("fused", "features", "colours"),
    ("fused", "network", "label smoothing"),
)


# ---- figures as a reader expects them ---------------------------------------------------


def percent(value: float, digits: int = 1) -> str:
    """A share as per cent: 0.1234 -> "12.3 %"."""
    return f"{100 * value:.{digits}f} %"


def p_value(value: float) -> str:
    """A p-value as a sentence goes on after "p": 0.0123 -> "= 0.012"."""
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


FILTERS = {
    "percent": percent,
    "p": p_value,
    "f3": "{:.3f}".format,
    "signed": "{:+.3f}".format,
    "interval": accuracy_interval,
    "thousands": "{:,}".format,
    "in_words": lambda name, words: words.get(name, name),
}


# ---- what the templates know ------------------------------------------------------------


def _by_pair(comparisons: Sequence[Record]) -> dict[str, Record]:
    return {f"{row['first']}-{row['second']}": row for row in comparisons}


def _for_reading(comparisons: Sequence[Record]) -> Record:
    """Compared runs as texts, `{"columns", "data"}`."""
    return comparison_table(comparisons).reset_index().to_dict("split")


def _all_runs(folder: Path) -> dict[str, Record]:
    """The records of all runs, in the order of the pages."""
    return {run: load_record(folder, run) for run in ALL_RUNS}


def _of_the_network(folder: Path) -> Record:
    """What the pages say of the network that is shipped: of its card, and of interaction."""
    card, emap = load_json(folder / "card.json"), load_json(folder / "emap.json")
    return {
        "card": card,
        "emap": emap,
        "emap_rows": _for_reading(
            [row[name] for row in emap["networks"].values() for name in ("gain", "interaction")]
        ),
        "fewest": FEWEST,
        "card_machines": _machines(card),
    }


def _of_the_ablation(folder: Path) -> Record:
    """Every step, and those that the report's text names."""
    rows = load_ablations(folder)
    heads = of_track(rows, "fused", "heads")
    by_name = {(row["mode"], row["step"], row["name"]): row for row in rows if not row["kept"]}
    features = [row for row in of_track(rows, "fused", "features") if row["kept"]]
    finetuned = _compared(rows, "fine-tuning")
    judged = [row for row in rows if row["gain"] is not None]
    return {
        "ablations": rows,
        "judged": judged,
        "barely_errors": BARELY,
        "barely": [r for r in judged if r["kept"] and r["gain"] < BARELY * r["error"]],
        "steps": {mode: analyses.kept_steps(rows, mode) for mode in MODES},
        "last_features": features[-1] if features else None,
        "telling": [by_name[key] for key in TELLING if key in by_name][:SHOWN],
        "heads": heads,
        "kept_head": next((row for row in reversed(heads) if row["kept"]), None),
        "finetuned": finetuned,
        "trained_along": {mode: config[f"{mode}_encoders"][0] for mode, config in FROZEN.items()},
        "tuned_on": {row["device"] for row in finetuned},
        "blended": _compared(rows, "blend"),
        "heads_grid": _grid(folder),
        "grid": {"dropouts": DROPOUTS, "rates": RATES},
    }


def _compared(rows: Sequence[Record], step: str) -> list[Record]:
    """The rows of a kind of track, of all modes, but for those that they are compared with."""
    return [row for row in rows if row["step"] == step and row["gain"] is not None]


def _grid(folder: Path) -> list[Record]:
    """What each setting of each head reached; nothing where the heads' own search has not run."""
    return load_json(folder / GRID) if (folder / GRID).exists() else []


def _of_the_analysis(folder: Path) -> Record:
    analysis = load_analysis(folder)
    against_attention = _by_pair(analysis["against_attention"])
    return {
        "analysis": analysis,
        "comparisons": _by_pair(analysis["comparisons"]),
        "comparison_rows": _for_reading(analysis["comparisons"]),
        "against_attention": against_attention,
        "proven": _proven(against_attention["attention-text"]),
        "words": analysis["words_in_pictures"][ENSEMBLES["fused"]],
    }


def _proven(row: Record) -> dict[str, bool]:
    """In which scores the first run of a comparison is ahead by more than chance."""
    chance = max(row["t_test_p_holm"], row["mcnemar_p_holm"])
    return {
        "accuracy": row["gain_accuracy"] > 0 and chance < 0.05,
        "macro_f1": row["macro_f1_interval"][0] > 0,
    }


def _of_the_recipes() -> Record:
    """What was set before anything was run."""
    recipes = reference_recipes()
    return {
        "networks": {mode: config.to_dict() for mode, config in recipes.networks.items()},
        "sources": {mode: _sources(config) for mode, config in recipes.features.items()},
        "words_in": [ENSEMBLES[m] for m in MODES if "words" in recipes.features[m].modalities],
        "base_learners": dict.fromkeys(name for mode in MODES for name in BASE_LEARNERS[mode]),
        "ensembles": list(ENSEMBLES.values()),
        "main_runs": MAIN_RUNS,
        "most_lost": MOST_LOST,
        "asked_of_three": errors_needed(len(recipes.course.seeds) * recipes.course.folds, 3),
        "parts": Nested.PARTS,
        "inner_folds": recipes.course.inner_folds,
        "penalties": PENALTIES,
        "minutes": MINUTES,
    }


def _sources(config: Config) -> list[str]:
    """The encoders of text and picture whose features the base learners of a mode get."""
    return [name for m in config.modalities if m != "words" for name in config.encoders(m)]


def _of_others(results: Path) -> Record:
    """Published figures, and those of large models that were asked and not trained."""
    published = load_json(results / "published.json")
    figures = published["figures"]
    asked = [row for row in figures if row["group"] == "zero_shot"]
    return {
        "published": published,
        "bench": load_json(results / "bench.json"),
        "engines": {"torch": "torch", "openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"},
        "quoted": {row["name"]: row for row in figures},
        "asked": asked,
        "text_alone": [row for row in asked if row["name"] in TEXT_ALONE],
        "seeing": [row for row in asked if row["name"] not in (*TEXT_ALONE, TUNED)],
    }


def _predicted(file: Path, classes: Sequence[str]) -> dict[str, int]:
    """How often each class is predicted in a file `guid,tag`; empty without one, or any post."""
    if not file.exists():
        return {}
    tags = pd.read_csv(file, dtype=str, keep_default_na=False)["tag"]
    counts = {name: int((tags == name).sum()) for name in classes}
    return counts if any(counts.values()) else {}


def package_map() -> str:
    """The folders of the package and what is in them, a line each, as its docstring says."""
    return (package_says or "").split("\n\n")[1]


def _context(results: Path) -> dict[str, Any]:
    """What the templates know, by name."""
    folder = results / COURSE_NAME
    curve = load_json(folder / "learning_curve.json")
    return {
        "runs": _all_runs(folder),
        **_of_the_recipes(),
        **_of_the_analysis(folder),
        **_of_the_ablation(folder),
        **_of_the_network(folder),
        **_of_others(results),
        "learning_curve": curve,
        "curve": {(row["mode"], row["fraction"]): row for row in curve},
        "calibration": load_json(folder / "calibration.json")[ENSEMBLES["fused"]],
        "predicted": _predicted(folder / PREDICTIONS, LABELS),
        "tuned": {name: shipped_records()[f"{name}_tweets.safetensors"] for name in TWEET_TUNED},
        "shipped": shipped_records()[NAME],
        "version": __version__,
        "machines": _machines(load_record(folder, ENSEMBLES["fused"])),
        "map": package_map(),
        "example": example(),
        "notebook_minutes": notebook_minutes(),
        "labels": LABELS,
        "modes": MODES,
        "ceilings": CEILINGS,
        "spread": analyses.spread,
    }


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown from our own records, not a web page
    )
    environment.filters |= FILTERS
    return environment


def _machines(record: Record) -> list[Record]:
    """What a run was computed on: one environment, or several that the pages can tell apart."""
    found = record["environment"]
    found = found if isinstance(found, list) else [found]
    said = ("device", "precision", "cores", "torch")
    return list({tuple(map(each.get, said)): each for each in found}.values())


# ---- the course's pages -----------------------------------------------------------------


def render_pages(results: Path = RESULTS) -> dict[str, str]:
    """The course's pages as text: `{file name: content}`.

    Args:
        results: the folder of `published.json` and `course/`, the records.

    Raises:
        CourseError: where a record is missing.
    """
    environment, context = _environment(), _context(results)
    return {name: environment.get_template(f"{name}.jinja").render(context) for name in PAGES}


def write_pages() -> None:
    """Writes the pages into the project."""
    for name, text in render_pages().items():
        with replacing(PROJECT / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


# ---- a report of one's own ---------------------------------------------------------------

_OF_A_RUN = {"run", "protocol", "config", "dataset", "oof", "folds"}  # what its record has


def render_own_report(folder: Path) -> str:
    """The skeleton of a report on a folder's runs: tables and figures filled in, prose asked for.

    Args:
        folder: of records, of a reference run or of the notebooks; what it lacks is left out.

    Raises:
        CourseError: where it has no record of a run.
    """
    runs = _runs_in(folder)
    main = next((run for run in (ENSEMBLES["fused"], "fused") if run in runs), next(iter(runs)))
    labels = tuple(runs[main]["oof"]["per_class"])
    context = {
        "runs": runs,
        "main": main,
        "labels": labels,
        "modes": MODES,
        "networks": {mode: runs[mode]["config"] for mode in MODES if mode in runs},
        "ensembles": [run for run in ENSEMBLES.values() if run in runs],
        "base_learners": dict.fromkeys(
            name for run in ENSEMBLES.values() if run in runs for name in _weights(runs[run])
        ),
        "machines": _machines(runs[main]),
        "spread": analyses.spread,
        "images": [file.stem for file in sorted(_images(folder).glob("*.png"))],
        "images_folder": Path(os.path.relpath(_images(folder), folder)).as_posix(),
        **_found_beside(folder, main, labels),
    }
    return _environment().get_template(f"{OWN_REPORT}.jinja").render(context)


def _weights(record: Record) -> Record:
    return record["config"].get("weights", {})


def _runs_in(folder: Path) -> dict[str, Record]:
    """The records of runs that a folder has: the course's names first, in their order."""
    found = {file.stem: load_json(file) for file in sorted(folder.glob("*.json"))}
    names = [name for name, facts in found.items() if _is_run(facts)]
    known = [name for name in ALL_RUNS if name in names]
    if not names:
        raise CourseError(
            f"{folder} has no record of a run, such as fused.json: name the folder that "
            "`make reference` or the notebooks have written to"
        )
    return {name: load_record(folder, name) for name in dict.fromkeys([*known, *names])}


def _is_run(facts: Any) -> bool:
    return isinstance(facts, dict) and facts.keys() >= _OF_A_RUN


def _images(folder: Path) -> Path:
    """Where a folder's figures are: in it, or the course's own."""
    is_course = folder.resolve() == (RESULTS / COURSE_NAME).resolve()
    return IMAGES if is_course else folder / "images"


def _found_beside(folder: Path, main: str, labels: Sequence[str]) -> Record:
    """What may stand beside the runs' records; None, or nothing, where it does not."""

    def optional(name: str) -> Any:
        return load_json(folder / name) if (folder / name).exists() else None

    analysis = optional("analysis.json") or _analysed(folder)
    network = _of_the_network(folder) if (folder / "emap.json").exists() else {}
    return {
        "analysis": analysis,
        "data": (analysis or {}).get("data"),
        "counts": _class_counts(folder),
        "confusion": (analysis or {}).get("confusion", {}).get(main),
        "comparison_rows": _for_reading(analysis["comparisons"]) if analysis else None,
        "calibration": (optional("calibration.json") or {}).get(main),
        "ablations": optional("ablations.json"),
        "heads_grid": optional(GRID),
        "predicted": _predicted(folder / PREDICTIONS, labels),
        **{"card": None, "emap": None, **network},
    }


def _class_counts(folder: Path) -> dict[str, int]:
    """The number of posts by class, from the predictions; empty without them."""
    if not (folder / TABLE).exists():
        return {}
    table = load_oof(folder)
    first = table[(table["run"] == table["run"].iloc[0]) & (table["seed"] == table["seed"].iloc[0])]
    return {name: int((first["label"] == name).sum()) for name in classes_of(table)}


def _analysed(folder: Path) -> Record | None:
    """Of the three networks' predictions what a reference run would have written.

    None where the folder has not all three, as after some of the notebooks.
    """
    table = load_oof(folder) if (folder / TABLE).exists() else None
    if table is None or not set(MODES) <= set(table["run"]):
        return None
    inner_folds = load_record(folder, "fused")["config"].get("inner_folds", Config.inner_folds)
    return {
        "comparisons": compare_all(table, ["fused", "text", "image"], inner_folds=inner_folds),
        "who_is_right": analyses.who_is_right(table).to_dict(orient="index"),
        "overruling": analyses.overruling(table).to_dict(orient="index"),
        "label_noise": analyses.label_noise(table, "fused"),
        "confusion": {run: confusion(*probabilities_of(table, run)).tolist() for run in MODES},
    }


def write_own_report(folder: Path) -> Path:
    """Writes the skeleton of a report beside the records; the course's pages stay as they are.

    A report that somebody has written in stays as well: the next one gets a number.

    Returns:
        The report's file.

    Raises:
        CourseError: where the folder has no record of a run.
    """
    text = render_own_report(folder)
    names = ("report.md" if n == 1 else f"report-{n}.md" for n in count(1))
    file = next(file for file in (folder / name for name in names) if _may_be_replaced(file))
    with replacing(file) as temporary:
        temporary.write_text(_seal(text) + text, encoding="utf-8")
    return file


def _seal(text: str) -> str:
    """A first line by which it is seen whether the rest is as it was written."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"<!-- Made from the records beside it, {digest}. Once changed it is not replaced. -->\n"


def _may_be_replaced(file: Path) -> bool:
    if not file.exists():
        return True
    # In another encoding somebody has saved it: then the seal does not fit.
    first, _, rest = file.read_text(encoding="utf-8", errors="replace").partition("\n")
    return f"{first}\n" == _seal(rest)
