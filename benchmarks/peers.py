"""python -m benchmarks.peers: this pipeline's GRU and LSTM and neuralforecast's, on the same windows.

Both get the same series, scaled by the same scaler, the same training windows and test origins (asserted on
the targets that each sees), as many units, layers, seeds, optimiser steps and windows a step, and a path of
λ. Printed, and written to benchmarks/results/peers.json and docs/peers.md, are the errors of both and the
CPU seconds that a network takes. `make peers` installs what is needed.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import documents
from benchmarks.both_sides import Parts
from benchmarks.real_series import ETTH1, SUNSPOTS, RealSeries
from benchmarks.studies import EVALUATE, ROOT, call, train
from benchmarks.trainer import machine
from stages.artifacts.scores import ENSEMBLE
from stages.artifacts.windows import Windows
from stages.equivalents import Setting, find
from stages.networks.shape import Network

PYTHON = ROOT / ".venv-peers" / "bin" / "python"
RESULTS = ROOT / "benchmarks" / "results" / "peers.json"
PAGE = ROOT / "docs" / "peers.md"
CELLS = ("gru", "lstm")
TOOLS = ("pipeline", "neuralforecast")
SEEDS, RATE = 3, 0.003
SIZES = {
    "lookback": "L", "horizon": "H", "hidden": "D", "layers": "layers", "batch": "batch", "steps": "steps",
    "windows": "training windows m", "test_windows": "test windows", "seeds": "seeds",
}  # fmt: skip
ONE = {"RIDGELINE_WORKERS": "1"}


@dataclass(frozen=True)
class Study:
    """A series and the settings that both tools get; what is not here is as in presets/sunspots.yaml."""

    series: RealSeries
    window: dict[str, Any]
    hidden: int
    epochs: int
    batch: int
    lambdas: tuple[float, ...]

    def changes(self, cell: str) -> dict[str, dict[str, Any]]:
        """To the sections of params.yaml."""
        train_section = {
            "cells": [cell], "hidden": self.hidden, "layers": 1, "seeds": SEEDS, "epochs": self.epochs,
            "batch_size": self.batch, "learning_rate": RATE, "schedule": "cosine",
            "penalty": {"kind": "l2", "lambdas": list(self.lambdas)},
        }  # fmt: skip
        evaluate = {"baselines": [], "metrics": ["mse", "mae"]}
        return {"window": self.window, "train": train_section, "evaluate": evaluate}


# One block of validation, as short as it may be: all but the networks of the final fit are of no use here.
STUDIES = (
    Study(
        SUNSPOTS, {"lookback": 22, "horizon": 11, "split": {"validation": 11, "test": 120}, "folds": 1},
        16, 100, 32, (0.0, 3.0, 10.0, 30.0, 100.0, 300.0),
    ),
    Study(
        ETTH1,
        {
            "lookback": 96, "horizon": 24, "split": {"validation": 2880, "test": 2880}, "folds": 1,
            "final_fit": "train",
        },
        32, 3, 64, (0.0, 10.0, 100.0, 1000.0),
    ),
)  # fmt: skip


def measured(study: Study, cell: str, folder: Path) -> dict[str, Any]:
    """Errors and CPU seconds of both tools for one cell."""
    study.series.write_study(folder, study.changes(cell))
    train(folder, **ONE)  # warms up: kernels, file cache
    began = cpu_of_children()
    train(folder, **ONE)
    seconds = cpu_of_children() - began
    call(folder, EVALUATE)
    windows = Windows.load(folder / "development.safetensors")
    trained = len(study.lambdas) * SEEDS * len({fold.m for fold in windows.folds})
    parts = Parts.of(folder, study.series.prepare["targets"][0])
    network = Network(cell, 1, windows.layout.horizon, windows.layout.lookback, 1, study.hidden)
    decays, eps = equivalents(study.lambdas, len(parts.training_targets), network.outputs)
    settings = {
        "cell": cell, "hidden": study.hidden, "layers": 1, "lookback": windows.layout.lookback,
        "horizon": windows.layout.horizon, "batch": study.batch, "windows": windows.folds[-1].m,
        "steps": study.epochs * -(-windows.folds[-1].m // study.batch), "seeds": SEEDS,
        "learning_rate": RATE, "weight_decays": decays, "eps": eps,
    }  # fmt: skip
    theirs = by_peer(folder, parts, settings)
    parts.check_same_windows(theirs)
    here = errors_here(folder, cell)
    there = errors_there(parts, theirs["forecasts"])
    of_network, of_peer = seconds / trained, float(theirs["seconds"].mean())
    result = {
        "cell": cell,
        "parameters": {"pipeline": network.parameters, "neuralforecast": int(theirs["parameters"])},
        "steps": settings["steps"],
        "cpu_seconds": {"pipeline": digits(of_network), "neuralforecast": digits(of_peer)},
        "ratio": digits(of_peer / of_network),
        "path": [
            {"lam": lam, "weight_decay": digits(decay), "pipeline": one, "neuralforecast": other}
            for lam, decay, one, other in zip(study.lambdas, decays, here, there, strict=True)
        ],
    }
    print(json.dumps(result, ensure_ascii=False), flush=True)
    sizes = settings | {"test_windows": len(parts.origins)}
    return {"row": result, "sizes": sizes, "versions": str(theirs["versions"])}


def equivalents(
    lambdas: tuple[float, ...], windows: int, outputs: int
) -> tuple[list[float], float]:
    """torch's weight_decay for each λ, and eps, where the loss is a mean over windows and outputs."""
    same = find("l2", "torch `Adam`, `MSELoss`")
    decays = [same.value(Setting(lam, windows, outputs)) for lam in lambdas]
    return decays, 1e-8 * 2 / outputs


def by_peer(folder: Path, parts: Parts, settings: dict[str, Any]) -> dict[str, Any]:
    """The arrays that neuralforecast's run of a study leaves."""
    (folder / "peer.json").write_text(json.dumps(settings), encoding="utf-8")
    np.savez(folder / "peer.npz", z=parts.scaled, stop=parts.stop, origins=parts.origins)
    call(folder, ["benchmarks.neuralforecast_members", str(folder)], python=str(PYTHON))
    with np.load(folder / "peer_results.npz") as arrays:
        return {name: arrays[name] for name in arrays}


def errors_here(folder: Path, cell: str) -> list[dict[str, float]]:
    """Errors on the test part for each λ, from the scores of `stages.evaluate`."""
    rows = pd.read_parquet(folder / "scores" / f"losses_{cell}.parquet")
    rows = rows[rows["seed"] != ENSEMBLE]
    means = rows.groupby(["lam", "seed"])[["mse", "mae"]].mean()
    return [spread(*of_lam.to_numpy().T) for _, of_lam in means.groupby("lam")]


def errors_there(parts: Parts, forecasts: np.ndarray) -> list[dict[str, float]]:
    """The same of the scaled forecasts (Λ, S, N, H) of the other tool."""
    errors = parts.errors(forecasts)
    squared, absolute = (errors**2).mean((2, 3)), np.abs(errors).mean((2, 3))
    return [spread(*pair) for pair in zip(squared, absolute, strict=True)]


def spread(squared: np.ndarray, absolute: np.ndarray) -> dict[str, float]:
    """Means over seeds and standard deviations (n − 1) of both errors (S,)."""
    numbers = {
        "mse": squared.mean(), "mse_sd": squared.std(ddof=1), "mae": absolute.mean(),
        "mae_sd": absolute.std(ddof=1),
    }  # fmt: skip
    return {name: digits(value) for name, value in numbers.items()}


def digits(value: float) -> float:
    """Four significant digits."""
    return float(f"{value:.4g}")


def cpu_of_children() -> float:
    """CPU seconds, user and system, of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def page(results: dict[str, Any]) -> str:
    """The generated part of docs/peers.md."""
    texts = [text for data in results["data"] for text in of_series(data)]
    texts += [f"{title}: not measured, {why}.\n" for title, why in results["skipped"].items()]
    at = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in results["peers"].items())
    texts.append(f"One core of {at['cpu']}, Python {at['python']}. There: {versions}.\n")
    return "\n".join(texts)


def of_series(data: dict[str, Any]) -> list[str]:
    """A heading, the sizes, a table of errors and one of CPU seconds."""
    sizes = ", ".join(f"{name} {data[key]}" for key, name in SIZES.items())
    errors = [
        [cell["cell"], f"{at['lam']:g}", f"{at['weight_decay']:.3g}"]
        + [
            f"{at[tool][measure]:.3f} ({at[tool][f'{measure}_sd']:.3f})"
            for measure in ("mse", "mae") for tool in TOOLS
        ]
        for cell in data["cells"] for at in cell["path"]
    ]  # fmt: skip
    costs = [
        [cell["cell"], *(str(cell["parameters"][tool]) for tool in TOOLS)]
        + [f"{cell['cpu_seconds'][tool]:.3g}" for tool in TOOLS] + [f"{cell['ratio']:.3g}"]
        for cell in data["cells"]
    ]  # fmt: skip
    heads = (
        ["cell", "λ", "weight_decay", "MSE here", "MSE there", "MAE here", "MAE there"],
        ["cell", "parameters here", "there", "CPU s a network here", "there", "ratio"],
    )
    tables = [documents.table(*each) for each in zip(heads, (errors, costs), strict=True)]
    return [f"### {data['title']}\n", f"{sizes}.\n", *tables]


def main() -> None:
    """Measure, print, write the results and the page."""
    if not PYTHON.is_file():
        sys.exit(
            f"{PYTHON.relative_to(ROOT)} is missing: neuralforecast is installed apart; run `make peers`"
        )
    results: dict[str, Any] = {"machine": machine(), "peers": {}, "data": [], "skipped": {}}
    with tempfile.TemporaryDirectory(prefix="ridgeline-") as name:
        for study in STUDIES:
            if study.series.absent:
                results["skipped"][study.series.title] = study.series.absent
                print(f"{study.series.title}: not measured, {study.series.absent}")
                continue
            folder = Path(name) / study.series.file
            done = [measured(study, cell, folder.with_suffix(f".{cell}")) for cell in CELLS]
            results["peers"] = json.loads(done[0]["versions"])
            sizes = {name: done[0]["sizes"][name] for name in SIZES}
            rows = {"title": study.series.title, **sizes, "cells": [each["row"] for each in done]}
            results["data"].append(rows)
    documents.publish(results, RESULTS, PAGE, page(results))


if __name__ == "__main__":
    main()
