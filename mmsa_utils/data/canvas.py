"""The paper and the colours of the demo set's drawings."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from PIL import Image, ImageDraw

# Of the ground, by kind.
PALETTES = {
    "negative": ["#20232a", "#2f3640", "#3d3a4b", "#1c2833", "#4a4e57", "#3b2f2f", "#283747"],
    "neutral": ["#f4f4f0", "#e8ecef", "#fafafa", "#dfe6e9", "#f0ead6", "#d6dbdf", "#e5e8e8"],
    "positive": ["#fff3b0", "#bde0fe", "#ffd6e0", "#caffbf", "#ffe5b4", "#a0e7e5", "#fde2ff"],
}
PALETTES["filler"] = [colour for kind in PALETTES.values() for colour in kind]
BRIGHT = ["#ff595e", "#ff924c", "#ffca3a", "#8ac926", "#1982c4", "#c77dff", "#ff70a6"]
DULL = ["#566573", "#7b7d7d", "#515a5a", "#6e5a5a", "#4d5656", "#5d6d7e", "#5b4b49"]
INK = ["#2c3e50", "#34495e", "#1f618d", "#616a6b", "#7f8c8d", "#117a65", "#873600"]

T = TypeVar("T")


class Canvas:
    """A picture to draw on, with random numbers at hand. Lengths are shares of its size."""

    def __init__(self, kind: str, rng: np.random.Generator) -> None:
        self.rng = rng
        self.w, self.h = int(rng.integers(150, 230)), int(rng.integers(150, 210))
        self.image = Image.new("RGB", (self.w, self.h), self.pick(PALETTES[kind]))
        self.draw = ImageDraw.Draw(self.image)

    def pick(self, values: Sequence[T]) -> T:
        """One of the values."""
        return values[int(self.rng.integers(len(values)))]

    def between(self, low: float, high: float) -> float:
        """A number between two."""
        return float(self.rng.uniform(low, high))

    def count(self, low: int, high: int) -> range:
        """A range of random length, `high` included, to loop over."""
        return range(int(self.rng.integers(low, high + 1)))

    def spot(self, margin: float = 0.2) -> tuple[float, float]:
        """A point `(x, y)`, at least `margin` of the sides away from the border."""
        return (
            self.between(margin, 1 - margin) * self.w,
            self.between(margin, 1 - margin) * self.h,
        )

    def length(self, low: float, high: float) -> float:
        """A length in pixels, from shares of the shorter side."""
        return self.between(low, high) * min(self.w, self.h)

    def disc(
        self,
        x: float,
        y: float,
        r: float,
        fill: str | None = None,
        outline: str | None = None,
        width: int = 1,
    ) -> None:
        """A filled circle around `(x, y)`."""
        self.draw.ellipse((x - r, y - r, x + r, y + r), fill=fill, outline=outline, width=width)
