"""The figures of a diff: λ paths over each other, and the curves of the compared λ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from stages.compare.sides import Side, all_cells
from stages.lambda_scale import on_axis
from stages.report.drawing.axes import common_scale, lambda_axis, same_range
from stages.report.drawing.plot import Chart, Panel, columns_for, short
from stages.report.drawing.style import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE
from stages.report.drawing.svg import Key
from stages.report.judging.averages import curves
from stages.report.page.training import log_labels
from stages.report.writing.table_rows import METRICS
from stages.report.writing.tables import kept_epochs

# Of the first side, the second, …; a dash is matplotlib's and the legend's. 20 pairs before one comes again.
COLORS = (BLUE, ORANGE, GREEN, PURPLE, INK)
DASHES = (("-", ""), ((0, (5, 2)), "7 3"), ((0, (1, 1.4)), "2 2"), ((0, (5, 2, 1, 2)), "7 3 2 3"))
_UNITS = {"validation": "scaled units", "test": "data's units"}


def paths(sides: list[Side]) -> Chart:
    """Validation error against λ, a panel for each cell and a line for each side, and test error below."""
    cells, panels = all_cells(sides), list[Panel]()
    measure = sides[0].measure
    for part, unit in _UNITS.items():
        label, column = f"{METRICS[measure]} ({unit})", f"{part}_{measure}"
        row = [_path(sides, cell, column, f"{cell}: {part}", label) for cell in cells]
        values = [trace.value for panel in row for trace in panel.traces]
        if any(np.isfinite(one).any() for one in values):  # evaluate.metrics may lack it
            common_scale(row, values)
            panels += row
    return Chart(
        name="lambda_path",
        title="Errors against λ",
        caption="Mean over seeds, a line for each side, on one log axis where λ = 0 has a separate "
        "position. Above: validation, each side in the scaled units of its training part; below: test. "
        "A diamond is the λ that is compared: the chosen one, unless another was named.",
        alt=f"Validation and test error against λ of {_names(sides)} for each cell.",
        panels=panels,
        keys=[*_keys(sides), Key("compared λ", FAINT, "diamond")],
        columns=columns_for(len(cells), 2),
        x="lam",
        y=measure,
    )


def _path(sides: list[Side], cell: str, column: str, title: str, unit: str) -> Panel:
    panel, drawn = Panel(title, "λ", unit), list(_with(sides, cell))
    grid = tuple(sorted({lam for side, _ in drawn for lam in side.fits[cell].lambdas}))
    x_of = dict(zip(grid, on_axis(grid), strict=True))  # λ = 0 is drawn at one x for all sides
    for side, look in drawn:
        lambdas, at = side.fits[cell].lambdas, side.lam_indices[cell]
        x, y = np.array([x_of[lam] for lam in lambdas]), side.path(cell, column)
        panel.line(x, y, side.label, at=lambdas, marker="o", ms=2.5, **look)
        panel.ax.plot(x[at], y[at], "D", ms=6.5, color=look["color"], zorder=5)
    lambda_axis(panel, grid)
    return panel


def losses(sides: list[Side]) -> Chart:
    """Validation loss by epoch at the compared λ, a panel for each cell and a line for each side."""
    cells, panels = all_cells(sides), list[Panel]()
    for cell in cells:
        panel = Panel(cell, "epoch", "loss (scaled units)")
        for side, look in _with(sides, cell):
            loss = curves(side.fits[cell])[1][side.lam_indices[cell]]
            kept = kept_epochs(loss.size)
            panel.line(kept + 1, loss[kept], side.label, **look)
        panel.ax.locator_params(axis="x", integer=True)
        panel.ax.set_yscale("log")
        panels.append(panel)
    same_range(panels)
    log_labels(panels)
    return Chart(
        name="curves",
        title="Validation loss by epoch",
        caption="At the compared λ, without the penalty, on a log scale: mean over seeds and over the "
        "folds that have a validation part.",
        alt=f"Validation loss by epoch of {_names(sides)} for each cell.",
        panels=panels,
        keys=_keys(sides),
        x="epoch",
        y="loss",
    )


def _with(sides: list[Side], cell: str) -> Iterator[tuple[Side, dict[str, Any]]]:
    """The sides that have the cell, and how their lines look in every panel."""
    for i, side in enumerate(sides):
        if cell in side.lam_indices:
            dash, _ = DASHES[i % len(DASHES)]
            yield side, {"color": COLORS[i % len(COLORS)], "ls": dash}


def _keys(sides: list[Side]) -> list[Key]:
    return [
        Key(short(side.label, 40), COLORS[i % len(COLORS)], dash=DASHES[i % len(DASHES)][1])
        for i, side in enumerate(sides)
    ]


def _names(sides: list[Side]) -> str:
    return ", ".join(side.label for side in sides)
