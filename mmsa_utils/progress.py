"""Progress bars: one kind everywhere, and none where `MMSA_PROGRESS=off` says so."""

from collections.abc import Iterable
from typing import Any

from tqdm.auto import tqdm

from .settings import shows_progress


def progress_bar(
    items: Iterable[Any] | None = None,
    label: str | None = None,
    *,
    shown: bool = True,
    leave: bool = False,
    **options: Any,
) -> tqdm:
    """A bar over items, or one to be moved by hand with `update`.

    In a notebook it is a widget that goes when it is full: what a cell has written does not
    depend on whether its features were in the cache.

    Args:
        items: that are gone through; None where the bar is moved by hand.
        label: what is counted.
        shown: whether there is enough to do for a bar.
        leave: the full bar stays.
        options: more of `tqdm`'s: `total`, `initial`, `unit`.
    """
    silent = not (shown and shows_progress())
    return tqdm(items, label, leave=leave, disable=silent, **options)
