"""python -m benchmarks.trainer: whole studies against torch's own modules, side by side.

Each row is a study of one cell, trained end to end (start-up, data, training, validation passes,
writing) by `stages.train` with an empty member store and by `benchmarks.by_hand`, in turns; the ratio is
that of the medians. Kernels are compiled before, as they are once for each version of the code; what
that takes is a figure of its own. Weights of both are compared, so that it is the same work.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.made import ROOT, call, made_study

RESULTS = ROOT / "benchmarks" / "results" / "trainer.json"
BATCH = 64
EPOCHS = 10
MEMBERS = {16: 48, 32: 32, 64: 16, 128: 8}  # by hidden units, so that rows take about as long
LONG = 336


@dataclass(frozen=True)
class Row:
    """One study: cell, D, L and K members."""

    cell: str
    hidden: int
    lookback: int
    members: int


ROWS = [Row(c, d, 52, MEMBERS[d]) for d in MEMBERS for c in ("lstm", "gru", "rnn")]
ROWS += [Row("lstm", d, LONG, MEMBERS[d] // 4) for d in MEMBERS]
ROWS += [Row(c, 16, LONG, MEMBERS[16] // 4) for c in ("gru", "rnn")]


def main() -> int:
    """Measure, print a table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="rows whose cell-hidden-lookback starts with this")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    rows = [r for r in ROWS if f"{r.cell}-{r.hidden}-{r.lookback}".startswith(args.only or "")]
    measured = []
    with tempfile.TemporaryDirectory(prefix="ridgeline-") as name:
        for row in rows:
            measured.append(
                measure(row, Path(name) / f"{row.cell}-{row.hidden}-{row.lookback}", args.rounds)
            )
            print(line(measured[-1]), flush=True)
    from benchmarks.kernels import compile_seconds, profiles

    results = {
        "machine": machine(),
        "rows": measured,
        "profiles": profiles(rows),
        "compile_seconds": compile_seconds(),
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"written to {args.out}")
    return 0


def measure(row: Row, folder: Path, rounds: int) -> dict[str, Any]:
    """Seconds of both, in turns, and whether they trained the same networks."""
    window = {
        "lookback": row.lookback, "horizon": 12, "folds": 1, "final_fit": "train",
        "split": {"validation": 300, "test": 24},
    }  # fmt: skip
    lambdas = [0.0, 1.0, 3.0, 10.0]
    train: dict[str, Any] = {
        "cells": [row.cell], "hidden": row.hidden, "seeds": max(1, row.members // (2 * len(lambdas))),
        "penalty": {"kind": "l2", "lambdas": lambdas[: max(1, row.members // 2)]},
        "epochs": EPOCHS, "batch_size": BATCH, "learning_rate": 0.003,
    }  # fmt: skip
    made_study(folder, 1300 + row.lookback, window, train)
    ours, theirs, usual = [], [], 0.0
    for turn in range(rounds + 1):  # the first warms up: kernels, file cache
        shutil.rmtree(folder / ".ridgeline", ignore_errors=True)
        began = time.perf_counter()
        call(folder, ["stages.train", "--development", "development.safetensors", "--fits", "fits"])
        ours.append(time.perf_counter() - began)
        if turn:
            began = time.perf_counter()
            call(folder, ["benchmarks.by_hand", str(folder)])
            theirs.append(time.perf_counter() - began)
    far = distance(folder)
    began = time.perf_counter()
    call(folder, ["benchmarks.by_hand", str(folder), "--usual"])
    usual = time.perf_counter() - began
    seconds, hand = statistics.median(ours[1:]), statistics.median(theirs)
    return {
        "cell": row.cell, "hidden": row.hidden, "lookback": row.lookback, "batch": BATCH,
        "members": 2 * len(train["penalty"]["lambdas"]) * train["seeds"],
        "epochs": EPOCHS, "seconds": round(seconds, 3),
        "by_hand_seconds": round(hand, 3), "ratio": round(hand / seconds, 2),
        "usual_seconds": round(usual, 3), "usual_ratio": round(usual / seconds, 2),
        "rounds": rounds, "largest_difference_of_validation_losses": far,
    }  # fmt: skip


def distance(folder: Path) -> float:
    """The largest relative difference between both sides' mean validation losses."""
    from stages.artifacts.fits import load_fits

    (fit,) = load_fits(folder / "fits")
    worst = 0.0
    for path in (folder / "by_hand").glob("*.npz"):
        fold, lam, seed = path.stem.rsplit("-", 2)
        if fold not in fit.window_losses:
            continue
        own = fit.window_losses[fold][fit.lambdas.index(float(lam)), int(seed)].mean()
        worst = max(worst, abs(own / np.load(path)["losses"].mean() - 1))
    return float(f"{worst:.2g}")


def machine() -> dict[str, Any]:
    """What it ran on."""
    model = platform.processor()
    if (info := Path("/proc/cpuinfo")).exists():
        lines = [
            x.split(":", 1)[1] for x in info.read_text().splitlines() if x.startswith("model name")
        ]
        model = lines[0].strip() if lines else model
    names = ("torch", "numpy", "numba", "llvmlite")
    return {
        "cpu": model, "cores": os.cpu_count(), "system": platform.system(),
        "python": platform.python_version(), **{n: version(n) for n in names},
    }  # fmt: skip


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    return (
        f"{row['cell']:>4} D {row['hidden']:>3} L {row['lookback']:>3} K {row['members']:>3}: "
        f"{row['seconds']:6.1f} s, by hand {row['by_hand_seconds']:6.1f} s, {row['ratio']:5.2f} times; "
        f"as usual {row['usual_seconds']:6.1f} s, {row['usual_ratio']:5.2f} times"
    )


if __name__ == "__main__":
    sys.exit(main())
