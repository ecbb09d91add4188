"""python -m benchmarks.shampoo: a published study of L2 on an LSTM, from params.yaml alone.

The study forecasts sales of shampoo and asks what Keras's `l2(0.01)` on one group of an LSTM's weights
changes (`benchmarks/shampoo_study.py`). Here the same 30 seeds are trained without it and with it; then once
more in plain torch with the state that the study carries from batch to batch, which this pipeline does not.
Printed, and written to benchmarks/results/shampoo.json and docs/shampoo.md, is the change of the test RMSE.
"""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import documents, shampoo_by_hand
from benchmarks.shampoo_study import (
    BATCH,
    EPOCHS,
    L2,
    PERSISTENCE,
    PUBLISHED,
    RATE,
    SALES,
    SEEDS,
    TEST,
    UNITS,
    WINDOWS,
    Published,
)
from benchmarks.studies import EVALUATE, ROOT, TRAIN, call, cut_windows
from benchmarks.trainer import machine
from stages.artifacts.scores import ENSEMBLE
from stages.artifacts.windows import Windows
from stages.equivalents import Setting, find

RESULTS = ROOT / "benchmarks" / "results" / "shampoo.json"
PAGE = ROOT / "docs" / "shampoo.md"
LOOKBACKS = (1, 3)  # the study's, and one that gives the recurrence steps to take
MULTIPLIERS = ("input", "recurrent", "head")
BY_HAND = ("input", "recurrent", "bias", "head")
# Keras's coefficient as λ, with one output; it is proportional to λ.
LAM = L2 / find("l2", "Keras `l2`, loss `mse`").value(Setting(1.0, WINDOWS))


def changes(lookback: int, group: str, epochs: int, seeds: int) -> dict[str, dict[str, Any]]:
    """To the sections of params.yaml. The networks of the test part see all that lies before it."""
    multipliers = {name: float(name == group) for name in MULTIPLIERS}
    return {
        "prepare": {
            "path": "series.csv", "format": "wide", "time": "month", "targets": ["sales"],
            "frequency": "MS",
        },
        "window": {
            "lookback": lookback, "horizon": 1, "difference": 1, "scaler": "minmax",
            "scaler_range": [-1, 1], "split": {"validation": 1, "test": TEST}, "folds": 1,
            "final_fit": "train_and_validation",
        },
        "train": {
            "cells": ["lstm"], "hidden": UNITS, "layers": 1, "seeds": seeds, "epochs": epochs,
            "batch_size": BATCH, "shuffle": False, "optimizer": "adam", "learning_rate": RATE,
            "schedule": "constant", "init": "glorot", "clip_norm": None,
            "penalty": {"kind": "l2", "lambdas": [0.0, LAM], "multipliers": multipliers},
        },
        "evaluate": {"metrics": ["rmse"], "season": 12, "baselines": ["repeat_last"]},
    }  # fmt: skip


def write_study(folder: Path, lookback: int, group: str, epochs: int, seeds: int) -> None:
    """Fill `folder` with the latest months that hold 20 training windows, a params.yaml and the windows.

    A window has `lookback` differences and the one to forecast. A longer one takes earlier months to see, so
    the targets stay.
    """
    folder.mkdir(parents=True)
    dates = pd.date_range("2001-01-01", periods=len(SALES), freq="MS").strftime("%Y-%m-%d")
    months = TEST + WINDOWS + lookback + 1
    table = pd.DataFrame({"month": dates, "sales": SALES})
    table[-months:].to_csv(folder / "series.csv", index=False)
    cut_windows(folder, changes(lookback, group, epochs, seeds))
    assert Windows.load(folder / "development.safetensors").folds[-1].m == WINDOWS


def errors(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """(S,) test RMSE without the penalty, and with it."""
    scores = folder / "scores"
    persistence = overall(scores / "baselines.parquet")["value"].item()
    assert round(persistence, 3) == PERSISTENCE, "the test part is not that of the study"
    rows = overall(scores / "lstm.parquet")
    rows = rows[rows["seed"] != ENSEMBLE].sort_values("seed")
    without, penalised = (of_lam["value"].to_numpy() for _, of_lam in rows.groupby("lam"))
    return without, penalised


def overall(path: Path) -> pd.DataFrame:
    """The rows of the RMSE over the whole test part."""
    rows = pd.read_parquet(path)
    return rows[(rows["metric"] == "rmse") & (rows["unique_id"] == "") & (rows["step"] == 0)]


def measured(
    folder: Path, lookback: int, group: str, epochs: int = EPOCHS, seeds: int = SEEDS
) -> dict[str, Any]:
    """What the penalty on a group changes."""
    write_study(folder, lookback, group, epochs, seeds)
    call(folder, TRAIN)
    call(folder, EVALUATE)
    return summary(group, *errors(folder))


def by_hand() -> list[dict[str, Any]]:
    """The same for each group in plain torch, with the state carried."""
    groups = (None, *BY_HAND)
    without, *rest = (shampoo_by_hand.errors(g, True, EPOCHS, SEEDS) for g in groups)
    return [summary(g, without, penalised) for g, penalised in zip(BY_HAND, rest, strict=True)]


def summary(group: str, without: np.ndarray, penalised: np.ndarray) -> dict[str, Any]:
    """Means, deviations over seeds, and the mean paired change with its standard error."""
    paired = penalised - without
    numbers = {
        "without": without.mean(), "without_sd": without.std(ddof=1),
        "penalised": penalised.mean(), "penalised_sd": penalised.std(ddof=1),
        "change": paired.mean(), "se": paired.std(ddof=1) / math.sqrt(len(paired)),
    }  # fmt: skip
    row = {"group": group} | {name: round(float(v), 4) for name, v in numbers.items()}
    print(json.dumps(row), flush=True)
    return row


def page(results: dict[str, Any]) -> str:
    """The generated part of docs/shampoo.md."""
    head = ["L2 on", "RMSE without", "RMSE with", "change", "published", "run again"]
    first, *others = results["lookbacks"]
    rows = [cells(row) + published(row["group"]) for row in first["rows"]]
    rows.append(["bias", "–", "–", "not expressible", *published("bias")])
    carried = [cells(row) + published(row["group"]) for row in results["carried"]]
    texts = [
        f"### Lookback {first['lookback']}\n", documents.table(head, rows),
        f"### Lookback {first['lookback']}, the state carried, in torch\n",
        documents.table(head, carried),
    ]  # fmt: skip
    for other in others:
        rows = [cells(row) for row in other["rows"]]
        texts += [f"### Lookback {other['lookback']}\n", documents.table(head[:4], rows)]
    at = results["machine"]
    texts.append(f"torch {at['torch']}, numpy {at['numpy']}, numba {at['numba']}.\n")
    return "\n".join(texts)


def cells(row: dict[str, Any]) -> list[str]:
    """A row's measured columns."""
    rmse = (f"{row[key]:.2f} ({row[f'{key}_sd']:.2f})" for key in ("without", "penalised"))
    return [row["group"], *rmse, with_error(row["change"], row["se"])]


def published(group: str) -> list[str]:
    """A row's columns from elsewhere."""
    numbers: Published | None = PUBLISHED.get(group)
    return [with_error(*pair) for pair in (numbers.change, numbers.again)] if numbers else ["–"] * 2


def with_error(change: float, error: float) -> str:
    """A change and its standard error."""
    return f"{documents.signed(change)} ± {error:.1f}" if error else "0"


def main() -> None:
    """Measure, print, write the results and the page."""
    results: dict[str, Any] = {"machine": machine(), "lookbacks": []}
    with tempfile.TemporaryDirectory(prefix="ridgeline-") as name:
        for lookback in LOOKBACKS:
            rows = [measured(Path(name) / f"{lookback}-{g}", lookback, g) for g in MULTIPLIERS]
            results["lookbacks"].append({"lookback": lookback, "rows": rows})
    results["carried"] = by_hand()
    documents.publish(results, RESULTS, PAGE, page(results))


if __name__ == "__main__":
    main()
