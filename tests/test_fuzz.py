"""Whatever happens to the bytes of a few files: no traceback, and no post is lost in silence."""

from dataclasses import replace

import pytest

from mmsa_utils.data import load_dataset

from . import fuzzing


def test_300_byte_changes_leave_a_row_or_a_post(tmp_path):
    failures = fuzzing.fuzz(300, seed=20240, folder=tmp_path)
    assert not failures, "\n\n".join(map(str, failures))


def lose_a_post(folder, **options):
    dataset = load_dataset(folder, **options)
    return replace(dataset, labelled=dataset.labelled[1:])


def raise_something(folder, **options):
    raise OverflowError("too large")


@pytest.mark.parametrize(
    ("loader", "said"), [(lose_a_post, "lost without a row: ['1']"), (raise_something, "Overflow")]
)
def test_a_lost_post_and_a_traceback_are_noticed(tmp_path, monkeypatch, loader, said):
    monkeypatch.setattr(fuzzing, "load_dataset", loader)
    failures = fuzzing.fuzz(1, seed=0, folder=tmp_path)
    assert said in failures[0].complaint


def test_a_seed_makes_the_same_changes_again():
    files = fuzzing.sound_files()
    first, again, other = (
        [fuzzing.make_change(n, seed=seed, files=files, kind="picture").raw for n in range(20)]
        for seed in (1, 1, 2)
    )
    assert first == again != other
