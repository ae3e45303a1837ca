"""Tests of whether two runs differ, against independent references and by hand."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from mmsa_utils.errors import CourseError
from mmsa_utils.evaluation import comparison
from mmsa_utils.evaluation.metrics import macro_f1

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, 200)
GUESS = RNG.integers(0, 3, 200)


def better(predicted: np.ndarray, share: float) -> np.ndarray:
    """The same predictions with some of them put right."""
    chosen = np.random.default_rng(1).random(len(Y)) < share
    return np.where(chosen, Y, predicted)


def test_corrected_t_test_is_its_formula_and_more_careful_than_the_plain_one() -> None:
    d = np.array([0.02, 0.03, -0.01, 0.04, 0.02])
    t, p = comparison.corrected_t_test(d, test_share=1 / 4)
    expected = d.mean() / np.sqrt((1 / 5 + 1 / 4) * d.var(ddof=1))
    assert t == pytest.approx(expected)
    assert p == pytest.approx(2 * stats.t.sf(abs(expected), 4))
    assert p > stats.ttest_1samp(d, 0).pvalue


def test_corrected_t_test_without_any_spread() -> None:
    assert comparison.corrected_t_test([0.0, 0.0], test_share=0.25) == (0.0, 1.0)
    assert comparison.corrected_t_test([0.1, 0.1], test_share=0.25)[1] == 0.0


def test_mcnemar_is_the_binomial_test_on_posts_that_only_one_gets_right() -> None:
    other = better(GUESS, 0.2)
    a, b = GUESS == Y, other == Y
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    expected = stats.binomtest(only_a, only_a + only_b).pvalue
    assert comparison.mcnemar_p(Y, GUESS, other) == pytest.approx(expected)
    assert comparison.mcnemar_p(Y, Y, Y) == 1.0


def test_bootstrap_interval_holds_the_gain_and_excludes_zero_where_it_is_large() -> None:
    other = better(GUESS, 0.5)
    gain = macro_f1(Y, other) - macro_f1(Y, GUESS)
    low, high = comparison.bootstrap_gain(Y, other[None], GUESS[None], resamples=300)
    assert 0 < low < gain < high


def test_bootstrap_is_the_same_again_and_turns_its_sign_with_the_order() -> None:
    a, b = better(GUESS, 0.5)[None], GUESS[None]
    low, high = comparison.bootstrap_gain(Y, a, b, resamples=50)
    assert comparison.bootstrap_gain(Y, a, b, resamples=50) == (low, high)
    assert comparison.bootstrap_gain(Y, b, a, resamples=50) == pytest.approx((-high, -low))


def test_the_order_of_posts_does_not_count_in_the_bootstrap() -> None:
    """Rows of a table are numbered at random: the interval may not depend on the draw."""
    a, b = np.stack([better(GUESS, 0.5), better(GUESS, 0.4)]), np.stack([GUESS, Y[::-1]])
    groups = np.random.default_rng(2).integers(0, 60, len(Y))
    order = np.random.default_rng(3).permutation(len(Y))
    for known in (None, groups):
        moved = None if known is None else known[order]
        first = comparison.bootstrap_gain(Y, a, b, groups=known, resamples=50)
        again = comparison.bootstrap_gain(
            Y[order], a[:, order], b[:, order], groups=moved, resamples=50
        )
        assert first == again


def test_copies_are_resampled_together() -> None:
    """Ten copies of each post are worth no more than the post: the interval stays as wide."""
    few, guess = Y[:40], GUESS[:40]
    other = np.where(np.arange(40) % 3 == 0, few, guess)
    copies = [np.repeat(values, 10) for values in (few, other, guess)]
    groups = np.repeat(np.arange(40), 10)

    def interval(y: np.ndarray, a: np.ndarray, b: np.ndarray, **given: np.ndarray) -> list[float]:
        return list(comparison.bootstrap_gain(y, a[None], b[None], resamples=300, **given))

    alone, together = interval(few, other, guess), interval(*copies, groups=groups)
    assert together == pytest.approx(alone)
    low, high = interval(*copies)
    assert high - low < 0.5 * (alone[1] - alone[0]), "as if copies were draws of their own"


def test_groups_may_have_any_numbers_and_single_posts_change_nothing() -> None:
    a, b = better(GUESS, 0.5)[None], GUESS[None]
    plain = comparison.bootstrap_gain(Y, a, b, resamples=50)
    numbers = np.random.default_rng(4).permutation(len(Y)) * 7 + 3
    assert comparison.bootstrap_gain(Y, a, b, groups=numbers, resamples=50) == plain


def test_holm_by_hand() -> None:
    assert comparison.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


@pytest.mark.parametrize("count", [2, 5])
def test_the_bootstrap_is_scipys_on_any_number_of_classes(count: int) -> None:
    """Against a paired bootstrap of scikit-learn's F1 on the posts themselves."""
    rng = np.random.default_rng(count)
    labels, guess = rng.integers(0, count, 60), rng.integers(0, count, 60)
    other = np.where(rng.random(60) < 0.6, labels, guess)

    def gain(y: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
        one, two = (
            f1_score(y, each, labels=range(count), average="macro", zero_division=0)
            for each in (a, b)
        )
        return float(one - two)

    expected = stats.bootstrap(
        (labels, other, guess),
        gain,
        paired=True,
        vectorized=False,
        method="percentile",
        n_resamples=400,
        rng=np.random.default_rng(0),
    ).confidence_interval
    names = tuple(map(str, range(count)))
    found = comparison.bootstrap_gain(
        labels, other[None], guess[None], classes=names, resamples=400
    )
    assert found == pytest.approx((expected.low, expected.high), abs=0.05)


# ---- runs compared ----------------------------------------------------------------------

LABELS_OF_EIGHT = [0, 0, 1, 1, 2, 2, 2, 2]
TWO_SEEDS = {
    "good": [[0, 0, 1, 1, 2, 2, 2, 2], [0, 0, 1, 1, 2, 2, 0, 0]],  # 8 and 6 of 8 right
    "bad": [[0, 0, 2, 2, 2, 2, 2, 2], [2, 2, 2, 2, 2, 2, 2, 2]],  # 6 and 4 of 8 right
}


@pytest.fixture
def table(make_table: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    return make_table(LABELS_OF_EIGHT, TWO_SEEDS)


def test_gains_are_means_over_seeds(table: pd.DataFrame) -> None:
    row = comparison.compare(table, "good", "bad", inner_folds=4)
    assert row["gain_accuracy"] == pytest.approx(7 / 8 - 5 / 8)
    scores = {r: [macro_f1(LABELS_OF_EIGHT, p) for p in s] for r, s in TWO_SEEDS.items()}
    assert row["gain_macro_f1"] == pytest.approx(np.mean(scores["good"]) - np.mean(scores["bad"]))
    assert row["macro_f1_interval"][0] < row["gain_macro_f1"] < row["macro_f1_interval"][1]


@pytest.mark.parametrize("classes", [("sad", "happy"), tuple("abcde")])
def test_runs_on_any_classes_are_compared_by_all_of_them(
    classes: tuple[str, ...], make_table: Callable[..., pd.DataFrame]
) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, len(classes) - 1, 80)  # the last class has no post
    runs = {name: [rng.integers(0, len(classes), 80)] for name in ("a", "b")}
    row = comparison.compare(make_table(labels, runs, classes=classes), "a", "b", inner_folds=4)
    scores = [
        f1_score(labels, runs[n][0], labels=range(len(classes)), average="macro", zero_division=0)
        for n in ("a", "b")
    ]
    assert row["gain_macro_f1"] == pytest.approx(scores[0] - scores[1])
    right = [runs[name][0] == labels for name in ("a", "b")]
    assert row["gain_accuracy"] == pytest.approx(right[0].mean() - right[1].mean())
    gains = [(right[0][fold::2].mean() - right[1][fold::2].mean()) for fold in (0, 1)]
    expected = comparison.corrected_t_test(gains, test_share=1 / 0.75)[1]
    assert row["t_test_p"] == pytest.approx(expected)


def test_p_values_are_of_all_folds_and_of_the_least_certain_seed(table: pd.DataFrame) -> None:
    row = comparison.compare(table, "good", "bad", inner_folds=4)
    gains = [0.25, 0.25, 0.25, 0.25]  # a post of four, in both folds of both seeds
    assert comparison.corrected_t_test(gains, test_share=1.0)[1] == row["t_test_p"] == 0.0
    seeds = [stats.binomtest(2, 2).pvalue, stats.binomtest(4, 6).pvalue]
    assert row["mcnemar_p"] == pytest.approx(max(seeds))


def test_the_validation_set_is_not_counted_as_trained_on(
    make_table: Callable[..., pd.DataFrame],
) -> None:
    runs = {"a": [LABELS_OF_EIGHT], "b": [[1, 0, 2, 1, 0, 2, 2, 0]]}
    row = comparison.compare(make_table(LABELS_OF_EIGHT, runs), "a", "b", inner_folds=4)
    gains = [3 / 4, 1 / 4]  # posts 0, 2 and 4 in the one fold, post 7 in the other
    # Two folds: half of the posts are training posts, and three quarters of these are trained on.
    expected = comparison.corrected_t_test(gains, test_share=1 / 0.75)[1]
    assert row["t_test_p"] == pytest.approx(expected)


def test_every_pair_is_compared_and_holm_adjusted(make_table: Callable[..., pd.DataFrame]) -> None:
    runs = {"a": [Y.tolist()], "b": [better(GUESS, 0.5).tolist()], "c": [GUESS.tolist()]}
    rows = comparison.compare_all(make_table(Y.tolist(), runs), ["a", "b", "c"], inner_folds=8)
    assert [(row["first"], row["second"]) for row in rows] == [("a", "b"), ("a", "c"), ("b", "c")]
    for name in ("t_test_p", "mcnemar_p"):
        adjusted = comparison.holm([row[name] for row in rows])
        assert [row[f"{name}_holm"] for row in rows] == adjusted
    shown = comparison.comparison_table(rows)
    assert shown.index.tolist() == ["a - b", "a - c", "b - c"]
    assert shown.loc["a - c", "accuracy"] == f"{rows[1]['gain_accuracy']:+.3f}"
    low, high = rows[1]["macro_f1_interval"]
    assert shown.loc["a - c", "macro-F1, 95 %"] == f"{low:+.3f} to {high:+.3f}"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda part: part.assign(label=part["label"].to_numpy()[::-1]), "not of the same posts"),
        (lambda part: part.assign(row=part["row"] + 1), "not of the same posts"),
        (lambda part: part[part["seed"] == 0], "other seeds"),
        (lambda part: part.assign(fold=1 - part["fold"]), "other folds"),
    ],
)
def test_runs_on_other_posts_seeds_or_folds_are_not_compared(
    table: pd.DataFrame, change: Callable[[pd.DataFrame], pd.DataFrame], says: str
) -> None:
    mixed = pd.concat([table[table["run"] == "good"], change(table[table["run"] == "bad"])])
    with pytest.raises(CourseError, match=f"'good' and 'bad' .*{says}"):
        comparison.compare(mixed, "good", "bad", inner_folds=4)
    with pytest.raises(CourseError, match=says):
        comparison.compare_all(mixed, ["good", "bad"])


def test_runs_that_are_not_compared_do_not_count(table: pd.DataFrame) -> None:
    """A run with ten folds in the same table is none of this comparison's folds."""
    ten = table[table["run"] == "good"].assign(run="ten", fold=lambda part: part["row"])
    alone = comparison.compare(table, "good", "bad", inner_folds=4)
    assert comparison.compare(pd.concat([table, ten]), "good", "bad", inner_folds=4) == alone
