"""The exercises of notebook 2: chances, crops, normalisation and seeds of the augmentation."""

import numpy as np

from .core import exercise

_SIZE = 64  # pixels of the square that is cropped in exercise 2.2


@exercise(
    "2.1",
    hint="A step that draws one of four quarter turns leaves the picture upright in one of four.",
    why="Read what a transform draws, not only its probability: `p` says when it acts at all.",
)
def chances(answer: object) -> bool:
    """Shares of training pictures: turned in the end; without noise, blur, distortion, contrast."""
    from ..data.transforms import augmentation_steps

    steps = augmentation_steps(_SIZE)
    turned = steps["RandomRotate90"].p * 3 / 4
    kinds = ("GaussNoise", "Blur", "Distortion", "Contrast")
    clean = np.prod([1 - steps[kind].p for kind in kinds])
    given = np.asarray(answer, dtype=float)
    return given.shape == (2,) and np.allclose(given, (turned, clean), rtol=0, atol=0.002)


@exercise(
    "2.2",
    hint="Measure each lower limit with `kept_area`; the expectation is not what is asked here.",
    why="At ImageNet's usual lower limit, 0.08, a crop throws away half of a picture on average.",
)
def crop_areas(answer: object) -> bool:
    """`{lower limit of the scale: mean share of the area that a crop keeps}` for 0.8 and 0.08."""
    if not isinstance(answer, dict) or set(answer) != {0.8, 0.08}:
        return False
    return all(abs(answer[lower] - _mean_area(lower)) < 0.03 for lower in answer)


def _mean_area(lower: float) -> float:
    """The mean share of a square that a random resized crop keeps, drawn as its authors say.

    Up to ten times an area and a ratio are drawn until the crop fits; else it is all of it.
    """
    rng = np.random.default_rng(0)
    area = rng.uniform(lower, 1, (4000, 10))
    ratio = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), area.shape))
    fits = (area * ratio <= 1) & (area / ratio <= 1)
    first = area[np.arange(len(area)), fits.argmax(1)]
    return float(np.where(fits.any(1), first, 1.0).mean())


@exercise(
    "2.3",
    hint="Three things happen: the scale 0 to 1, mean and deviation of each colour, the axes.",
    why="What you have written once is no black box any more: `eval_transform` does the same.",
)
def normalise(answer: object) -> bool:
    """A function: `(H, W, 3)` uint8 pixels to the `(3, H, W)` array that evaluation gives."""
    from ..data.transforms import eval_transform

    if not callable(answer):
        return False
    pixels = np.random.default_rng(0).integers(0, 256, (_SIZE, _SIZE, 3), dtype=np.uint8)
    expected = eval_transform(size=_SIZE)(image=pixels)["image"].numpy()
    given = np.asarray(answer(pixels), dtype=float)
    return given.shape == expected.shape and np.allclose(given, expected, atol=1e-4)


@exercise(
    "2.4",
    hint="Do two different pairs of epoch and post ever get the same seed, or one pair two seeds?",
    why="Each picture gets new draws in each epoch, and the same ones when the run is repeated.",
)
def seeds(answer: object) -> bool:
    """A function `(epoch, post)`: a whole number for each pair, each time the same."""
    if not callable(answer):
        return False
    pairs = [(epoch, post) for epoch in range(30) for post in range(300)]
    once, again = ([int(answer(*pair)) for pair in pairs] for _ in range(2))
    fits = all(0 <= seed < 2**32 for seed in once)
    return fits and once == again and len(set(once)) == len(once)
