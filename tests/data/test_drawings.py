"""Drawings for the demo set: each a new one, of every kind, and the same for the same seed."""

import numpy as np
import pytest

from mmsa_utils.data.drawings import MOTIFS, draw_image


def drawings(kind, count, *, seed=0, word=False):
    rng = np.random.default_rng(seed)
    return [draw_image(kind, rng, word=word) for _ in range(count)]


@pytest.mark.parametrize("kind", MOTIFS)
def test_no_two_drawings_of_a_kind_are_alike_and_none_is_blank(kind):
    images = drawings(kind, 40)  # enough to meet every motif
    assert {image.mode for image in images} == {"RGB"}
    assert len({(image.size, image.tobytes()) for image in images}) == 40
    assert all(np.ptp(np.asarray(image)) > 0 for image in images)


def test_the_same_seed_draws_the_same():
    first, again = (drawings("positive", 3, seed=5) for _ in range(2))
    assert [image.tobytes() for image in first] == [image.tobytes() for image in again]


def test_a_word_is_written_at_the_bottom_in_white_on_black():
    (plain,), (word,) = drawings("neutral", 1), drawings("neutral", 1, word=True)
    changed = (np.asarray(plain) != np.asarray(word)).any(axis=2)
    assert changed.any()
    assert np.flatnonzero(changed.any(axis=1)).min() > word.height / 2
    written = np.asarray(word)[changed]
    assert (written == 0).all(axis=1).any()
    assert (written == 255).all(axis=1).any()
