"""What a store of finished folds was computed by, so that no other run takes them for its own."""

import hashlib
import json
from functools import cache
from pathlib import Path
from pickle import PicklingError
from typing import Any

import joblib
import numpy as np

from ..config import MACHINE, Config
from ..data.posts import Dataset
from ..encoders.registry import encoder_fingerprints
from ..errors import CourseError
from ..io import Record, load_json, save_json
from ..models.heads import head_class
from ..sources import class_digest, described, source_digest
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


def _has_parameters(value: object) -> bool:
    return hasattr(value, "get_params") and not isinstance(value, type)


def _parameters(learner: Learner) -> Record:
    """All that the learner, and what is inside it, was made with.

    Left out are the config, which the manifest has beside, and learners inside, whose parameters
    stand here by names of their own.
    """
    given = {
        name: value
        for name, value in sorted(learner.get_params(deep=True).items())
        if not isinstance(value, Config) and not _has_parameters(value)
    }
    return {name: _value(value) for name, value in given.items()}


def _value(value: Any) -> str | list[Any]:
    """What a parameter is, alike in every process: of an object its class and its state.

    Of one that cannot be pickled only the class is known.
    """
    if isinstance(value, Config):
        return Config.__name__
    if isinstance(value, list | tuple | set | frozenset | dict):
        parts = [_value(part) for part in (value.items() if isinstance(value, dict) else value)]
        return sorted(parts, key=repr) if isinstance(value, set | frozenset) else parts
    if known := described(value):
        return known
    kind = described(type(value))
    if _has_parameters(value):
        return [kind, _value(value.get_params(deep=False))]
    try:
        return [kind, joblib.hash(value)]
    except (PicklingError, TypeError, AttributeError):
        return kind


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
