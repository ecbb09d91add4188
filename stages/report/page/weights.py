"""The weights along the path: what the penalty does to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from stages.report.intervals import Array
from stages.report.page.parts import Section, Sources, Text
from stages.report.plot import Chart, Panel, columns_for, common_scale, lambda_axis
from stages.report.study import Cell, Study
from stages.report.style import BLUE, GREEN, ORANGE, PURPLE
from stages.report.svg import Key
from stages.report.tables import log_axis

# As Fit.norms has them: name, colour, matplotlib's dash, the legend's.
GROUPS = (
    ("input", BLUE, "-", ""),
    ("recurrent", ORANGE, (0, (5, 2)), "7 3"),
    ("head", GREEN, (0, (1, 1.4)), "2 2"),
)


def section(sources: Sources) -> Section:
    """The norm of each group of weights against λ."""
    text = (
        "The final fit's weights shrink as λ grows; where a group hardly moves, its penalty decides "
        "little, and where it reaches 0 that part of the network is switched off."
    )
    return Section("weights", "Weights along the path", [Text([text]), _norms(sources.study)])


def _norms(study: Study) -> Chart:
    panels = [_panel(cell) for cell in study.cells]
    common_scale(panels, [_means(cell) for cell in study.cells])
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
        columns=columns_for(len(panels), 1),
        x="lam",
        y="norm",
        prefix="λ = ",
    )


def _means(cell: Cell) -> Array:
    """(Λ, 3) mean over seeds of the final fold's norms."""
    return np.asarray(cell.fit.norms[-1], float).mean(axis=1)


def _panel(cell: Cell) -> Panel:
    lambdas, x = cell.path.lambdas, log_axis(cell.path.lambdas)
    panel = Panel(cell.name, "λ", "norm ‖w‖₂")
    norms, means = np.asarray(cell.fit.norms[-1], float), _means(cell)
    for group, (name, color, dash, _) in enumerate(GROUPS):
        if not norms[..., group].any():
            continue  # a linear network has no recurrent weights
        for seed, values in enumerate(norms[..., group].T):
            look: dict[str, Any] = {"color": color, "lw": 0.8, "alpha": 0.35, "readable": False}
            panel.line(x, values, f"{name}, seed {seed}", at=lambdas, **look)
        panel.line(x, means[:, group], name, at=lambdas, color=color, lw=2.0, ls=dash)
    panel.ax.axvline(x[cell.chosen], color=PURPLE, lw=1.0, alpha=0.8, zorder=1)
    lambda_axis(panel, lambdas, x)
    return panel
