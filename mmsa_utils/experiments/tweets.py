"""Tuning text encoders on tweets that were labelled for the same three classes.

The tweets are those of SemEval-2017 task 4A (Rosenthal, Farra and Nakov, 2017); the
measure is theirs, the recall of a class, averaged over classes, on their test tweets.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import accuracy_score, f1_score, recall_score
from torch import nn

from ..config import LABELS, Config
from ..data.posts import Post
from ..data.text import comparable
from ..devices import environment, pick_device
from ..encoders.lora import RANK, add_lora, save_lora
from ..encoders.registry import build_text_encoder
from ..encoders.text import TextEncoder
from ..errors import CourseError
from ..io import Record
from ..models.objective import make_loss
from ..models.trainable import Batch, Trainable, decay_groups
from ..progress import progress_bar
from ..settings import out_folder
from ..training.loop import EpochLog, Trainer, Validation, predict_logits

FILES = {"train": "semeval2017-task4a-train.tsv", "test": "semeval2017-task4a-test.tsv"}
HELD_OUT = 1500  # training tweets that choose the epoch
# One pass over the tweets is cut into `epochs` parts; after each the validation loss is taken.
SETTINGS = Config(
    mode="text",
    finetune=("text",),
    epochs=10,
    patience=10,
    batch_size=32,
    max_tokens=64,
    encoder_learning_rate=5e-4,  # of LoRA
    learning_rate=1e-3,  # of the classifier
    warmup_epochs=0.5,
    class_weights="balanced",
    label_smoothing=0.1,
)
# By shipped file: which encoder is tuned, and how. A larger one wants smaller steps.
TUNED = {
    "minilm_tweets.safetensors": SETTINGS,
    "mpnet_tweets.safetensors": SETTINGS.but(text_encoders=("mpnet",), encoder_learning_rate=2e-4),
}


def load_tweets(folder: Path, split: str) -> pd.DataFrame:
    """Tweets of a split, `train` or `test`: DataFrame with `text` and `label` (0, 1, 2).

    Raises:
        CourseError: where the file is missing or holds something else.
    """
    file = folder / FILES[split]
    if not file.is_file():
        raise CourseError(
            f"{file} is missing: put the tweets there or name their folder MMSA_TWEETS"
        )
    table = pd.read_csv(file, sep="\t", quoting=3, dtype=str, keep_default_na=False)
    if list(table.columns) != ["id", "tag", "text"] or not set(table["tag"]) <= set(LABELS):
        raise CourseError(f"{file} is not a table of id, tag and text with the tags {LABELS}")
    return pd.DataFrame({"text": table["text"], "label": table["tag"].map(LABELS.index)})


def without_posts(tweets: pd.DataFrame, posts: Sequence[Post]) -> pd.DataFrame:
    """Tweets that are equal to no post of the course."""
    known = {comparable(post.text) for post in posts}
    return tweets[~tweets["text"].map(comparable).isin(known)].reset_index(drop=True)


class TweetClassifier(Trainable):
    """A text encoder with LoRA, and a linear classifier."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.dim, len(LABELS))

    def forward(self, batch: Batch) -> torch.Tensor:
        """Logits `(B, 3)` of a batch's tokens, `text`."""
        return self.head(self.encoder(batch["text"]))  # (B, dim) -> (B, 3)

    def parameter_groups(self, config: Config) -> list[dict[str, Any]]:
        """The optimizer's: encoder and classifier, each at its own rate."""
        parts = (
            (self.encoder, config.encoder_learning_rate),
            (self.head, config.learning_rate),
        )
        return [
            group
            for part, rate in parts
            for group in decay_groups(
                part.parameters(), learning_rate=rate, weight_decay=config.weight_decay
            )
        ]


@dataclass(frozen=True)
class Batches:
    """Batches of tweets, read when they are asked for, with a bar."""

    tweets: "Tweets"
    indices: Sequence[np.ndarray]  # an array a batch
    name: str  # of the bar

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[Batch]:
        for indices in progress_bar(self.indices, self.name):
            yield self.tweets.batch(indices)


class Tweets:
    """A table of tweets, to be read in batches."""

    def __init__(self, encoder: TextEncoder, table: pd.DataFrame, config: Config) -> None:
        self.encoder, self.config = encoder, config
        self.texts = table["text"].to_numpy()
        self.labels = torch.tensor(table["label"].to_numpy())
        self.lengths = table["text"].str.len().to_numpy()

    def batch(self, indices: np.ndarray) -> Batch:
        """Tokens `(B, T)` under `text`, labels `(B,)` under `label`."""
        tokens = self.encoder.tokenize(self.texts[indices], max_tokens=self.config.max_tokens)
        return {"text": tokens, "label": self.labels[indices]}

    def parts(self, seed: int) -> Callable[[int], Batches]:
        """One pass in random order, cut into `epochs` parts: a function of the part, from 1.

        Tweets of like length are in one batch.
        """
        random, count = np.random.default_rng(seed), self.config.epochs
        pools = np.array_split(random.permutation(len(self.texts)), count)
        parts = [self._part(pool, random) for pool in pools]
        return lambda part: Batches(self, parts[part - 1], f"part {part} of {count}")

    def _part(self, pool: np.ndarray, random: np.random.Generator) -> list[np.ndarray]:
        pool, size = pool[np.argsort(self.lengths[pool], kind="stable")], self.config.batch_size
        batches = [pool[start : start + size] for start in range(0, len(pool), size)]
        return [batches[number] for number in random.permutation(len(batches))]

    def in_order(self) -> Batches:
        """Batches in the order of the table."""
        indices, size = np.arange(len(self.texts)), self.config.batch_size
        cuts = range(size, len(indices), size)
        return Batches(self, np.split(indices, cuts), "reading tweets")


def _print(log: EpochLog) -> None:
    print(log, flush=True)


def measures(labels: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Macro-recall, accuracy and macro-F1 of predicted classes `(N,)`."""
    return {
        "macro_recall": float(recall_score(labels, predicted, average="macro")),
        "accuracy": float(accuracy_score(labels, predicted)),
        "macro_f1": float(f1_score(labels, predicted, average="macro")),
    }


def split_off(
    tweets: pd.DataFrame, *, held_out: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`(train, validation)`, the latter of `held_out` tweets drawn at random."""
    order = np.random.default_rng(seed).permutation(len(tweets))
    return tweets.iloc[order[held_out:]], tweets.iloc[order[:held_out]]


def checkpoint_folder(
    train: pd.DataFrame, validation: pd.DataFrame, config: Config, *, base: str, seed: int
) -> Path:
    """Where a tuning keeps its checkpoint: another one of other tweets or settings goes elsewhere.

    Args:
        base: the fingerprint of the encoder that is tuned.
    """
    tables = [table[["text", "label"]].to_numpy().tolist() for table in (train, validation)]
    content = json.dumps([*tables, config.to_dict(), base, RANK, seed])
    return out_folder() / "tweets" / hashlib.sha256(content.encode()).hexdigest()[:12]


def _remove_if_done(checkpoint: Path, weights: Path) -> None:
    """Removes what a finished tuning has left when it was killed at its end.

    Such a checkpoint is older than the weights made from it, and would train nothing.
    """
    both = checkpoint.exists() and weights.exists()
    if both and checkpoint.stat().st_mtime_ns <= weights.stat().st_mtime_ns:
        checkpoint.unlink()


def tune(
    folder: Path,
    posts: Sequence[Post],
    weights: Path,
    *,
    config: Config = SETTINGS,
    held_out: int = HELD_OUT,
    seed: int = 0,
    on_part: Callable[[EpochLog], None] = _print,
) -> Record:
    """Tunes an encoder's LoRA on the tweets and saves it; goes on where it was stopped.

    What is finished is trained again where it is asked for again.

    Args:
        folder: of the tweets.
        posts: the course's, labelled and unlabelled; tweets equal to one are left out.
        weights: the file to write. Until then there is a checkpoint under `out/tweets`.
        config: settings of the training; its first text encoder is tuned.
        held_out: so many training tweets choose the part with the best weights.
        on_part: called after each part.

    Returns:
        The record of the training: settings, counts, history, measures on the test tweets.

    Raises:
        CourseError: where a file of tweets is missing or holds something else.
    """
    tweets, test = load_tweets(folder, "train"), load_tweets(folder, "test")
    kept = without_posts(tweets, posts)
    train, validation = split_off(kept, held_out=held_out, seed=seed)
    torch.manual_seed(seed)
    encoder = build_text_encoder(config.text_encoders[0])
    add_lora(encoder)
    model, base = TweetClassifier(encoder), encoder.fingerprint
    scratch = checkpoint_folder(train, validation, config, base=base, seed=seed)
    checkpoint = scratch / "checkpoint.pt"
    _remove_if_done(checkpoint, weights)
    trainer = Trainer(
        config=config,
        loss_function=make_loss(train["label"].to_numpy(), config),
        device=pick_device(config.device),
        seed=seed,
        checkpoint=checkpoint,
        on_epoch=on_part,
    )
    state = trainer.fit(
        model,
        Tweets(encoder, train, config).parts(seed),
        Validation(
            Tweets(encoder, validation, config).in_order(), validation["label"].to_numpy(copy=True)
        ),
    )
    logits = predict_logits(model, Tweets(encoder, test, config).in_order(), device=trainer.device)
    save_lora(encoder, model.head, weights)
    shutil.rmtree(scratch, ignore_errors=True)  # with it, the next tuning would train nothing
    return {
        "base": base,
        "data": "SemEval-2017 task 4A",
        "tweets": {"train": len(train), "held_out": len(validation), "test": len(test)},
        "equal_to_a_post": len(tweets) - len(kept),
        "rank": RANK,
        "settings": config.to_dict(),
        "environment": environment(trainer.device),
        "best_part": state.best_epoch,
        "history": [vars(log) for log in state.history],
        "test": measures(test["label"].to_numpy(), logits.argmax(1).numpy()),
    }
