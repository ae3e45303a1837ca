"""The exercises of notebook 3: right answers pass, plausible wrong ones do not."""

import pytest
import torch

from mmsa_utils.exercises import notebook_03, verdict

TORN = {"shuffled": 10, "grouped": 0}  # posts of the demo set with a copy in another fold
RECALLS = {"demo, none": 0.775, "demo, balanced": 0.775, "rare, none": 0.5, "rare, balanced": 0.65}
EMPTY = [
    ("3.1", {"shuffled": ..., "grouped": ..., "statement": ...}),
    ("3.2", dict.fromkeys(RECALLS, ...)),
    ("3.3", lambda hidden, mask: ...),
    ("3.4", lambda losses, patience: None),
]


def masked_mean(hidden, mask):
    mask = mask.unsqueeze(-1)
    return (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)


def early_stopping(losses, patience):
    best = 0
    for epoch in range(1, len(losses) + 1):
        if best == 0 or losses[epoch - 1] < losses[best - 1]:
            best = epoch
        if epoch - best >= patience:
            break
    return best, epoch


def at_the_next_rise(losses, patience):
    for epoch in range(1, len(losses)):
        if losses[epoch] >= losses[epoch - 1]:
            return epoch, epoch + patience
    return len(losses), len(losses)


RIGHT = [
    ("3.1", {**TORN, "statement": "B"}),
    ("3.1", {**TORN, "statement": "b "}),
    ("3.3", masked_mean),
    ("3.3", lambda hidden, mask: masked_mean(hidden, mask).numpy()),
    ("3.4", early_stopping),
]
WRONG = [
    ("3.1", {**TORN, "statement": "C"}),
    ("3.1", {"shuffled": 5, "grouped": 0, "statement": "B"}),  # groups, not posts
    ("3.1", {"shuffled": 0, "grouped": 10, "statement": "B"}),
    ("3.1", 10),
    ("3.3", lambda hidden, mask: hidden.mean(1)),
    ("3.3", lambda hidden, mask: (hidden * mask.unsqueeze(-1)).mean(1)),
    ("3.3", lambda hidden, mask: (hidden * mask[..., None]).sum(1) / mask.sum(1)[:, None]),  # NaN
    ("3.3", lambda hidden, mask: masked_mean(hidden, torch.ones_like(mask))),
    ("3.4", at_the_next_rise),
    ("3.4", lambda losses, patience: (losses.index(min(losses)) + 1, len(losses))),
    ("3.4", lambda losses, patience: early_stopping(losses, patience)[::-1]),
    ("3.4", lambda losses, patience: early_stopping(losses, patience + 1)),
]


@pytest.mark.parametrize(("number", "answer"), EMPTY)
def test_what_the_notebook_begins_with_is_no_answer(number, answer):
    assert verdict(number, answer) == f"{number}: not answered yet."


@pytest.mark.parametrize(("number", "answer"), RIGHT)
def test_right_answers_pass(number, answer):
    assert verdict(number, answer).startswith(f"{number}: right. ")


@pytest.mark.parametrize(("number", "answer"), WRONG)
def test_wrong_answers_get_a_hint(number, answer):
    assert verdict(number, answer).startswith(f"{number}: not yet. ")


def test_an_error_in_the_students_function_is_said():
    said = verdict("3.3", lambda hidden, mask: hidden * mask)
    assert said.startswith("3.3: not yet. Your function ended with RuntimeError: The size of")


@pytest.fixture
def recalls(monkeypatch):
    """Those of one machine, so that nothing has to be trained: the worked solution trains."""
    monkeypatch.setattr(notebook_03, "_recalls", lambda: RECALLS)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "right. "),
        ({"rare, none": 0.65, "rare, balanced": 0.5}, "not yet. "),
        ({"demo, balanced": 0.725}, "not yet. "),
    ],
)
def test_recalls_of_neutral(recalls, changes, said):
    assert verdict("3.2", RECALLS | changes).startswith(f"3.2: {said}")
