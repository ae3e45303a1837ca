"""The model as a diagram: its boxes in words, and their drawing."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from ..config import LABELS, Config
from .style import MODE_COLOURS

_WITHOUT_VECTORS = ("late", "composition")  # heads that fuse each modality's own answer

_FONT_SIZE = 8.5
_WIDTH, _HEIGHT = 0.72, 0.56  # of a box, in units of a cell
_PAD = 0.03
_CHARACTER, _LINE = 0.072, 0.142  # inches, generous for the font size


def outline(
    config: Config, dims: Mapping[str, int], *, classes: Sequence[str] = LABELS
) -> list[tuple[str, str]]:
    """The model in words, for `model_structure`: `[(lane, text)]`, a row a box.

    Lanes are the modalities of `dims` and `head`.

    Args:
        dims: width of each modality's features, as the model gets them.
        classes: what the model tells apart.
    """
    rows = [(m, text) for m, dim in dims.items() for text in _branch(m, dim, config)]
    if len(dims) > 1 and config.head in _WITHOUT_VECTORS:
        rows += [(m, f"linear\n-> {len(classes)} logits\nsoftmax") for m in dims]
    return [*rows, *(("head", text) for text in _head(config, len(dims), len(classes)))]


def _branch(modality: str, dim: int, config: Config) -> list[str]:
    state = "fine-tuned" if modality in config.finetune else "frozen"
    if modality == "words":
        encoder = f"tweet\nclassifier\n{state}\n-> {dim}"
        return ["words in\nthe picture", encoder, f"linear -> {config.embed_dim}"]
    names = "\n".join(config.encoders(modality))
    names = names.replace("efficientnet_lite", "Lite" if ":" in names else "EffNet-Lite")
    hidden = [config.image_hidden] if modality == "image" else []
    return [
        {"text": "tweet", "image": "picture"}[modality],
        f"{names}\n{state}\n-> {dim}",
        *(
            f"linear -> {width}\nBatchNorm\nReLU\ndropout {config.dropout}"
            for width in (*hidden, config.embed_dim)
        ),
    ]


def _head(config: Config, modalities: int, classes: int) -> list[str]:
    """The boxes of the head; of one that was registered elsewhere, only its name is known."""
    softmax = f"softmax\n{classes} class\nprobabilities"
    end = [f"linear\n-> {classes} logits", softmax]
    if modalities == 1:
        return end
    boxes = {
        "concat": [f"concatenate\n-> {modalities * config.embed_dim}", *end],
        "attention": [
            f"attention\n{modalities} tokens\n{config.attention_heads} heads\nmean",
            f"linear\nReLU\ndropout {config.dropout}",
            "linear\n+ residual\nLayerNorm",
            *end,
        ],
        "late": ["mean of the\nclass\nprobabilities"],
        "gated": [f"gates\nsum\n-> {config.embed_dim}", *end],
        "bilinear": [f"sum of {config.bilinear_rank}\nproducts\n-> {classes} logits", softmax],
        "composition": ["the\nannotators'\nrule"],
    }
    return boxes.get(config.head, [f"{config.head}\nhead\n-> {classes} logits", softmax])


def model_structure(rows: Sequence[tuple[str, str]], *, title: str = "") -> Figure:
    """The model as a chain of boxes per modality, from `outline` rows.

    Args:
        rows: `[(lane, text)]`; lane is a modality (`text`, `image`, `words`) or `head`. Lanes
            run from left to right and end in the head.
    """
    boxes = {lane: [text for name, text in rows if name == lane] for lane, _ in rows}
    head = boxes.pop("head")
    longest, middle = max(map(len, boxes.values())), (len(boxes) - 1) / 2
    columns = longest + len(head)
    width, height = _cell([text for _, text in rows])
    figure, axes = plt.subplots(figsize=(width * columns, 0.5 + height * len(boxes)))
    for y, (lane, texts) in enumerate(reversed(boxes.items())):
        _chain(axes, texts, (0, y), MODE_COLOURS[lane])
        _line(axes, (len(texts) - 1, y), (longest - 1, y))
        _arrow(axes, (longest - 1, y), (longest, middle))
    _chain(axes, head, (longest, middle), MODE_COLOURS["fused" if len(boxes) > 1 else rows[0][0]])
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(-0.5, len(boxes) - 0.5), title=title)
    axes.axis("off")
    return figure


def _cell(texts: Sequence[str]) -> tuple[float, float]:
    """Width and height of a box with the space around it, in inches, so that every text fits."""
    lines = [text.split("\n") for text in texts]
    widest = max(len(line) for text in lines for line in text)
    tallest = max(len(text) for text in lines)
    width = _CHARACTER * widest / _WIDTH
    return max(1.3, width), max(1.25, _LINE * (tallest + 0.5) / _HEIGHT)


def _chain(axes: Axes, texts: Sequence[str], start: tuple[float, float], colour: str) -> None:
    x, y = start
    for index, text in enumerate(texts):
        _box(axes, (x + index, y), text, colour)
        if index:
            _arrow(axes, (x + index - 1, y), (x + index, y))


def _box(axes: Axes, centre: tuple[float, float], label: str, colour: str) -> None:
    x, y = centre
    corner = (x - _WIDTH / 2, y - _HEIGHT / 2)
    style = f"round,pad={_PAD}"
    box = FancyBboxPatch(corner, _WIDTH, _HEIGHT, boxstyle=style, fc="white", ec=colour, lw=2)
    axes.add_patch(box)
    axes.text(x, y, label, ha="center", va="center", fontsize=_FONT_SIZE)


def _line(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From the right edge of one box's place to that of another, where a lane is shorter."""
    axes.plot([start[0] + 0.4, end[0] + 0.4], [start[1], end[1]], color="#444444", lw=1)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From the right edge of one box to the left edge of another."""
    style = {"arrowstyle": "-|>", "color": "#444444", "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (end[0] - 0.4, end[1]), (start[0] + 0.4, start[1]), arrowprops=style)
