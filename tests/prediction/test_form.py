"""Tests of the form: what a user types and chooses, and what stands below it then."""

import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from mmsa_utils.errors import CourseError
from mmsa_utils.paths import DEMO
from mmsa_utils.prediction import Prediction, make_post, prediction_form
from mmsa_utils.prediction.form import PredictionForm

CLASSES = ("negative", "neutral", "positive")
VIEWS = {"text": (0.125, 0.25, 0.625), "image": (0.5, 0.125, 0.375)}
BOTH = (0.25, 0.125, 0.625)
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
PICTURE = next((DEMO / "data").glob("*.jpg"))


class Model:
    """Answers from a table, and keeps what it was asked; refuses what `make_post` refuses."""

    def __init__(self, classes: Sequence[str] = CLASSES, notes: Sequence[str] = ()) -> None:
        self.classes, self.notes = tuple(classes), tuple(notes)
        self.asked: list[tuple[str | None, bytes | None]] = []

    def predict(self, *, text: str | None = None, image: bytes | None = None) -> Prediction:
        self.asked.append((text, image))
        post = make_post(text, image)
        there = {"text": bool(post.text), "image": post.has_image}
        views = {name: np.array(VIEWS[name]) for name, given in there.items() if given}
        every = np.array(BOTH) if len(views) == 2 else next(iter(views.values()))
        shares = {name: 0.3 * given for name, given in there.items()}
        return Prediction(self.classes, every, views, shares, self.notes)


def upload(form: PredictionForm, content: bytes, name: str = "cat.jpg") -> None:
    """Chooses a file, as the browser hands it over."""
    chosen = {"name": name, "type": "image/jpeg", "size": len(content), "last_modified": WHEN}
    form.picture.value = ({**chosen, "content": memoryview(content)},)


def shown(form: PredictionForm) -> str:
    """The answer as a reader sees it, without the tags of HTML."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", form.answer.value)).strip()


def test_text_and_picture_give_three_groups_of_bars() -> None:
    model = Model()
    form = prediction_form(model)
    form.text.value = "A lovely day"
    upload(form, PICTURE.read_bytes())
    form.predict.click()
    assert model.asked == [("A lovely day", PICTURE.read_bytes())]
    said = shown(form)
    assert "This post is positive , with a probability of 62%" in said
    assert "the whole post: positive negative 25.0% neutral 12.5% positive 62.5%" in said
    assert "text alone: positive negative 12.5% neutral 25.0% positive 62.5%" in said
    assert "picture alone: negative negative 50.0% neutral 12.5% positive 37.5%" in said
    assert "Shares in the answer: text 50%, picture 50%." in said
    assert "Read: the text, cat.jpg." in said


def test_bars_are_as_wide_as_the_probabilities_and_have_the_classes_colours() -> None:
    form = prediction_form(Model())
    form.text.value = "A lovely day"
    form.predict.click()
    bars = re.findall(r"width: ([0-9.]+)em; height: 1em; background: (#\w+)", form.answer.value)
    widths = np.array([float(width) for width, _ in bars])
    assert widths / widths.sum() == pytest.approx(VIEWS["text"], abs=0.01)
    assert [colour for _, colour in bars] == ["#c8553d", "#8d99ae", "#2a9d8f"]


@pytest.mark.parametrize(("text", "picture"), [("A lovely day", b""), ("", PICTURE.read_bytes())])
def test_one_modality_is_enough_and_no_view_of_it_repeats_the_answer(
    text: str, picture: bytes
) -> None:
    model = Model(notes=["that was one of two"])
    form = prediction_form(model)
    form.text.value = text
    if picture:
        upload(form, picture)
    form.predict.click()
    assert model.asked == [(text or None, picture or None)]
    said = shown(form)
    assert "the whole post" in said
    assert "alone" not in said
    assert "Shares" not in said
    assert said.endswith("that was one of two")
    assert ("no text, cat.jpg" if picture else "the text, no picture") in said


@pytest.mark.parametrize(
    ("text", "picture", "fault"),
    [
        ("", b"", "neither a text nor a picture"),
        ("  \n", b"", "neither a text nor a picture"),
        ("A lovely day", b"this is no picture", "cannot be read as a picture"),
    ],
)
def test_a_fault_is_one_line_and_the_form_goes_on(text: str, picture: bytes, fault: str) -> None:
    form = prediction_form(Model())
    form.text.value = text
    if picture:
        upload(form, picture)
    form.predict.click()
    assert fault in shown(form)
    assert form.answer.value.count("<p") == 1
    assert not form.predict.disabled
    form.picture.value, form.text.value = (), "Better now"
    form.predict.click()
    assert "This post is positive" in shown(form)


def test_nothing_that_a_user_writes_is_taken_for_html() -> None:
    class Refuses(Model):
        def predict(self, **_: object) -> Prediction:
            raise CourseError("<img src=x>: no picture")

    form = prediction_form(Model(classes=("<i>", "b", "c"), notes=["<script>alert(1)</script>"]))
    form.text.value = "a text"
    upload(form, PICTURE.read_bytes(), name="<img src=y>.jpg")
    form.predict.click()
    refused = prediction_form(Refuses())
    refused.predict.click()
    written = form.answer.value + refused.answer.value
    assert not re.findall(r"<(?!/?(p|b|i|div|table|caption|tr|td)\b)", written)
    assert "&lt;script&gt;" in written
    assert "&lt;img src=x&gt;" in written
    assert "&lt;i&gt;" in written


def test_a_fault_of_the_program_is_seen_as_well() -> None:
    class Fails(Model):
        def predict(self, **_: object) -> Prediction:
            raise RuntimeError("not enough memory")

    form = prediction_form(Fails())
    form.predict.click()
    assert shown(form) == "not enough memory"
    assert not form.predict.disabled


def test_clear_empties_the_form() -> None:
    form = prediction_form(Model())
    form.text.value = "A lovely day"
    upload(form, PICTURE.read_bytes())
    form.predict.click()
    form.clear.click()
    assert (form.text.value, form.picture.value, form.answer.value) == ("", (), "")


def test_other_classes_have_their_bars_too() -> None:
    form = prediction_form(Model(classes=("calm", "angry", "glad")))
    form.text.value = "A lovely day"
    form.predict.click()
    assert "This post is glad , with" in shown(form)
    assert "calm 12.5% angry 25.0% glad 62.5%" in shown(form)


def test_predictions_do_without_what_the_form_is_drawn_with() -> None:
    code = "import sys, mmsa_utils.prediction; print({'ipywidgets', 'seaborn'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"  # a command would be seconds slower
