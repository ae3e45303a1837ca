"""Checks of notebook 5: heads that add, pooling, dropout for two heads, the share of a mixture."""

from typing import TYPE_CHECKING, Any

from .core import exercise

if TYPE_CHECKING:
    import torch

HEADS = ("concat", "attention", "late", "gated", "bilinear", "composition")
DROPOUTS = (0.5, 0.9)  # of exercise 5.3: the default, and a very strong one


# ---- 5.1 --------------------------------------------------------------------------------


@exercise(
    "5.1",
    hint="Give all heads the same two texts and two pictures, crossed, and look for a difference "
    "that is zero but for rounding.",
    why="The simplest head cannot see an interaction, and where text and picture each bring "
    "evidence of their own it need not.",
)
def adding_heads(answer: Any) -> bool:
    """The set of the heads whose logits are a sum of one of the text and one of the picture."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return set(answer) == {name for name in HEADS if _interaction(name) < 1e-4}


def _interaction(name: str) -> float:
    """How far a head, its weights drawn at random, is from a sum, on 16 random posts."""
    import torch

    from ..config import LABELS, Config
    from ..models import head_class

    config = Config()
    head = head_class(name)(modalities=2, config=config, classes=LABELS).eval()
    texts, pictures = torch.randn(2, 2, 16, config.embed_dim)
    present = torch.ones(16, 2, dtype=torch.bool)

    def logits(text: int, picture: int) -> "torch.Tensor":
        return head(torch.stack([texts[text], pictures[picture]], dim=1), present)

    with torch.inference_mode():
        crossed = logits(0, 0) - logits(0, 1) - logits(1, 0) + logits(1, 1)
    return float(crossed.abs().max())


# ---- 5.2 --------------------------------------------------------------------------------


@exercise(
    "5.2",
    hint="Look at a post whose vector is negative throughout and that lacks a modality, and at "
    "one that has none.",
    why="What is not there must not speak, and zero is a number like any other.",
)
def max_pooling(answer: Any) -> bool:
    """The largest value of each number over the modalities that a post has; zeros without any."""
    import torch

    generator = torch.Generator().manual_seed(0)
    there = [[True, True, True], [True, False, True], [False, True, False], [False] * 3]
    present = torch.tensor(there)  # (B, M)
    drawn = torch.randn(4, 3, 8, generator=generator) - 2  # mostly negative
    vectors = drawn * present.unsqueeze(-1)
    expected = [
        post[mask].max(dim=0).values if mask.any() else torch.zeros(8)
        for post, mask in zip(vectors, present, strict=True)
    ]
    pooled = torch.as_tensor(answer(vectors.clone(), present.clone()))
    return pooled.shape == (4, 8) and torch.allclose(pooled, torch.stack(expected))


# ---- 5.3 --------------------------------------------------------------------------------


@exercise(
    "5.3",
    hint="Of each head: the sum of its two validation scores at dropout 0.5 minus the sum at 0.9, "
    "nothing else changed.",
    why="One setting for all heads compares how they bear that setting, not how good they can be.",
)
def lost_by_dropout(answer: Any) -> bool:
    """What concat and attention lose on the demo set by a dropout of 0.9 in place of 0.5."""
    import numpy as np

    heads = ("concat", "attention")
    given = [float(answer[head]) for head in heads]
    return bool(np.allclose(given, [_lost(head) for head in heads], atol=0.01))


def _lost(head: str) -> float:
    """Of the sum of accuracy and macro-F1 on the validation sets. Finished folds are read."""
    from ..config import Config
    from ..data import load_dataset
    from ..paths import DEMO
    from ..training import cross_validate

    demo = load_dataset(DEMO)
    before, after = (
        sum(cross_validate(demo, config, name=head).validation_scores.values())
        for config in (Config(head=head, dropout=dropout) for dropout in DROPOUTS)
    )
    return before - after


# ---- 5.4 --------------------------------------------------------------------------------


@exercise(
    "5.4",
    hint="Try many shares from 0 to 1 and keep the one with the lowest mean of minus the "
    "logarithm of what the mixture gives to the true class.",
    why="Log-loss looks at every probability, so it finds a share where accuracy sees only steps.",
)
def best_share(answer: Any) -> bool:
    """The share of the first of two tables in their mixture that has the lowest log-loss."""
    import numpy as np
    from scipy.optimize import minimize_scalar

    for seed in (1, 2, 3):
        rng = np.random.default_rng(seed)
        labels = rng.integers(3, size=300)
        first, second = (_table(rng, labels, strength=strength) for strength in (2.0, 1.0))
        chances = np.stack([first, second])[:, np.arange(300), labels]  # (2, n), of the true class

        def loss(share: float, chances: np.ndarray = chances) -> float:
            return float(-np.log(share * chances[0] + (1 - share) * chances[1]).mean())

        expected = minimize_scalar(loss, bounds=(0, 1), method="bounded").x
        if abs(float(answer(first, second, labels)) - expected) > 0.03:
            return False
    return True


def _table(rng: Any, labels: Any, *, strength: float) -> Any:
    """`(n, 3)` probabilities that know the labels the better, the larger the strength."""
    import numpy as np
    from scipy.special import softmax

    return softmax(rng.normal(size=(len(labels), 3)) * 1.5 + strength * np.eye(3)[labels], axis=1)
