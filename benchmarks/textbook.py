"""python -m benchmarks.textbook: the listing of many textbooks, as it is written and as it is meant.

An LSTM of 5 units sees 10 past values and forecasts 1, with Adam at 0.001 for 100 epochs in full batches,
loss `mse`, and `l2(0.001)`. Written as a regulariser that is called on y_pred, L2 penalises the predictions:
Keras sums it over the batch, the loss is a mean, so that 0.001 is λ = 0.001·m·H·C here. The same
coefficient on the weights is the same λ under `kind: l2`. Both are run in a temporary copy on the yearly
sunspots, with five seeds, against λ = 0; the changes are printed and written to
benchmarks/results/textbook.json.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmarks import quick
from stages.artifacts.fits import load_fits
from stages.artifacts.scores import ENSEMBLE
from stages.artifacts.windows import Windows
from stages.presets.preset import Preset

COEFFICIENT = 0.001
RESULTS = quick.ROOT / "benchmarks" / "results" / "textbook.json"
LISTING: dict[str, dict[str, Any]] = {
    "window": {"lookback": 10, "horizon": 1},
    "train": {
        "cells": ["lstm"],
        "hidden": 5,
        "layers": 1,
        "segment": 1,
        "dropout": 0.0,
        "seeds": 5,
        "epochs": 100,
        "optimizer": "adam",
        "learning_rate": 0.001,
        "schedule": "constant",
        "clip_norm": None,
        "early_stopping": None,
    },
    "evaluate": {"metrics": ["mse"], "baselines": ["repeat_last"], "forecasts": "all"},
}


@dataclass(frozen=True)
class Effect:
    """What λ does to the networks of the final fold, means over seeds; each as a share of that at λ = 0."""

    kind: str
    lam: float
    weights: float  # norm of all penalised weights
    forecasts: float  # root mean square of the test part's forecasts in scaled units
    test_mse: float


def effect(folder: Path, kind: str) -> Effect:
    """Read what a study in `folder` left."""
    windows = Windows.load(folder / "data/windows/development.safetensors")
    fit = load_fits(folder / "data/fits")[0]
    norms = np.sqrt((fit.norms[-1] ** 2).sum(-1)).mean(-1)  # (Λ,)
    rows = pd.read_parquet(folder / "data/forecasts/lstm.parquet")
    rows = rows[rows["seed"] != ENSEMBLE]
    final = windows.folds[-1]
    rows["scaled"] = (rows["y_hat"] - final.center[0, 0]) / final.scale[0, 0]
    rows["error"] = (rows["y"] - rows["y_hat"]) ** 2
    sizes = rows.groupby("lam")["scaled"].apply(lambda v: float(np.sqrt(np.mean(v**2))))
    errors = rows.groupby("lam")["error"].mean()
    shares = [v[1] / v[0] for v in (norms, sizes.to_numpy(), errors.to_numpy())]
    return Effect(kind, fit.lambdas[1], *(round(float(share), 4) for share in shares))


def compare(changes: dict[str, dict[str, Any]]) -> list[Effect]:
    """The effects of both penalties, after `changes` to the listing."""
    effects = []
    with quick.temporary_copy() as folder:
        study = Preset.load(quick.ROOT / "presets" / "sunspots.yaml").studies["sunspots"]
        (folder / "params.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
        quick.change(folder, LISTING)
        quick.change(folder, changes)
        if quick.reproduce(folder, "window"):
            raise SystemExit(1)
        windows = Windows.load(folder / "data/windows/development.safetensors")
        m = windows.folds[-1].m
        lam = COEFFICIENT * m * windows.layout.horizon * windows.levels.shape[1]
        for kind in ("predictions", "l2"):
            penalty = {"kind": kind, "lambdas": [0.0, lam]}
            quick.change(folder, {"train": {"penalty": penalty, "batch_size": m}})  # a full batch
            if quick.reproduce(folder, "evaluate"):
                raise SystemExit(1)
            effects.append(effect(folder, kind))
    return effects


def table(effects: list[Effect]) -> str:
    """Effects in Markdown."""
    lines = [
        "| L2 with 0.001 on | λ | norm of the weights | size of the forecasts | test MSE |",
        "| --- | --- | --- | --- | --- |",
    ]
    names = {"predictions": "the predictions, as written", "l2": "the weights, as meant"}
    for e in effects:
        shares = " | ".join(f"{v - 1:+.1%}" for v in (e.weights, e.forecasts, e.test_mse))
        lines.append(f"| {names[e.kind]} | {e.lam:.4g} | {shares} |")
    return "\n".join(lines)


def main() -> None:
    """Run the listing for its 100 epochs and for 3000; print and write what λ changed against λ = 0."""
    by_epochs = {n: compare({"train": {"epochs": n}}) for n in (100, 3000)}
    for epochs, effects in by_epochs.items():
        print(
            f"\n{epochs} epochs; changes against λ = 0, means over five seeds\n\n{table(effects)}"
        )
    results = {n: [asdict(e) for e in effects] for n, effects in by_epochs.items()}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
