"""How the time of a study grows with its members, its epochs and the lookback."""

from __future__ import annotations

import shutil
import statistics
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.studies import cells, timed, train

BASE = {"members": 64, "epochs": 10, "lookback": 52}
VALUES = {
    "members": (16, 64, 128, 192),
    "epochs": (5, 10, 20, 30),
    "lookback": (24, 52, 104, 208),
}
CELL, HIDDEN, ROUNDS = "gru", 16, 3


def scaling(folder: Path, figure: Path) -> dict[str, Any]:
    """Seconds of a whole study by each size, the least-squares line through them and its R²; and a figure."""
    by_axis: dict[str, Any] = {}
    for axis, values in VALUES.items():
        medians = []
        for value in values:
            sizes = {**BASE, axis: value}
            study = folder / f"{axis}-{value}"
            cells(study, CELL, HIDDEN, sizes["lookback"], sizes["members"], sizes["epochs"])
            medians.append(statistics.median(timed(train, study) for _ in range(ROUNDS)))
            shutil.rmtree(study)
        seconds = np.array(medians)
        slope, start = np.polyfit(values, seconds, 1)
        residual = seconds - (start + slope * np.array(values))
        r2 = 1 - (residual**2).sum() / ((seconds - seconds.mean()) ** 2).sum()
        by_axis[axis] = {
            "values": list(values), "seconds": [round(s, 2) for s in medians],
            "slope": float(f"{slope:.3g}"), "start": round(float(start), 2), "r2": round(float(r2), 4),
        }  # fmt: skip
        print(f"{axis}: {by_axis[axis]['seconds']} s at {list(values)}, R² {r2:.4f}", flush=True)
    draw(by_axis, figure)
    return {"cell": CELL, "hidden": HIDDEN, "base": BASE, "by": by_axis}


def draw(by_axis: dict[str, Any], figure: Path) -> None:
    """One panel for each size: the measured seconds and the line."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "ridgeline"
    from matplotlib import pyplot as plt

    canvas, axes = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
    for panel, (axis, row) in zip(axes, by_axis.items(), strict=True):
        x = np.array([0, max(row["values"])])
        panel.plot(x, row["start"] + row["slope"] * x, color="0.6", linewidth=1)
        panel.plot(row["values"], row["seconds"], "o", color="#0072b2", markersize=4)
        panel.set(xlabel=axis, ylim=(0, None), xlim=(0, None), title=f"R² = {row['r2']}")
        panel.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("seconds of a study")
    figure.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(figure, metadata={"Date": None})
    plt.close(canvas)
