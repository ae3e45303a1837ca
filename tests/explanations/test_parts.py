"""What is lost without each part."""

import numpy as np

from mmsa_utils.explanations import leave_one_out


class Sum:
    """Parts whose log-odds are the sum of some, and of a pair that covers for each other."""

    def __init__(self, values, pair=0.0):
        self.values, self.pair = np.asarray(values), pair

    def __len__(self):
        return len(self.values) + 2

    def log_odds(self, kept):
        return kept[:, :-2] @ self.values + self.pair * kept[:, -2:].any(1)


def test_of_what_adds_up_each_part_has_its_own_value():
    assert np.allclose(leave_one_out(Sum([1.0, -2.0, 0.5])), [1.0, -2.0, 0.5, 0.0, 0.0])


def test_parts_that_cover_for_each_other_are_not_missed():
    parts = Sum([0.1], pair=5.0)
    assert np.allclose(leave_one_out(parts), [0.1, 0.0, 0.0])
    everything, nothing = parts.log_odds(np.array([[True] * 3, [False] * 3]))
    assert everything - nothing == 5.1
