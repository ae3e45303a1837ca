"""A predictor that needs no network, for tests of what goes in and comes out.

`python -m tests.prediction.fakes POSTS OUT BATCHES` predicts a file and is killed in the middle.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np

from mmsa_utils.config import LABELS
from mmsa_utils.errors import CourseError
from mmsa_utils.prediction.files import predict_file
from mmsa_utils.prediction.result import Prediction


class FakePredictor:
    """Its answers depend on the post and, as rounding does, on who else is in the batch.

    Args:
        batches: after so many it kills the process; None: never.
        facts: what is known of the model.
    """

    classes = LABELS

    def __init__(self, *, batches=None, facts=None):
        self.left, self.facts, self.asked = batches, facts or {"sha256": "0" * 64}, []

    def predict(self, posts):
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left = None if self.left is None else self.left - 1
        self.asked.append(len(posts))
        for post in posts:
            if post.text == "unspeakable":
                raise CourseError("post: there is no text that the model could look at")
        return [self._answer(post, len(posts)) for post in posts]

    def _answer(self, post, size):
        rng = np.random.default_rng([int(post.content[:8], 16), size])
        there = [name for name, has in (("text", post.text), ("image", post.has_image)) if has]
        return Prediction(
            classes=LABELS,
            probabilities=rng.dirichlet(np.ones(3)),
            views={name: rng.dirichlet(np.ones(3)) for name in there},
            contributions={name: float(rng.normal()) for name in there},
            notes=() if post.has_image else ("no picture",),
        )


if __name__ == "__main__":
    posts, out, batches = sys.argv[1:]
    predict_file(FakePredictor(batches=int(batches)), Path(posts), Path(out))
