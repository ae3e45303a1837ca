"""Does the larger share name the modality that carries the label? On the demo set that is known."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ..config import Config
from ..data.demo import LABELLED, UNLABELLED, _drafts, _write_texts, make_demo
from ..data.posts import Dataset, Post
from ..data.splits import find_groups
from ..data.text import comparable
from ..errors import CourseError
from ..models.fusion import SentimentModel, hide
from ..models.trainable import Batch
from ..training.batches import PostData
from ..training.cross_validation import FoldTask, fold_tasks
from ..training.network import NetworkClassifier

CASES = {  # whether the text, and the picture, shows the label
    "both": (True, True),
    "only the text": (True, False),
    "only the picture": (False, True),
    "neither": (False, False),
}


def _key(text: str) -> str:
    return comparable(text).rstrip("…")  # which one of the texts was given at its end


def demo_carriers(posts: Sequence[Post]) -> pd.DataFrame:
    """Which modality shows the label, for posts of the demo set: bool columns `text`, `image`.

    Told from how the set was made; copies show what their originals show.

    Raises:
        CourseError: where a post is none of the demo set.
    """
    rng = np.random.default_rng((make_demo.__kwdefaults__ or {})["seed"])
    drafts = _drafts(LABELLED, rng) + _drafts(UNLABELLED, rng)
    _write_texts(drafts, rng)
    known = {_key(d.text): (d.text_kind == d.label, d.image_kind == d.label) for d in drafts}
    strange = [post.guid for post in posts if _key(post.text) not in known]
    if strange:
        raise CourseError(
            f"{strange[0]} is no post of the demo set: of others the truth is unknown"
        )
    return pd.DataFrame([known[_key(post.text)] for post in posts], columns=["text", "image"])


# ---- contributions ----------------------------------------------------------------------


def held_out_contributions(dataset: Dataset, config: Config) -> pd.DataFrame:
    """Each modality's Shapley value for the answer, by networks that had not seen the post.

    The folds and the trainings are those of `cross_validate(dataset, config)`, its first seed.
    See `Prediction.contributions`; temperatures are 1.

    Args:
        dataset: N labelled posts.
        config: of a network that looks at text and picture.

    Returns:
        A row a labelled post: `text`, `image`, and `right`, whether the answer is.
    """
    data, groups = PostData(dataset, config), find_groups(dataset.labelled)
    tasks = fold_tasks(dataset, config.but(seeds=config.seeds[:1]), store=Path(), groups=groups)
    parts = [_of_fold(task, data) for task in tasks]
    return pd.concat(parts).sort_index()


def _of_fold(task: FoldTask, data: PostData) -> pd.DataFrame:
    context = replace(task.context(), checkpoint=None)
    labels = data.labels[task.trainval].numpy()
    fitted = NetworkClassifier(data.config).fit(data.subset(task.trainval), labels, context)
    found = shapley_values(fitted.model_.cpu().eval(), data.batch(task.test))
    return found.set_index(task.test)


@torch.inference_mode()
def shapley_values(model: SentimentModel, batch: Batch) -> pd.DataFrame:
    """Both modalities' Shapley values for the answer, a row a post, and whether it is `right`.

    Args:
        model: in evaluation mode.
        batch: of N posts.
    """
    alone = {"text": hide(batch, "image"), "image": hide(batch, "text")}
    shown = {"both": batch, **alone, "none": hide(alone["text"], "text")}
    tables = {name: model(each).softmax(1) for name, each in shown.items()}
    answer = tables["both"].argmax(1, keepdim=True)
    p = {name: table.gather(1, answer)[:, 0].numpy() for name, table in tables.items()}
    return pd.DataFrame(
        {
            "text": (p["text"] - p["none"] + p["both"] - p["image"]) / 2,
            "image": (p["image"] - p["none"] + p["both"] - p["text"]) / 2,
            "right": (answer[:, 0] == batch["label"]).numpy(),
        }
    )


def shares_by_case(contributions: pd.DataFrame, carriers: pd.DataFrame) -> pd.DataFrame:
    """How often the larger share names the modality that carries the label.

    Args:
        contributions: a row a post, see `held_out_contributions`.
        carriers: of the same posts, see `demo_carriers`.

    Returns:
        A row a case of `CASES`: `posts`; `right`, the share of right answers; `text larger`, the
        share of posts on which the text's share is the larger one; `named`, on which the larger
        share is that of the modality that alone shows the label (no number in the other cases).
    """
    larger = contributions["text"].abs() > contributions["image"].abs()
    rows = []
    for text, image in CASES.values():
        chosen = (carriers["text"] == text) & (carriers["image"] == image)
        row = {"posts": int(chosen.sum()), "right": contributions["right"][chosen].mean()}
        row["text larger"] = larger[chosen].mean()
        row["named"] = (larger[chosen] == text).mean() if text != image else np.nan
        rows.append(row)
    return pd.DataFrame(rows, index=pd.Index(CASES, name="carries the label"))
