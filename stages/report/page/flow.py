"""The gradient on its way back through time: how much of it reaches the first steps of a window."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.ticker import NullFormatter

from stages import lambda_scale
from stages.report.drawing.axes import power, same_range
from stages.report.drawing.plot import Chart, Panel
from stages.report.drawing.style import FAINT
from stages.report.drawing.svg import Key
from stages.report.judging.cell import Cell
from stages.report.study import Study
from stages.report.writing.numbers import number


def gradient_flow(study: Study) -> Chart | None:
    """The norm of the loss's gradient at each hidden state; None where no cell has a recurrence."""
    panels = [_panel(cell) for cell in study.cells if cell.fit.state_gradients.size]
    if not panels:
        return None
    same_range(panels)
    return Chart(
        name="flow",
        title="Gradient flow by time step",
        caption="Norm of the loss's gradient at the hidden state after each step of the recurrence "
        "(root mean square over some training windows; last layer; mean over seeds and validated "
        "folds), on a log scale. The last step feeds the forecast; where a line has fallen far to the "
        "left, the network has stopped learning from that far back.",
        alt="Gradient norm at the hidden state by time step, at the start and the end of training.",
        panels=panels,
        keys=[*lambda_keys(study), Key("at the start", FAINT, dash="2 2")],
        x="step",
        y="gradient",
    )


def lambda_keys(study: Study) -> list[Key]:
    """The legend of lines for each λ."""
    lambdas = sorted({lam for cell in study.cells for lam in cell.path.lambdas})
    return [Key(f"λ = {number(lam, 3)}", lambda_scale.color(lam, lambdas)) for lam in lambdas]


def _panel(cell: Cell) -> Panel:
    flow = np.asarray(cell.fit.state_gradients, float)[cell.fit.validated][..., -1, :]
    mean = np.ma.masked_invalid(flow).mean(axis=(0, 2)).filled(np.nan)  # (Λ, 2, steps)
    steps, lambdas = np.arange(1, mean.shape[-1] + 1), cell.path.lambdas
    panel = Panel(cell.name, "time step", "norm ‖∂ℓ/∂h‖")
    panel.line(
        steps, mean[:, 0].mean(axis=0), "at the start", color=FAINT, ls=(0, (1, 1.4)), lw=2.0
    )
    for i, lam in enumerate(lambdas):
        look: dict[str, Any] = {
            "color": lambda_scale.color(lam, lambdas),
            "lw": 3.0 if i == cell.chosen else 1.2,
        }
        panel.line(steps, mean[i, 1], f"λ = {number(lam, 3)}", **look)
    panel.ax.set_yscale("log")
    panel.ax.yaxis.set_major_formatter(lambda value, _: power(value))
    panel.ax.yaxis.set_minor_formatter(NullFormatter())
    return panel
