"""Measures how fast this is, as ratios within one run, and writes results/bench.json.

    python -m bench [PIECE ...] [--quick] [--out FILE]

Run it from the project's folder, on a machine that does nothing else: a ratio of two things that
took turns bears some noise, the seconds beside it do not. Pieces that are not named keep their
record. Two hours on two cores, most of it for the reference run and the lab report's way.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from mmsa_utils.io import Record, load_json, save_json
from mmsa_utils.paths import RESULTS
from mmsa_utils.settings import out_folder

from . import features, lab_report, predict, reference, scale

PIECES: dict[str, Callable[..., Record]] = {
    "predict": predict.measure,
    "features": features.measure,
    "lab_report": lab_report.measure,
    "scale": scale.measure,
    "reference": reference.measure,
}


def run(pieces: list[str], out: Path, *, quick: bool) -> None:
    """Measures the pieces, one after the other, and writes each as soon as it is done."""
    record: Record = load_json(out) if out.exists() else {}
    for name in pieces:
        print(f"{name} ...", flush=True)
        record[name] = PIECES[name](quick=quick)
        save_json({piece: record[piece] for piece in PIECES if piece in record}, out)
    print(f"written to {out}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("pieces", nargs="*", metavar="PIECE", help=", ".join(PIECES))
    quick = "tiny sizes, to see that it runs: such figures go to out/"
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--out", type=Path, metavar="FILE", help="results/bench.json by default")
    options = parser.parse_args()
    if unknown := set(options.pieces) - set(PIECES):
        parser.error(f"no piece {', '.join(sorted(unknown))}; choose from: {', '.join(PIECES)}")
    out = options.out or (out_folder() if options.quick else RESULTS) / "bench.json"
    run(options.pieces or list(PIECES), out, quick=options.quick)


if __name__ == "__main__":
    main()
