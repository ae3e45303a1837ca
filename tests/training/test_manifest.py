"""A store's folds belong to one run: whatever changes a figure changes the manifest."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

from mmsa_utils.config import Config
from mmsa_utils.errors import CourseError
from mmsa_utils.io import load_json
from mmsa_utils.training.classical import FeatureClassifier, linear_pipeline
from mmsa_utils.training.cross_validation import cross_validate
from mmsa_utils.training.learners import Nested, PostClassifier, make_learner
from mmsa_utils.training.manifest import hold, make_manifest, manifest_key

CONFIG = Config(mode="text", epochs=1)
GROUPS = np.arange(240)


def manifest(demo, *, config=CONFIG, learner="network", groups=GROUPS):
    made = make_learner(learner, config) if isinstance(learner, str) else learner
    return make_manifest(demo, config, made, groups)


def linear(C):
    classifier = FeatureClassifier(
        CONFIG, linear_pipeline(C=C), model="the same words", parameters={}
    )
    return Nested(classifier, inner_folds=8)


def constant(answer):
    class Constant(PostClassifier):
        def fit(self, X, y, context):
            return self

        if answer == 0:

            def predict_proba(self, X):
                return np.tile([1.0, 0.0, 0.0], (len(X), 1))
        else:

            def predict_proba(self, X):
                return np.tile([0.0, 1.0, 0.0], (len(X), 1))

        def settings(self):
            return {"model": "constant"}

    return Nested(Constant(), inner_folds=8)


def changes(demo):
    """What changes a figure, each by a name."""
    alone = replace(demo, labelled=demo.labelled[:239])
    other_unlabelled = replace(demo, unlabelled=demo.unlabelled[::-1])
    return {
        "learner": manifest(demo, learner="linear"),
        "another learner's constant": manifest(demo, learner=linear(0.1)),
        "the same with another constant": manifest(demo, learner=linear(0.2)),
        "a class of a notebook": manifest(demo, learner=constant(0)),
        "its code changed": manifest(demo, learner=constant(1)),
        "a knob": manifest(demo, config=CONFIG.but(dropout=0.4)),
        "an encoder": manifest(demo, config=CONFIG.but(text_encoders=("minilm_tweets",))),
        "posts": manifest(alone, groups=GROUPS[:239]),
        "unlabelled posts": manifest(other_unlabelled),
        "groups": manifest(demo, groups=np.arange(240) // 2),
    }


def test_whatever_changes_a_figure_has_a_store_of_its_own(demo):
    keys = [manifest_key(m) for m in (manifest(demo), *changes(demo).values())]
    assert len(set(keys)) == len(keys)


def test_what_changes_no_figure_shares_the_store(demo):
    same = CONFIG.but(device="cpu", workers=2, seeds=(0, 1))
    assert manifest_key(manifest(demo, config=same)) == manifest_key(manifest(demo))


def test_a_store_of_another_run_is_refused_and_the_difference_named(demo, tmp_path):
    cross_validate(demo, CONFIG, learner="majority", store=tmp_path / "store")
    with pytest.raises(CourseError, match=r"another run: parameters .*settings \(model"):
        cross_validate(demo, CONFIG, learner="TF-IDF", store=tmp_path / "store")
    with pytest.raises(CourseError, match=r"config \(mode, text_encoders|config \(mode"):
        cross_validate(demo, CONFIG.but(mode="image"), learner="majority", store=tmp_path / "store")


def test_a_text_run_never_comes_back_as_an_image_run(demo, tmp_path):
    cross_validate(demo, CONFIG, store=tmp_path)
    with pytest.raises(CourseError, match="config"):
        cross_validate(demo, CONFIG.but(mode="image"), store=tmp_path)


def test_changed_code_is_refused_by_name(demo, tmp_path):
    before = manifest(demo)
    hold(tmp_path, before)
    assert load_json(tmp_path / "manifest.json")["learner"] == "NetworkClassifier"
    hold(tmp_path, manifest(demo))  # the same: nothing is said
    with pytest.raises(CourseError, match="source of the package"):
        hold(tmp_path, before | {"source of the package": "changed"})


def test_folds_without_a_manifest_are_not_trusted(demo, tmp_path):
    (tmp_path / "seed0-fold0.json").write_text("{}")
    with pytest.raises(CourseError, match=r"no manifest\.json"):
        cross_validate(demo, CONFIG, store=tmp_path)


class Given(PostClassifier):
    def __init__(self, value):
        self.value = value

    def settings(self):
        return {"model": "given"}


class Halves:
    def split(self, rows):
        return rows[::2], rows[1::2]


class Thirds:
    def split(self, rows):
        return rows[::3], rows[1::3]


Thirds.__qualname__ = "Halves"  # as when a cell has been changed and run again
OTHERS = {
    "a number of numpy": (np.int64(3), np.int64(4)),
    "a long array": (np.zeros(5000), np.eye(1, 5000, 2500)[0]),
    "arrays in a grid": ({"C": np.array([0.1])}, {"C": np.array([0.1 + 1e-12])}),
    "a function": (lambda x: x + 1, lambda x: x + 2),
    "a class of a library": (dict, list),
    "an object": (KFold(3), KFold(4)),
    "an object whose code was changed": (Halves(), Thirds()),
    "learners in a list": ([LogisticRegression(C=1)], [LogisticRegression(C=2)]),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_parameter_of_any_kind_has_a_store_of_its_own(demo, kind):
    first, second = (manifest_key(manifest(demo, learner=Given(v))) for v in OTHERS[kind])
    assert first != second
    assert first == manifest_key(manifest(demo, learner=Given(OTHERS[kind][0])))


def test_what_says_nothing_of_the_learner_or_cannot_be_told_stops_nothing(demo):
    def key(value):
        return manifest_key(manifest(demo, learner=Given(value)))

    assert key([CONFIG]) == key([CONFIG.but(device="cpu")])
    assert key(n for n in [1]) == key(n for n in [2]), "a generator cannot be pickled"
