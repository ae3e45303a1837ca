"""The command that predicts: one post, a file of posts, or a folder's unlabelled posts."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..errors import CourseError
from ..io import Record
from .options import Flag

if TYPE_CHECKING:
    from ..data.posts import Post
    from ..prediction.files import Notes, Outcome, Rules
    from ..prediction.predictor import Predictor
    from ..prediction.result import Prediction

_WAYS = (
    'What to predict? One post: mmsa_utils predict --text "..." --image cat.jpg (or one of them); '
    "many: mmsa_utils predict posts.csv --out predictions.csv (columns text and image); a "
    "folder's unlabelled posts: mmsa_utils predict FOLDER --out test_predictions.txt"
)
_ALONE = {"text": "text alone", "image": "picture alone"}
_GIVEN = {
    ("text", "image"): "posts with text and picture",
    ("text",): "posts by their text alone",
    ("image",): "posts by their picture alone",
}

_Source = Annotated[
    tyro.conf.Positional[Path | None],
    tyro.conf.arg(
        help="many posts: .csv or .jsonl with columns text and image, or a folder in the course's "
        "layout, whose unlabelled posts are predicted; a line each goes to --out",
        metavar="SOURCE",
        help_behavior_hint="",
    ),
]
_Json = Annotated[Flag, tyro.conf.arg(name="json", help="one post's answer as JSON")]
_MissingOk = Annotated[
    Flag, tyro.conf.arg(help="predict from the text alone where a picture cannot be read")
]


def _option(help: str, metavar: str) -> object:
    return tyro.conf.arg(help=help, metavar=metavar, help_behavior_hint="")


def predict(
    source: _Source = None,
    *,
    text: Annotated[str | None, _option("of one post", "TEXT")] = None,
    image: Annotated[Path | None, _option("its picture", "FILE")] = None,
    as_json: _Json = False,
    least: Annotated[
        float | None,
        _option('a probability: below it the answer is "not sure"; says what that costs', "P"),
    ] = None,
    missing_ok: _MissingOk = False,
    model: Annotated[
        Path | None,
        _option("that `mmsa_utils train` wrote; by default the course's own model", "FOLDER"),
    ] = None,
    out: Annotated[
        Path | None,
        _option("predictions of many posts: .csv or .jsonl; a folder's list: any name", "FILE"),
    ] = None,
    explain: Annotated[
        Path | None, _option("a figure of why, of one post: a file .png to write", "FILE")
    ] = None,
) -> int:
    """The sentiment of your own posts: the answer, and what text and picture say alone.

    One post by --text, --image or both; many by a file or folder and --out. An interrupted run
    goes on where it was; a row that cannot be read has its error in the output, and the exit
    status is 1.
    """
    single = {"--text": text, "--image": image, "--json": as_json or None, "--explain": explain}
    _require_one_way(source, out, {name for name, value in single.items() if value is not None})
    from ..prediction import load_model
    from ..prediction.files import Rules

    rules = Rules(least=least or 0.0, missing_ok=missing_ok)
    if source and out:
        return _predict_many(load_model(model), source, out, rules)
    if explain:
        _require_own_png(explain, image)
    post, notes = _read_post(text, image, rules)
    predictor = load_model(model)
    (found,) = predictor.predict([post])
    prediction = replace(found, notes=(*notes, *found.notes))
    cost = _cost(predictor, rules, tuple(prediction.views))
    told = _as_json(prediction, rules, cost) if as_json else _as_table(prediction, rules, cost)
    print(told, flush=True)
    if explain:
        _draw_why(predictor, post, explain)
    return 0


def _require_one_way(source: Path | None, out: Path | None, single: set[str]) -> None:
    """Ends where options do not go together, before anything is loaded."""
    if source is None and not single & {"--text", "--image"}:
        raise CourseError(_WAYS)
    if source is not None and single:
        raise CourseError(f"{source} is many posts, and {min(single)} goes with one: take one away")
    if source is not None and out is None:
        raise CourseError(f"{source}: name the file for the predictions: --out predictions.csv")
    if source is None and out is not None:
        raise CourseError(f"--out {out} is for many posts; of one post, --json prints the answer")


def _cost(predictor: "Predictor", rules: "Rules", given: Sequence[str]) -> Record:
    """What the rules' least probability costs and brings; nothing where there is none."""
    return predictor.least(rules.least, given) if rules.least else {}


def _cost_line(rules: "Rules", given: Sequence[str], cost: Record) -> str:
    right = cost["accuracy_of_rest"]
    rest = "nothing is left" if right is None else f"{right:.1%} of the others are right"
    return (
        f"Below {rules.least:g} the model is not sure: in its cross-validation on {cost['posts']} "
        f"{_GIVEN.get(tuple(given), 'posts')} that refuses {cost['refused']:.1%}, and {rest}"
    )


# ---- one post ---------------------------------------------------------------------------


def _read_post(text: str | None, image: Path | None, rules: "Rules") -> "tuple[Post, Notes]":
    from ..prediction.files import read_post

    try:
        return read_post(text, image, rules)
    except CourseError as error:
        if text and image and not rules.missing_ok:
            raise CourseError(f"{error}; --missing-ok predicts from the text alone") from error
        raise


def _as_json(prediction: "Prediction", rules: "Rules", cost: Record) -> str:
    record = prediction.to_dict() | {"label": rules.answer(prediction)}
    if cost:
        record["least"] = {"probability": rules.least, **cost}
    return json.dumps(record, ensure_ascii=False, indent=1)


def _as_table(prediction: "Prediction", rules: "Rules", cost: Record) -> str:
    """The answer; a line a class with what each modality says; shares, notes and cost."""
    answer, best = rules.answer(prediction), f"{prediction.label} ({prediction.confidence:.3f})"
    head = best if answer == prediction.label else f"{answer}: {best} is below {rules.least:g}"
    lines = [head, "", _numbers(prediction), *(f"Note: {note}" for note in prediction.notes)]
    if cost:
        lines.append(_cost_line(rules, tuple(prediction.views), cost))
    return "\n".join(lines)


def _numbers(prediction: "Prediction") -> str:
    import pandas as pd

    views = {_ALONE[modality]: view for modality, view in prediction.views.items()}
    says = {"all": prediction.probabilities, **views}
    table = pd.DataFrame(says, index=list(prediction.classes)).map("{:.3f}".format)
    table.loc["share"] = ["", *(f"{prediction.shares[name]:.0%}" for name in prediction.views)]
    return table.to_string()


def _require_own_png(explain: Path, image: Path | None) -> None:
    if explain.suffix.lower() != ".png":
        raise CourseError(f"--explain {explain}: name a file .png")
    if image and explain.exists() and image.exists() and explain.samefile(image):
        raise CourseError(f"--explain {explain} is the picture itself: name another file")


def _draw_why(predictor: "Predictor", post: "Post", file: Path) -> None:
    from ..explanations import explain_post
    from ..figures.explanations import explanation_figure
    from ..figures.style import save_figure, use_style

    use_style()
    image = post.image if post.has_image else None
    explanation = explain_post(predictor, text=post.text or None, image=image)
    save_figure(explanation_figure(explanation), file)
    for note in explanation.notes[len(explanation.prediction.notes) :]:  # those are told
        print(f"Note: {note}", file=sys.stderr)
    print(f"Why: {file}", file=sys.stderr)


# ---- many posts -------------------------------------------------------------------------


def _predict_many(predictor: "Predictor", source: Path, out: Path, rules: "Rules") -> int:
    from ..prediction.files import predict_file, predict_folder

    given = [name for name in _given(source) if name in predictor.modalities]
    cost = _cost(predictor, rules, given)
    predict_all = predict_folder if source.is_dir() else predict_file
    outcome = predict_all(predictor, source, out, rules)
    print(f"{out}: {_counts(outcome)}")
    if cost:
        print(_cost_line(rules, given, cost))
    return 1 if outcome.faults else 0


def _given(source: Path) -> tuple[str, ...]:
    """The modalities that posts of a source have, by its columns; a folder's have both."""
    from ..data.post_rows import columns_of

    if source.is_dir():
        return tuple(_ALONE)
    names = {name.strip().casefold() for name in columns_of(source)}
    return tuple(name for name in _ALONE if name in names)


def _counts(outcome: "Outcome") -> str:
    counts = [f"{outcome.rows} posts"]
    if outcome.unsure:
        counts.append(f"{outcome.unsure} of them not sure")
    if outcome.faults:
        counts.append(f"{outcome.faults} that could not be predicted: see the column error")
    return ", ".join(counts)
