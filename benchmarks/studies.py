"""Studies to measure: a series, a params.yaml, and the real stages run in a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.signal import lfilter

from benchmarks.quick import ROOT as ROOT
from benchmarks.quick import change
from stages.presets.preset import Preset

BATCH, EPOCHS, STEPS = 64, 20, 1300
LAMBDAS = [0.3, 1.0, 3.0, 10.0]  # without 0, whose early-stopped networks would be further work
BASE = (
    ROOT / "presets" / "sunspots.yaml"
)  # a default that changes leaves what was measured as it is
TRAIN = ["stages.train", "--development", "development.safetensors", "--fits", "fits"]
EVALUATE = [
    "stages.evaluate", "--development", "development.safetensors", "--test", "test.safetensors",
    "--fits", "fits", "--forecasts", "forecasts", "--scores", "scores",
]  # fmt: skip


def write_study(
    folder: Path, steps: int, window: dict[str, Any], train: dict[str, Any], frequency: str = "h"
) -> None:
    """Fill `folder` with a seasonal autoregression, its development.safetensors and a params.yaml.

    `window` and `train` change the values of BASE.
    """
    folder.mkdir(parents=True)
    noise = np.random.default_rng(1).normal(size=steps)
    values = lfilter([1.0], [1.0, -0.8], noise)
    values += 2 * np.sin(2 * np.pi * np.arange(steps) / 24)
    index = pd.date_range("1800-01-01", periods=steps, freq=frequency)
    table = pd.DataFrame({"unique_id": "generated", "ds": index, "y": values.round(6)})
    table.to_parquet(folder / "series.parquet")
    prepare = {
        "path": "series.parquet", "format": "long", "time": "ds", "targets": [], "frequency": frequency,
    }  # fmt: skip
    changes = {"prepare": prepare, "window": window, "train": train, "evaluate": {"season": 24}}
    cut_windows(folder, changes)


def cut_windows(folder: Path, changes: dict[str, dict[str, Any]]) -> None:
    """Write `folder`'s params.yaml, BASE with `changes`, and its windows."""
    (study,) = Preset.load(BASE).studies.values()
    text = yaml.safe_dump(study, sort_keys=False, allow_unicode=True)
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    change(folder, changes)
    call(folder, ["stages.prepare", "--series", "series"])
    outs = "--development development.safetensors --test test.safetensors --summary summary.json"
    call(folder, ["stages.window", "--series", "series", *outs.split()])


def cells(
    folder: Path, cell: str, hidden: int, lookback: int, members: int, epochs: int = EPOCHS
) -> None:
    """A study of `members` networks: one fold and the final fit, four λ (or fewer), then seeds."""
    window = {
        "lookback": lookback, "horizon": 12, "folds": 1, "final_fit": "train",
        "split": {"validation": 300, "test": 24},
    }  # fmt: skip
    lambdas = LAMBDAS[: max(1, members // 2)]
    train_section = {
        "cells": [cell], "hidden": hidden, "seeds": members // (2 * len(lambdas)),
        "penalty": {"kind": "l2", "lambdas": lambdas}, "epochs": epochs, "batch_size": BATCH,
        "learning_rate": 0.003,
    }  # fmt: skip
    write_study(folder, STEPS + lookback, window, train_section)


def environment(folder: Path, **more: str) -> dict[str, str]:
    """For a stage that runs in `folder`: this repository's code and its compiled kernels."""
    kernels = os.environ.get("RIDGELINE_COMPILED") or str(ROOT / ".ridgeline" / "compiled")
    settings = {"PYTHONPATH": str(ROOT), "DVC_ROOT": str(folder), "RIDGELINE_COMPILED": kernels}
    return os.environ | settings | more


def call(folder: Path, module: list[str], python: str = sys.executable, **more: str) -> None:
    """Run `python -m …` of this repository in `folder`; more: environment variables.

    Raises:
        RuntimeError: it failed; with its standard error.
    """
    command, variables = [python, "-m", *module], environment(folder, **more)
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(module)} ended with {done.returncode}:\n{done.stderr}")


def timed(work: Callable[..., Any], *arguments: Any) -> float:
    """Seconds of a call."""
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def train(folder: Path, **more: str) -> None:
    """`stages.train` with an empty member store."""
    shutil.rmtree(folder / ".ridgeline", ignore_errors=True)
    call(folder, TRAIN, **more)
