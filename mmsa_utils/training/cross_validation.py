"""Cross-validation: grouped folds, an inner split for every choice, saved fold by fold.

A finished fold is a small anonymous JSON file; a started one is a checkpoint. Killed at
any moment, a second start goes on and ends with the same predictions.
"""

import hashlib
import json
import time
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from ..config import LABELS, Config
from ..data.posts import Dataset
from ..data.splits import find_groups, inner_parts, inner_split, make_folds, share_of
from ..devices import pick_device
from ..encoders.registry import build_encoder
from ..encoders.weights import shipped_file
from ..evaluation import metrics
from ..io import replacing
from ..models.fusion import SentimentModel, make_objective
from ..paths import out_folder
from ..version import __version__
from .batches import PostData
from .loop import fit, make_loss, predict_logits

DIGITS = 6  # of saved probabilities


@dataclass(frozen=True)
class FoldTask:
    """One fold to do: places of posts for fitting, for choices and for scoring."""

    seed: int
    fold: int
    fit: np.ndarray
    inner: np.ndarray
    scored: np.ndarray
    groups: np.ndarray  # of all labelled posts: copies have the same number
    checkpoint: Path

    @property
    def train(self):
        """Places of all posts that are not scored."""
        return np.concatenate([self.fit, self.inner])

    @property
    def draw(self):
        """One number for this fold's random draws."""
        return self.seed * 100 + self.fold


@dataclass
class FoldResult:
    """What a fold leaves behind. Holds no guid and no text."""

    seed: int
    fold: int
    rows: list  # anonymous numbers of the scored posts
    probabilities: list  # of the scored posts, (n, 3)
    unlabelled: list  # of the unlabelled posts, (m, 3), in the order of their list
    inner: dict  # accuracy and macro_f1 on the posts of inner_rows
    inner_rows: list  # anonymous numbers of the training posts that serve choices
    inner_probabilities: list  # of these posts, by models that were not fitted on them
    best_epoch: int = 0
    history: list = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class CrossValidation:
    """All folds of a run, put together.

    `probabilities` is `(S, N, 3)`: out-of-fold, a table a seed, in the order of the posts.
    `fold` is `(S, N)`: where each post was scored. `unlabelled` is `(m, 3)`: the mean over
    all folds and seeds.
    """

    dataset: Dataset
    config: Config
    results: tuple
    probabilities: np.ndarray
    fold: np.ndarray
    unlabelled: np.ndarray
    settings: dict  # what the learner was set to, for the record
    grouped: bool  # whether copies were kept together

    @property
    def scores(self):
        """Per seed: the metrics of that seed's out-of-fold predictions."""
        return [metrics.summary(self.dataset.labels, table) for table in self.probabilities]

    @property
    def inner_scores(self):
        """Accuracy and macro-F1 on the inner splits, the mean over folds and seeds: for choices."""
        return {
            name: float(np.mean([result.inner[name] for result in self.results]))
            for name in ("accuracy", "macro_f1")
        }

    @property
    def fold_scores(self):
        """Per fold and seed: the metrics on that fold."""
        labels = self.dataset.labels
        tables = dict(
            zip(self.config.seeds, zip(self.fold, self.probabilities, strict=True), strict=True)
        )
        scores = []
        for result in self.results:
            fold, table = tables[result.seed]
            scored = fold == result.fold
            scores.append(metrics.summary(labels[scored], table[scored]))
        return scores


# ---- what learns a fold -----------------------------------------------------------------


@dataclass(frozen=True)
class Learnt:
    """A learner's probabilities for a fold's scored, inner and unlabelled posts.

    `inner` is about the posts of the task's inner split, or about `inner_places`.
    """

    scored: np.ndarray
    inner: np.ndarray
    unlabelled: np.ndarray
    inner_places: np.ndarray | None = None
    best_epoch: int = 0
    history: tuple = ()


class Learner:
    """Trains the sentiment model of a config; called with a fold, it learns that fold."""

    def __init__(self, dataset, config):
        self.config, self.labels = config, dataset.labels
        self.device = pick_device(config.device)
        self.data = PostData(dataset, config, self._built())
        self.unlabelled = np.arange(self.data.count, len(self.data.labels))

    @staticmethod
    def settings(config):
        """What a record says of the model: every knob."""
        return config.to_dict()

    def _built(self):
        trained = [m for m in self.config.modalities if m in self.config.finetune]
        return {m: build_encoder(m, self.config.encoders(m)[0]) for m in trained}

    def _trained(self):
        """Fresh encoders to be trained along, or what of them lies above the frozen part."""
        stages = self.config.trained_stages
        return {
            modality: encoder.split(stages)[1] if self.config.is_cut(modality) else encoder
            for modality, encoder in self._built().items()
        }

    def _probabilities(self, model, places):
        logits = predict_logits(model, self.data.eval_batches(places), device=self.device)
        return logits.softmax(1).numpy()

    def _train_batches(self, task):
        batches = self.data.train_batches(task.fit, seed=task.draw)
        if not self.config.finetune:
            return batches  # an epoch takes a blink
        return lambda epoch: tqdm(batches(epoch), f"epoch {epoch}", leave=False)

    def __call__(self, task):
        torch.manual_seed(task.draw)
        data, labels = self.data, self.labels
        model = SentimentModel(dims=data.dims, config=self.config, encoders=self._trained())
        progress = fit(
            model,
            train_batches=self._train_batches(task),
            inner_batches=data.eval_batches(task.inner),
            inner_labels=labels[task.inner],
            loss_function=make_loss(labels[task.fit], self.config),
            config=self.config,
            device=self.device,
            seed=task.draw,
            objective=make_objective(model, self.config),
            checkpoint=task.checkpoint,
        )
        return Learnt(
            scored=self._probabilities(model, task.scored),
            inner=self._probabilities(model, task.inner),
            unlabelled=self._probabilities(model, self.unlabelled),
            best_epoch=progress.best_epoch,
            history=tuple(asdict(epoch) for epoch in progress.history),
        )


class Nested:
    """Mixed into a learner, so that its inner predictions cover all training posts.

    They come from a cross-validation among the training posts; the scored posts are
    predicted by the learner as it is. Costs `PARTS` more fits a fold.
    """

    PARTS = 4

    def __call__(self, task):
        train = np.sort(task.train)
        groups, table = task.groups, np.empty((len(train), len(LABELS)))
        part = inner_parts(train, self.labels, groups, parts=self.PARTS, seed=task.seed)
        for number in range(self.PARTS):
            rest, left_out = train[part != number], train[part == number]
            fit, inner = inner_split(
                rest, self.labels, groups, parts=self.config.inner_folds, seed=task.seed
            )
            file = task.checkpoint.with_stem(f"{task.checkpoint.stem}-part{number}")
            sub = replace(task, fit=fit, inner=inner, scored=left_out, checkpoint=file)
            table[part == number] = super().__call__(sub).scored
        return replace(super().__call__(task), inner=table, inner_places=train)


# ---- the folds --------------------------------------------------------------------------


def fold_tasks(dataset, config, *, store, groups):
    """All folds of all seeds of a run, as `FoldTask`s."""
    tasks = []
    for seed in config.seeds:
        fold = make_folds(dataset.labels, groups, folds=config.folds, seed=seed)
        for number in range(config.folds):
            train, scored = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            train = share_of(train, groups, share=config.train_share, seed=seed)
            kept, inner = inner_split(
                train, dataset.labels, groups, parts=config.inner_folds, seed=seed
            )
            checkpoint = store / f"seed{seed}-fold{number}.pt"
            tasks.append(FoldTask(seed, number, kept, inner, scored, groups, checkpoint))
    return tasks


def _learn(task, learner, dataset):
    start = time.perf_counter()
    learnt = learner(task)
    inner = task.inner if learnt.inner_places is None else learnt.inner_places
    scores = metrics.summary(dataset.labels[inner], learnt.inner)
    return FoldResult(
        seed=task.seed,
        fold=task.fold,
        rows=dataset.rows[task.scored].tolist(),
        probabilities=learnt.scored.round(DIGITS).tolist(),
        unlabelled=learnt.unlabelled.round(DIGITS).tolist(),
        inner={name: scores[name] for name in ("accuracy", "macro_f1")},
        inner_rows=dataset.rows[inner].tolist(),
        inner_probabilities=learnt.inner.round(DIGITS).tolist(),
        best_epoch=learnt.best_epoch,
        history=list(learnt.history),
        seconds=round(time.perf_counter() - start, 1),
    )


def _finish(task, learner, dataset):
    """The task's result: read where it is finished, else learnt, saved, its checkpoint removed."""
    file = task.checkpoint.with_suffix(".json")
    if file.exists():
        return FoldResult(**json.loads(file.read_text(encoding="utf-8")))
    result = _learn(task, learner(), dataset)
    with replacing(file) as temporary:
        temporary.write_text(json.dumps(asdict(result)), encoding="utf-8")
    for left in task.checkpoint.parent.glob(f"*{task.checkpoint.stem}[.-]*pt"):
        left.unlink()  # the checkpoint, and what a kill while saving it has left behind
    return result


def _inputs_key(dataset, config, groups):
    """A name of all that a store's files depend on beside the config.

    That is the posts, their order, their groups, and a text encoder that may be made again.
    """
    lines = [f"{post.guid} {post.content}" for post in dataset.unlabelled]
    if "minilm_tweets" in config.text_encoders or config.words:
        lines.append(shipped_file("minilm_tweets.safetensors")[1])
    content = "\n".join([dataset.fingerprint, *lines, *map(str, groups)])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _assemble(dataset, config, results, **facts):
    shape = (len(config.seeds), len(dataset.labelled))
    probabilities, fold = np.full((*shape, 3), np.nan), np.full(shape, -1)
    place_of_row = np.argsort(dataset.rows)
    for result in results:
        seed, places = config.seeds.index(result.seed), place_of_row[result.rows]
        probabilities[seed, places] = result.probabilities
        fold[seed, places] = result.fold
    unlabelled = np.mean([result.unlabelled for result in results], axis=0)
    return CrossValidation(
        dataset, config, tuple(results), probabilities, fold, unlabelled, **facts
    )


def assemble(validation, results, *, settings):
    """A cross-validation on the posts of another, put together from new fold results."""
    seeds = tuple(dict.fromkeys(result.seed for result in results))
    return _assemble(
        validation.dataset,
        validation.config.but(seeds=seeds),
        results,
        settings=settings,
        grouped=validation.grouped,
    )


def cross_validate(dataset, config, *, learner=Learner, name=None, store=None, groups=None):
    """Trains and scores a config on every fold of every seed.

    Args:
        dataset: the posts; folds are grouped and stratified over its labelled ones.
        config: what to train.
        learner: a class whose instances learn a fold; `Learner` trains the model.
        name: shown in the progress bar and in the name of the store; the mode by default.
        store: folder of finished folds and checkpoints; by default one under `out/` that is
            named after the run, its settings and its posts.
        groups: `(N,)`, posts with the same number stay together; copies by default.

    Returns:
        CrossValidation.
    """
    name = name or config.mode
    grouped = groups is None
    groups = find_groups(dataset.labelled) if grouped else groups
    key = f"{name}-{config.key()}-{_inputs_key(dataset, config, groups)}-v{__version__}"
    store = store or out_folder() / dataset.name / "folds" / key
    built = cache(lambda: learner(dataset, config))  # only where a fold is left to learn
    tasks = fold_tasks(dataset, config, store=store, groups=groups)
    results = [_finish(task, built, dataset) for task in tqdm(tasks, f"{name}: folds", leave=False)]
    return _assemble(dataset, config, results, settings=learner.settings(config), grouped=grouped)


def choose(runs):
    """The run with the highest sum of accuracy and macro-F1 on the inner splits."""
    return max(runs, key=lambda run: sum(run.inner_scores.values()))
