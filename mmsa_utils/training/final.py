"""The fused network that comes with the course: trained on all real posts, loaded offline."""

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tqdm.auto import tqdm

from ..config import Config
from ..devices import pick_device
from ..encoders.weights import FOLDER, record_shipped, shipped_file, shipped_records
from ..io import replacing
from ..models.fusion import SentimentModel, make_objective
from .batches import PostData
from .loop import make_loss, make_optimizer, make_schedule, predict_logits, train_one_epoch

NAME = "fused_network.safetensors"
SHOWN = 24  # demo posts whose probabilities are saved, to be found again


def train_on_all(data, config, *, epochs, seed=0):
    """Trains a config's model on all labelled posts of a `PostData`; no early stopping.

    The learning rate follows the config's whole schedule, as in the folds that said when
    to stop.
    """
    torch.manual_seed(seed)
    device, labels = pick_device(config.device), data.labels[: data.count].numpy()
    model = SentimentModel(dims=data.dims, config=config).to(device)
    loss_function = make_loss(labels, config).to(device)
    batches = data.train_batches(np.arange(data.count), seed=seed)
    optimizer = make_optimizer(model, config)
    schedule = make_schedule(optimizer, len(batches(1)), config)
    for epoch in tqdm(range(1, epochs + 1), "training on all posts", leave=False):
        train_one_epoch(
            model,
            batches(epoch),
            loss_function=loss_function,
            optimizer=optimizer,
            schedule=schedule,
            clip_norm=config.clip_norm,
            device=device,
            objective=make_objective(model, config),
        )
    return model.cpu().eval()


def predict_posts(model, config, dataset):
    """`(N, 3)` probabilities of a dataset's labelled posts by a trained model."""
    data = PostData(dataset, config)
    logits = predict_logits(
        model, data.eval_batches(np.arange(data.count)), device=torch.device("cpu")
    )
    return logits.softmax(1).numpy()


def ship(dataset, config, record, demo):
    """Trains, saves and records the network that the course ships.

    Args:
        dataset: all real posts.
        config: of the network.
        record: of that config's cross-validation; its folds say how many epochs to train,
            and its out-of-fold figures say what to expect.
        demo: the demo set; what the network says of its first posts is saved beside.
    """
    epochs = int(np.median([fold["best_epoch"] for fold in record["folds"]]))
    data = PostData(dataset, config)
    model = train_on_all(data, config, epochs=epochs)
    with replacing(FOLDER / NAME) as temporary:
        save_file(model.state_dict(), temporary)
    shown = predict_posts(model, config, demo)[:SHOWN]
    facts = {
        "data": f"{len(dataset.labelled)} real posts",
        "dims": data.dims,
        "config": config.to_dict(),
        "epochs": epochs,
        "oof": record["oof"],
        "seeds": record["protocol"]["seeds"],
        "demo_probabilities": shown.round(5).tolist(),
    }
    record_shipped(NAME, facts)


def load_shipped_model():
    """`(model, config)` of the shipped fused network, in evaluation mode; needs no network.

    Raises:
        CourseError: where the file is missing, truncated or altered.
    """
    file, _ = shipped_file(NAME)
    record = shipped_records()[NAME]
    config = Config.from_dict(record["config"])
    model = SentimentModel(dims=record["dims"], config=config)
    model.load_state_dict(load_file(file))
    return model.eval(), config
