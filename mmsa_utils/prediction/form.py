"""A form for JupyterLab: a text and a picture go in, the answer with its bars comes out."""

from collections.abc import Mapping
from html import escape
from typing import Any

import ipywidgets as widgets

from ..data.images import SUFFIXES
from ..errors import CourseError
from ..figures.prediction import MODALITY_NAMES
from ..figures.style import class_colours
from ..io import Record
from .predictor import Predictor
from .result import Prediction

_FAULT_COLOUR = "#c8553d"
_WAIT = "<p>reading the post …</p>"


class PredictionForm(widgets.VBox):
    """A text, a picture, two buttons and the answer below them; show it as a cell's last line.

    Attributes:
        text: where the text is typed.
        picture: takes a picture's file, by its button or dropped on it.
        predict: the button that asks the model.
        clear: the button that empties the form.
        answer: HTML, the last answer or, in one line, why there is none.

    Args:
        model: what answers.
    """

    def __init__(self, model: Predictor) -> None:
        self.text = widgets.Textarea(placeholder="The post's text", rows=3)
        self.text.layout.width = "auto"
        self.picture = widgets.FileUpload(accept=",".join(("image/*", *SUFFIXES)))
        self.picture.description = "Picture"
        self.predict = widgets.Button(description="Predict", button_style="primary")
        self.clear = widgets.Button(description="Clear")
        self.answer = widgets.HTML()
        buttons = widgets.HBox([self.picture, self.predict, self.clear])
        super().__init__([self.text, buttons, self.answer])
        self.layout.max_width = "60em"
        self._model = model
        self.predict.on_click(self._show_answer)
        self.clear.on_click(self._empty)

    def _read(self) -> tuple[str | None, bytes | None]:
        """The text and the picture's bytes; None where there is none."""
        text = self.text.value if self.text.value.strip() else None
        return text, bytes(self.picture.value[0]["content"]) if self.picture.value else None

    def _seen(self) -> str:
        """What has reached the form: a picture that is too large for the browser has not."""
        name = self.picture.value[0]["name"] if self.picture.value else "no picture"
        return (
            f"<p>Read: {'the text' if self.text.value.strip() else 'no text'}, {escape(name)}.</p>"
        )

    def _show_answer(self, _button: Any) -> None:
        self.predict.disabled, self.answer.value = True, _WAIT
        try:
            text, image = self._read()
            answer = answer_html(self._model.predict(text=text, image=image))
            self.answer.value = self._seen() + answer
        except Exception as error:
            self.answer.value = f'<p style="color: {_FAULT_COLOUR}">{escape(str(error))}</p>'
            if not isinstance(error, CourseError):
                raise  # to Jupyter's log
        finally:
            self.predict.disabled = False

    def _empty(self, _button: Any) -> None:
        self.text.value, self.picture.value, self.answer.value = "", (), ""


# ---- the answer as HTML -------------------------------------------------------------------


def answer_html(prediction: Prediction) -> str:
    """An answer with a bar a class, for the whole post and for each modality alone."""
    record = prediction.to_dict()
    colours = class_colours(prediction.classes)
    said = [("the whole post", record)]
    if len(record["views"]) > 1:
        said += [(f"{MODALITY_NAMES[m]} alone", view) for m, view in record["views"].items()]
    columns = "".join(_column_html(name, part, colours) for name, part in said)
    return (
        f'<p>This post is <b style="color: {colours[record["label"]]}">'
        f"{escape(record['label'])}</b>, with a probability of {record['confidence']:.0%}.</p>"
        f'<div style="display: flex; flex-wrap: wrap; gap: 1.5em">{columns}</div>'
        f"{_shares_html(record)}{_notes_html(record)}"
    )


def _column_html(name: str, part: Record, colours: Mapping[str, str]) -> str:
    rows = "".join(_bar_html(c, p, colours[c]) for c, p in part["probabilities"].items())
    return f"<table><caption>{name}: {escape(part['label'])}</caption>{rows}</table>"


def _bar_html(name: str, probability: float, colour: str) -> str:
    bar = f"width: {6 * probability:.2f}em; height: 1em; background: {colour}"
    return (
        f'<tr><td>{escape(name)}</td><td style="width: 6em"><div style="{bar}"></div></td>'
        f"<td>{probability:.1%}</td></tr>"
    )


def _shares_html(record: Record) -> str:
    if len(record["views"]) < 2:
        return ""
    shares = [f"{MODALITY_NAMES[m]} {share:.0%}" for m, share in record["shares"].items()]
    return f"<p>Shares in the answer: {', '.join(shares)}.</p>"


def _notes_html(record: Record) -> str:
    return "".join(f"<p><i>{escape(note)}</i></p>" for note in record["notes"])
