"""A trained model as a file of weights and a record, and the one that comes with the course."""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save

from ..config import LABELS, Config
from ..encoders import weights
from ..encoders.registry import encoder_fingerprints
from ..errors import CourseError
from ..io import Record, replacing
from ..models.fusion import SentimentModel
from .batches import trained_parts

NAME = "fused_network.safetensors"  # of the shipped one


def load_shipped_model(*, folder: Path = weights.FOLDER) -> tuple[SentimentModel, Config]:
    """`(model, config)` of the shipped fused network, in evaluation mode; needs no network.

    Raises:
        CourseError: where the file is missing, truncated or altered.
    """
    file, _ = weights.shipped_file(NAME, folder=folder)
    return restore_model(weights.shipped_records(folder)[NAME], file)


def model_record(model: SentimentModel, config: Config) -> Record:
    """What, beside its weights, it takes to have a model again, in JSON types.

    Returns:
        `config`, `classes`, `dims` {modality: width of its vector} and `encoders` {modality and
        name: fingerprint}.
    """
    return {
        "config": config.to_dict(),
        "classes": list(model.classes),
        # The first weights of a branch are as wide as what goes into it.
        "dims": {m: next(b.parameters()).shape[-1] for m, b in model.branches.items()},
        "encoders": encoder_fingerprints(config),
    }


def save_weights(model: SentimentModel, file: Path) -> None:
    """A model's weights, trained encoders included, as a safetensors file with its classes."""
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    with replacing(file) as temporary:
        content = save(state, metadata={"classes": json.dumps(model.classes)})
        temporary.write_bytes(content)  # save_file's own would be for this user alone


def saved_classes(file: Path) -> list[str]:
    """The names of the classes that a file of weights was saved for, see `save_weights`.

    Raises:
        SafetensorError, OSError: where it cannot be read.
    """
    with safe_open(file, framework="pt") as opened:
        names: list[str] = json.loads((opened.metadata() or {}).get("classes", "[]"))
    return names


def restore_model(record: Record, file: Path) -> tuple[SentimentModel, Config]:
    """`(model, config)` of a record and a file of weights, on the CPU, in evaluation mode.

    The machine that it was trained on does not count: it computes where this one is fastest.

    Args:
        record: see `model_record`.
        file: see `save_weights`.

    Raises:
        CourseError: where a head or an encoder is not known here, or the weights are of another
            model.
    """
    config = Config.from_dict(record["config"]).but(device="auto", engine="auto", workers=0, jobs=1)
    classes = record.get("classes", LABELS)
    with torch.random.fork_rng(devices=[]):  # new weights are drawn, and then replaced
        model = SentimentModel(
            dims=record["dims"], config=config, classes=classes, encoders=trained_parts(config)
        )
    try:
        model.load_state_dict(load_file(file))
    except RuntimeError as error:
        raise CourseError(
            f"{file} does not fit the model that is recorded beside it, of the classes "
            f"{', '.join(classes)}: they belong to different models"
        ) from error
    return model.eval(), config
