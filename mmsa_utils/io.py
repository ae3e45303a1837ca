"""Files that are either whole or absent: written beside their place, then renamed."""

import os
from contextlib import contextmanager


@contextmanager
def replacing(path):
    """Yields a temporary path beside `path`; renames it into place if nothing went wrong.

    A process that is killed meanwhile leaves the old file, or none, but never half a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
