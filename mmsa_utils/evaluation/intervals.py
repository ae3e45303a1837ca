"""How far a figure may be off because only so many posts were scored."""

from statsmodels.stats.proportion import proportion_confint


def accuracy_interval(
    accuracy: float, posts: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """The interval of an accuracy that was measured once on so many posts.

    Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22, 1927. It knows nothing of copies among the posts, of
    choices made on them, or of another training: each makes the true doubt larger.

    Args:
        accuracy: a share from 0 to 1.
        posts: how many were scored.
        confidence: how often such intervals hold the true share.

    Returns:
        `(low, high)`, shares.
    """
    low, high = proportion_confint(accuracy * posts, posts, alpha=1 - confidence, method="wilson")
    return float(low), float(high)
