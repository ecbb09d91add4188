"""Studies made for measuring: a series, its windows by the real stages, a params.yaml."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parent.parent


def made_study(
    folder: Path, steps: int, window: dict[str, Any], train: dict[str, Any], frequency: str = "h"
) -> Path:
    """Fill `folder` with a seasonal autoregression, its development.safetensors and a params.yaml.

    `window` and `train` change the values of this repository's params.yaml.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    values = rng.normal(size=steps)
    for t in range(1, steps):
        values[t] += 0.8 * values[t - 1]
    values += 2 * np.sin(2 * np.pi * np.arange(steps) / 24)
    import pandas as pd

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
        ["stages.prepare", "--source", "series.parquet", "--series", "series"],
        [
            "stages.window", "--series", "series", "--development", "development.safetensors",
            "--test", "test.safetensors",
        ],
    ):  # fmt: skip
        call(folder, command)
    return folder


def call(folder: Path, module: list[str], **environment: str) -> str:
    """Run `python -m …` of this repository in `folder`; gives its standard error."""
    import os

    own = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DVC_ROOT": str(folder),
        "RIDGELINE_COMPILED": str(ROOT / ".ridgeline" / "compiled"),
        **environment,
    }
    done = subprocess.run(
        [sys.executable, "-m", *module], cwd=folder, env=own, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(module)} ended with {done.returncode}:\n{done.stderr}")
    return done.stderr
