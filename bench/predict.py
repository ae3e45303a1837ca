"""How long one post takes: from a cold start, and once the model is loaded.

Cold is a new process each time, from its start to the answer; the median of 5. Warm is the
median of 50 answers in one process, after 5 that do not count. The post is one of the demo set,
with text and picture.
"""

import subprocess
import sys
import time
from statistics import median

import mmsa_utils
from mmsa_utils.io import Record
from mmsa_utils.paths import DEMO

from .common import machine, timed

TEXT = "What a lovely day with all my friends!"
PICTURE = DEMO / "data" / "1.jpg"
COLD = f"""
import time
import mmsa_utils
mmsa_utils.load_model().predict(text={TEXT!r}, image={str(PICTURE)!r})
print(time.time())
"""
TORCH = "import time, torch; print(time.time())"  # what of it no code of ours can change
UNCOUNTED = 5  # the first warm answers


def from_start(code: str) -> float:
    """Seconds from the start of a new process to the time that it prints."""
    start = time.time()
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(found.stdout) - start


def warm_seconds(answers: int) -> list[float]:
    """Seconds of answers by a model that has answered before."""
    model = mmsa_utils.load_model()
    seconds = [
        timed(lambda: model.predict(text=TEXT, image=PICTURE))[0]
        for _ in range(UNCOUNTED + answers)
    ]
    return seconds[UNCOUNTED:]


def measure(*, quick: bool = False) -> Record:
    """The record of this piece."""
    before, starts, answers = machine(), 1 if quick else 5, 3 if quick else 50
    from_start(COLD)  # the first one reads the libraries from the disk
    cold, only_torch = ([from_start(code) for _ in range(starts)] for code in (COLD, TORCH))
    warm = warm_seconds(answers)
    return {
        "what": "one post with text and picture, by the shipped model",
        "cold_seconds": round(median(cold), 2),
        "cold_runs": [round(value, 2) for value in cold],
        "of_which_import_torch": round(median(only_torch), 2),
        "warm_seconds": round(median(warm), 3),
        "warm_runs": len(warm),
        "environment": before,
    }
