"""The weights along the path: what the penalty does to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from stages.networks.cells import CELLS
from stages.report.drawing.axes import common_scale, lambda_axis
from stages.report.drawing.plot import Chart, Panel
from stages.report.drawing.style import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE
from stages.report.drawing.svg import Key
from stages.report.judging.cell import Cell
from stages.report.judging.intervals import Array
from stages.report.page.parts import Section, Sources, Text
from stages.report.study import Study
from stages.report.writing.tables import log_axis

# As Fit.norms has them: name, colour, matplotlib's dash, the legend's.
GROUPS = (
    ("input", BLUE, "-", ""),
    ("recurrent", ORANGE, (0, (5, 2)), "7 3"),
    ("head", GREEN, (0, (1, 1.4)), "2 2"),
)


def section(sources: Sources) -> Section:
    """Norms by group, spectral radii by gate and, where there are any, exact zeros against λ."""
    text = (
        "The final fit's weights shrink as λ grows; where a group hardly moves, its penalty decides "
        "little, and where it reaches 0 that part of the network is switched off."
    )
    charts = (_norms(sources.study), _radii(sources.study), zeros(sources.study))
    drawn = [chart for chart in charts if chart is not None]
    return Section("weights", "Weights along the path", [Text([text]), *drawn])


def _norms(study: Study) -> Chart:
    panels = [_panel(cell) for cell in study.cells]
    common_scale(panels, [np.asarray(cell.fit.norms[-1], float) for cell in study.cells])
    used = {trace.name for panel in panels for trace in panel.traces}
    keys = [Key(name, color, dash=dash) for name, color, _, dash in GROUPS if name in used]
    return Chart(
        name="weights",
        title="Norms by group",
        caption="L2 norm of each group of weights in the final fit against λ: mean over seeds, each "
        "seed faint. The vertical line is the chosen λ.",
        alt="Norms of input, recurrent and head weights against λ for each cell.",
        panels=panels,
        keys=[*keys, Key("chosen λ", PURPLE, width=1.2)],
        x="lam",
        y="norm",
    )


def _panel(cell: Cell) -> Panel:
    panel = _along(cell, "norm ‖w‖₂")
    norms = np.asarray(cell.fit.norms[-1], float)
    for group, (name, color, dash, _) in enumerate(GROUPS):
        if norms[..., group].any():  # a linear network has no recurrent weights
            _lines(panel, cell, name, norms[..., group], color, dash)
    return panel


def _along(cell: Cell, label: str) -> Panel:
    """An empty panel over the path, with the chosen λ marked."""
    lambdas, x = cell.path.lambdas, log_axis(cell.path.lambdas)
    panel = Panel(cell.name, "λ", label)
    panel.ax.axvline(x[cell.chosen], color=PURPLE, lw=1.0, alpha=0.8, zorder=1)
    lambda_axis(panel, lambdas, x)
    return panel


def _lines(panel: Panel, cell: Cell, name: str, values: Array, color: str, dash: Any) -> None:
    """The mean over seeds of values (Λ, S), and each seed faint."""
    lambdas, x = cell.path.lambdas, log_axis(cell.path.lambdas)
    for seed, of_seed in enumerate(values.T):
        look: dict[str, Any] = {"color": color, "lw": 0.8, "alpha": 0.35, "readable": False}
        panel.line(x, of_seed, f"{name}, seed {seed}", at=lambdas, **look)
    panel.line(x, values.mean(axis=1), name, at=lambdas, color=color, lw=2.0, ls=dash)


Look = tuple[str, Any, str]  # colour, matplotlib's dash, the legend's
_ONE_GATE: Look = (INK, "-", "")
_LOOKS: tuple[Look, ...] = (
    (BLUE, "-", ""),
    (ORANGE, (0, (5, 2)), "7 3"),
    (GREEN, (0, (1, 1.4)), "2 2"),
    (PURPLE, (0, (5, 2, 1, 2)), "7 3 2 3"),
)


def gate_looks(cells: Iterable[tuple[str, ...]]) -> dict[str, Look]:
    """How each gate is drawn: a name alike in all cells, the gates of a cell differently while looks last."""
    looks: dict[str, Look] = {}
    for gates in cells:
        if len(gates) == 1:
            looks.setdefault(gates[0], _ONE_GATE)
        for position, gate in enumerate(gates):
            taken = [looks[name] for name in gates if name in looks]
            free = [look for look in _LOOKS[position:] + _LOOKS[:position] if look not in taken]
            looks.setdefault(gate, (free or _LOOKS)[0])
    return looks


def _radii(study: Study) -> Chart | None:
    """The spectral radius of each gate's recurrent matrix, the largest over layers."""
    panels, kept, keys = [], [], {}
    gates_of = {cell.name: CELLS[cell.name].recurrences() for cell in study.cells}
    looks = gate_looks(gates_of.values())
    for cell in (cell for cell in study.cells if gates_of[cell.name]):
        radii = np.asarray(cell.fit.spectral_radii[-1], float).max(axis=-2)  # (Λ, S, gates)
        panel = _along(cell, "spectral radius")
        panel.ax.axhline(1, color=FAINT, lw=0.9, ls=(0, (1, 3)))
        for gate, name in zip(np.moveaxis(radii, -1, 0), gates_of[cell.name], strict=True):
            color, dash, swatch = looks[name]
            _lines(panel, cell, name, gate, color, dash)
            kept.append(gate)
            keys[name] = Key(name, color, dash=swatch)
        panels.append(panel)
    if not panels:
        return None
    common_scale(panels, kept)
    return Chart(
        name="radii",
        title="How the recurrence stretches a state",
        caption="Spectral radius of each gate's recurrent matrix in the final fit (the largest over "
        "layers): mean over seeds, each seed faint. Every gate starts at 1, the dotted line.",
        alt="Spectral radius of the recurrent matrices against λ for each cell.",
        panels=panels,
        keys=[*keys.values(), Key("chosen λ", PURPLE, width=1.2)],
        x="lam",
        y="radius",
    )


def zeros(study: Study) -> Chart | None:
    """The share of weights that are exactly 0; only penalties of the L1 kind give such weights."""
    if not any(np.nanmax(cell.fit.zeros[-1]) > 0 for cell in study.cells):
        return None
    panels = []
    for cell in study.cells:
        panel = _along(cell, "weights that are 0, in %")
        for group, (name, color, dash, _) in enumerate(GROUPS):
            share = 100 * np.asarray(cell.fit.zeros[-1], float)[..., group]
            if np.isfinite(share).all():
                _lines(panel, cell, name, share, color, dash)
        panel.ax.set_ylim(-3, 103)
        panels.append(panel)
    used = {trace.name for panel in panels for trace in panel.traces}
    keys = [Key(name, color, dash=dash) for name, color, _, dash in GROUPS if name in used]
    return Chart(
        name="zeros",
        title="Exact zeros",
        caption="Share of each group's weights that is exactly 0 in the final fit: mean over seeds.",
        alt="Share of exact zeros against λ for each cell.",
        panels=panels,
        keys=[*keys, Key("chosen λ", PURPLE, width=1.2)],
        x="lam",
        y="percent",
    )
