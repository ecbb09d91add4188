"""Training: losses, their gap and the gradient's norm by epoch, a line for each λ."""

from __future__ import annotations

from typing import Any

import numpy as np

from stages import lambda_scale
from stages.report.drawing.axes import power, same_range
from stages.report.drawing.plot import Chart, Panel
from stages.report.drawing.style import FAINT
from stages.report.drawing.svg import Key
from stages.report.judging.averages import curves
from stages.report.judging.cell import Cell
from stages.report.judging.intervals import Array
from stages.report.page.flow import gradient_flow, lambda_keys
from stages.report.page.parts import Section, Sources, Text
from stages.report.study import Study
from stages.report.writing.loss_words import trained
from stages.report.writing.numbers import number
from stages.report.writing.table_rows import scaled
from stages.report.writing.tables import kept_epochs

DASH = (0, (3, 1.5))


def section(sources: Sources) -> Section:
    """Curves, gap and gradient norms of the members that are validated; the gradient back through time."""
    study = sources.study
    text = "Means over seeds and over the folds that have a validation part; the chosen λ is wide."
    charts = [*_losses(study), _gradients(study), clipped_steps(study), gradient_flow(study)]
    drawn = [chart for chart in charts if chart is not None]
    return Section("training", "Training", [Text([text]), *drawn])


def _losses(study: Study) -> tuple[Chart, Chart]:
    """The curves, and their gap."""
    measure = trained(study.cells[0].fit)
    both = [curves(cell.fit) for cell in study.cells]  # training and validation
    loss = _by_epoch(
        study,
        scaled(measure),
        [validation for _, validation in both],
        training=[training for training, _ in both],
        log=True,
        name="curves",
        title="Loss",
        caption="Loss by epoch without the penalty, on a log scale: solid validation, dashed training.",
        alt="Validation and training loss by epoch for each λ and cell.",
        y=measure,
    )
    gap = _by_epoch(
        study,
        f"gap of {scaled(measure)}",
        [validation - training for training, validation in both],
        name="gap",
        title="Gap between validation and training",
        caption="Validation less training loss by epoch: what grows with the epochs is overfitting, "
        "and a penalty that works keeps it down.",
        alt="Gap between validation and training loss by epoch for each λ and cell.",
        y="gap",
    )
    for panel in gap.panels:
        panel.ax.axhline(0, color=FAINT, lw=0.9)
    return loss, gap


def _gradients(study: Study) -> Chart:
    return _by_epoch(
        study,
        "gradient norm",
        [_mean(cell, cell.fit.gradient_norm) for cell in study.cells],
        log=True,
        name="gradients",
        title="Gradient norm",
        caption="Norm of the gradient, penalty included, by epoch: mean over the epoch's steps, before "
        "it is clipped.",
        alt="Gradient norm by epoch for each λ and cell.",
        y="gradient_norm",
    )


def clipped_steps(study: Study) -> Chart | None:
    """The share of steps whose gradient was clipped; None where there is none."""
    if not any(np.nanmax(cell.fit.clipped) > 0 for cell in study.cells):
        return None
    return _by_epoch(
        study,
        "share of clipped steps",
        [_mean(cell, cell.fit.clipped) for cell in study.cells],
        name="clipped",
        title="Clipped steps",
        caption="Share of an epoch's steps whose gradient was longer than train.clip_norm, and was "
        "cut to it.",
        alt="Share of clipped steps by epoch for each λ and cell.",
        y="clipped",
    )


def _by_epoch(
    study: Study, label: str, values: list[Array], training: list[Array] | None = None,
    log: bool = False, **words: Any,
) -> Chart:  # fmt: skip
    """A panel for each cell with a line for each λ of its values (Λ, E); those of `training` are dashed."""
    panels = []
    for i, (cell, of_cell) in enumerate(zip(study.cells, values, strict=True)):
        panel, lambdas = Panel(cell.name, "epoch", label), cell.path.lambdas
        kept = kept_epochs(of_cell.shape[1])
        for k, lam in enumerate(lambdas):
            name = f"λ = {number(lam, 3)}"
            look: dict[str, Any] = {"color": lambda_scale.color(lam, lambdas)}
            if training is not None:
                dashed: dict[str, Any] = {"lw": 1.0, "ls": DASH, "alpha": 0.85, "readable": False}
                panel.line(kept + 1, training[i][k, kept], f"{name}, training", **dashed, **look)
            wide: dict[str, Any] = {"lw": 3.0, "zorder": 3} if k == cell.chosen else {"lw": 1.2}
            panel.line(kept + 1, of_cell[k, kept], name, **wide, **look)
        if log:
            panel.ax.set_yscale("log")
        panels.append(panel)
    same_range(panels)
    if log:
        log_labels(panels)
    dash = [Key("training", FAINT, dash="4 2", width=1.2)] if training is not None else []
    return Chart(**words, panels=panels, keys=[*lambda_keys(study), *dash], x="epoch")


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
