"""Training: losses, their gap and the gradient's norm by epoch, a line for each λ."""

from __future__ import annotations

from typing import Any

import numpy as np

from stages.report.drawing.axes import power, same_range
from stages.report.drawing.plot import Chart, Panel
from stages.report.drawing.style import FAINT, lam_color
from stages.report.drawing.svg import Key
from stages.report.judging.cell import Cell
from stages.report.judging.intervals import Array
from stages.report.page.flow import gradient_flow
from stages.report.page.parts import Section, Sources, Text
from stages.report.study import Study
from stages.report.writing.loss_words import trained
from stages.report.writing.table_rows import number, scaled
from stages.report.writing.tables import curves, kept_epochs

DASH = (0, (3, 1.5))


def section(sources: Sources) -> Section:
    """Curves, gap and gradient norms of the members that are validated; the gradient back through time."""
    study = sources.study
    text = "Means over seeds and over the folds that have a validation part; the chosen λ is wide."
    charts = [_curves(study), _gap(study), _gradients(study)]
    more = (clipped_steps(study), gradient_flow(study))
    charts += [chart for chart in more if chart is not None]
    return Section("training", "Training", [Text([text]), *charts])


def _keys(study: Study) -> list[Key]:
    lambdas = sorted({lam for cell in study.cells for lam in cell.path.lambdas})
    return [Key(f"λ = {number(lam, 3)}", lam_color(lam, lambdas)) for lam in lambdas]


def _panel(cell: Cell, label: str, values: Array, log: bool, dashed: Array | None = None) -> Panel:
    """A line for each λ of values (Λ, E)."""
    panel, lambdas = Panel(cell.name, "epoch", label), cell.path.lambdas
    kept = kept_epochs(values.shape[1])
    for i, lam in enumerate(lambdas):
        color = lam_color(lam, lambdas)
        wide: dict[str, Any] = {"lw": 3.0, "zorder": 3} if i == cell.chosen else {"lw": 1.2}
        if dashed is not None:
            panel.line(
                kept + 1, dashed[i, kept], f"λ = {number(lam, 3)}, training",
                readable=False, color=color, lw=1.0, ls=DASH, alpha=0.85,
            )  # fmt: skip
        panel.line(kept + 1, values[i, kept], f"λ = {number(lam, 3)}", color=color, **wide)
    if log:
        panel.ax.set_yscale("log")
    return panel


def _curves(study: Study) -> Chart:
    panels = []
    for cell in study.cells:
        train, validation = curves(cell.fit)
        panels.append(_panel(cell, scaled(trained(cell.fit)), validation, True, train))
    same_range(panels)
    log_labels(panels)
    return Chart(
        name="curves",
        title="Loss",
        caption="Loss by epoch without the penalty, on a log scale: solid validation, dashed training.",
        alt="Validation and training loss by epoch for each λ and cell.",
        panels=panels,
        keys=[*_keys(study), Key("training", FAINT, dash="4 2", width=1.2)],
        x="epoch",
        y=trained(study.cells[0].fit),
    )


def _gap(study: Study) -> Chart:
    panels = []
    for cell in study.cells:
        train, validation = curves(cell.fit)
        panel = _panel(cell, f"gap of {scaled(trained(cell.fit))}", validation - train, False)
        panel.ax.axhline(0, color=FAINT, lw=0.9)
        panels.append(panel)
    same_range(panels)
    return Chart(
        name="gap",
        title="Gap between validation and training",
        caption="Validation less training loss by epoch: what grows with the epochs is overfitting, "
        "and a penalty that works keeps it down.",
        alt="Gap between validation and training loss by epoch for each λ and cell.",
        panels=panels,
        keys=_keys(study),
        x="epoch",
        y="gap",
    )


def _gradients(study: Study) -> Chart:
    panels = [
        _panel(cell, "gradient norm", _mean(cell, cell.fit.gradient_norm), True)
        for cell in study.cells
    ]
    same_range(panels)
    log_labels(panels)
    return Chart(
        name="gradients",
        title="Gradient norm",
        caption="Norm of the gradient, penalty included, by epoch: mean over the epoch's steps, before "
        "it is clipped.",
        alt="Gradient norm by epoch for each λ and cell.",
        panels=panels,
        keys=_keys(study),
        x="epoch",
        y="gradient_norm",
    )


def clipped_steps(study: Study) -> Chart | None:
    """The share of steps whose gradient was clipped; None where there is none."""
    if not any(np.nanmax(cell.fit.clipped) > 0 for cell in study.cells):
        return None
    panels = [
        _panel(cell, "share of clipped steps", _mean(cell, cell.fit.clipped), False)
        for cell in study.cells
    ]
    same_range(panels)
    return Chart(
        name="clipped",
        title="Clipped steps",
        caption="Share of an epoch's steps whose gradient was longer than train.clip_norm, and was "
        "cut to it.",
        alt="Share of clipped steps by epoch for each λ and cell.",
        panels=panels,
        keys=_keys(study),
        x="epoch",
        y="clipped",
    )


def _mean(cell: Cell, values: Array) -> Array:
    """(Λ, E): mean over validated folds and seeds of values (folds, Λ, S, E), while they train."""
    validated = np.asarray(values, float)[cell.fit.validated]
    return np.asarray(np.ma.masked_invalid(validated).mean(axis=(0, 2)).filled(np.nan))


def log_labels(panels: list[Panel]) -> None:
    """Label 1, 2 and 5 of each decade of a log y-axis; every digit where it shows few decades."""
    low, high = panels[0].ax.get_ylim()
    labelled = {2, 5} if high < 300 * low else set()
    labelled = set(range(10)) if high < 5 * low else labelled

    def minor(value: float, _: float) -> str:
        digit = round(value / 10 ** np.floor(np.log10(value) + 1e-9))
        return power(value) if digit in labelled else ""

    for panel in panels:
        panel.ax.yaxis.set_major_formatter(lambda value, _: power(value))
        panel.ax.yaxis.set_minor_formatter(minor)
