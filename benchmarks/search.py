"""python -m benchmarks.search FILE: the settings of presets/etth1.yaml, one after another, from validation
alone.

The file is cut before the test part, which no code here can read. What is left is the training part, whose
last third is two blocks that folds forecast, and the validation part, which stands where a study has its
test part. Each is forecast from what lies before it, eight months or more. A setting is judged by the mean
of one network and ridge: its mean squared error on each block, at each horizon, relative to the first
setting's. From a first guess each axis of AXES is tried in turn and the best value kept, until none is
better. Results go to benchmarks/results/search.json as they come; what is there is not run again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from benchmarks.studies import ROOT, call
from stages.presets.preset import merged

RESULTS = ROOT / "benchmarks" / "results" / "search.json"
HORIZONS = (96, 720)
VALIDATION, BLOCK, END = (
    2880,
    1440,
    11520,
)  # steps: of the validation part and a block, before the test part
# The first guess is a plain one: the usual loss, start values and batches.
FIRST: dict[str, Any] = {
    "train.loss": "squared",
    "train.init": "glorot",
    "train.batch_size": 256,
    "train.learning_rate": 0.001,
    "train.epochs": 3,
    "train.hidden": 64,
    "train.segment": 48,
    "window.normalise": "last",
}
AXES: tuple[tuple[dict[str, Any], ...], ...] = (
    ({"train.loss": "absolute"},),
    ({"train.init": "torch"},),
    (
        {"train.batch_size": 64, "train.learning_rate": 0.0005},
        {"train.batch_size": 64, "train.learning_rate": 0.001},
        {"train.batch_size": 256, "train.learning_rate": 0.002},
    ),
    ({"train.epochs": 2}, {"train.epochs": 5}),
    ({"window.normalise": "mean"}, {"window.normalise": "instance"}),
    ({"train.segment": 24},),
    ({"train.hidden": 128},),
)


def main(argv: list[str] | None = None) -> None:
    """Run what is not in the results, and print the setting that the search ends with."""
    parser = argparse.ArgumentParser(prog="benchmarks.search", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args(argv)
    results = json.loads(args.results.read_text()) if args.results.exists() else []
    preset = yaml.safe_load((ROOT / "presets" / "etth1.yaml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder) / "known.csv"
        pd.read_csv(args.file, nrows=END).to_csv(known, index=False)

        def judged(setting: dict[str, Any]) -> float:
            for done in results:
                if done["setting"] == setting:
                    return relative(done, results[0])
            began = time.perf_counter()
            errors = {str(h): study(known, preset["params"], setting, h) for h in HORIZONS}
            done = {"setting": setting, "errors": errors, "seconds": time.perf_counter() - began}
            results.append(done)
            args.results.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
            print(json.dumps(setting), errors, f"{relative(done, results[0]):.4f}", flush=True)
            return relative(done, results[0])

        best, lowest = FIRST, judged(FIRST)
        before: dict[str, Any] = {}
        while best != before:  # an axis may be worth trying again once others have moved
            before = best
            for axis in AXES:
                at = best
                for change in axis:
                    error = judged(at | change)
                    if error < lowest:
                        best, lowest = at | change, error
    print(yaml.safe_dump(best, sort_keys=False))


def relative(done: dict[str, Any], first: dict[str, Any]) -> float:
    """Mean over horizons and blocks of the error of the mean with ridge, in units of the first setting's."""
    shares = [
        error / first["errors"][horizon]["mean"][block]
        for horizon, of_horizon in done["errors"].items()
        for block, error in of_horizon["mean"].items()
    ]
    return sum(shares) / len(shares)


def study(
    known: Path, params: dict[str, Any], setting: dict[str, Any], horizon: int
) -> dict[str, dict[str, float]]:
    """Forecaster → block → mean squared error in scaled units, of one network without a penalty."""
    here = setting | {
        "prepare.path": "known.csv",
        "window.horizon": horizon,
        "window.split": {"validation": 3 * BLOCK, "test": VALIDATION},
        "window.folds_end": "test",
        "window.folds": 2,
        "window.fold_steps": BLOCK,
        "window.final_fit": "train_and_validation",
        "train.penalty.lambdas": [0],
        "train.seeds": 1,
        "evaluate.baselines": ["ridge"],
        "evaluate.metrics": ["mse"],
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(known, folder / "known.csv")
        text = yaml.safe_dump(merged(params, here), sort_keys=False)
        (folder / "params.yaml").write_text(text, encoding="utf-8")
        parts = ["--development", "development.safetensors", "--test", "test.safetensors"]
        call(folder, ["stages.prepare", "--series", "series"])
        call(folder, ["stages.window", "--series", "series", *parts, "--summary", "summary.json"])
        call(folder, ["stages.train", *parts[:2], "--fits", "fits"])
        outs = ["--fits", "fits", "--forecasts", "forecasts", "--scores", "scores"]
        call(folder, ["stages.evaluate", *parts, *outs])
        (cell,) = merged(params, here)["train"]["cells"]
        files = {cell: cell, "mean": f"{cell}+ridge", "ridge": "baselines"}
        return {name: _blocks(folder / "scores", file) for name, file in files.items()}


def _blocks(scores: Path, file: str) -> dict[str, float]:
    folds = pd.read_parquet(scores / f"validation_{file}.parquet", columns=["fold", "mse"])
    last = pd.read_parquet(scores / f"losses_{file}.parquet", columns=["mse"])
    errors = {
        str(name): float(mse)
        for name, mse in folds.groupby("fold", observed=True)["mse"].mean().items()
    }
    return errors | {"validation part": float(last["mse"].mean())}


if __name__ == "__main__":
    main()
