"""Tests of the model's diagram: the right boxes in words, and words that fit their boxes."""

from collections.abc import Callable

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Annotation, Text

from mmsa_utils.config import HEADS, LAB_REPORT, LABELS, Config
from mmsa_utils.figures import MODE_COLOURS, model_structure, outline

Check = Callable[..., None]
ShownTexts = Callable[[Figure], list[Text]]

DIMS = {"text": 384, "image": 1280}
ALL_STREAMS = Config(
    words=True,
    text_encoders=("minilm", "minilm_tweets", "mpnet"),
    image_encoders=("efficientnet_lite0:stages", "efficientnet_lite2:stages"),
)
MODELS = {
    **{head: (Config(head=head), DIMS) for head in HEADS},
    "text alone": (Config(mode="text"), {"text": 384}),
    "image and words": (Config(mode="image", words=True), {"image": 1280, "words": 4}),
    "all streams": (ALL_STREAMS, {"text": 1536, "image": 3464, "words": 4}),
    "lab report": (LAB_REPORT, {"text": 768, "image": 2048}),
}


def boxes_of(figure: Figure) -> list[FancyBboxPatch]:
    return [patch for patch in figure.axes[0].patches if isinstance(patch, FancyBboxPatch)]


def lane(rows: list[tuple[str, str]], name: str) -> list[str]:
    return [text for lane, text in rows if lane == name]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_drawn_a_box_a_row_and_all_words_fit(
    name: str, check: Check, shown_texts: ShownTexts
) -> None:
    rows = outline(*MODELS[name])
    figure = model_structure(rows, title=name)
    labels = [text for text in shown_texts(figure) if text in figure.axes[0].texts]
    boxes = boxes_of(figure)
    assert sorted(text.get_text() for text in labels) == sorted(text for _, text in rows)
    for text, box in zip(labels, boxes, strict=True):
        inner, outer = text.get_window_extent(), box.get_window_extent()
        fits = outer.x0 <= inner.x0 and inner.x1 <= outer.x1
        assert fits, f"{text.get_text()!r} is wider than its box"
        assert outer.y0 <= inner.y0, f"{text.get_text()!r} is higher than its box"
        assert inner.y1 <= outer.y1, f"{text.get_text()!r} is higher than its box"
    check(figure, name, *(text for _, text in rows))


@pytest.mark.parametrize("name", MODELS)
def test_no_word_is_broken(name: str) -> None:
    for _, text in outline(*MODELS[name]):
        assert not any(line.endswith("-") for line in text.split("\n"))


def test_the_words_in_the_picture_are_a_lane_of_their_own_colour() -> None:
    config, dims = MODELS["all streams"]
    figure = model_structure(outline(config, dims))
    colours = {to_hex(box.get_edgecolor()) for box in boxes_of(figure)}
    assert colours == set(MODE_COLOURS.values())


def test_one_modality_is_drawn_in_its_colour_up_to_the_end() -> None:
    figure = model_structure(outline(Config(mode="text"), {"text": 384}))
    assert {to_hex(box.get_edgecolor()) for box in boxes_of(figure)} == {MODE_COLOURS["text"]}


def test_every_box_but_the_first_of_a_lane_is_reached_by_an_arrow() -> None:
    rows = outline(Config(), DIMS)
    figure = model_structure(rows)
    arrows = [text for text in figure.axes[0].texts if isinstance(text, Annotation)]
    assert len(arrows) == len(rows) - 1  # two lanes begin, and both end in the head's first box


def test_outline_names_encoders_their_state_and_widths() -> None:
    rows = outline(LAB_REPORT, {"text": 768, "image": 2048})
    assert lane(rows, "text")[:2] == ["tweet", "bert-base-uncased\nfine-tuned\n-> 768"]
    assert lane(rows, "image")[:2] == ["picture", "resnet50\nfrozen\n-> 2048"]
    hidden, last = lane(rows, "image")[2:]
    assert hidden.startswith(f"linear -> {LAB_REPORT.image_hidden}\n")
    assert last.startswith(f"linear -> {LAB_REPORT.embed_dim}\n")
    assert last.endswith(f"dropout {LAB_REPORT.dropout}")


@pytest.mark.parametrize(
    ("head", "first"),
    [
        ("concat", "concatenate\n-> 256"),
        ("attention", "attention\n2 tokens\n8 heads\nmean"),
        ("gated", "gates\nsum\n-> 128"),
        ("bilinear", "sum of 16\nproducts\n-> 3 logits"),
        ("late", "mean of the\nclass\nprobabilities"),
        ("composition", "the\nannotators'\nrule"),
    ],
)
def test_outline_tells_the_heads_apart(head: str, first: str) -> None:
    rows = outline(Config(head=head), DIMS)
    assert lane(rows, "head")[0] == first
    each_answers = head in ("late", "composition")
    assert lane(rows, "text")[-1].endswith("softmax") == each_answers


def test_outline_of_one_modality_has_no_fusion() -> None:
    rows = outline(Config(mode="text"), {"text": 384})
    end = ["linear\n-> 3 logits", f"softmax\n{len(LABELS)} class\nprobabilities"]
    assert lane(rows, "head") == end


@pytest.mark.parametrize("head", [head for head in HEADS if head != "composition"])
def test_the_model_has_a_logit_for_each_of_its_classes(head: str, check: Check) -> None:
    rows = outline(Config(head=head), DIMS, classes=tuple("abcde"))
    numbers = [text for _, text in rows if "logits" in text or "class\n" in text]
    assert numbers
    assert not any("3" in text for text in numbers)
    assert all("5" in text for text in numbers if text != "mean of the\nclass\nprobabilities")
    check(model_structure(rows), "5 logits")


def test_a_head_registered_elsewhere_is_drawn_by_its_name(
    monkeypatch: pytest.MonkeyPatch, check: Check
) -> None:
    monkeypatch.setattr("mmsa_utils.config.HEADS", [*HEADS, "mine"])
    rows = outline(Config(head="mine"), DIMS)
    assert lane(rows, "head")[0] == "mine\nhead\n-> 3 logits"
    check(model_structure(rows), "mine")
