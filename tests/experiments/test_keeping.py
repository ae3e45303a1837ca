"""The rule of keeping, against closed forms and a simulation of overlapping scores."""

import numpy as np
import pytest
from scipy import stats

from mmsa_utils.experiments.keeping import errors_needed, fold_scores, is_kept, verdict


def row(name, scores, *, against=None, seeds=(0,), share=0.25, of=1, step="x"):
    """A row whose accuracy is these scores, by seed and fold; macro-F1 is half of that."""
    table = np.array(scores, dtype=float)
    folds = {"accuracy": table.tolist(), "macro_f1": (table / 2).tolist()}
    return {
        "mode": "text", "step": step, "name": name, "against": against, "seeds": list(seeds),
        "validation_folds": folds, "test_share": share, "of": of,
    }  # fmt: skip


BASE = row("base", [[0.50, 0.52, 0.48, 0.51]])


def test_gain_and_error_are_nadeau_and_bengios():
    """Paired differences of accuracy + macro-F1; variance by 1/k + n_test/n_train."""
    found = verdict(row("new", [[0.52, 0.53, 0.49, 0.55]]), BASE)
    d = 1.5 * np.array([0.02, 0.01, 0.01, 0.04])
    assert found.gain == pytest.approx(d.mean(), abs=1e-6)
    assert found.error == pytest.approx(np.sqrt((1 / 4 + 1 / 4) * d.var(ddof=1)), abs=1e-6)
    assert found.passes


def test_a_gain_below_one_standard_error_is_noise_and_so_is_a_tie():
    noisy = [[0.54, 0.50, 0.47, 0.52]]
    found = verdict(row("new", noisy), BASE)
    assert 0 < found.gain < found.error
    assert not found.passes
    assert not verdict(BASE | {"name": "same"}, BASE).passes
    worse = row("worse", np.array([[0.50, 0.52, 0.48, 0.51]]) - 0.1)
    assert not verdict(worse, BASE).passes


def test_the_error_is_right_where_scores_share_posts():
    """Each score is of an eighth of the posts, drawn anew: fifteen of these are no 15 draws."""
    rng, errors, gains = np.random.default_rng(0), [], []
    for _ in range(300):
        difference = rng.choice([-1, 0, 1], 800, p=[0.05, 0.88, 0.07])  # of a post's being right
        drawn = [
            [difference[rng.permutation(800)[:100]].mean() for _ in range(5)] for _ in range(3)
        ]
        new = row("new", drawn, seeds=(0, 1, 2), share=1 / 7)
        found = verdict(new, row("base", np.zeros((3, 5)), seeds=(0, 1, 2)))
        errors.append(found.error)
        gains.append(found.gain)
    assert np.mean(errors) == pytest.approx(np.std(gains), rel=0.15)
    assert np.mean(gains) == pytest.approx(1.5 * 0.02, abs=0.003)


def test_a_row_of_one_seed_is_compared_on_that_seed():
    base = row("base", [[0.5, 0.6], [0.1, 0.2]], seeds=(0, 1))
    assert verdict(row("new", [[0.3, 0.4]], seeds=(1,)), base).gain == pytest.approx(0.3)


def test_one_of_several_candidates_needs_more_as_bonferroni_says():
    assert errors_needed(15, 1) == pytest.approx(1)
    needed = errors_needed(15, 4)
    assert stats.t.sf(needed, 14) == pytest.approx(stats.t.sf(1, 14) / 4)
    scores = [[0.53, 0.53, 0.48, 0.52]]  # a gain between one and two standard errors
    single, fourth = (verdict(row("new", scores, of=of), BASE) for of in (1, 4))
    assert single[:2] == fourth[:2]
    assert single.passes
    assert not fourth.passes


def test_of_a_batch_the_largest_gain_is_kept_and_other_tracks_do_not_count():
    new = np.array([[0.51, 0.54, 0.50, 0.53]])
    rows = [
        BASE,
        row("noise", [[0.54, 0.50, 0.47, 0.52]], against="base"),
        row("good", new, against="base"),
        row("better", new + 0.1, against="base"),
        row("base", [[0.9] * 4], step="y"),
        row("best of another track", new + 0.2, against="base", step="y"),
    ]
    assert [is_kept(r, rows) for r in rows] == [True, False, False, True, True, False]
    assert is_kept(rows[2], [*rows[:3], *rows[4:]])


def test_what_a_row_says_of_its_folds(made_run):
    facts = fold_scores(made_run(40, validation=0.7512))
    assert facts["validation_folds"]["macro_f1"] == [[0.7512] * 4] * 2  # by seed and fold
    assert facts["test_share"] == pytest.approx(1 / 2)  # three inner folds
