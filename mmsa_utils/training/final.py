"""The final fit, on all labelled posts, and the network that comes with the course."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ..config import LABELS, Config
from ..data.posts import Dataset
from ..encoders import weights
from ..encoders.registry import encoder_fingerprint
from ..errors import CourseError
from ..io import Record, replacing, save_json
from ..models.fusion import SentimentModel
from .batches import PostData
from .learners import FitContext
from .loop import predict_logits
from .network import NetworkClassifier, trained_parts

NAME = "fused_network.safetensors"
SHOWN = 24  # demo posts whose probabilities are saved, to be found again


def train_final(data: PostData, config: Config, *, epochs: int, seed: int = 0) -> SentimentModel:
    """Trains a config's model on all labelled posts; no early stopping.

    The learning rate follows the config's whole schedule, as in the folds that said when
    to stop.

    Args:
        data: the posts, read by this config.
        epochs: how many, as a cross-validation has found.

    Returns:
        The model on the CPU, in evaluation mode; averaged weights where the config asks for
        them, trained encoders inside it.
    """
    nobody = np.zeros(data.count, dtype=bool)
    context = FitContext(validation=nobody, groups=np.arange(data.count), fold_seed=seed, seed=seed)
    labels = data.labels[: data.count].numpy()
    fitted = NetworkClassifier(config, epochs=epochs).fit(data.labelled, labels, context)
    return fitted.model_.cpu().eval()


def predict_posts(model: SentimentModel, config: Config, dataset: Dataset) -> np.ndarray:
    """`(N, K)` probabilities of a dataset's labelled posts by a trained model."""
    data = PostData(dataset, config)
    batches = data.eval_batches(np.arange(data.count))
    logits = predict_logits(model, batches, device=torch.device("cpu"))
    return logits.softmax(1).numpy()


def ship(
    dataset: Dataset,
    config: Config,
    record: Record,
    demo: Dataset,
    *,
    folder: Path = weights.FOLDER,
) -> None:
    """Trains, saves and records the network that the course ships.

    Args:
        dataset: all real posts.
        config: of the network; its encoders stay frozen, so that the file is small.
        record: of that config's cross-validation; its folds say how many epochs to train,
            and its out-of-fold figures say what to expect.
        demo: the demo set; what the network says of its first posts is saved beside.
        folder: of the shipped weights.

    Raises:
        CourseError: where the config trains encoders.
    """
    if config.finetune:
        raise CourseError(
            f"finetune={config.finetune}: the shipped network is small because its encoders are "
            "those of their packages; ship a config without finetune"
        )
    epochs = int(np.median([fold["best_epoch"] for fold in record["folds"]]))
    model = train_final(PostData(dataset, config), config, epochs=epochs)
    save_weights(model, folder / NAME)
    shown = predict_posts(model, config, demo)[:SHOWN]
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    facts = {
        "data": f"{len(dataset.labelled)} real posts",
        **model_record(model, config),
        "class_counts": dict(zip(dataset.classes, counts.tolist(), strict=True)),
        "epochs": epochs,
        "scores": record["oof"],
        "seeds": record["protocol"]["seeds"],
        "demo_probabilities": shown.round(5).tolist(),
    }
    weights.record_shipped(NAME, facts, folder=folder)


def add_calibration(facts: Record, *, name: str = NAME, folder: Path = weights.FOLDER) -> None:
    """Enters in `shipped.json` how sure a shipped network may be; its weights stay as they are.

    Args:
        facts: what `evaluation.calibration.calibration_facts` says of its configuration.
        name: of the network's file.
        folder: of the shipped weights.

    Raises:
        CourseError: where no such file is recorded.
    """
    records = weights.shipped_records(folder)
    if name not in records:
        raise CourseError(f"{folder / 'shipped.json'} does not know {name}: ship the network first")
    records[name] |= facts
    save_json(records, folder / "shipped.json")


def load_shipped_model(*, folder: Path = weights.FOLDER) -> tuple[SentimentModel, Config]:
    """`(model, config)` of the shipped fused network, in evaluation mode; needs no network.

    Raises:
        CourseError: where the file is missing, truncated or altered.
    """
    file, _ = weights.shipped_file(NAME, folder=folder)
    return restore_model(weights.shipped_records(folder)[NAME], file)


# ---- a model as a file and a record -------------------------------------------------------


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


def encoder_fingerprints(config: Config) -> dict[str, str]:
    """The fingerprint of every encoder that a config looks through, by modality and name.

    Raises:
        CourseError: where an encoder cannot be had.
    """
    return {
        f"{modality} {name}": encoder_fingerprint("image" if modality == "image" else "text", name)
        for modality in config.modalities
        for name in config.encoders(modality)
    }


def save_weights(model: SentimentModel, file: Path) -> None:
    """A model's weights, trained encoders included, as a safetensors file with its classes."""
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    with replacing(file) as temporary:
        save_file(state, temporary, metadata={"classes": json.dumps(model.classes)})


def saved_classes(file: Path) -> list[str]:
    """The names of the classes that a file of weights was saved for."""
    with safe_open(file, framework="pt") as opened:
        names: list[str] = json.loads(opened.metadata()["classes"])
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
    config = Config.from_dict(record["config"]).but(device="auto", workers=0)
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
