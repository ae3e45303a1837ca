"""Folds in parallel processes: the same predictions, the same store, the same learners."""

import threading
from dataclasses import asdict

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from mmsa_utils import config
from mmsa_utils.config import Config
from mmsa_utils.errors import CourseError
from mmsa_utils.models.heads import HEAD_CLASSES
from mmsa_utils.training import cross_validation
from mmsa_utils.training.cross_validation import cross_validate
from mmsa_utils.training.learners import PostClassifier

CONFIG = Config(epochs=3, folds=3, inner_folds=3, jobs=2)


@pytest.fixture(autouse=True)
def one_thread():
    """This process computes as those beside it do."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


@pytest.fixture
def nothing_here(monkeypatch):
    """Any fold that this process learns itself would fail now."""
    monkeypatch.setattr(cross_validation, "_learn", None)


def plain(run):
    """Fold results without the time that they took."""
    return [asdict(result) | {"seconds": None} for result in run.results]


@pytest.mark.parametrize("learner", ["network", "linear", "cleaned linear", "TF-IDF"])
def test_results_are_those_of_one_process_to_the_last_digit(demo, tmp_path, learner):
    one, two = (
        cross_validate(demo, CONFIG.but(jobs=jobs), learner=learner, store=tmp_path / str(jobs))
        for jobs in (1, 2)
    )
    assert plain(one) == plain(two)  # in the same order, and with what they were computed on
    assert two.environments[0]["threads"] == 1


def test_what_is_finished_is_read_and_the_rest_is_learnt_beside(demo, tmp_path, nothing_here):
    first = cross_validate(demo, CONFIG, store=tmp_path)
    files = [tmp_path / f"seed0-fold{number}.json" for number in range(3)]
    kept = files[0].stat().st_mtime_ns
    files[1].unlink()
    files[2].write_bytes(files[2].read_bytes()[:900])
    with pytest.warns(UserWarning, match=r"seed0-fold2\.json is broken"):
        again = cross_validate(demo, CONFIG, store=tmp_path)
    assert plain(first) == plain(again)
    assert files[0].stat().st_mtime_ns == kept
    assert {file.suffix for file in tmp_path.iterdir()} == {".json", ".lock"}


def test_finished_folds_are_read_on_any_number_of_processes(demo, tmp_path, nothing_here):
    first = cross_validate(demo, CONFIG, store=tmp_path)
    again = cross_validate(demo, CONFIG.but(jobs=1), store=tmp_path)
    assert plain(first) == plain(again)


def test_a_notebooks_head_is_known_there(demo, tmp_path, nothing_here, monkeypatch):
    class Mine(HEAD_CLASSES["concat"]):
        pass

    monkeypatch.setitem(HEAD_CLASSES, "mine", Mine)
    monkeypatch.setattr(config, "HEADS", [*config.HEADS, "mine"])
    run = cross_validate(demo, CONFIG.but(head="mine"), store=tmp_path)
    same = cross_validate(demo, CONFIG.but(head="concat"), store=tmp_path / "concat")
    assert plain(run) == plain(same)


def constant(answer):
    """A learner as a notebook has it: its class is in no module that can be imported."""

    class Constant(PostClassifier):
        holds_validation_out = True

        def fit(self, X, y, context):
            return self

        def predict_proba(self, X):
            return np.tile(answer(), (len(X), 1))

        def settings(self):
            return {"model": "constant"}

    return Constant()


def test_a_notebooks_learner_is_known_there(demo, tmp_path, nothing_here):
    run = cross_validate(demo, CONFIG, learner=constant(lambda: [0.5, 0.25, 0.25]), store=tmp_path)
    assert (run.probabilities == [0.5, 0.25, 0.25]).all()


@pytest.fixture
def learnt_here(monkeypatch):
    """What this process would learn itself ends in an error of this name."""

    def learn(*_):
        raise CourseError("learnt here")

    monkeypatch.setattr(cross_validation, "_learn", learn)
    return "learnt here"


@pytest.mark.parametrize("changes", [{"jobs": 1}, {"finetune": ("text",)}])
def test_one_process_and_trained_encoders_stay_here(demo, tmp_path, learnt_here, changes):
    with pytest.raises(CourseError, match=learnt_here):
        cross_validate(demo, CONFIG.but(**changes), store=tmp_path)


def test_networks_on_a_gpu_stay_here_for_there_is_one(demo, tmp_path, learnt_here, monkeypatch):
    monkeypatch.setattr(cross_validation, "pick_device", lambda _: torch.device("cuda"))
    for learner in ("network", "nested network"):
        with pytest.raises(CourseError, match=learnt_here):
            cross_validate(demo, CONFIG, learner=learner, store=tmp_path / learner)
    cross_validate(demo, CONFIG, learner="majority", store=tmp_path / "majority")


# It ends the processes: last, so that no test has to wait for new ones.
def test_a_learner_that_cannot_be_sent_is_fitted_here(demo, tmp_path):
    lock = threading.Lock()

    def answer():
        with lock:
            return [0.5, 0.25, 0.25]

    with pytest.warns(UserWarning, match=r"Constant cannot be sent .*lock.*one after the other"):
        run = cross_validate(demo, CONFIG, learner=constant(answer), store=tmp_path)
    assert (run.probabilities == [0.5, 0.25, 0.25]).all()
