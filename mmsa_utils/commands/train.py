"""The commands for one's own data: a model of it, and the course's posts from MVSA-Single."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..settings import data_folder
from .options import Classes, Exclude, Folder, RecipeKnobs, fit_posts, on_all_cores, split_classes

if TYPE_CHECKING:
    from ..data.mvsa import MvsaCounts
    from ..io import Record

_Model = Annotated[
    Path, tyro.conf.arg(metavar="FOLDER", help="of the model; one that is there is replaced")
]
_Mvsa = Annotated[
    tyro.conf.Positional[Path],
    tyro.conf.arg(help="of MVSA-Single as it is unpacked: labelResultAll.txt and data/"),
]
_Made = Annotated[
    Path, tyro.conf.arg(metavar="FOLDER", help="to be made, such as data/course: empty or new")
]


def train(
    folder: Folder = None,
    *,
    out: _Model,
    classes: Classes = None,
    exclude_problems: Exclude = False,
    knobs: RecipeKnobs,
) -> int:
    """A model of one's own posts: checked, cross-validated, trained on all and saved.

    The network is the course's fused one, with a single seed; every knob can be changed. Stopped,
    it goes on where it was. It uses all cores: --jobs 1 learns folds one after the other.
    """
    from ..experiments.own_model import own_config, result_table, train_model

    config = own_config(on_all_cores(knobs))
    dataset = fit_posts(
        folder or data_folder(),
        exclude_problems=exclude_problems,
        knobs=knobs,
        classes=split_classes(classes),
    )
    facts = train_model(dataset, config, out)
    print(f"\nCross-validation on {dataset.name} (± deviation over folds):")
    print(result_table(facts).to_string(header=False))
    _print_calibration(facts)
    model = shlex.quote(str(out))
    print(
        f"\nThe model, trained on all labelled posts: {out}. To use it:\n"
        f"mmsa_utils predict --model {model} --text TEXT --image PICTURE\n"
        f"mmsa_utils predict posts.csv --model {model} --out predictions.csv"
    )
    return 0


def _print_calibration(facts: "Record") -> None:
    found, temperature = facts["calibration"]["both"], facts["temperatures"]["both"]
    print(
        f"calibration error {found['before']:.3f}, {found['after']:.3f} with the temperature "
        f"{temperature:.2f} that the model has"
    )


def import_mvsa(folder: _Mvsa, *, out: _Made) -> int:
    """The course's posts from MVSA-Single as its authors publish it: one tag of two labels."""
    from ..data import mvsa

    counts = mvsa.import_mvsa(folder, out)
    _print_counts(counts)
    left_out = len(counts.problems)
    if left_out:
        print(f"{counts.problems.to_string(index=False)}\n{left_out} problem(s): left out")
    print(f"{out}: {sum(counts.tags.values())} labelled posts")
    return 1 if left_out else 0


def _print_counts(counts: "MvsaCounts") -> None:
    pairs = sorted(counts.pairs.items(), key=lambda item: -item[1])
    print(f"{sum(counts.pairs.values())} posts by the labels of text and picture:")
    for (text, image), count in pairs:
        print(f"  {text:8s} {image:8s} {count:5d}")
    tags = ", ".join(f"{tag} {count}" for tag, count in counts.tags.items())
    print(f"{counts.dropped} with opposite labels dropped. Tags: {tags}")
