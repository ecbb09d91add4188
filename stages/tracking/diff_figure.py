"""The figure of a diff: λ paths over each other, and the curves of the compared λ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from stages.report.style import BLUE, GREEN, INK, ORANGE, PURPLE, legend, save, style
from stages.report.tables import log_axis
from stages.tracking.side import Side

_COLORS = (BLUE, ORANGE, GREEN, PURPLE, INK)


def draw(found: list[Side], stem: Path) -> None:
    """stem.svg and stem.png: a column for each cell; validation and test error against λ, curves by epoch."""
    cells = list(dict.fromkeys(cell for side in found for cell in side.places))
    with style():
        size = (max(3.7 * len(cells), 6.0), 3 * 2.1 + 0.6)
        figure = Figure(size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(3, len(cells), squeeze=False, sharey="row")
        for column, cell in enumerate(cells):
            own = [side for side in found if cell in side.places]
            grid = sorted({lam for side in own for lam in side.fits[cell].lambdas})
            place = dict(
                zip(grid, log_axis(tuple(grid)), strict=True)
            )  # one place of λ = 0 for all
            for side in own:
                color = _COLORS[found.index(side) % len(_COLORS)]
                _side(side, cell, [row[column] for row in axes], color, place)
            axes[0][column].set_title(cell)
            axes[1][column].set_xlabel("λ (0 stands left of the rest)")
            axes[2][column].set_xlabel("epoch")
            for row in (0, 1):
                axes[row][column].set_xscale("log")
        for row, name in enumerate(
            (
                "validation MSE\n(scaled units)",
                "test MSE\n(data's units)",
                "validation MSE\nby epoch",
            )
        ):
            axes[row][0].set_ylabel(name)
        legend(figure, [ax for row in axes for ax in row], min(3, len(found)))
        save(figure, stem, png=True)


def _side(side: Side, cell: str, axes: list[Axes], color: str, place: dict[float, float]) -> None:
    rows = side.table[side.table["cell"] == cell]
    x = np.array([place[lam] for lam in side.fits[cell].lambdas])
    at = side.places[cell]
    for ax, name in zip(axes, ("validation_mse", "test_mse"), strict=False):
        if name in rows:
            y = rows[name].to_numpy(float)
            ax.plot(x, y, color=color, label=side.label, marker="." if len(x) < 3 else "")
            ax.plot(x[at], y[at], "D", ms=4.6, color=color)
    curve = side.curves(cell)
    axes[2].plot(np.arange(1, curve.size + 1), curve, color=color, label=side.label)
