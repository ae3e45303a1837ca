"""Cross-validation: grouped folds, a validation set for every choice, saved fold by fold.

A fold splits the labelled posts in three: `train` is learnt from, `validation` serves early
stopping and every choice, `test` is scored and serves nothing else. A finished fold is a small
JSON file; a started one is a checkpoint. Killed at any moment, a second start goes on and ends
with the same predictions.

Folds of frozen features can be learnt in several processes, see `Config.jobs`.
"""

import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from pickle import PicklingError

import numpy as np
from filelock import FileLock
from sklearn.base import clone

from ..config import Config
from ..data.posts import Dataset
from ..data.splits import (
    fewer_inner_folds,
    find_groups,
    make_folds,
    require_folds,
    subsample,
    train_validation_split,
)
from ..devices import environment, pick_device
from ..errors import CourseError
from ..evaluation import metrics
from ..evaluation.predictions import CrossValidation, FoldResult, assemble
from ..io import load_json, save_json
from ..models.heads import Head, head_class, register_head, require_head
from ..progress import progress_bar
from ..settings import run_folder
from .batches import PostData, PostSubset
from .learners import FitContext, Learner, Nested, make_learner
from .manifest import hold, make_manifest, manifest_key
from .network import NetworkClassifier
from .processes import count_processes, in_processes

DIGITS = 6  # of saved probabilities


@dataclass(frozen=True)
class FoldTask:
    """One fold to do: indices of labelled posts for training, for choices and for scoring."""

    seed: int
    fold: int
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    groups: np.ndarray  # of all labelled posts: copies have the same number
    checkpoint: Path

    @property
    def trainval(self) -> np.ndarray:
        """Indices of all posts that are not scored: those to train on, then validation."""
        return np.concatenate([self.train, self.validation])

    @property
    def result_file(self) -> Path:
        """Where the finished fold is."""
        return self.checkpoint.with_suffix(".json")

    def context(self) -> FitContext:
        """What a learner may know, in the order of `trainval`."""
        return FitContext(
            validation=np.arange(len(self.trainval)) >= len(self.train),
            groups=self.groups[self.trainval],
            fold_seed=self.seed,
            seed=self.seed * 100 + self.fold,
            checkpoint=self.checkpoint,
        )


def fold_tasks(
    dataset: Dataset, config: Config, *, store: Path, groups: np.ndarray
) -> list[FoldTask]:
    """All folds of all seeds of a run.

    Args:
        store: the folder of their checkpoints.
        groups: `(N,)`: posts with the same number stay together.

    Raises:
        CourseError: where a class has too few posts.
    """
    tasks = []
    for seed in config.seeds:
        fold = make_folds(
            dataset.labels, groups, folds=config.folds, seed=seed, classes=dataset.classes
        )
        for number in range(config.folds):
            trainval, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            trainval = subsample(trainval, groups, share=config.train_share, seed=seed)
            train, validation = train_validation_split(
                trainval,
                dataset.labels,
                groups,
                inner_folds=config.inner_folds,
                seed=seed,
                classes=dataset.classes,
            )
            checkpoint = store / f"seed{seed}-fold{number}.pt"
            tasks.append(FoldTask(seed, number, train, validation, test, groups, checkpoint))
    return tasks


# ---- one fold ---------------------------------------------------------------------------


def _rounded(table: np.ndarray) -> list[list[float]]:
    return table.round(DIGITS).tolist()


def _predicted(learner: Learner, X: PostSubset) -> list[list[float]]:
    return _rounded(learner.predict_proba(X)) if len(X) else []  # there may be no unlabelled post


def _validation_predictions(learner: Learner, task: FoldTask, data: PostData) -> np.ndarray:
    """`(n, K)`: of the posts that serve choices, by models that were not fitted on them."""
    if isinstance(learner, Nested):
        return learner.inner_probabilities_[np.argsort(task.trainval)]
    return learner.predict_proba(data.subset(task.validation))


def _views(learner: Learner, X: PostSubset) -> dict[str, list[list[float]]]:
    views = learner.predict_views(X) if isinstance(learner, NetworkClassifier) else {}
    return {seen: _rounded(table) for seen, table in views.items()}


def _learn(task: FoldTask, learner: Learner, data: PostData) -> FoldResult:
    start = time.perf_counter()
    labels = data.labels.numpy()
    fitted = clone(learner).fit(data.subset(task.trainval), labels[task.trainval], task.context())
    chosen = np.sort(task.trainval) if isinstance(fitted, Nested) else task.validation
    table = _validation_predictions(fitted, task, data)
    scores = metrics.summary(labels[chosen], table, classes=data.classes)
    return FoldResult(
        seed=task.seed,
        fold=task.fold,
        test=task.test.tolist(),
        probabilities=_predicted(fitted, data.subset(task.test)),
        unlabelled=_predicted(fitted, data.unlabelled),
        validation={name: scores[name] for name in ("accuracy", "macro_f1")},
        validation_indices=chosen.tolist(),
        validation_probabilities=_rounded(table),
        best_epoch=fitted.best_epoch_,
        history=list(fitted.history_),
        seconds=round(time.perf_counter() - start, 1),
        environments=[environment(pick_device(data.config.device), engine=data.config.engine)],
        views=_views(fitted, data.subset(task.test)),
    )


def _read(file: Path) -> FoldResult | None:
    """A finished fold; None where there is none, or a broken one, which is said."""
    if not file.exists():
        return None
    try:
        return FoldResult(**load_json(file))
    except (CourseError, TypeError):
        warnings.warn(f"{file} is broken: this fold is learnt anew", stacklevel=2)
        return None


@contextmanager
def _writing(task: FoldTask) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CourseError(
            f"{task.result_file} cannot be written ({error}): free some space, or name another "
            "folder with MMSA_OUT; what is finished is kept"
        ) from error


@contextmanager
def _alone(task: FoldTask) -> Iterator[None]:
    """Waits while another process is at this fold: then its result can be read."""
    lock = FileLock(task.checkpoint.with_suffix(".lock"))
    with _writing(task):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _save(result: FoldResult, task: FoldTask) -> None:
    with _writing(task):
        save_json(asdict(result), task.result_file)


def _tidy(task: FoldTask) -> None:
    """Removes a finished fold's checkpoints, and what a kill while saving has left behind."""
    with suppress(OSError):
        for left in task.checkpoint.parent.glob(f"*{task.checkpoint.stem}[.-]*pt"):
            left.unlink()


def _finish(task: FoldTask, learner: Learner, data: Callable[[], PostData]) -> FoldResult:
    """The task's result: read where it is finished, else learnt and saved.

    Raises:
        CourseError: where it cannot be saved.
    """
    done = _read(task.result_file)
    if done is None:
        with _alone(task):
            done = _read(task.result_file)
            if done is None:
                done = _learn(task, learner, data())
                _save(done, task)
    _tidy(task)
    return done


# ---- in processes -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Finish:
    """Finishes folds, with all that another process needs for it."""

    learner: Learner
    data: PostData
    head: type[Head]  # of the config; the other process knows none that a notebook has registered

    def __call__(self, task: FoldTask) -> None:
        register_head(self.data.config.head)(self.head)
        _finish(task, self.learner, lambda: self.data)


def _is_network(learner: Learner) -> bool:
    parts = (learner, *learner.get_params(deep=True).values())
    return any(isinstance(part, NetworkClassifier) for part in parts)


def _count_processes(tasks: list[FoldTask], learner: Learner, config: Config) -> int:
    if config.finetune:
        return 1  # a trained encoder keeps all cores busy, and each process would hold its own
    if _is_network(learner) and pick_device(config.device).type != "cpu":
        return 1  # there is one such device
    return count_processes(config.jobs, tasks=len(tasks))


def _finish_in_processes(
    tasks: list[FoldTask],
    learner: Learner,
    data: Callable[[], PostData],
    *,
    processes: int,
    label: str,
) -> None:
    """Learns and saves what is left of the tasks; of a learner that cannot be sent, nothing."""
    left = [task for task in tasks if _read(task.result_file) is None]
    if not left:
        return
    data().frozen  # noqa: B018 (computed by being asked for: once, with all threads)
    finish = _Finish(learner, data(), head_class(data().config.head))
    done = in_processes(finish, left, processes=processes)
    try:
        for _ in progress_bar(done, label, total=len(tasks), initial=len(tasks) - len(left)):
            pass
    except PicklingError as error:
        warnings.warn(
            f"{type(learner).__name__} cannot be sent to another process ({error}): "
            "folds are learnt one after the other",
            stacklevel=4,
        )


# ---- all folds --------------------------------------------------------------------------


def _fitting(dataset: Dataset, config: Config, groups: np.ndarray) -> Config:
    """The config with as many inner folds as the posts are enough for; fewer are said."""
    wanted, labels, classes = config.inner_folds, dataset.labels, dataset.classes
    possible = require_folds(
        labels, groups, folds=config.folds, inner_folds=wanted, classes=classes
    )
    if possible < wanted:
        reason = fewer_inner_folds(
            labels, groups, inner_folds=wanted, possible=possible, classes=classes
        )
        warnings.warn(reason, stacklevel=3)
    return config.but(inner_folds=possible)


def _finish_all(
    tasks: list[FoldTask], learner: Learner, dataset: Dataset, config: Config, *, label: str
) -> list[FoldResult]:
    data = cache(lambda: PostData(dataset, config))  # only where a fold is left to learn
    processes = _count_processes(tasks, learner, config)
    if processes > 1:
        _finish_in_processes(tasks, learner, data, processes=processes, label=label)
    bar = progress_bar(tasks, label, shown=processes == 1)
    return [_finish(task, learner, data) for task in bar]


def _checked(learner: str | Learner, config: Config) -> Learner:
    made = make_learner(learner, config) if isinstance(learner, str) else learner
    if not made.holds_validation_out:
        raise CourseError(
            f"{type(made).__name__} is fitted on the validation posts as well, so its "
            "predictions of them can choose nothing: wrap it in Nested"
        )
    return made


def cross_validate(
    dataset: Dataset,
    config: Config,
    *,
    learner: str | Learner = "network",
    name: str | None = None,
    store: Path | None = None,
    groups: np.ndarray | None = None,
) -> CrossValidation:
    """Trains and scores a learner on every fold of every seed.

    With `config.jobs` other than 1, folds of frozen features are learnt in so many processes with
    one thread each. Their predictions are to the last digit those of `jobs=1` in a process that
    has one thread. More threads add numbers up in another order, so that last digits may differ,
    and with them the epoch on which a training stops.

    Args:
        dataset: the posts; folds are grouped and stratified over its labelled ones.
        config: what to train, and the protocol.
        learner: a name in `learners.LEARNERS`, or a learner; the network by default.
        name: shown in the progress bar and in the name of the store; the mode by default.
        store: folder of finished folds and checkpoints; by default one under `out/` that is
            named after the run and its manifest.
        groups: `(N,)`, posts with the same number stay together; copies by default.

    Raises:
        CourseError: where a class has too few posts, the head is not made for the classes, the
            learner cannot be judged, or the store holds folds of another run or cannot be
            written.
    """
    name, grouped = name or config.mode, groups is None
    groups = find_groups(dataset.labelled) if groups is None else groups
    require_head(config, dataset.classes)
    config = _fitting(dataset, config, groups)
    learner = _checked(learner, config)
    settings = learner.settings()
    manifest = make_manifest(dataset, config, learner, groups)
    if store is None:
        folder = run_folder(dataset.name, dataset.fingerprint) / "folds"
        store = folder / f"{name}-{manifest_key(manifest)}"
    tasks = fold_tasks(dataset, config, store=store, groups=groups)
    hold(store, manifest)
    results = _finish_all(tasks, learner, dataset, config, label=f"{name}: folds")
    return assemble(dataset, config, results, settings=settings, grouped=grouped)


def choose(runs: Iterable[CrossValidation]) -> CrossValidation:
    """The run with the highest sum of accuracy and macro-F1 on its validation predictions."""
    return max(runs, key=lambda run: sum(run.validation_scores.values()))
