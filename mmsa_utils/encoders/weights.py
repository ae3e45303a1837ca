"""Weights that come with the course: files in weights/, their hashes and how each was made.

`weights/shipped.json` maps a file name to its `sha256` and to the record of its training.
"""

import hashlib
from pathlib import Path

from ..errors import CourseError
from ..evaluation.records import load_json, save_json

FOLDER = Path(__file__).parents[1] / "weights"


def verified(path, sha256):
    """`path`, if its content has the expected SHA-256.

    Raises:
        CourseError: where the file is missing, truncated or altered.
    """
    path = Path(path)
    if not path.is_file():
        raise CourseError(f"{path} is missing: install the project's packages again")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise CourseError(
            f"{path} is not the published weight file (SHA-256 {found[:12]}..., expected "
            f"{sha256[:12]}...): it is truncated or altered; install its package again"
        )
    return path


def shipped_records():
    """What `shipped.json` says, by file name."""
    return load_json(FOLDER / "shipped.json")


def shipped_file(name):
    """`(path, sha256)` of a shipped weight file, once it is found to be the recorded one.

    Raises:
        CourseError: where it is not recorded, missing, truncated or altered.
    """
    records = shipped_records()
    if name not in records:
        raise CourseError(f"{FOLDER / 'shipped.json'} does not know {name}: get the project again")
    return verified(FOLDER / name, records[name]["sha256"]), records[name]["sha256"]


def record_shipped(name, record):
    """Enters a file that has just been written, with its hash and the record of its training."""
    file = FOLDER / "shipped.json"
    records = shipped_records() if file.exists() else {}
    digest = hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()
    records[name] = {"sha256": digest, "bytes": (FOLDER / name).stat().st_size, **record}
    save_json(records, file)
