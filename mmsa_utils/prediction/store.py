"""Trained models on disk: weights as safetensors and all else as JSON, so that no code is read.

A model's folder:
    model.safetensors   the weights, trained encoders included
    model.json          format, version, config, classes, dims, encoders (fingerprints), the hash
                        of the weights, and what is known of the model: class_counts, epochs,
                        scores, temperatures, calibration, least ...; at its end a hash of itself
The model that comes with the course lies in `weights/` and is recorded in `shipped.json`, with
the same keys.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from safetensors import SafetensorError

from ..config import Config
from ..encoders import weights
from ..encoders.registry import encoder_fingerprints
from ..errors import CourseError
from ..io import Record, file_sha256, load_json, replacing, save_json
from ..models.fusion import SentimentModel
from ..training.saved import NAME, model_record, restore_model, save_weights, saved_classes
from ..version import __version__
from .predictor import Predictor

FORMAT = 1
WEIGHTS, RECORD = "model.safetensors", "model.json"
_SEAL = "record_sha256"
_ANEW = "train it again, or copy the whole folder again from where it was trained"


# ---- saving -------------------------------------------------------------------------------


def require_place(folder: Path | str) -> None:
    """Ends what would overwrite anything but a model.

    Raises:
        CourseError: where the folder is a file, or holds something else than a model.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise CourseError(f"{folder} is a file: name a folder for the model")
    other = sorted(set(os.listdir(folder)) - {WEIGHTS, RECORD}) if folder.exists() else []
    if other:
        raise CourseError(
            f"{folder} holds something else than a model ({other[0]}): name a new folder"
        )


def save_model(
    folder: Path | str,
    *,
    model: SentimentModel,
    config: Config,
    classes: Sequence[str],
    facts: Record,
) -> None:
    """Writes a model's folder, whole or not at all; a model that is there is replaced.

    Args:
        folder: not there yet, empty, or a model's.
        model: on the CPU.
        config: that it was trained by.
        classes: their names, in the order of the model's answers.
        facts: what else is known, in JSON types: `class_counts`, `epochs`, `scores`, and what
            `evaluation.calibration.calibration_facts` says.

    Raises:
        CourseError: where the folder holds something else, or the classes are not the model's.
    """
    folder = Path(folder)
    require_place(folder)
    if tuple(classes) != model.classes:
        raise CourseError(
            f"the model was trained for the classes {', '.join(model.classes)}, not for "
            f"{', '.join(classes)}"
        )
    with replacing(folder) as temporary:
        save_weights(model, temporary / WEIGHTS)
        written = {
            "format": FORMAT,
            "version": __version__,
            **model_record(model, config),
            **facts,
            "bytes": (temporary / WEIGHTS).stat().st_size,
            "sha256": file_sha256(temporary / WEIGHTS),
        }
        save_json(written | {_SEAL: _seal(written)}, temporary / RECORD)


def _seal(record: Record) -> str:
    """A hash of all that a record says, but for the hash itself."""
    said = {name: value for name, value in record.items() if name != _SEAL}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


# ---- loading ------------------------------------------------------------------------------


def load_model(folder: Path | str | None = None) -> Predictor:
    """The model of a folder, or the one that comes with the course; `mmsa_utils.load_model`.

    Raises:
        CourseError: in one line, where there is none; where it is altered, truncated or of a
            newer version; where its head or an encoder is not known here, or an encoder is
            another one; where its classes are not those of its weights.
    """
    if folder is None:
        file, _ = weights.shipped_file(NAME)
        return _restored(weights.FOLDER, weights.shipped_records()[NAME], file)
    folder = Path(folder)
    record = _read(folder)
    _require_whole(folder, record)
    return _restored(folder, record, folder / WEIGHTS)


def _read(folder: Path) -> Record:
    if not folder.is_dir():
        raise CourseError(f"{folder} is no folder: name one that `mmsa_utils train` has written")
    for name in (RECORD, WEIGHTS):
        if not (folder / name).is_file():
            raise CourseError(f"{folder} is no model, {name} is missing in it: {_ANEW}")
    record = load_json(folder / RECORD)
    if not isinstance(record, dict) or not isinstance(record.get("format"), int):
        raise CourseError(f"{folder / RECORD} is not the record of a model: {_ANEW}")
    if record["format"] > FORMAT:
        raise CourseError(_newer(folder, record))
    return record


def _newer(folder: Path, record: Record) -> str:
    return (
        f"{folder} was written by a newer version, {record.get('version')} (this is "
        f"{__version__}): update mmsa_utils"
    )


def _require_whole(folder: Path, record: Record) -> None:
    """Ends where the record or the weights are not as they were written."""
    if record.get(_SEAL) != _seal(record):
        raise CourseError(_alteration(folder, record))
    if set(record["config"]) - {field.name for field in fields(Config)}:
        raise CourseError(_newer(folder, record))
    file, size = folder / WEIGHTS, (folder / WEIGHTS).stat().st_size
    if size < record["bytes"]:
        raise CourseError(f"{file} is truncated, {size} bytes of {record['bytes']}: {_ANEW}")
    if file_sha256(file) != record["sha256"]:
        raise CourseError(f"{file} is altered, or of another model: {_ANEW}")


def _alteration(folder: Path, record: Record) -> str:
    """What is wrong with a record that is not as it was written."""
    with suppress(SafetensorError, OSError):  # the weights may be spoilt as well
        trained = saved_classes(folder / WEIGHTS)
        if record.get("classes") != trained:
            return (
                f"{folder / RECORD} names other classes than its weights were trained for, "
                f"{', '.join(trained)}: {_ANEW}"
            )
    return f"{folder / RECORD} is altered: {_ANEW}"


def _restored(place: Path, record: Record, file: Path) -> Predictor:
    try:
        model, config = restore_model(record, file)
        here = encoder_fingerprints(config)
    except CourseError as error:
        raise CourseError(f"{place}: {error}") from error
    other = [name for name, said in record.get("encoders", here).items() if here[name] != said]
    if other:
        raise CourseError(
            f"{place} was trained with another {other[0].replace(' ', ' encoder ', 1)} than the "
            "one that is here: install the version of its package that was used, or train again"
        )
    return Predictor(model, config, record)
