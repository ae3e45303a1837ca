"""What a model says of one post."""

from dataclasses import dataclass

import numpy as np

from ..io import Record

DIGITS = 4  # of the numbers in `to_dict`


@dataclass(frozen=True)
class Prediction:
    """A model's answer on one post. K classes; a modality is "text" or "image".

    Attributes:
        classes: names of the K classes.
        probabilities: `(K,)`, calibrated; they add up to 1.
        views: `(K,)` a modality, calibrated: what it says alone. Only modalities that the post
            has and the model looks at.
        contributions: a number a modality that the model looks at: its Shapley value for the
            probability of the answer. They add up to that probability less the one that the
            model gives to the same class where it sees nothing; a modality that the post has
            not contributes 0. With two players the value is exact from four passes (Shapley,
            "A Value for n-Person Games", 1953).
        notes: what a reader has to know of this answer, a sentence each.
    """

    classes: tuple[str, ...]
    probabilities: np.ndarray
    views: dict[str, np.ndarray]
    contributions: dict[str, float]
    notes: tuple[str, ...]

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.classes[int(self.probabilities.argmax())]

    @property
    def confidence(self) -> float:
        """The probability of the most probable class."""
        return float(self.probabilities.max())

    @property
    def shares(self) -> dict[str, float]:
        """How much of the answer is each modality's: they add up to 1, or are all 0.

        |contribution| by the sum of them, which is MM-SHAP (Parcalabescu and Frank, ACL 2023).
        They are all 0 where no modality changes anything.
        """
        sizes = {modality: abs(value) for modality, value in self.contributions.items()}
        whole = sum(sizes.values()) or 1.0
        return {modality: size / whole for modality, size in sizes.items()}

    def to_dict(self) -> Record:
        """The answer in JSON types, numbers rounded to 4 digits.

        Returns:
            `label`, `confidence`, `probabilities` {class: p}, `views` {modality: {`label`,
            `probabilities`}}, `shares` {modality: share} and `notes`.
        """
        views = {modality: self._told(view) for modality, view in self.views.items()}
        return {
            "label": self.label,
            "confidence": round(self.confidence, DIGITS),
            "probabilities": self._told(self.probabilities)["probabilities"],
            "views": views,
            "shares": {modality: round(share, DIGITS) for modality, share in self.shares.items()},
            "notes": list(self.notes),
        }

    def _told(self, probabilities: np.ndarray) -> Record:
        by_class = dict(zip(self.classes, probabilities.round(DIGITS).tolist(), strict=True))
        return {"label": max(by_class, key=lambda name: by_class[name]), "probabilities": by_class}
