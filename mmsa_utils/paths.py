"""Where the parts of the course lie in its clone, and whether this is one.

A package that was installed without the clone (`pip install .`) has its own resources (the
weights, the demo sentences, the templates), but none of the folders below.
"""

from pathlib import Path

from .errors import CourseError

PROJECT = Path(__file__).resolve().parents[1]
DEMO = PROJECT / "data" / "demo"
COURSE = PROJECT / "data" / "course"
RESULTS = PROJECT / "results"
IMAGES = PROJECT / "images"
NOTEBOOKS = PROJECT / "notebooks"


def in_clone() -> bool:
    """Whether the package runs from a clone of the course, with data, notebooks and results."""
    return (PROJECT / "pyproject.toml").is_file() and NOTEBOOKS.is_dir()


def require_clone(what: str) -> None:
    """Ends what cannot work without the clone.

    Args:
        what: the subject of the message, such as "the reference run".

    Raises:
        CourseError: where the package was installed without its clone.
    """
    if not in_clone():
        raise CourseError(
            f"{what} needs a clone of the course, and this package was installed without one: "
            "clone the project and install it from there with `pip install --editable .`"
        )
