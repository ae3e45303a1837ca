"""Step by step: what each idea gives, measured inside the training posts and out of fold.

Every row says what it is compared with (`against`), its gain in the sum of accuracy and macro-F1
on validation predictions, and that gain's standard error. It is kept if the gain is more than
noise, see `keeping`: the test folds decide nothing. What is tried is in `steps`. What is kept
here is what `recipes.py` holds; a test compares the two.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from ..config import MODES, Config
from ..data.posts import Dataset
from ..errors import CourseError
from ..evaluation.folders import claim_folder
from ..evaluation.predictions import CrossValidation
from ..evaluation.records import load_ablations, mean_summary, of_track
from ..io import Record, save_json
from ..models.heads import heads_for
from ..training.classical import DOUBTED_WEIGHT
from ..training.ensemble import correct_priors, make_ensemble
from .heads import KNOBS, best, make_grid, save_grid, search
from .keeping import fold_scores, is_kept, verdict
from .recipes import Changes, Recipes
from .runs import base_learner, run_learner
from .steps import Plan, Step

CORRECTION = "prior correction"
FILE = "ablations.json"


def _unless_changed(settings: Changes, changes: Changes) -> dict[str, object]:
    """Settings that every row of a track has, but for the knobs that the run has changed."""
    return {name: changes.get(name, value) for name, value in settings.items()}


# ---- rows -------------------------------------------------------------------------------


def _devices(run: CrossValidation) -> str:
    return ", ".join(sorted({record["device"] for record in run.environments}))


class Track:
    """Rows that build on each other: a new one is compared with the last one kept."""

    def __init__(self, dataset: Dataset, rows: list[Record], mode: str, step: str) -> None:
        self.dataset, self.rows, self.mode, self.step = dataset, rows, mode, step
        self.against: str | None = None

    def add(self, step: Step, run: CrossValidation, *, settings: Changes, of: int) -> Record:
        """Adds a row that is not decided on yet, see `batch`."""
        row: Record = {
            "name": step.name,
            "mode": self.mode,
            "step": self.step,
            "changes": step.changes,
            "settings": dict(settings),
            "against": self.against,
            "of": of,
            "validation": run.validation_scores,
            **fold_scores(run),
            "oof": mean_summary(run.scores),
            "seeds": list(run.config.seeds),
            "seconds": round(sum(result.seconds for result in run.results), 1),
            "device": _devices(run),
        }
        own = of_track(self.rows, self.mode, self.step)
        base = next((r for r in own if r["name"] == self.against), None)
        row["gain"], row["error"] = verdict(row, base)[:2] if base else (None, None)
        self.rows.append(row)
        return row

    def settle(self, added: Sequence[Record]) -> str | None:
        """Decides on new rows; the name of the one that is kept, if any is."""
        for row in added:
            row["kept"] = is_kept(row, self.rows)
            print(f"{self.mode}: {_in_words(row)}", flush=True)
        kept = [row["name"] for row in added if row["kept"]]
        self.against = kept[0] if kept else self.against
        return kept[0] if kept else None

    def enter(self, step: Step, run: CrossValidation) -> bool:
        """Adds the row of a run and decides on it; whether it is kept."""
        return self.settle([self.add(step, run, settings={}, of=1)]) is not None

    def batch(self, steps: Sequence[Step], config: Config, *, learner: str, of: int = 1) -> Config:
        """Tries several changes of a config, each for itself; keeps one of them at most.

        Args:
            of: how many candidates a row's gain is corrected for.

        Returns:
            The config that goes on.
        """
        tried = {step.name: config.but(**step.on(config)) for step in steps}
        added = []
        for step in steps:
            seeds = config.seeds[: step.seeds]
            run = run_learner(self.dataset, tried[step.name].but(seeds=seeds), learner)
            added.append(self.add(step, run, settings=step.on(config), of=of))
        kept = self.settle(added)
        return config if kept is None else tried[kept]

    def run(self, step: Step, config: Config, *, learner: str) -> Config:
        """Tries a change of the config; returns the config that goes on."""
        return self.batch([step], config, learner=learner)


def _in_words(row: Record) -> str:
    scores = " / ".join(f"{row['validation'][name]:.4f}" for name in ("accuracy", "macro_f1"))
    gain = "" if row["gain"] is None else f", gain {row['gain']:+.4f} ± {row['error']:.4f}"
    return f"{row['step']}: {row['name']}: validation {scores}{gain}{', kept' * row['kept']}"


# ---- what was kept ----------------------------------------------------------------------


def kept_rows(rows: Sequence[Record], mode: str, step: str) -> list[Record]:
    """The kept rows of a track, in order."""
    return [row for row in of_track(rows, mode, step) if row["kept"]]


def _after(config: Config, rows: Sequence[Record]) -> Config:
    """A config with the settings of rows, one after the other."""
    for row in rows:
        config = config.but(**Config.tuples(row["settings"]))
    return config


def chosen_head(recipes: Recipes, rows: Sequence[Record], mode: str) -> dict[str, object]:
    """Head, dropout and learning rate that a mode's rows keep; as the recipes have it without."""
    kept = kept_rows(rows, mode, "heads")
    if kept:
        return dict(kept[-1]["settings"])
    return {knob: getattr(recipes.networks[mode], knob) for knob in ("head", *KNOBS)}


def chosen(recipes: Recipes, rows: Sequence[Record]) -> Recipes:
    """The recipes with the features, the networks and the ensembles that the rows keep.

    Of a track without rows the recipes' own stay.
    """
    features, networks = dict(recipes.features), dict(recipes.networks)
    learners = dict(recipes.base_learners)
    for mode in MODES:
        if kept := kept_rows(rows, mode, "features"):
            features[mode] = _after(recipes.start(mode), kept)
        if kept := kept_rows(rows, mode, "network"):
            networks[mode] = _after(features[mode], kept)
        if kept := kept_rows(rows, mode, "ensemble"):
            names = [row["name"] for row in kept]
            learners[mode] = tuple(name for name in names if name != CORRECTION)
    return replace(recipes, features=features, networks=networks, base_learners=learners)


def _print_chosen(recipes: Recipes) -> None:
    """What recipes.py has to hold."""
    for mode in MODES:
        print(f"\n{mode}: features {recipes.features[mode].changes(recipes.course)}")
        print(f"{mode}: network {recipes.networks[mode].changes(recipes.features[mode])}")
        print(f"{mode}: base learners {recipes.base_learners[mode]}", flush=True)


@dataclass
class Ablation:
    """An ablation that is being run: what is tried, and the rows so far."""

    dataset: Dataset
    recipes: Recipes
    folder: Path
    plan: Plan
    rows: list[Record] = field(default_factory=list)

    @property
    def chosen(self) -> Recipes:
        """The recipes by the rows so far: what the next track builds on."""
        return chosen(self.recipes, self.rows)

    def track(self, mode: str, step: str) -> Track:
        """An empty track, in place of the one that may be there."""
        self.rows = [row for row in self.rows if (row["mode"], row["step"]) != (mode, step)]
        return Track(self.dataset, self.rows, mode, step)

    def save(self) -> None:
        """Writes the rows so far, by mode and track."""
        steps = list(TRACKS)
        rows = sorted(
            self.rows, key=lambda row: (MODES.index(row["mode"]), steps.index(row["step"]))
        )
        save_json(rows, self.folder / FILE)

    def heads(self, mode: str) -> Sequence[str]:
        """The heads that are tried; only one where one modality, or the user, has chosen."""
        fitting = heads_for(self.dataset.classes)
        if mode != "fused" or "head" in self.recipes.changes:
            return [self.recipes.start(mode).head]
        return [head for head in self.plan.heads if head in fitting]

    def base_learner(self, mode: str, name: str) -> CrossValidation:
        """One base learner's run, on the features that were kept."""
        return base_learner(self.dataset, self.chosen, mode, name)


# ---- the tracks -------------------------------------------------------------------------


def feature_track(ablation: Ablation, mode: str) -> None:
    """Linear models on frozen features, one more source at a time; then the cheap ones."""
    track, config = ablation.track(mode, "features"), ablation.recipes.start(mode)
    first = Step("linear", "logistic regression, one encoder a modality")
    for step in (first, *ablation.plan.features[mode]):
        config = track.run(step, config, learner="linear")
    cheap = ablation.plan.cheap.get(mode, ())
    track.batch(cheap, config, learner="linear", of=len(cheap))


def head_track(ablation: Ablation, mode: str) -> None:
    """Each head at its own best setting, against the simplest one."""
    plan, changes = ablation.plan, ablation.recipes.changes
    config = ablation.chosen.features[mode].but(**_unless_changed(plan.network[mode], changes))
    grid = make_grid(dropouts=plan.dropouts, rates=plan.rates, changes=changes)
    rows, steps = [], []
    for head in ablation.heads(mode):
        found = search(ablation.dataset, config.but(head=head), grid)
        settings = {"head": head, **best(found)}
        says = f"dropout {settings['dropout']}, learning rate {settings['learning_rate']:g}"
        steps.append(Step(head, says, settings))
        rows += found
    save_grid(rows, ablation.folder, mode)
    track = ablation.track(mode, "heads")
    config = track.run(steps[0], config, learner="network")
    track.batch(steps[1:], config, learner="network")


def network_track(ablation: Ablation, mode: str) -> None:
    """The sentiment model on the kept features, with the kept head: its training."""
    start = {**ablation.plan.network[mode], **chosen_head(ablation.recipes, ablation.rows, mode)}
    settings = _unless_changed(start, ablation.recipes.changes)
    track, config = ablation.track(mode, "network"), ablation.chosen.features[mode]
    first = Step("network", "the network, which does without words and MPNet", settings)
    for step in (first, *ablation.plan.training[mode]):
        config = track.run(step, config, learner="network")


def noise_track(ablation: Ablation, mode: str) -> None:
    """Suspicious training posts at a lower weight; without MPNet, which the question can spare."""
    track = ablation.track(mode, "label noise")
    settings = _unless_changed(ablation.plan.without_mpnet[mode], ablation.recipes.changes)
    config = ablation.chosen.features[mode].but(**settings)
    track.run(Step("as labelled", "the linear model"), config, learner="linear")
    changes = f"suspicious training posts weigh {DOUBTED_WEIGHT}"
    track.run(Step("down-weighted", changes), config, learner="cleaned linear")


def ensemble_track(ablation: Ablation, mode: str) -> None:
    """Prior correction first, then base learners added one by one, corrected if that helped."""
    track = ablation.track(mode, "ensemble")
    first, *others = ablation.plan.candidates[mode]
    kept = {first: ablation.base_learner(mode, first)}
    track.enter(Step(first, "alone"), kept[first])
    corrected = correct_priors(kept[first])
    helps = track.enter(Step(CORRECTION, "+ factors of the classes"), corrected)
    for name in others:
        tried = {**kept, name: ablation.base_learner(mode, name)}
        run = make_ensemble(tried)
        step = Step(name, f"+ {name}, in the ensemble")
        if track.enter(step, correct_priors(run) if helps else run):
            kept = tried


def _frozen(ablation: Ablation, mode: str) -> Config:
    """The network whose encoder is trained along, before that."""
    settings = _unless_changed(ablation.plan.frozen[mode], ablation.recipes.changes)
    return ablation.recipes.start(mode).but(**settings)


def finetuning_track(ablation: Ablation, mode: str) -> None:
    """Encoders trained along."""
    track = ablation.track(mode, "fine-tuning")
    first = Step("frozen", "the same encoder, frozen")
    config = track.run(first, _frozen(ablation, mode), learner="network")
    for step in ablation.plan.finetuned[mode]:
        config = track.run(step, config, learner="network")


def blend_track(ablation: Ablation, mode: str) -> None:
    """The network with a trained encoder, in the ensemble."""
    track, step = ablation.track(mode, "blend"), ablation.plan.blended[mode]
    names = ablation.chosen.base_learners[mode]
    kept = {name: ablation.base_learner(mode, name) for name in names}
    track.enter(Step("ensemble", "as it was kept"), correct_priors(make_ensemble(kept)))
    config = _frozen(ablation, mode).but(**step.settings)
    kept[step.name] = run_learner(ablation.dataset, config, "nested network")
    run = correct_priors(make_ensemble(kept))
    track.enter(Step(step.name, f"+ the network of {step.name!r}, in the ensemble"), run)


# ---- all of them ------------------------------------------------------------------------


class _Kind(NamedTuple):
    """A kind of track: what runs it, and for which modes."""

    run: Callable[[Ablation, str], None]
    modes: Sequence[str] = MODES


TRACKS: Mapping[str, _Kind] = {
    "features": _Kind(feature_track),
    "heads": _Kind(head_track),
    "network": _Kind(network_track),
    "label noise": _Kind(noise_track, ("fused",)),
    "ensemble": _Kind(ensemble_track),
    "fine-tuning": _Kind(finetuning_track, ("text", "image")),
    "blend": _Kind(blend_track, ("text", "image")),
}
# Days on 2 CPU cores: only where it is asked for.
ONLY_BY_NAME = ("blend",)


def find_tracks(names: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Tracks as `(mode, step)`, in the order in which they are run.

    Args:
        names: such as "heads", for all modes, or "text heads". By default all but
            `ONLY_BY_NAME`.

    Raises:
        CourseError: where there is none of that name.
    """
    pairs = [(mode, step) for step, kind in TRACKS.items() for mode in kind.modes]
    known = {step for _, step in pairs} | {f"{mode} {step}" for mode, step in pairs}
    if unknown := [name for name in names if name not in known]:
        raise CourseError(
            f"track {unknown[0]!r} is not known; choose from: {', '.join(TRACKS)}, or of one mode, "
            "such as 'text features'"
        )
    names = names or [step for step in TRACKS if step not in ONLY_BY_NAME]
    return [(mode, step) for mode, step in pairs if {step, f"{mode} {step}"} & set(names)]


def _rows_of_others(folder: Path, tracks: Sequence[tuple[str, str]]) -> list[Record]:
    """Rows that the folder has already, of tracks that are known and not to be run."""
    rows = load_ablations(folder) if (folder / FILE).exists() else []
    known = {(mode, step) for step, kind in TRACKS.items() for mode in kind.modes}
    return [row for row in rows if (row["mode"], row["step"]) in known - set(tracks)]


def run_ablations(
    dataset: Dataset,
    recipes: Recipes,
    folder: Path,
    *,
    tracks: Sequence[str] = (),
    plan: Plan | None = None,
) -> None:
    """Tracks in order, into `<folder>/ablations.json`; a finished fold is read, not learnt.

    A track builds on what the rows before it keep: those of this run, else those that the folder
    has already, else the recipes. So parts may be run elsewhere: fine-tuning on a machine with
    a GPU, the rest on another one, the file carried along. Rows of tracks that are not run stay.
    The grid of the heads is in `<folder>/heads.json`.

    Args:
        tracks: names as `find_tracks` takes them.

    Raises:
        CourseError: where a track is not known, or the folder holds runs on other posts.
    """
    chosen_tracks = find_tracks(tracks)
    claim_folder(folder, dataset)
    rows = _rows_of_others(folder, chosen_tracks)
    ablation = Ablation(dataset, recipes, folder, plan or Plan(), rows)
    for number, (mode, step) in enumerate(chosen_tracks, start=1):
        print(f"[{number}/{len(chosen_tracks)}] {mode} {step}", flush=True)
        TRACKS[step].run(ablation, mode)
        ablation.save()
    _print_chosen(ablation.chosen)
