"""README.md, report.md, MODEL_CARD.md and reports on other posts.

No result in them is typed by hand: each is read from a record.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from .. import __doc__ as package_says
from ..config import LABELS, MODES
from ..data.demo import CEILINGS
from ..encoders.weights import shipped_records
from ..evaluation.analysis import spread
from ..evaluation.comparison import comparison_table
from ..evaluation.intervals import accuracy_interval
from ..evaluation.records import load_ablations, load_analysis, load_record
from ..io import Record, load_json, replacing
from ..paths import PROJECT, RESULTS
from ..training.final import NAME
from ..version import __version__
from .card import FEWEST
from .recipes import BASE_LEARNERS, ENSEMBLES, MAIN_RUNS, MINUTES, RUNS, TWEET_TUNED

PAGES = ("README.md", "report.md", "MODEL_CARD.md")  # about the course's own posts
OWN_REPORT = "own_report.md"  # the template of a report on other posts


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
}


def _by_pair(comparisons: Sequence[Record]) -> dict[str, Record]:
    return {f"{row['first']}-{row['second']}": row for row in comparisons}


def _for_reading(comparisons: Sequence[Record]) -> Record:
    """Compared runs as texts, `{"columns", "data"}`."""
    return comparison_table(comparisons).reset_index().to_dict("split")


def _all_runs(folder: Path) -> dict[str, Record]:
    """The records of all runs, in the order of the pages."""
    return {run: load_record(folder, run) for run in (*RUNS, "plain_folds")}


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


def package_map() -> str:
    """The folders of the package and what is in them, a line each, as its docstring says."""
    return (package_says or "").split("\n\n")[1]


def _context(results: Path) -> dict[str, Any]:
    """What the templates know, by name."""
    folder = results / "course"
    analysis, ablations = load_analysis(folder), load_ablations(folder)
    return {
        "runs": _all_runs(folder),
        "main_runs": MAIN_RUNS,
        "ensembles": list(ENSEMBLES.values()),
        "analysis": analysis,
        "comparisons": _by_pair(analysis["comparisons"]),
        "comparison_rows": _for_reading(analysis["comparisons"]),
        "ablations": ablations,
        "base_learners": dict.fromkeys(name for mode in MODES for name in BASE_LEARNERS[mode]),
        "learning_curve": load_json(folder / "learning_curve.json"),
        "calibration": load_json(folder / "calibration.json")[ENSEMBLES["fused"]],
        "tuned": {name: shipped_records()[f"{name}_tweets.safetensors"] for name in TWEET_TUNED},
        "shipped": shipped_records()[NAME],
        **_of_the_network(folder),
        "version": __version__,
        "machines": _machines(load_record(folder, ENSEMBLES["fused"])),
        "against_attention": _by_pair(analysis["against_attention"]),
        "published": load_json(results / "published.json"),
        "minutes": MINUTES,
        "map": package_map(),
        "labels": LABELS,
        "modes": MODES,
        "ceilings": CEILINGS,
        "spread": spread,
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
    """What a run was computed on: one environment, or several."""
    found = record["environment"]
    return found if isinstance(found, list) else [found]


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


def render_own_report(folder: Path) -> str:
    """A report on a run that is not the course's own, as text.

    Args:
        folder: of its records; figures are in `images/` in it.

    Raises:
        CourseError: where a record is missing.
    """
    analysis = load_analysis(folder)
    runs = _all_runs(folder)
    fused = runs[ENSEMBLES["fused"]]
    context = {
        "runs": runs,
        "analysis": analysis,
        "comparison_rows": _for_reading(analysis["comparisons"]),
        "calibration": load_json(folder / "calibration.json")[ENSEMBLES["fused"]],
        "images": sorted(file.stem for file in (folder / "images").glob("*.png")),
        "machines": _machines(fused),
        **_of_the_network(folder),
        "labels": tuple(fused["oof"]["per_class"]),
        "modes": MODES,
        "spread": spread,
    }
    return _environment().get_template(f"{OWN_REPORT}.jinja").render(context)


def write_own_report(folder: Path) -> Path:
    """Writes a run's report beside its records; the course's pages stay as they are.

    Returns:
        The report's file.
    """
    file = folder / "report.md"
    text = render_own_report(folder)
    with replacing(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return file
