"""All figures of the course: one style, and one colour for each class and mode everywhere."""

import textwrap
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageOps
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from ..config import LABELS
from ..data.images import decode_picture
from ..data.posts import Post
from ..data.text import clean, words

CLASS_COLOURS = {"negative": "#c8553d", "neutral": "#8d99ae", "positive": "#2a9d8f"}
MODE_COLOURS = {"text": "#3d5a98", "image": "#e09f3e", "fused": "#7b4b94"}
_OTHER = "#6c757d"


def use_style():
    """Sets the course's look for all figures that follow."""
    sns.set_theme(style="whitegrid", context="notebook", font_scale=0.9)
    plt.rcParams.update(
        {"figure.dpi": 90, "figure.constrained_layout.use": True, "axes.titlesize": "medium"}
    )


def save_figure(figure, file):
    """Saves a figure as PNG for the report and closes it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


# ---- posts ------------------------------------------------------------------------------


def class_balance(labels):
    """How many posts each class has."""
    figure, axes = plt.subplots(figsize=(5, 2.4))
    counts = np.bincount(labels, minlength=len(LABELS))
    bars = axes.barh(LABELS, counts, color=[CLASS_COLOURS[name] for name in LABELS])
    axes.bar_label(bars, [f"{n} ({n / counts.sum():.0%})" for n in counts], padding=4)
    axes.set(xlabel="posts", xlim=(0, counts.max() * 1.25))
    axes.grid(visible=False, axis="y")
    return figure


def text_lengths(posts):
    """Words per text, a histogram a class."""
    table = pd.DataFrame(
        {"words": [len(clean(p.text).split()) for p in posts], "class": _names(posts)}
    )
    figure, axes = plt.subplots(figsize=(6, 2.8))
    sns.histplot(
        table,
        x="words",
        hue="class",
        hue_order=LABELS,
        palette=CLASS_COLOURS,
        multiple="stack",
        discrete=True,
        ax=axes,
    )
    axes.set(xlabel="words in the text", ylabel="posts")
    return figure


def picture_sizes(posts):
    """Width and height of every picture."""
    table = pd.DataFrame(
        {
            "width": [p.facts.width for p in posts],
            "height": [p.facts.height for p in posts],
            "class": _names(posts),
        }
    )
    figure, axes = plt.subplots(figsize=(4.6, 3.6))
    sns.scatterplot(
        table,
        x="width",
        y="height",
        hue="class",
        hue_order=LABELS,
        palette=CLASS_COLOURS,
        s=18,
        alpha=0.7,
        ax=axes,
    )
    axes.set(xlabel="width in pixels", ylabel="height in pixels")
    sns.move_legend(axes, "center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def _names(posts):
    return [LABELS[post.label] for post in posts]


def post_grid(posts: list[Post], *, columns=4, notes=None):
    """Posts as a reader sees them: picture, text, and the class as the colour of the frame.

    `notes` are lines under the texts, one a post.
    """
    rows = -(-len(posts) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(2.6 * columns, 3.5 * rows), squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for axes, post, note in zip(grid.flat, posts, notes or [""] * len(posts), strict=False):
        axes.imshow(_on_square(decode_picture(post.picture)))
        name = "unlabelled" if post.label is None else LABELS[post.label]
        colour = CLASS_COLOURS.get(name, _OTHER)
        axes.set_title(name, color=colour, fontweight="bold", fontsize=10)
        axes.spines[:].set(visible=True, color=colour, linewidth=2)
        caption = textwrap.shorten(clean(post.text), 80, placeholder=" …")
        lines = [*textwrap.wrap(caption, 30), *([note] if note else [])]
        axes.set_xlabel("\n".join(lines), fontsize=8.5)
    return figure


def _on_square(pixels, side=224):
    """A picture on a white square of the same size for all, unstretched."""
    picture = Image.fromarray(pixels)
    return ImageOps.pad(picture, (side, side), color="white")


def words_per_class(posts, *, top=12):
    """The words that speak most for each class.

    Ranked by the share of a class's posts that hold the word, less the share of the others.
    """
    found = [set(words(post.text)) - ENGLISH_STOP_WORDS for post in posts]
    labels = np.array([post.label for post in posts])
    figure, grid = plt.subplots(1, len(LABELS), figsize=(10, 0.24 * top + 0.8))
    for label, axes in enumerate(grid):
        inside, outside = _shares(found, labels == label), _shares(found, labels != label)
        lead = Counter({word: share - outside[word] for word, share in inside.items()})
        best = sorted(lead.items(), key=lambda item: (-item[1], item[0]))[:top]
        axes.barh(
            [word for word, _ in best],
            [100 * share for _, share in best],
            color=CLASS_COLOURS[LABELS[label]],
        )
        axes.invert_yaxis()
        axes.set(title=LABELS[label], xlabel="lead in % of posts")
        axes.grid(visible=False, axis="y")
    return figure


def _shares(found, chosen):
    picked = [bag for bag, yes in zip(found, chosen, strict=True) if yes]
    counts = Counter(word for bag in picked for word in bag)
    return Counter({word: count / len(picked) for word, count in counts.items()})


# ---- augmentation -----------------------------------------------------------------------


def picture_grid(pictures, titles, *, columns=5):
    """Pictures `(H, W, 3)` with titles."""
    rows = -(-len(pictures) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(2 * columns, 2.2 * rows), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, pixels, title in zip(grid.flat, pictures, titles, strict=False):
        axes.imshow(pixels)
        axes.set_title(title, fontsize=9)
    return figure


# ---- the model --------------------------------------------------------------------------


def model_structure(rows, *, title=""):
    """The model as a chain of boxes per modality, from `models.outline` rows.

    Args:
        rows: `[(lane, text)]`; lane is `text`, `image` or `head`. Lanes run from left to
            right and end in the head.
    """
    boxes = {lane: [text for name, text in rows if name == lane] for lane, _ in rows}
    head = boxes.pop("head")
    longest, middle = max(map(len, boxes.values())), (len(boxes) - 1) / 2
    columns = longest + len(head)
    figure, axes = plt.subplots(figsize=(1.3 * columns, 0.5 + 1.25 * len(boxes)))
    for height, (lane, texts) in enumerate(reversed(boxes.items())):
        _chain(axes, texts, (0, height), MODE_COLOURS[lane])
        _arrow(axes, (len(texts) - 1, height), (longest, middle))
    colour = MODE_COLOURS["fused" if len(boxes) > 1 else lane]
    _chain(axes, head, (longest, middle), colour)
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(-0.5, len(boxes) - 0.5), title=title)
    axes.axis("off")
    return figure


def _chain(axes, texts, start, colour):
    x, y = start
    for place, text in enumerate(texts):
        _box(axes, x + place, y, text, colour)
        if place:
            _arrow(axes, (x + place - 1, y), (x + place, y))


def _box(axes, x, y, label, colour):
    axes.add_patch(
        FancyBboxPatch(
            (x - 0.36, y - 0.28), 0.72, 0.56, boxstyle="round,pad=0.03", fc="white", ec=colour, lw=2
        )
    )
    axes.text(x, y, label, ha="center", va="center", fontsize=8.5)


def _arrow(axes, start, end):
    axes.annotate(
        "",
        (end[0] - 0.4, end[1]),
        (start[0] + 0.4, start[1]),
        arrowprops={"arrowstyle": "-|>", "color": "#444444", "shrinkA": 0, "shrinkB": 0},
    )


# ---- training ---------------------------------------------------------------------------


def ragged_mean(histories, name):
    """`(epochs, mean, std, count)` of a figure over histories of unequal length.

    Each epoch averages the folds that reached it; none is cut to the shortest.
    """
    longest = max(len(history) for history in histories)
    table = np.full((len(histories), longest), np.nan)
    for row, history in zip(table, histories, strict=True):
        row[: len(history)] = [epoch[name] for epoch in history]
    count = (~np.isnan(table)).sum(0)
    return np.arange(1, longest + 1), np.nanmean(table, 0), np.nanstd(table, 0), count


def training_curves(record, *, title=""):
    """Losses and inner accuracy by epoch: the mean over folds, a band of one deviation."""
    histories = [fold["history"] for fold in record["folds"]]
    figure, (losses, accuracy) = plt.subplots(1, 2, figsize=(9, 3))
    for axes, name, label, colour in (
        (losses, "train_loss", "training", "#343a40"),
        (losses, "val_loss", "inner split", "#d17a22"),
        (accuracy, "val_accuracy", "inner split", "#d17a22"),
    ):
        epochs, mean, deviation, count = ragged_mean(histories, name)
        axes.plot(epochs, mean, color=colour, label=label)
        axes.fill_between(epochs, mean - deviation, mean + deviation, color=colour, alpha=0.15)
    fewer = epochs[count < len(histories)]
    if len(fewer):
        for axes in (losses, accuracy):
            axes.axvspan(fewer[0] - 0.5, epochs[-1] + 0.5, color="#000000", alpha=0.06, lw=0)
    for fold in record["folds"]:
        losses.axvline(fold["best_epoch"], ymax=0.06, color="#d17a22", lw=1.5)
    for axes in (losses, accuracy):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    losses.set(xlabel="epoch", ylabel="loss")
    losses.legend(frameon=False)
    accuracy.set(xlabel="epoch", ylabel="accuracy on the inner split")
    figure.suptitle(title or "Ticks: best epochs. Grey: epochs that not all folds reached.")
    return figure


# ---- results ----------------------------------------------------------------------------


def confusion_matrix(counts, *, title=""):
    """Counts with the share of each true class."""
    shares = counts / counts.sum(1, keepdims=True)
    notes = np.array([f"{n}\n{s:.0%}" for n, s in zip(counts.flat, shares.flat, strict=True)])
    figure, axes = plt.subplots(figsize=(4, 3.2))
    sns.heatmap(
        shares,
        annot=notes.reshape(counts.shape),
        fmt="",
        cmap="Blues",
        vmin=0,
        vmax=1,
        cbar=False,
        xticklabels=LABELS,
        yticklabels=LABELS,
        ax=axes,
    )
    axes.set(xlabel="predicted", ylabel="tagged", title=title)
    axes.tick_params(axis="y", rotation=0)
    return figure


def class_recall(records):
    """Recall of each class, a group of bars a run."""
    runs = [record["run"] for record in records]
    figure, axes = plt.subplots(figsize=(1.6 + 1.5 * len(runs), 3))
    for place, label in enumerate(LABELS):
        recall = [record["oof"]["per_class"][label]["recall"] for record in records]
        bars = axes.bar(
            np.arange(len(runs)) + 0.26 * (place - 1),
            recall,
            0.25,
            color=CLASS_COLOURS[label],
            label=label,
        )
        axes.bar_label(bars, fmt="%.2f", fontsize=8)
    axes.set(xticks=np.arange(len(runs)), xticklabels=runs, ylabel="recall", ylim=(0, 1.08))
    axes.grid(visible=False, axis="x")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def run_comparison(records, *, ceilings=None):
    """Accuracy and macro-F1 by run: a bar for the out-of-fold figure, a dot a fold.

    `ceilings` draws the best accuracy possible, `{run: accuracy}`, as a line.
    """
    runs = [record["run"] for record in records]
    colours = [MODE_COLOURS.get(run, "#adb5bd") for run in runs]
    figure, grid = plt.subplots(1, 2, figsize=(3.5 + 1.2 * len(runs), 3.2), sharey=True)
    for axes, name, label in zip(
        grid, ("accuracy", "macro_f1"), ("accuracy", "macro-F1"), strict=True
    ):
        heights = [record["oof"][name] for record in records]
        axes.bar(runs, heights, color=colours, alpha=0.75)
        for place, height in enumerate(heights):
            axes.text(place, 0.03, f"{height:.3f}", ha="center", fontsize=9, fontweight="bold")
        for place, record in enumerate(records):
            dots = [fold[name] for fold in record["folds"]]
            axes.scatter([place + 0.25] * len(dots), dots, s=10, color="black", zorder=3)
        axes.set(title=label, ylim=(0, 1))
        axes.grid(visible=False, axis="x")
        axes.tick_params(axis="x", rotation=0 if len(runs) < 5 else 30)
    for place, run in enumerate(runs):
        if ceilings and run in ceilings:
            line = {"color": "black", "ls": "--", "lw": 1.2}
            grid[0].hlines(ceilings[run], place - 0.45, place + 0.45, **line)
    return figure


def who_is_right(table):
    """Shares of posts by which modality alone is right, and how often fusion is right there.

    Args:
        table: DataFrame indexed by the case, columns `posts` and `fused right`.
    """
    figure, axes = plt.subplots(figsize=(7, 2.4))
    right = table["posts"] * table["fused right"]
    axes.barh(table.index, right, color=MODE_COLOURS["fused"], label="fused right")
    axes.barh(table.index, table["posts"] - right, left=right, color="#d6cfe0", label="fused wrong")
    for case, row in table.iterrows():
        axes.text(row["posts"], case, f"  {row['fused right']:.0%} right", va="center", fontsize=9)
    axes.set(xlabel="posts", xlim=(0, table["posts"].max() * 1.25))
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.legend(frameon=False, loc="lower right")
    return figure


def learning_curve(rows):
    """Accuracy and macro-F1 against the number of training posts, a line a mode."""
    table = pd.DataFrame(rows)
    figure, grid = plt.subplots(1, 2, figsize=(8, 3))
    for axes, name, label in zip(
        grid, ("accuracy", "macro_f1"), ("accuracy", "macro-F1"), strict=True
    ):
        for mode, part in table.groupby("run", sort=False):
            axes.plot(part["posts"], part[name], marker="o", color=MODE_COLOURS[mode], label=mode)
        axes.set(xlabel="training posts", ylabel=label, xlim=(0, None))
    grid[1].legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def calibration(result):
    """Reliability diagrams before and after temperature scaling.

    Args:
        result: `{"before": ..., "after": ...}`, each from `metrics.reliability`.
    """
    figure, grid = plt.subplots(1, 2, figsize=(7.5, 3.4), sharey=True)
    for axes, (name, part) in zip(grid, result.items(), strict=True):
        bins = pd.DataFrame(part["bins"])
        sizes = 15 + 400 * bins["posts"] / bins["posts"].sum()
        axes.plot([0.3, 1], [0.3, 1], color="black", ls="--", lw=1)
        axes.plot(bins["confidence"], bins["accuracy"], color=MODE_COLOURS["fused"], lw=1)
        axes.scatter(bins["confidence"], bins["accuracy"], s=sizes, color=MODE_COLOURS["fused"])
        axes.set(title=f"{name} (ECE {part['ece']:.3f})", xlabel="how sure the model is")
        axes.set(xlim=(0.3, 1.02), ylim=(0.2, 1.02))
    grid[0].set_ylabel("share that is right")
    return figure


def waterfall(rows, *, measure="accuracy", title=""):
    """What each kept step adds to a figure, as bars that start where the last one ended.

    Args:
        rows: kept rows of the ablation, in order; the first is where it starts.
        measure: of their out-of-fold figures.
    """
    values = np.array([row["oof"][measure] for row in rows])
    before = np.concatenate([[values[0]], values[:-1]])
    figure, axes = plt.subplots(figsize=(7, 0.9 + 0.34 * len(rows)))
    colours = np.where(values >= before, "#2f9e44", "#c92a2a")
    names = [row["name"] for row in rows]
    axes.barh(names, values - before, left=before, color=colours, height=0.6)
    axes.scatter(values, names, color="black", marker="|", s=120, zorder=3)
    points = np.round(100 * (values - before), 1) + 0.0  # no -0.0
    for value, gain, name in zip(values, points, names, strict=True):
        note = f"{value:.3f}" if name == names[0] else f"{value:.3f}  ({gain:+.1f})"
        axes.text(values.max() + 0.003, name, note, va="center", fontsize=9)
    low = min(values.min(), before.min())
    axes.set(xlim=(low - 0.005, values.max() + 0.018), title=title)
    axes.set(xlabel=f"{measure.replace('_', '-').replace('f1', 'F1')}, out of fold")
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    return figure
