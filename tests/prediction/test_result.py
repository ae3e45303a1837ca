"""An answer: its parts belong together, and JSON takes all of it."""

import json

import numpy as np
import pytest

from mmsa_utils.prediction import Prediction


def answer(contributions):
    return Prediction(
        classes=("bad", "fine", "good"),
        probabilities=np.array([0.1, 0.25, 0.65]),
        views={"text": np.array([0.5, 0.3, 0.2])},
        contributions=contributions,
        notes=("a note",),
    )


def test_the_answer_is_the_most_probable_class():
    found = answer({"text": 0.3, "image": -0.1})
    assert found.label == "good"
    assert found.confidence == 0.65


def test_shares_are_of_the_sizes_of_contributions_whatever_their_sign():
    assert answer({"text": 0.3, "image": -0.1}).shares == pytest.approx(
        {"text": 0.75, "image": 0.25}
    )
    assert answer({"text": 0.0, "image": 0.0}).shares == {"text": 0, "image": 0}


def test_as_a_dictionary_it_survives_json():
    found = answer({"text": 0.2, "image": 0.1}).to_dict()
    assert json.loads(json.dumps(found)) == found
    assert found == {
        "label": "good",
        "confidence": 0.65,
        "probabilities": {"bad": 0.1, "fine": 0.25, "good": 0.65},
        "views": {
            "text": {"label": "bad", "probabilities": {"bad": 0.5, "fine": 0.3, "good": 0.2}}
        },
        "shares": {"text": 0.6667, "image": 0.3333},
        "notes": ["a note"],
    }
