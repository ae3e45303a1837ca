"""Cross-validation as this course does it, and as the lab report does, on the same posts.

The lab report's way, on the encoders that are embedded here and with this course's folds:
the text encoder is trained whole in each of 3 folds, in batches of 8, every text padded to the
longest of the data; pictures go through the frozen image encoder one at a time; the attention
head, balanced class weights, AdamW at 5e-5, ten epochs at most with a patience of 4. Its features
of pictures are computed once, as its code does, though without augmentation: that favours it.

The course's way: both encoders frozen, features in batches, once, and small networks on top.
Nothing is cached for either. Both are scored on the same test folds.
"""

from functools import partial
from pathlib import Path

import numpy as np
import torch

from mmsa_utils.config import LAB_REPORT, MODES, Config
from mmsa_utils.data import Dataset, find_groups
from mmsa_utils.devices import pick_device
from mmsa_utils.encoders import ImageInputs, build_image_encoder, build_text_encoder
from mmsa_utils.evaluation import metrics
from mmsa_utils.io import Record
from mmsa_utils.models import SentimentModel
from mmsa_utils.models.objective import make_loss
from mmsa_utils.models.trainable import Batch
from mmsa_utils.training import Trainer, Validation, cross_validate
from mmsa_utils.training.batches import build_trained
from mmsa_utils.training.cross_validation import FoldTask, fold_tasks
from mmsa_utils.training.loop import predict_logits

from .common import POSTS, describe, machine, nothing_cached, some_posts, timed

FOLDS = LAB_REPORT.folds
OURS = Config(folds=FOLDS, text_encoders=("minilm",), image_encoders=("efficientnet_lite0",))
LAB = LAB_REPORT.but(text_encoders=OURS.text_encoders, image_encoders=OURS.image_encoders)
SCORES = ("accuracy", "macro_f1")


# ---- the lab report's way ---------------------------------------------------------------


@torch.inference_mode()
def one_by_one(dataset: Dataset, name: str) -> torch.Tensor:
    """`(N, D)`: the pictures' features, a forward pass each."""
    encoder = build_image_encoder(name)
    inputs = ImageInputs(encoder)
    return torch.cat([encoder(inputs.load([post])) for post in dataset.labelled])


class LabReport:
    """The lab report's cross-validation in one mode.

    Args:
        dataset: the posts.
        config: `LAB` in the mode.
    """

    def __init__(self, dataset: Dataset, config: Config) -> None:
        self.dataset, self.config = dataset, config
        self.labels = torch.from_numpy(dataset.labels)

    def run(self, folder: Path) -> np.ndarray:
        """`(N, K)`: the out-of-fold probabilities. `folder` is any: nothing is saved."""
        groups = find_groups(self.dataset.labelled)
        self._read()
        table = np.empty((len(self.labels), len(self.dataset.classes)))
        for task in fold_tasks(self.dataset, self.config, store=folder, groups=groups):
            table[task.test] = self._fold(task)
        return table

    def _read(self) -> None:
        """All posts by modality: tokens padded to the longest text, features of pictures."""
        if "text" in self.config.modalities:
            encoder = build_text_encoder(self.config.text_encoders[0])
            texts = [post.text for post in self.dataset.labelled]
            self.tokens = encoder.tokenize(texts, max_tokens=self.config.max_tokens)
        if "image" in self.config.modalities:
            self.pictures = one_by_one(self.dataset, self.config.image_encoders[0])

    def _batch(self, indices: np.ndarray) -> Batch:
        batch: Batch = {"label": self.labels[indices]}
        for modality in self.config.modalities:
            batch[f"{modality}_present"] = torch.ones(len(indices), dtype=torch.bool)
        if "text" in self.config.modalities:
            batch["text"] = {name: part[indices] for name, part in self.tokens.items()}
        if "image" in self.config.modalities:
            batch["image"] = self.pictures[indices]
        return batch

    def _batches(self, indices: np.ndarray) -> list[Batch]:
        size = self.config.batch_size
        chosen = [indices[start : start + size] for start in range(0, len(indices), size)]
        return [self._batch(some) for some in chosen]

    def _shuffled(self, indices: np.ndarray, seed: int, epoch: int) -> list[Batch]:
        batches = self._batches(np.random.default_rng([seed, epoch]).permutation(indices))
        return [batch for batch in batches if len(batch["label"]) > 1]  # BatchNorm needs two

    def _model(self) -> SentimentModel:
        encoders = build_trained(self.config)  # of texts alone
        dims = {modality: encoder.dim for modality, encoder in encoders.items()}
        if "image" in self.config.modalities:
            dims["image"] = self.pictures.shape[1]
        return SentimentModel(
            dims=dims, config=self.config, classes=self.dataset.classes, encoders=encoders
        )

    def _fold(self, task: FoldTask) -> np.ndarray:
        """`(n, K)`: the test posts' probabilities by the model of the best epoch."""
        seed, device = task.context().seed, pick_device(self.config.device)
        torch.manual_seed(seed)
        model = self._model()
        trainer = Trainer(
            config=self.config,
            loss_function=make_loss(self.dataset.labels[task.train], self.config, model.classes),
            device=device,
            seed=seed,
        )
        trainer.fit(
            model,
            partial(self._shuffled, task.train, seed),
            Validation(self._batches(task.validation), self.dataset.labels[task.validation]),
        )
        logits = predict_logits(model, self._batches(task.test), device=device)
        return logits.softmax(1).numpy()


# ---- both -------------------------------------------------------------------------------


def _scored(dataset: Dataset, seconds: float, table: np.ndarray) -> Record:
    summary = metrics.summary(dataset.labels, table, classes=dataset.classes)
    return {"seconds": round(seconds, 1), **{name: round(summary[name], 4) for name in SCORES}}


def lab_report(dataset: Dataset, config: Config) -> Record:
    """Seconds and scores of the lab report's way."""
    with nothing_cached() as folder:
        return _scored(dataset, *timed(lambda: LabReport(dataset, config).run(folder)))


def course(dataset: Dataset, config: Config) -> Record:
    """Seconds and scores of the course's way, with an empty cache."""
    with nothing_cached():
        seconds, run = timed(lambda: cross_validate(dataset, config))
    return _scored(dataset, seconds, run.probabilities[0])


def compare(dataset: Dataset, mode: str, *, lab: Config = LAB, ours: Config = OURS) -> Record:
    """Both ways in one mode."""
    finetune = ("text",) if mode != "image" else ()
    slow = lab_report(dataset, lab.but(mode=mode, finetune=finetune))
    fast = course(dataset, ours.but(mode=mode))
    ratio = slow["seconds"] / fast["seconds"]
    return {"lab_report": slow, "course": fast, "times_faster": round(ratio, 1)}


def compare_briefly(mode: str) -> Record:
    """Both ways on few posts in one epoch: libraries are read and warm, nothing is learnt."""
    short = {"epochs": 1, "inner_folds": 2}
    return compare(some_posts(90), mode, lab=LAB.but(**short), ours=OURS.but(**short))


def measure(*, quick: bool = False) -> Record:
    """The record of this piece."""
    before, dataset = machine(), some_posts(90 if quick else POSTS)
    modes = {mode: compare_briefly(mode) for mode in MODES}
    if not quick:
        modes = {mode: compare(dataset, mode) for mode in MODES}
    return {
        "what": f"cross-validation in {FOLDS} folds, from files to scores, nothing cached",
        **describe(dataset),
        "encoders": [*OURS.text_encoders, *OURS.image_encoders],
        "modes": modes,
        "environment": before,
    }
