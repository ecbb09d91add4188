"""The figure of docs/small_data.md: the gain of the chosen λ over λ = 0 against the share of data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

COLORS = {"rnn": "#d55e00", "gru": "#0072b2", "lstm": "#009e73"}
APART = 0.16  # of two cells at the same share


def gains(shares: list[dict[str, Any]], cell: str) -> tuple[list[float], list[float], list[float]]:
    """By share, in per cent of the test MSE at λ = 0: the gain, and how far its interval reaches down and up.

    A gain is a difference with its sign turned; all are 0 where λ = 0 was chosen.
    """
    rows = [row for share in shares for row in share["cells"] if row["cell"] == cell]
    zero = {"percent": 0.0, "low": 0.0, "high": 0.0}
    ends = [zero | row for row in rows]
    gain = [0.0 - row["percent"] for row in ends]
    down = [row["high"] - row["percent"] for row in ends]
    up = [row["percent"] - row["low"] for row in ends]
    return gain, down, up


def draw(data: list[dict[str, Any]], figure: Path) -> None:
    """One panel for each series, a colour for each cell."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "ridgeline"
    from matplotlib import pyplot as plt

    size = (4 * len(data), 3)
    canvas, axes = plt.subplots(1, len(data), figsize=size, layout="constrained", squeeze=False)
    for panel, series in zip(axes[0], data, strict=True):
        shares = series["shares"]
        for number, cell in enumerate(row["cell"] for row in shares[0]["cells"]):
            x = [k + APART * (number - 1) for k in range(len(shares))]
            gain, down, up = gains(shares, cell)
            look = {"fmt": "o", "markersize": 4, "linewidth": 1.2, "color": COLORS[cell]}
            panel.errorbar(x, gain, yerr=[down, up], label=cell, **look)
        panel.axhline(0, color="0.6", linewidth=1)
        labels = [f"{100 * share['share']:g} %\nm = {share['m']}" for share in shares]
        panel.set_xticks(range(len(shares)), labels)
        panel.set(xlabel="share of the training part", title=series["title"])
        panel.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel("gain over λ = 0, % of test MSE")
    axes[0, 0].legend(frameon=False)
    figure.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(figure, metadata={"Date": None})
    plt.close(canvas)
