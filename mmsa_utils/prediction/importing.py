"""How large libraries are imported: without Python's garbage collector looking on."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """What is made meanwhile is not looked through for garbage, and never will be.

    torch and transformers make a million objects that stay as long as the process does. To look
    through them again and again is a fifth of the time from a cold start to an answer.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
