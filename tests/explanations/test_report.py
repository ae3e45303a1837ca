"""One post explained: what is there for a post with both modalities, and with one."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mmsa_utils.errors import CourseError
from mmsa_utils.explanations import (
    Target,
    WordParts,
    explain_post,
    grad_cam,
    leave_one_out,
    occlusion,
    report,
)
from mmsa_utils.figures import explanation_figure, use_style
from mmsa_utils.prediction import make_post

from .conftest import SIDE, TEXT


@pytest.fixture(autouse=True)
def style():
    """The course's style, which says nothing of characters that no font here has."""
    with plt.rc_context(), warnings.catch_warnings():
        use_style()
        yield
    plt.close("all")


def test_a_post_with_both_is_explained_by_words_and_regions(predictor, network, picture):
    found = explain_post(predictor, text=TEXT, image=picture)
    target = Target(network, make_post(TEXT, picture))
    assert found.words == WordParts(target).words
    assert found.left_out == pytest.approx(leave_one_out(WordParts(target)), abs=1e-6)
    assert found.gradients.shape == (len(found.words),)
    assert found.picture.shape == (SIDE, SIDE, 3)
    assert found.occlusion == pytest.approx(occlusion(target), abs=1e-6)
    assert found.grad_cam == pytest.approx(grad_cam(target), abs=1e-6)
    said = predictor.predict(text=TEXT, image=picture)
    assert found.prediction.label == said.label
    assert found.prediction.contributions == pytest.approx(said.contributions)
    assert found.notes == said.notes == ()


def test_a_missing_modality_is_empty_and_said_and_still_drawn(predictor, picture):
    text_only = explain_post(predictor, text=TEXT)
    assert text_only.picture is text_only.occlusion is text_only.grad_cam is None
    assert len(text_only.words) == 12
    picture_only = explain_post(predictor, image=picture)
    assert picture_only.words == ()
    assert picture_only.left_out.shape == picture_only.gradients.shape == (0,)
    assert picture_only.occlusion.shape == (SIDE, SIDE)
    for found in (text_only, picture_only):
        assert "alone says" in found.notes[0]
        explanation_figure(found).canvas.draw()


@pytest.mark.parametrize("mode", ["text", "image"])
def test_what_the_model_does_not_look_at_is_not_explained(mode, make_predictor, picture):
    found = explain_post(make_predictor(mode=mode), text=TEXT, image=picture)
    assert (found.words == ()) == (mode == "image")
    assert (found.picture is None) == (mode == "text")
    explanation_figure(found).canvas.draw()


def test_without_a_map_for_grad_cam_the_rest_is_there_and_it_is_said(
    predictor, picture, monkeypatch
):
    def refuse(target):
        raise CourseError("no maps: use occlusion")

    monkeypatch.setattr(report, "grad_cam", refuse)
    found = explain_post(predictor, text="good", image=picture)
    assert found.grad_cam is None
    assert found.occlusion is not None
    assert found.notes == ("no maps: use occlusion",)
    explanation_figure(found).canvas.draw()


def test_a_text_of_a_megabyte_is_explained_as_far_as_it_is_read(make_predictor):
    found = explain_post(make_predictor(max_tokens=12), text="so happy today " * 70_000)
    assert len(found.words) == 10  # and two marks
    assert any("cut" in note for note in found.notes)
    assert np.isfinite(found.gradients).all()


def test_bad_input_is_refused_as_in_a_prediction(predictor, tmp_path):
    with pytest.raises(CourseError, match="neither a text nor a picture"):
        explain_post(predictor)
    with pytest.raises(CourseError, match="there is no such picture"):
        explain_post(predictor, image=tmp_path / "none.png")
