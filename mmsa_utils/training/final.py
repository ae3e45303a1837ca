"""The final fit, on all labelled posts, and the making of the network that is shipped."""

from pathlib import Path

import numpy as np
import torch

from ..config import Config
from ..data.posts import Dataset
from ..encoders import weights
from ..errors import CourseError
from ..io import Record, save_json
from ..models.fusion import SentimentModel
from .batches import PostData
from .learners import FitContext
from .loop import predict_logits
from .network import NetworkClassifier
from .saved import NAME, model_record, save_weights

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
