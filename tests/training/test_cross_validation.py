"""Cross-validation on the demo set: sound, repeatable, and safe against a kill."""

import errno
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mmsa_utils.config import Config
from mmsa_utils.data.demo import CEILINGS
from mmsa_utils.data.splits import find_groups
from mmsa_utils.devices import environment
from mmsa_utils.errors import CourseError
from mmsa_utils.evaluation import metrics
from mmsa_utils.io import save_json
from mmsa_utils.training import cross_validation
from mmsa_utils.training.classical import MajorityClassifier
from mmsa_utils.training.cross_validation import choose, cross_validate, fold_tasks
from mmsa_utils.training.network import NetworkClassifier

MODES = ("text", "image", "fused")


@pytest.fixture(scope="module")
def runs(demo, tmp_path_factory):
    """The three modes, trained from nothing."""
    store = tmp_path_factory.mktemp("folds")
    return {m: cross_validate(demo, Config(mode=m), store=store / m) for m in MODES}


def accuracy(run):
    return run.scores[0]["accuracy"]


@pytest.mark.parametrize("mode", MODES)
def test_no_mode_is_above_its_ceiling_and_each_comes_near(runs, mode):
    ceiling = CEILINGS[mode]
    error = np.sqrt(ceiling * (1 - ceiling) / 240)
    assert accuracy(runs[mode]) < ceiling + 3 * error
    assert accuracy(runs[mode]) > ceiling - 4 * error


def test_fusion_beats_both_where_both_know_something(runs):
    assert accuracy(runs["fused"]) > max(accuracy(runs["text"]), accuracy(runs["image"]))


def test_every_post_is_scored_exactly_once_and_by_a_model_that_has_not_seen_it(demo, tmp_path):
    groups = find_groups(demo.labelled)
    tasks = fold_tasks(demo, Config(), store=tmp_path, groups=groups)
    assert sorted(np.concatenate([task.test for task in tasks])) == list(range(240))
    for task in tasks:
        assert not set(groups[task.trainval]) & set(groups[task.test])
        assert not set(groups[task.train]) & set(groups[task.validation])
        context = task.context()
        assert (context.groups == groups[task.trainval]).all()
        assert (task.trainval[context.validation] == task.validation).all()


def test_all_modes_use_the_same_folds(runs):
    assert (runs["text"].fold == runs["fused"].fold).all()


@pytest.mark.parametrize("learner", ["network", "linear"])
def test_few_posts_have_fewer_inner_folds_and_that_is_said(demo, tmp_path, learner):
    few = np.concatenate([np.flatnonzero(demo.labels == label)[:8] for label in range(3)])
    small = replace(demo, labelled=tuple(demo.labelled[k] for k in few), unlabelled=())
    config = Config(mode="text", epochs=1)
    with pytest.warns(UserWarning, match=r"8 negative posts are too few for 8 inner folds.* 6"):
        run = cross_validate(small, config, learner=learner, store=tmp_path)
    assert np.isfinite(run.probabilities).all()
    assert run.config.inner_folds == 6  # as the record says
    assert run.unlabelled.shape == (0, 3)


def test_labels_shuffled_give_nothing(demo, tmp_path):
    """Were a label to leak anywhere, shuffled labels would be predicted, too."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(demo.labels).tolist()
    posts = [replace(post, label=k) for post, k in zip(demo.labelled, labels, strict=True)]
    shuffled = demo.__class__("demo", tuple(posts), (), demo.excluded)
    run = cross_validate(shuffled, Config(mode="text"), store=tmp_path)
    assert abs(accuracy(run) - 1 / 3) < 3 * np.sqrt(2 / 9 / 240)


def test_the_same_seed_gives_the_same_predictions_and_another_does_not(demo, runs, tmp_path):
    again = cross_validate(demo, Config(mode="text"), store=tmp_path / "again")
    assert (again.probabilities == runs["text"].probabilities).all()
    other = cross_validate(demo, Config(mode="text", seeds=(1,)), store=tmp_path / "other")
    assert (other.probabilities != runs["text"].probabilities).any()


def test_finished_folds_are_not_trained_again(demo, tmp_path, monkeypatch):
    store, config = tmp_path / "folds", Config(mode="text", epochs=2)
    first = cross_validate(demo, config, store=store)
    monkeypatch.setattr(NetworkClassifier, "fit", None)  # any training would fail now
    again = cross_validate(demo, config, store=store)
    assert (first.probabilities == again.probabilities).all()


def test_another_learner_does_not_get_the_folds_of_the_first(demo):
    config = Config(mode="text")
    first = cross_validate(demo, config, learner="majority", name="same")
    second = cross_validate(demo, config, learner="TF-IDF", name="same")
    assert (first.probabilities != second.probabilities).any()


def test_a_learner_that_is_fitted_on_validation_posts_is_refused_unless_nested(demo):
    with pytest.raises(CourseError, match="wrap it in Nested"):
        cross_validate(demo, Config(), learner=MajorityClassifier())


def test_an_unknown_learner_is_named_with_those_that_exist(demo):
    with pytest.raises(CourseError, match=r"'magic' is not known.*linear"):
        cross_validate(demo, Config(), learner="magic")


def test_the_best_run_is_chosen_by_validation_and_not_by_test_scores(runs):
    best = choose(runs.values())
    sums = {mode: sum(run.validation_scores.values()) for mode, run in runs.items()}
    assert best is runs[max(sums, key=sums.get)]


# ---- other classes ----------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 5])
def test_a_network_learns_any_number_of_classes(datasets, tmp_path, count):
    dataset = datasets[count]
    config = Config(folds=3, epochs=12, class_weights="balanced", auxiliary_weight=0.3)
    run = cross_validate(dataset, config, store=tmp_path)
    assert run.probabilities.shape == (1, len(dataset.labelled), count)
    assert run.unlabelled.shape == (40, count)
    assert np.allclose(run.probabilities.sum(-1), 1, atol=1e-4)
    assert list(run.scores[0]["per_class"]) == list(dataset.classes)
    chance = np.bincount(dataset.labels).max() / len(dataset.labelled)
    assert accuracy(run) > chance + 0.1
    again = cross_validate(dataset, config, store=tmp_path)  # read from its files
    assert again.results == run.results


def test_the_same_posts_under_other_names_are_other_folds(datasets, tmp_path):
    config = Config(mode="text", epochs=1)
    cross_validate(datasets[2], config, store=tmp_path)
    renamed = replace(datasets[2], classes=("yes", "no"))
    with pytest.raises(CourseError, match=r"folds of another run: .*classes"):
        cross_validate(renamed, config, store=tmp_path)


def test_a_head_that_is_not_made_for_the_classes_is_refused_before_anything_is_read(
    datasets, tmp_path, monkeypatch
):
    monkeypatch.setattr(cross_validation, "PostData", None)
    with pytest.raises(CourseError, match=r"head='composition' is made for .*: choose from concat"):
        cross_validate(datasets[5], Config(head="composition"), store=tmp_path / "folds")
    assert not list(tmp_path.iterdir())


# ---- views ------------------------------------------------------------------------------


def test_a_fused_run_says_what_each_modality_alone_says_of_every_test_post(demo, runs):
    run = runs["fused"]
    assert set(run.views) == {"text", "image"}
    for mode, table in run.views.items():
        assert table.shape == run.probabilities.shape
        assert np.allclose(table.sum(-1), 1, atol=1e-4)
        score = metrics.summary(demo.labels, table[0])["accuracy"]
        assert 0.45 < score < CEILINGS[mode] + 0.09  # three standard errors
    assert runs["text"].views == runs["image"].views == {}


def test_nested_learners_have_no_views(demo, tmp_path):
    config = Config(epochs=1, folds=2, inner_folds=2)
    run = cross_validate(demo, config, learner="nested network", store=tmp_path)
    assert run.views == {}


# A child of this process would inherit pytest's threads, so a small one forks: it kills what it
# forks after a random time, until a run has come to its end.
KILLER = """
import os, random, signal, sys, threading, time, warnings
from pathlib import Path
import torch
from tqdm import tqdm
from mmsa_utils.config import Config
from mmsa_utils.data import load_dataset
from mmsa_utils.evaluation import save_run
from mmsa_utils.paths import DEMO
from mmsa_utils.training import cross_validate, make_ensemble, loop
torch.set_num_threads(1)
tqdm.set_lock(threading.RLock())  # its own is shared with forks: a kill would leave it locked
loop.CHECKPOINT_SECONDS = 0.0
demo, out = load_dataset(DEMO), Path(sys.argv[1])

def run():
    config = Config(mode="text", epochs=4, patience=4, folds=2, inner_folds=3)
    names = ("nested network", "TF-IDF")
    runs = {n: cross_validate(demo, config, learner=n, store=out / n) for n in names}
    save_run("text", make_ensemble(runs), out)

if len(sys.argv) > 2:
    run()
    sys.exit()
random.seed(4)
for kill in range(20):
    child = os.fork()
    if not child:
        warnings.simplefilter("error")  # nothing that a kill leaves is broken
        run()
        os._exit(0)
    time.sleep(random.uniform(0.0, 0.6))
    os.kill(child, signal.SIGKILL)
    if os.waitpid(child, 0)[1] not in (signal.SIGKILL, 0):
        sys.exit("a child failed by itself")
run()
"""


def killer(*arguments):
    command = [sys.executable, "-c", KILLER, *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def finished(process):
    _, said = process.communicate()
    assert process.returncode == 0, said


@pytest.fixture(scope="module")
def by_two(tmp_path_factory):
    """The folder of a run that two processes were at together, from beginning to end."""
    folder = tmp_path_factory.mktemp("by_two")
    first, second = (killer(folder, "once") for _ in range(2))
    finished(first)
    finished(second)
    return folder


def test_two_processes_at_one_cross_validation_share_its_folds(by_two):
    names = {file.name for file in (by_two / "nested network").glob("seed*")}
    assert names == {f"seed0-fold{n}.{suffix}" for n in range(2) for suffix in ("json", "lock")}


def test_killed_at_any_moment_it_goes_on_to_the_same_predictions(by_two, tmp_path):
    finished(killer(tmp_path))
    assert (tmp_path / "oof.csv").read_bytes() == (by_two / "oof.csv").read_bytes()
    assert not list(tmp_path.rglob("*.pt"))
    assert not list(tmp_path.rglob(".*json"))  # nothing half written is left


def test_a_broken_fold_is_said_and_learnt_anew(demo, tmp_path):
    config = Config(mode="text", epochs=1)
    before = cross_validate(demo, config, store=tmp_path)
    file = tmp_path / "seed0-fold2.json"
    file.write_bytes(file.read_bytes()[:900])
    with pytest.warns(UserWarning, match=r"seed0-fold2\.json is broken"):
        after = cross_validate(demo, config, store=tmp_path)
    assert (before.probabilities == after.probabilities).all()


def test_a_full_disk_is_one_message_and_keeps_what_is_finished(demo, tmp_path, monkeypatch):
    config, folds = Config(mode="text", epochs=1), []

    def save(content, file):
        if file.name != "manifest.json":
            folds.append(file)
        if len(folds) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        save_json(content, file)

    monkeypatch.setattr(cross_validation, "save_json", save)
    with pytest.raises(CourseError, match=r"seed0-fold2\.json cannot be written.*MMSA_OUT"):
        cross_validate(demo, config, store=tmp_path)
    monkeypatch.undo()
    assert len(list(tmp_path.glob("seed*.json"))) == 2
    assert np.isfinite(cross_validate(demo, config, store=tmp_path).probabilities).all()


def test_each_fold_says_what_it_was_computed_on(demo, tmp_path, monkeypatch):
    config = Config(mode="text", epochs=1)
    run = cross_validate(demo, config, store=tmp_path)
    assert run.environments == [environment("cpu")]
    (tmp_path / "seed0-fold4.json").unlink()
    later = environment("cpu") | {"torch": "99.0"}
    monkeypatch.setattr(cross_validation, "environment", lambda device, **_: later)
    mixed = cross_validate(demo, config, store=tmp_path)
    assert mixed.environments == [environment("cpu"), later]


def test_unlabelled_posts_in_another_order_get_their_own_predictions(demo):
    config = Config(mode="text", epochs=1)
    turned = replace(demo, unlabelled=demo.unlabelled[::-1])
    first, second = (cross_validate(d, config, name="order") for d in (demo, turned))
    assert np.allclose(first.unlabelled, second.unlabelled[::-1], atol=1e-5)
    assert not np.allclose(first.unlabelled, second.unlabelled)


def test_other_groups_are_other_folds(demo):
    config = Config(mode="text", epochs=1)
    alone = np.arange(len(demo.labelled))
    plain = cross_validate(demo, config, name="groups", groups=alone)
    grouped = cross_validate(demo, config, name="groups")
    assert (plain.grouped, grouped.grouped) == (False, True)
    assert (plain.fold != grouped.fold).any()


# ---- baselines --------------------------------------------------------------------------


def test_majority_gives_the_training_shares(demo, tmp_path):
    run = cross_validate(demo, Config(), learner="majority", store=tmp_path)
    for result in run.results:
        rest = np.delete(demo.labels, result.test)
        shares = np.bincount(rest) / len(rest)
        assert np.allclose(result.probabilities, shares, atol=1e-6)


def test_tfidf_learns_little_from_sentences_that_never_repeat(demo, tmp_path):
    run = cross_validate(demo, Config(), learner="TF-IDF", store=tmp_path)
    assert 0.33 < accuracy(run) < CEILINGS["text"]


# ---- fine-tuning ------------------------------------------------------------------------


@pytest.mark.parametrize("trained", [("text",), ("image",), ("text", "image")])
def test_encoders_can_be_trained_along(demo, tmp_path, trained):
    small = demo.__class__("demo", demo.labelled[:27], demo.unlabelled[:2], demo.excluded)
    config = Config(finetune=trained, epochs=1, folds=2, inner_folds=3, batch_size=16)
    run = cross_validate(small, config, store=tmp_path)
    frozen = cross_validate(small, config.but(finetune=()), store=tmp_path / "frozen")
    assert np.isfinite(run.probabilities).all()
    assert (run.probabilities != frozen.probabilities).any()
