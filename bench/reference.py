"""How long `make reference` takes from nothing, stage by stage, on all cores.

The encoders that were tuned on the tweets come with the course: their tuning is not part of it.
"""

from mmsa_utils.data import load_dataset
from mmsa_utils.experiments.recipes import Changes, reference_recipes
from mmsa_utils.experiments.reference import Reference, run_reference
from mmsa_utils.io import Record
from mmsa_utils.paths import DEMO
from mmsa_utils.settings import data_folder

from .common import describe, machine, nothing_cached

QUICK: Changes = {"folds": 2, "inner_folds": 2, "seeds": (0,), "epochs": 1}


def measure(*, quick: bool = False) -> Record:
    """The record of this piece."""
    before = machine()
    dataset = load_dataset(DEMO if quick else data_folder(), exclude_problems=True)
    recipes = reference_recipes({"jobs": 0, **(QUICK if quick else {})})
    with nothing_cached() as folder:
        seconds = run_reference(
            Reference(
                dataset=dataset,
                recipes=recipes,
                folder=folder / "records",
                images=folder / "images",
                weights=folder / "weights",
            )
        )
    return {
        "what": "the reference run from nothing, by stage",
        **describe(dataset),
        "seconds": {stage: round(value) for stage, value in seconds.items()},
        "environment": before,
    }
