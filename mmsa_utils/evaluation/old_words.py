"""Records that were made before the course took the field's terms, in today's words.

Everything that is loaded from a folder of results passes through `in_new_words`; records of
today pass unchanged. The files themselves stay as they are. This module goes when the
reference run is made anew.
"""

import re
from typing import Any

from ..io import Record

# Keys, wherever in a record they stand.
KEYS = {
    "inner": "validation",
    "members": "base_learners",
    "rule": "prior_correction",
    "factors": "class_factors",
    "picture": "image",
    "vector machine": "support vector machine",
}
# Parts of texts, as regular expressions: names of ablation rows, what they change, and
# settings in words.
TEXTS = {
    "decision rule": "prior correction",
    "text blend": "text ensemble",
    "image blend": "image ensemble",
    ", blended": ", in the ensemble",
    "on the inner split": "on the validation set",
    r"(?<!support )vector machine": "support vector machine",
}
# `strength` was one word for two knobs: the penalty's inverse, and the penalty.
STRENGTH = "strength"
MODELS_WITH_C = ("logistic regression", "vector machine")


def in_new_words(content: Any) -> Any:
    """The content of a JSON file of results, keys and texts translated; the rest as it is."""
    if isinstance(content, dict):
        return {_key(name, content): in_new_words(value) for name, value in content.items()}
    if isinstance(content, list):
        return [in_new_words(value) for value in content]
    if isinstance(content, str):
        for old, new in TEXTS.items():
            content = re.sub(old, new, content)
    return content


def _key(name: str, settings: Record) -> str:
    if name != STRENGTH:
        return KEYS.get(name, name)
    return "C" if any(model in settings["model"] for model in MODELS_WITH_C) else "alpha"
