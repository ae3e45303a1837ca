"""The runs that the reference run and the ablation share: base learners and their ensembles."""

from ..config import Config
from ..data.posts import Dataset
from ..evaluation.predictions import CrossValidation
from ..training.cross_validation import cross_validate
from ..training.ensemble import make_ensemble
from .recipes import Recipes

# In an ensemble the network is asked about all training posts, as every base learner is.
_IN_ENSEMBLE = {"network": "nested network"}


def run_learner(dataset: Dataset, config: Config, learner: str) -> CrossValidation:
    """The cross-validation of a learner, stored under its mode and name."""
    name = f"{config.mode}-{learner}".lower().replace(" ", "-")
    return cross_validate(dataset, config, learner=learner, name=name)


def base_learner(dataset: Dataset, recipes: Recipes, mode: str, name: str) -> CrossValidation:
    """The cross-validation of one base learner of a mode's ensemble.

    Args:
        name: of a learner, or "text ensemble", "image ensemble": what another mode put together.
    """
    if name.endswith(" ensemble"):
        return mode_ensemble(dataset, recipes, name.removesuffix(" ensemble"))
    config = recipes.networks[mode] if name == "network" else recipes.features[mode]
    if name == "TF-IDF":
        config = recipes.start("text")  # it looks at words and at nothing else
    return run_learner(dataset, config, _IN_ENSEMBLE.get(name, name))


def mode_ensemble(dataset: Dataset, recipes: Recipes, mode: str) -> CrossValidation:
    """The ensemble of a mode's base learners, without prior correction."""
    names = recipes.base_learners[mode]
    return make_ensemble({name: base_learner(dataset, recipes, mode, name) for name in names})
