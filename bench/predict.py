"""How long one post takes: from a cold start, and once the model is loaded.

Run it on a machine that does nothing else: `python bench/predict.py`. It writes
results/bench.json. Cold is a new process each time, from its start to the answer; the median of
5. Warm is the median of 50 answers in one process, after 5 that do not count. The post is one of
the demo set, with text and picture.
"""

import subprocess
import sys
import time
from statistics import median

import torch

import mmsa_utils
from mmsa_utils.devices import environment
from mmsa_utils.io import Record, save_json
from mmsa_utils.paths import DEMO, PROJECT, RESULTS

TEXT = "What a lovely day with all my friends!"
PICTURE = DEMO / "data" / "1.jpg"
COLD = f"""
import time
import mmsa_utils
mmsa_utils.load_model().predict(text={TEXT!r}, image={str(PICTURE)!r})
print(time.time())
"""
TORCH = "import time, torch; print(time.time())"  # what of it no code of ours can change


def from_start(code: str) -> float:
    """Seconds from the start of a new process to the time that it prints."""
    start = time.time()
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(found.stdout) - start


def warm_seconds() -> list[float]:
    """Seconds of answers by a model that has answered before."""
    model, seconds = mmsa_utils.load_model(), []
    for _ in range(55):
        start = time.perf_counter()
        model.predict(text=TEXT, image=PICTURE)
        seconds.append(time.perf_counter() - start)
    return seconds[5:]


def main() -> None:
    """Measures, writes and prints."""
    from_start(COLD)  # the first one reads the libraries from the disk
    cold, only_torch = ([from_start(code) for _ in range(5)] for code in (COLD, TORCH))
    warm = warm_seconds()
    record: Record = {
        "what": "one post with text and picture, by the shipped model",
        "cold_seconds": round(median(cold), 2),
        "cold_runs": [round(value, 2) for value in cold],
        "of_which_import_torch": round(median(only_torch), 2),
        "warm_seconds": round(median(warm), 3),
        "warm_runs": len(warm),
        "environment": environment(torch.device("cpu")),
    }
    save_json({"predict": record}, RESULTS / "bench.json")
    file = f"{RESULTS.relative_to(PROJECT)}/bench.json"
    print(f"cold {median(cold):.2f} s (torch alone {median(only_torch):.2f} s)")
    print(f"warm {1000 * median(warm):.0f} ms; written to {file}")


if __name__ == "__main__":
    main()
