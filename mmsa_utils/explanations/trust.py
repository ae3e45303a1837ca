"""Whether an explanation deserves trust: deletion curves, and networks that know nothing.

What is taken away leaves a hole, and a post with holes is none that the network has learnt from
(DeYoung et al., "ERASER: A Benchmark to Evaluate Rationalized NLP Models", ACL 2020). A fall of
the curve may come from the hole itself; so each is compared with the same number of holes at
random.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import expit

from ..io import Record
from .parts import Parts

STEPS = 10  # of a curve, each a tenth of the parts
DRAWS = 5  # of random orders


@dataclass(frozen=True)
class Deletion:
    """How an answer's probability falls as a post's parts are taken away. S steps.

    Attributes:
        share: `(S + 1,)`, of the parts that are gone, from 0 to 1.
        explained: `(S + 1,)` probabilities, the most important part first.
        random: `(draws, S + 1)`, in random orders.
    """

    share: np.ndarray
    explained: np.ndarray
    random: np.ndarray

    @property
    def areas(self) -> tuple[float, float]:
        """Under the explained curve, and under the random ones, their mean."""
        return _area(self.explained), float(np.mean([_area(curve) for curve in self.random]))

    @property
    def gain(self) -> float:
        """How much smaller the first area is: above 0 where the explanation knows something."""
        explained, random = self.areas
        return random - explained


def _area(curve: np.ndarray) -> float:
    """From 0 to 1, for a curve over steps of equal width."""
    return float(np.trapezoid(curve, dx=1 / (len(curve) - 1)))


def deletion(
    parts: Parts,
    scores: np.ndarray,
    *,
    steps: int = STEPS,
    draws: int = DRAWS,
    seed: int = 0,
) -> Deletion:
    """Takes a post's parts away, those that an explanation holds for important first.

    Samek et al., "Evaluating the Visualization of What a Deep Neural Network Has Learned", IEEE
    Transactions on Neural Networks and Learning Systems 28, 2017; the area under the curve is
    that of Petsiuk et al., "RISE", BMVC 2018.

    Args:
        parts: of the post, F of them.
        scores: `(F,)`, the explanation: what speaks most for the answer is the greatest.
        steps: from none to all of the parts (S).
        draws: of random orders to compare with.
        seed: of these.
    """
    rng, count = np.random.default_rng(seed), len(parts)
    orders = [np.argsort(-scores, kind="stable"), *(rng.permutation(count) for _ in range(draws))]
    gone = np.rint(np.linspace(0, count, steps + 1)).astype(int)
    ranks = np.argsort(orders, axis=1)  # (1 + draws, F): when each part goes
    kept = (ranks[:, None] >= gone[:, None]).reshape(-1, count)  # (1 + draws) * (S + 1) rows
    different, rows = np.unique(kept, axis=0, return_inverse=True)
    curves = expit(parts.log_odds(different))[rows].reshape(len(orders), -1)
    return Deletion(np.linspace(0, 1, steps + 1), curves[0], curves[1:])


def deletion_summary(deletions: Sequence[Deletion]) -> Record:
    """The areas under many posts' curves.

    Returns:
        `posts`; `explained`, `random`: mean areas; `gain`: the mean of their differences;
        `spread`: the standard deviation of these over posts; `interval`: 95 % of the mean, by
        bootstrap over posts; `better`: the share of posts with a gain above 0.
    """
    gains = np.array([each.gain for each in deletions])
    explained, random = np.mean([each.areas for each in deletions], axis=0)
    found = stats.bootstrap((gains,), np.mean, rng=np.random.default_rng(0), method="percentile")
    return {
        "posts": len(gains),
        "explained": float(explained),
        "random": float(random),
        "gain": float(gains.mean()),
        "spread": float(gains.std(ddof=1)),
        "interval": [float(end) for end in found.confidence_interval],
        "better": float((gains > 0).mean()),
    }


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's, of two explanations of the same post; 0 where one of them tells nothing apart.

    An explanation that stays the same where the network's weights are drawn anew does not
    explain the network (Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018).

    Args:
        first, second: of the same shape: a number a word, or a number a patch or pixel.
    """
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(stats.spearmanr(np.ravel(first), np.ravel(second)).statistic)
