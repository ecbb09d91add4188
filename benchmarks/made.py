"""Studies made for measuring: a series, its windows by the real stages, a params.yaml."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.signal import lfilter

ROOT = Path(__file__).resolve().parent.parent


def made_study(
    folder: Path, steps: int, window: dict[str, Any], train: dict[str, Any], frequency: str = "h"
) -> Path:
    """Fill `folder` with a seasonal autoregression, its development.safetensors and a params.yaml.

    `window` and `train` change the values of this repository's params.yaml.
    """
    folder.mkdir(parents=True)
    noise = np.random.default_rng(1).normal(size=steps)
    values = lfilter([1.0], [1.0, -0.8], noise)
    values += 2 * np.sin(2 * np.pi * np.arange(steps) / 24)
    index = pd.date_range("1800-01-01", periods=steps, freq=frequency)
    table = pd.DataFrame({"unique_id": "made", "ds": index, "y": values.round(6)})
    table.to_parquet(folder / "series.parquet")
    params = copy.deepcopy(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")))
    params["prepare"] |= {
        "path": "series.parquet", "format": "long", "time": "ds", "targets": [], "frequency": frequency,
    }  # fmt: skip
    params["window"] |= window
    params["train"] |= train
    params["evaluate"]["season"] = 24
    text = yaml.safe_dump(params, sort_keys=False, allow_unicode=True)
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    for command in (
        ["stages.prepare", "--series", "series"],
        [
            "stages.window", "--series", "series", "--development", "development.safetensors",
            "--test", "test.safetensors", "--summary", "summary.json",
        ],
    ):  # fmt: skip
        call(folder, command)
    return folder


def environment(folder: Path, **more: str) -> dict[str, str]:
    """For a stage that runs in `folder`: this repository's code and its compiled kernels."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DVC_ROOT": str(folder),
        "RIDGELINE_COMPILED": os.environ.get("RIDGELINE_COMPILED")
        or str(ROOT / ".ridgeline" / "compiled"),
        **more,
    }


def call(folder: Path, module: list[str], **more: str) -> None:
    """Run `python -m …` of this repository in `folder`.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    done = subprocess.run(
        [sys.executable, "-m", *module],
        cwd=folder,
        env=environment(folder, **more),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(module)} ended with {done.returncode}:\n{done.stderr}")
