"""README.md and report.md, written from the records: no result is typed by hand."""

import jinja2

from ..config import LABELS, MODES
from ..data.demo import CEILINGS
from ..encoders.weights import shipped_records
from ..evaluation.analysis import comparison_table, spread
from ..evaluation.records import load_json, load_record
from ..io import replacing
from ..paths import PROJECT, RESULTS
from . import reference

PAGES = ("README.md", "report.md")


def _percent(value, digits=1):
    return f"{100 * value:.{digits}f} %"


def _p_value(value):
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def _by_pair(comparisons):
    return {f"{row['first']}-{row['second']}": row for row in comparisons}


def _context():
    analysis = load_json(reference.FOLDER / "analysis.json")
    ablations = load_json(reference.FOLDER / "ablations.json")
    return {
        "runs": {run: load_record(reference.FOLDER, run) for run in reference.RUNS},
        "analysis": analysis,
        "comparisons": _by_pair(analysis["comparisons"]),
        "comparison_rows": comparison_table(analysis["comparisons"]).reset_index().to_dict("split"),
        "ablations": ablations,
        "tuned": {(r["mode"], r["name"]): r for r in ablations if r["step"] == "fine-tuning"},
        "members": dict.fromkeys(name for mode in MODES for name in reference.MEMBERS[mode]),
        "learning_curve": load_json(reference.FOLDER / "learning_curve.json"),
        "calibration": load_json(reference.FOLDER / "calibration.json"),
        "adapter": shipped_records()[reference.ADAPTER],
        "plain": load_record(reference.FOLDER, "plain_folds"),
        "against_attention": _by_pair(analysis["against_attention"]),
        "published": load_json(RESULTS / "published.json"),
        "stages": reference.STEPS,
        "labels": LABELS,
        "modes": MODES,
        "ceilings": CEILINGS,
    }


def render_pages():
    """The pages as text: `{file name: content}`.

    Raises:
        CourseError: where a record is missing.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown from our own records, not a web page
    )
    environment.filters |= {
        "percent": _percent,
        "p": _p_value,
        "f3": "{:.3f}".format,
        "signed": "{:+.3f}".format,
        "thousands": "{:,}".format,
    }
    environment.globals["spread"] = spread
    context = _context()
    return {name: environment.get_template(f"{name}.jinja").render(context) for name in PAGES}


def write_pages():
    """Writes the pages into the project."""
    for name, text in render_pages().items():
        with replacing(PROJECT / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
