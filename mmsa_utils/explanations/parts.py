"""A post in parts that can be taken away, and what is lost without each."""

from typing import Protocol

import numpy as np

from .target import Target


class Parts(Protocol):
    """The words of a text or the patches of a picture: F parts, of which any may be taken away.

    Attributes:
        target: what is asked about the rest.
    """

    target: Target

    def __len__(self) -> int: ...

    def log_odds(self, kept: np.ndarray) -> np.ndarray:
        """`(n,)`: the target's log-odds where only some parts are left, `kept` `(n, F)` bool."""
        ...


def leave_one_out(parts: Parts) -> np.ndarray:
    """`(F,)`: by how much the log-odds fall where one part is taken away and all others stay.

    What speaks for the class is positive. Parts that say the same cover for each other: then no
    single one is missed. With patches of a picture this is occlusion (Zeiler and Fergus,
    "Visualizing and Understanding Convolutional Networks", ECCV 2014).

    A post with a hole in it is no post that the network has learnt from; what it says of one may be
    odd (DeYoung et al., "ERASER: A Benchmark to Evaluate Rationalized NLP Models", ACL 2020).
    """
    count = len(parts)
    kept = np.vstack([np.ones(count, dtype=bool), ~np.eye(count, dtype=bool)])
    found = parts.log_odds(kept)
    return found[0] - found[1:]
