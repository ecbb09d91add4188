"""The weights along the path: what the penalty does to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from stages.lambda_scale import on_axis
from stages.networks.cells import CELLS
from stages.report.drawing.axes import common_scale, lambda_axis
from stages.report.drawing.plot import Chart, Panel
from stages.report.drawing.style import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE
from stages.report.drawing.svg import Key
from stages.report.judging.cell import Cell
from stages.report.judging.intervals import Array
from stages.report.page.parts import Section, Sources, Text
from stages.report.study import Study

# As Fit.norms has them: name, colour, matplotlib's dash, the legend's. A module has one group.
GROUPS = (
    ("input", BLUE, "-", ""),
    ("recurrent", ORANGE, (0, (5, 2)), "7 3"),
    ("head", GREEN, (0, (1, 1.4)), "2 2"),
)
ALL = (("weights", INK, "-", ""),)
CHOSEN = Key("chosen λ", PURPLE, width=1.2)


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
    norms = [np.asarray(cell.fit.norms[-1], float) for cell in study.cells]
    chart = _by_group(
        study,
        "norm ‖w‖₂",
        # A linear network has no recurrent weights.
        [np.where(of_cell.any(axis=(0, 1)), of_cell, np.nan) for of_cell in norms],
        name="weights",
        title="Norms by group",
        caption="L2 norm of each group of weights in the final fit against λ: mean over seeds, each "
        "seed faint. The vertical line is the chosen λ.",
        alt="Norms of input, recurrent and head weights against λ for each cell.",
        y="norm",
    )
    common_scale(chart.panels, norms)
    return chart


def zeros(study: Study) -> Chart | None:
    """The share of weights that are exactly 0; only penalties of the L1 kind give such weights."""
    if not any(np.nanmax(cell.fit.zeros[-1]) > 0 for cell in study.cells):
        return None
    chart = _by_group(
        study,
        "weights that are 0, in %",
        [100 * np.asarray(cell.fit.zeros[-1], float) for cell in study.cells],
        name="zeros",
        title="Exact zeros",
        caption="Share of each group's weights that is exactly 0 in the final fit: mean over seeds.",
        alt="Share of exact zeros against λ for each cell.",
        y="percent",
    )
    for panel in chart.panels:
        panel.ax.set_ylim(-3, 103)
    return chart


def _by_group(study: Study, label: str, values: list[Array], **words: Any) -> Chart:
    """A panel for each cell with a line for each group of its values (Λ, S, 3), those that are finite."""
    panels, keys = [], {}
    for cell, of_cell in zip(study.cells, values, strict=True):
        panel = _along(cell, label)
        groups = GROUPS if of_cell.shape[-1] == len(GROUPS) else ALL
        for (name, color, dash, swatch), of_group in zip(
            groups, of_cell.transpose(2, 0, 1), strict=True
        ):
            if np.isfinite(of_group).all():
                _lines(panel, cell, name, of_group, color, dash)
                keys[name] = Key(name, color, dash=swatch)
        panels.append(panel)
    ordered = [keys[name] for name, *_ in (*GROUPS, *ALL) if name in keys]
    return Chart(**words, panels=panels, keys=[*ordered, CHOSEN], x="lam")


def _along(cell: Cell, label: str) -> Panel:
    """An empty panel over the path, with the chosen λ marked."""
    lambdas, panel = cell.path.lambdas, Panel(cell.name, "λ", label)
    at = on_axis(lambdas)[cell.chosen]
    panel.ax.axvline(at, color=PURPLE, lw=1.0, alpha=0.8, zorder=1)
    lambda_axis(panel, lambdas)
    return panel


def _lines(panel: Panel, cell: Cell, name: str, values: Array, color: str, dash: Any) -> None:
    """The mean over seeds of values (Λ, S), and each seed faint."""
    lambdas, x = cell.path.lambdas, on_axis(cell.path.lambdas)
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
    gates_of = {
        cell.name: CELLS[cell.name].recurrences() if cell.name in CELLS else ()
        for cell in study.cells
    }
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
        keys=[*keys.values(), CHOSEN],
        x="lam",
        y="radius",
    )
