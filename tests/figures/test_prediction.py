"""Tests of the figures of single predictions."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from mmsa_utils import figures
from mmsa_utils.config import LABELS
from mmsa_utils.io import Record

Check = Callable[..., None]
ShownTexts = Callable[[Figure], list[Text]]

FIVE = ("joy", "anger", "fear and loathing", "surprise", "sadness")


def told(*probabilities: float, classes: Sequence[str] = LABELS) -> Record:
    by_class = dict(zip(classes, probabilities, strict=True))
    return {"label": max(by_class, key=lambda name: by_class[name]), "probabilities": by_class}


def prediction(whole: Record, **views: Record) -> Record:
    shares = {"text": 0.75, "image": 0.25}
    return {**whole, "views": views, "shares": shares, "notes": []}


BOTH = prediction(told(0.2, 0.1, 0.7), text=told(0.1, 0.1, 0.8), image=told(0.6, 0.3, 0.1))


def heights(axes: Axes) -> list[float]:
    return [bar.get_height() for bar in axes.patches]


def test_a_prediction_has_bars_for_the_whole_and_for_each_modality(check: Check) -> None:
    figure = figures.prediction_bars(BOTH, title="A $5 cake, and a $6 one")
    whole, text, picture, shares = figure.axes
    assert heights(whole) == pytest.approx([0.2, 0.1, 0.7])
    assert heights(text) == pytest.approx([0.1, 0.1, 0.8])
    assert heights(picture) == pytest.approx([0.6, 0.3, 0.1])
    assert heights(shares) == pytest.approx([0.75, 0.25])
    colours = [to_hex(bar.get_facecolor()) for bar in whole.patches]
    assert colours == list(figures.CLASS_COLOURS.values())
    assert [axes.get_title() for axes in figure.axes[:3]] == ["positive", "positive", "negative"]
    words = ("the whole post", "text alone", "picture alone", "text 75%", "picture 25%", "0.70")
    check(figure, *LABELS, *words, "A $5 cake, and a $6 one")


def test_a_post_of_one_modality_says_it_once(check: Check, shown_texts: ShownTexts) -> None:
    one = told(0.1, 0.1, 0.8)
    figure = figures.prediction_bars(prediction(one, text=one))
    said = "\n".join(text.get_text() for text in shown_texts(figure))
    assert "alone" not in said
    assert "share" not in said
    check(figure, "the whole post", "0.80")


def test_a_long_title_and_long_names_stay_inside(check: Check) -> None:
    whole = told(0.1, 0.2, 0.3, 0.25, 0.15, classes=FIVE)
    record = prediction(whole, text=whole, image=told(0.6, 0.1, 0.1, 0.1, 0.1, classes=FIVE))
    figure = figures.prediction_bars(record, title="a very long text " * 20)
    check(figure, *FIVE, "a very long text", "…")


@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (1, 3)])
def test_combinations_put_each_alone_at_the_margins(rows: int, columns: int, check: Check) -> None:
    texts = ["My photo of the day", "An unbelievably long sentence, " * 9][:rows]
    pictures = [np.full((40, 60, 3), 60 * n, dtype=np.uint8) for n in range(1, columns + 1)]

    def alone(number: int) -> Record:
        return told(0.5 + 0.1 * number, 0.3 - 0.1 * number, 0.2)

    def cell(row: int, column: int) -> Record:
        whole = told(0.1 * row, 0.9 - 0.1 * row - 0.01 * column, 0.1 + 0.01 * column)
        return prediction(whole, text=alone(row), image=alone(column))

    records = [[cell(row, column) for column in range(columns)] for row in range(rows)]
    figure = figures.combinations(texts, pictures, records)
    drawn = [axes for axes in figure.axes if axes.patches]
    expected = [alone(column) for column in range(columns)]
    for row in range(rows):
        expected += [alone(row), *records[row]]
    assert [heights(axes) for axes in drawn] == [
        pytest.approx(list(record["probabilities"].values())) for record in expected
    ]
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert all(np.array_equal(a, b) for a, b in zip(shown, pictures, strict=True))
    check(figure, *LABELS, "My photo of the day", "text alone", "picture alone")
