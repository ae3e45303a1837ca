"""Tuning the text encoder on tweets that were labelled for the same three classes.

The tweets are those of SemEval-2017 task 4A (Rosenthal, Farra and Nakov, 2017); the
measure is theirs, the recall of a class, averaged over classes, on their test tweets.
"""

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import accuracy_score, f1_score, recall_score
from torch import nn
from tqdm.auto import tqdm

from ..config import LABELS, Config
from ..data.text import comparable
from ..devices import pick_device
from ..encoders.features import tokenise
from ..encoders.lora import RANK, add_adapter, save_adapter
from ..encoders.registry import build_text_encoder
from ..errors import CourseError
from ..training.loop import fit, make_loss, predict_logits

FILES = {"train": "semeval2017-task4a-train.tsv", "test": "semeval2017-task4a-test.tsv"}
HELD_OUT = 1500  # training tweets that choose the epoch
PARTS = 10  # one pass over the tweets in so many parts; after each the held-out loss is taken
SETTINGS = Config(
    mode="text",
    finetune=("text",),
    epochs=PARTS,
    patience=PARTS,
    batch_size=32,
    max_tokens=64,
    encoder_learning_rate=5e-4,  # of the adapter
    learning_rate=1e-3,  # of the classifier
    warmup_epochs=0.5,
    class_weights="balanced",
    label_smoothing=0.1,
)


def load_tweets(folder, split):
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


def without_posts(tweets, posts):
    """Tweets that are equal to no post of the course."""
    known = {comparable(post.text) for post in posts}
    return tweets[~tweets["text"].map(comparable).isin(known)].reset_index(drop=True)


class TweetClassifier(nn.Module):
    """An adapted text encoder and a linear classifier."""

    def __init__(self, encoder):
        super().__init__()
        self.encoders = nn.ModuleDict({"text": encoder})
        self.head = nn.Linear(encoder.dim, len(LABELS))

    def forward(self, batch):
        return self.head(self.encoders["text"](batch["text"]))  # (B, dim) -> (B, 3)


class _Tweets:
    """Batches of tweets of like length, in random order."""

    def __init__(self, encoder, tweets):
        self.encoder, self.texts = encoder, tweets["text"].to_numpy()
        self.labels = torch.tensor(tweets["label"].to_numpy())
        self.lengths = tweets["text"].str.len().to_numpy()

    def batch(self, places):
        tokens = tokenise(self.encoder, self.texts[places], max_tokens=SETTINGS.max_tokens)
        return {"text": tokens, "label": self.labels[places]}

    def parts(self, seed):
        """A function of the part (from 1): one pass over the tweets, cut into `PARTS`."""
        random = np.random.default_rng(seed)
        size = SETTINGS.batch_size
        order = random.permutation(len(self.texts))
        pools = np.array_split(order, PARTS)
        parts = []
        for pool in pools:
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            batches = [pool[i : i + size] for i in range(0, len(pool), size)]
            parts.append([batches[i] for i in random.permutation(len(batches))])
        return lambda part: _Lazy(self, parts[part - 1], f"part {part} of {PARTS}")

    def in_order(self):
        """Batches in the order of the tweets."""
        size = SETTINGS.batch_size
        places = np.arange(len(self.texts))
        return _Lazy(self, np.split(places, range(size, len(places), size)), "reading tweets")


class _Lazy:
    """Batches made when asked for, with a bar."""

    def __init__(self, tweets, places, name):
        self.tweets, self.places, self.name = tweets, places, name

    def __len__(self):
        return len(self.places)

    def __iter__(self):
        for places in tqdm(self.places, self.name, leave=False):
            yield self.tweets.batch(places)


def _measures(labels, predicted):
    return {
        "macro_recall": float(recall_score(labels, predicted, average="macro")),
        "accuracy": float(accuracy_score(labels, predicted)),
        "macro_f1": float(f1_score(labels, predicted, average="macro")),
    }


def tune(folder, posts, weights, *, seed=0):
    """Tunes MiniLM's adapter on the tweets and saves it; goes on where it was stopped.

    Args:
        folder: of the tweets.
        posts: the course's, labelled and unlabelled; tweets equal to one are left out.
        weights: the file to write.

    Returns:
        The record of the training: settings, counts, history, measures on the test tweets.
    """
    tweets = load_tweets(folder, "train")
    kept = without_posts(tweets, posts)
    place = np.random.default_rng(seed).permutation(len(kept))
    inner, train = kept.iloc[place[:HELD_OUT]], kept.iloc[place[HELD_OUT:]]
    torch.manual_seed(seed)
    encoder = build_text_encoder("minilm")
    add_adapter(encoder)
    model, device = TweetClassifier(encoder), pick_device()
    progress = fit(
        model,
        train_batches=_Tweets(encoder, train).parts(seed),
        inner_batches=_Tweets(encoder, inner).in_order(),
        inner_labels=inner["label"].to_numpy(),
        loss_function=make_loss(train["label"].to_numpy(), SETTINGS),
        config=SETTINGS,
        device=device,
        seed=seed,
        checkpoint=weights.with_suffix(".pt"),
        on_epoch=lambda log: print(log, flush=True),
    )
    save_adapter(encoder, model.head, weights)
    test = load_tweets(folder, "test")
    logits = predict_logits(model, _Tweets(encoder, test).in_order(), device=device)
    return {
        "base": encoder.fingerprint,
        "data": "SemEval-2017 task 4A",
        "tweets": {"train": len(train), "held_out": len(inner), "test": len(test)},
        "equal_to_a_post": len(tweets) - len(kept),
        "rank": RANK,
        "settings": SETTINGS.to_dict(),
        "best_part": progress.best_epoch,
        "history": [vars(log) for log in progress.history],
        "test": _measures(test["label"], logits.argmax(1).numpy()),
    }
