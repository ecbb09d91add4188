"""python -m benchmarks.trainer: the trainer against torch's modules, side by side, and what bounds it.

Each row is a study of one cell, trained end to end (start-up, data, training, validation passes, writing)
by `stages.train` with an empty member store and by `benchmarks.by_hand`, alternately; the ratio is that of
the medians. Kernels are compiled before, as they are once for each version of the code, which is measured
apart. The validation losses of both are compared, to show that they do the same work.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.memory import memory
from benchmarks.scaling import scaling
from benchmarks.studies import BATCH, EPOCHS, ROOT, call, cells, timed, train
from stages.artifacts.fits import load_fits
from stages.networks.kernels.cache import use_cache

RESULTS = ROOT / "benchmarks" / "results"
LONG = 336
MEMBERS = {  # by cell and hidden units: start-up is small against training, a row by hand under a minute
    "lstm": {16: 96, 32: 32, 64: 16, 128: 4},
    "gru": {16: 32, 32: 16, 64: 8, 128: 4},
    "rnn": {16: 64, 32: 32, 64: 24, 128: 8},
}


@dataclass(frozen=True)
class Row:
    """One study: a cell, D, L, K members, epochs; `usual`: also as most people run it."""

    cell: str
    hidden: int
    lookback: int
    members: int
    epochs: int = EPOCHS
    usual: bool = False

    @property
    def name(self) -> str:
        return f"{self.cell}-{self.hidden}-{self.lookback}"


ROWS = [
    Row(cell, d, 52, members, usual=d == 32)
    for cell, sizes in MEMBERS.items()
    for d, members in sizes.items()
]
LONG_MEMBERS = {16: (64, 5), 32: (16, 5), 64: (8, 3), 128: (4, 3)}  # and epochs
ROWS += [Row("lstm", d, LONG, members, epochs) for d, (members, epochs) in LONG_MEMBERS.items()]
ROWS += [Row("gru", 16, LONG, 8, 5), Row("rnn", 16, LONG, 32, 5)]


def main() -> None:
    """Measure, print a table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="rows whose cell-hidden-lookback starts with it")
    args = parser.parse_args()
    use_cache()  # before numba is imported
    from benchmarks.kernels import compile_seconds, gemm_peak, profiles

    rows = [row for row in ROWS if row.name.startswith(args.only)]
    results: dict[str, Any] = {"machine": machine(), "gemm_peak_gflops": round(gemm_peak(), 1)}
    print(f"{results['machine']['cpu']}, GEMM peak {results['gemm_peak_gflops']} GFLOP/s a thread")
    with tempfile.TemporaryDirectory(prefix="ridgeline-") as name:
        results["rows"] = [measured(row, Path(name) / row.name, args.rounds) for row in rows]
        results["steps"] = profiles(results["gemm_peak_gflops"], rows)
        for row, step in zip(results["rows"], results["steps"], strict=True):
            row["share_of_gemm_peak"] = step["share_of_peak"]
        if not args.only:
            results["scaling"] = scaling(Path(name), RESULTS / "scaling.svg")
            results["memory"] = memory(Path(name))
            results["compile_seconds"] = compile_seconds(Path(name))
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / (f"trainer-{args.only}.json" if args.only else "trainer.json")
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"written to {path.relative_to(ROOT)}")


def measured(row: Row, folder: Path, rounds: int) -> dict[str, Any]:
    """Seconds of both, run alternately, and how far their validation losses are apart."""
    cells(folder, row.cell, row.hidden, row.lookback, row.members, row.epochs)
    ours, theirs = [], []
    timed(train, folder)  # warms up: kernels, file cache
    for _ in range(rounds):
        ours.append(timed(train, folder))
        theirs.append(timed(by_hand, folder))
    seconds, hand = statistics.median(ours), statistics.median(theirs)
    result: dict[str, Any] = {
        "cell": row.cell, "hidden": row.hidden, "lookback": row.lookback, "batch": BATCH,
        "members": row.members, "epochs": row.epochs, "rounds": rounds, "seconds": round(seconds, 2),
        "by_hand_seconds": round(hand, 2), "ratio": round(hand / seconds, 2),
        "relative_difference_of_validation_losses": distance(folder),
    }  # fmt: skip
    if row.usual:
        usual = timed(by_hand, folder, "--usual")
        result |= {"usual_seconds": round(usual, 2), "usual_ratio": round(usual / seconds, 2)}
    print(line(result), flush=True)
    shutil.rmtree(folder)
    return result


def by_hand(folder: Path, *flags: str) -> None:
    """The same members by torch's modules."""
    call(folder, ["benchmarks.by_hand", str(folder), *flags])


def distance(folder: Path) -> float:
    """The largest relative difference between both sides' validation losses of a member."""
    (fit,) = load_fits(folder / "fits")
    worst = 0.0
    for path in (folder / "by_hand").glob("*.npz"):
        fold, lam, seed = path.stem.rsplit("-", 2)
        if fold in fit.window_losses["mse"]:
            ours = fit.window_losses["mse"][fold][fit.lambdas.index(float(lam)), int(seed)].mean()
            worst = max(worst, abs(ours / np.load(path)["losses"].mean() - 1))
    return float(f"{worst:.2g}")


def machine() -> dict[str, Any]:
    """The machine and the versions."""
    info = Path("/proc/cpuinfo")
    named = re.search(r"^model name.*?: (.*)", info.read_text(), re.M) if info.exists() else None
    names = ("torch", "numpy", "numba", "llvmlite")
    return {
        "cpu": named[1].strip() if named else platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    usual = f"; as usual {row['usual_ratio']:5.2f} times" if "usual_ratio" in row else ""
    return (
        f"{row['cell']:>4} D {row['hidden']:>3} L {row['lookback']:>3} K {row['members']:>3}: "
        f"{row['seconds']:6.1f} s, by hand {row['by_hand_seconds']:6.1f} s, {row['ratio']:5.2f} times{usual}"
    )


if __name__ == "__main__":
    main()
