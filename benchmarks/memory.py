"""What memory training takes, all processes together: by members, and on a series of ten million steps."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.studies import TRAIN, cells, environment, write_study

LONG_STEPS = 10_000_000


def memory(folder: Path) -> dict[str, Any]:
    """MiB at the peak (proportional set size, summed over the processes), for few and many members and for
    a long series; `series_mib` is the series in double precision."""
    results: dict[str, Any] = {}
    for members in (4, 256):
        study = folder / f"memory-{members}"
        cells(study, "lstm", 16, 52, members, 3)
        results[f"members_{members}_mib"] = peak(study)
    study = folder / "memory-long"
    window = {
        "lookback": 4, "horizon": 1, "folds": 1, "final_fit": "train",
        "split": {"validation": 1000, "test": 100},
    }  # fmt: skip
    train = {
        "cells": ["rnn"], "hidden": 4, "seeds": 2, "penalty": {"kind": "l2", "lambdas": [0.0, 1.0]},
        "epochs": 1, "batch_size": 512,
    }  # fmt: skip
    write_study(study, LONG_STEPS, window, train, "s")
    results |= {"long_steps": LONG_STEPS, "series_mib": round(LONG_STEPS * 8 / 2**20)}
    results["long_mib"] = peak(study)
    print(f"memory: {results}", flush=True)
    return results


def peak(folder: Path) -> int:
    """Train the folder's study with an empty store and watch it."""
    command, silent = [sys.executable, "-m", *TRAIN], subprocess.DEVNULL
    process = psutil.Popen(command, cwd=folder, env=environment(folder), stderr=silent)
    most = 0
    while process.poll() is None:
        most = max(most, _pss(process))
        time.sleep(0.05)
    if process.returncode:
        raise RuntimeError(f"training in {folder} ended with {process.returncode}")
    return round(most / 2**20)


def _pss(process: psutil.Process) -> int:
    """Bytes of a process and those that it started; none for one that has ended."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for running in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error, FileNotFoundError):
                total += running.memory_full_info().pss
    return total
