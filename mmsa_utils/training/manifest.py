"""What a store of finished folds was computed by, so that no other run takes them for its own."""

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np

from ..config import MACHINE, Config
from ..data.posts import Dataset
from ..encoders.registry import encoder_fingerprints
from ..errors import CourseError
from ..io import Record, load_json, save_json
from ..models.heads import head_class
from ..sources import class_digest, source_digest
from ..version import __version__
from .learners import Learner

FILE = "manifest.json"
_PACKAGE = Path(__file__).parents[1]
_COMPUTING = ("config.py", "data", "encoders", "models", "training", "evaluation/metrics.py")
_KNOWN = (_PACKAGE.name, "sklearn")  # their code is named by source and version
_NO_FIGURE = ("seeds", *MACHINE)  # seeds are folds of their own


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


@cache
def package_source() -> str:
    """The `source_digest` of the modules that compute."""
    files: list[Path] = []
    for name in _COMPUTING:
        place = _PACKAGE / name
        files += [place] if place.is_file() else place.rglob("*.py")
    return source_digest(files)


def _counting(settings: Record) -> Record:
    return {name: value for name, value in settings.items() if name not in _NO_FIGURE}


def _plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool | tuple | list | dict)


def _parameters(learner: Learner) -> Record:
    """All that the learner, and what is inside it, was made with, as far as it is plain."""
    given = learner.get_params(deep=True)
    return {name: repr(value) for name, value in sorted(given.items()) if _plain(value)}


def _own_classes(learner: Learner, config: Config) -> Record:
    """Code from outside: of learners and heads that a notebook has registered."""
    inside = [part for part in learner.get_params(deep=True).values() if hasattr(part, "fit")]
    kinds = {type(learner), head_class(config.head), *map(type, inside)}
    own = [kind for kind in kinds if kind.__module__.partition(".")[0] not in _KNOWN]
    return {kind.__qualname__: class_digest(kind) for kind in own}


def make_manifest(dataset: Dataset, config: Config, learner: Learner, groups: np.ndarray) -> Record:
    """All that the predictions of a fold depend on, in JSON types.

    Args:
        groups: `(N,)` of copies that stay together.
    """
    return {
        "learner": type(learner).__name__,
        "parameters": _parameters(learner),
        "settings": _counting(learner.settings()),
        "own code": _own_classes(learner, config),
        "config": _counting(config.to_dict()),
        "encoders": encoder_fingerprints(config),
        "posts": dataset.fingerprint,
        "classes": list(dataset.classes),
        "unlabelled posts": _digest([[p.guid, p.content] for p in dataset.unlabelled]),
        "groups": _digest(np.asarray(groups).tolist()),
        "package version": __version__,
        "source of the package": package_source(),
    }


def manifest_key(manifest: Record) -> str:
    """A short name of a manifest, for the name of a store."""
    return _digest(manifest)


def hold(store: Path, manifest: Record) -> None:
    """Makes sure that a store's folds are those of this manifest; writes it into an empty one.

    Raises:
        CourseError: naming what differs, where the store holds folds of another run.
    """
    file = store / FILE
    if not file.exists():
        if any(store.glob("seed*.json")):
            raise CourseError(
                f"{store} holds folds, but no {FILE} that says of what: name an empty folder"
            )
        save_json(manifest, file)
        return
    there = load_json(file)
    here = json.loads(json.dumps(manifest))
    differing = [name for name in here if there.get(name) != here[name]]
    if differing:
        raise CourseError(
            f"{store} holds folds of another run: {_say(there, here, differing)}. "
            "Name another store, or remove this one"
        )


def _say(there: Record, here: Record, names: list[str]) -> str:
    said = []
    for name in names:
        before, now = there.get(name), here[name]
        if isinstance(before, dict) and isinstance(now, dict):
            keys = [k for k in before | now if before.get(k) != now.get(k)]
            said.append(f"{name} ({', '.join(map(str, keys[:4]))})")
        else:
            said.append(f"{name} ({before} there, {now} here)")
    return "; ".join(said)
