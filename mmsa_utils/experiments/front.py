"""What README.md shows first: a post with the shipped network's answer, and the notebooks' minutes.

The post is one of the demo set's, which is made and free.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from ..data.posts import load_dataset
from ..io import Record, load_json
from ..paths import DEMO, PROJECT
from ..prediction.result import Prediction
from ..prediction.store import load_model
from .notebooks import notebook_files

GUID = "7"  # of the post
_ALONE = {"text": "the text alone", "image": "the picture alone"}

_MINUTES = re.compile(r"\*\*Time\*\*:?\s+(.+?) on 2 CPU cores,\s+(.+?) with a GPU", re.DOTALL)


@cache
def example() -> Record:
    """The post and what the shipped network says of it.

    Returns:
        `text`, `image` (the picture's path in the project), `label`, and `says`: for the post as
        a whole and for each modality alone the classes' probabilities, `{who: {class: p}}`.
    """
    post = next(post for post in load_dataset(DEMO).labelled if post.guid == GUID)
    answer = load_model().predict(text=post.text, image=post.image)
    return {
        "text": post.text,
        "image": (DEMO / "data" / f"{GUID}.jpg").relative_to(PROJECT).as_posix(),
        "label": answer.label,
        "says": _says(answer),
    }


def _says(answer: Prediction) -> dict[str, dict[str, float]]:
    def by_class(probabilities: np.ndarray) -> dict[str, float]:
        return dict(zip(answer.classes, probabilities.tolist(), strict=True))

    alone = {_ALONE[modality]: by_class(view) for modality, view in answer.views.items()}
    return {"text and picture": by_class(answer.probabilities), **alone}


def notebook_minutes(files: Sequence[Path] | None = None) -> dict[int, tuple[str, str]]:
    """How long a notebook takes, as its opening says: on 2 CPU cores, and with a GPU.

    Args:
        files: the notebooks; the course's by default.

    Returns:
        By the notebook's number, in minutes; "?" where it does not say.
    """
    openings = {int(f.stem[:2]): _opening(f) for f in files or notebook_files()}
    return {number: _minutes(opening) for number, opening in openings.items()}


def _opening(file: Path) -> str:
    return "".join(load_json(file)["cells"][0]["source"])


def _minutes(opening: str) -> tuple[str, str]:
    found = _MINUTES.search(opening)
    if not found:
        return "?", "?"
    cpu, gpu = map(_in_digits, found.groups())
    return cpu, gpu or cpu  # "the same", "as long"


def _in_digits(words: str) -> str:
    number = re.search(r"\d+(\.\d+)?", words)
    return number[0] if number else "½" if "half a minute" in words else ""
