"""What is run and written down: the reference run, the ablation, the tweets, the pages, notebooks.

Stands on everything else; nothing stands on it but the command line.
"""

from .recipes import Recipes, reference_recipes

__all__ = ["Recipes", "reference_recipes"]
