"""`python -m mmsa_utils.data [FOLDER]` makes the demo set, in its place or in a new folder."""

import argparse
import sys
from pathlib import Path

from ..errors import CourseError
from ..paths import DEMO
from .demo import make_demo


def main() -> None:
    """Entry point. Bad input ends in one message, no traceback."""
    parser = argparse.ArgumentParser(
        prog="python -m mmsa_utils.data", description="Makes the demo set; it is always the same."
    )
    parser.add_argument("folder", type=Path, nargs="?", default=DEMO, help="a new or empty folder")
    try:
        make_demo(parser.parse_args().folder)
    except CourseError as error:
        sys.exit(f"mmsa_utils: {error}")


if __name__ == "__main__":
    main()
