"""Rows of the report's tables as a person reads them, the same on the page and in report.md."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from stages.report.judging.cell import Cell
from stages.report.judging.family import Candidate
from stages.report.judging.questions import STOPPED
from stages.report.judging.stopping import Stopped, epochs_text
from stages.report.study import Study
from stages.report.writing.numbers import measured, number, percent

METRICS = {"mse": "MSE", "mae": "MAE", "rmse": "RMSE", "mase": "MASE", "smape": "sMAPE"}
CHOSEN = (
    "cell", "chosen λ", "λ/m", "validation", "validation at λ = 0", "test", "test at λ = 0",
    "regret", "change from λ = 0",
)  # fmt: skip
PATH = (
    "λ", "λ/m", "validation", "± se of difference", "difference", "sd of seeds", "sd of folds",
    "training", "test MSE", "test MAE", "regret", "‖w‖", "epochs",
)  # fmt: skip


def scaled(measure: str) -> str:
    """A measure's label in scaled units."""
    return f"{METRICS[measure]} (scaled units)"


def chosen(cell: Cell) -> list[str]:
    """A cell's choice, under CHOSEN: errors in scaled units, regret and gain in per cent."""
    loss, test, zero = cell.path.loss, cell.test, cell.zero
    return [
        cell.name,
        number(cell.lam),
        measured(cell.lam / cell.fit.m[-1], 3),
        measured(loss[cell.chosen]),
        "–" if zero is None else measured(loss[zero]),
        measured(test[cell.chosen]),
        "–" if zero is None else measured(test[zero]),
        percent(cell.regret),
        percent(cell.to_zero) if cell.zero != cell.chosen else "–",
    ]


def path(row: Mapping[Any, Any], cell: Cell, lam_index: int) -> list[str]:
    """A λ of the path, a row of `tables.path_table`, under PATH."""
    validation, training = f"validation_{cell.measure}", f"train_{cell.measure}"
    fine = ("validation_se", "diff_to_min", "validation_sd_seeds", "validation_sd_folds")
    return [
        number(row["lam"]),
        measured(row["lam_over_m"], 3),
        measured(row[validation]),
        *(measured(row[name], 3) for name in fine),
        *(measured(row[name]) for name in (training, "test_mse", "test_mae")),
        percent(row["regret"]),
        measured(row["weight_norm"], 3),
        epochs_text(cell.fit, lam_index),
    ]


def stopped(at_zero: Stopped) -> list[str]:
    """λ = 0 stopped early, under PATH."""
    tested = [measured(at_zero.overall.get(metric, math.nan)) for metric in ("mse", "mae")]
    known = ["0", measured(at_zero.validation), *["–"] * 5, *tested, "–", "–", str(at_zero.epochs)]
    return ["0, stopped early", *known]


def label(candidate: Candidate) -> str:
    """A forecaster with its λ, and what else it chose."""
    lam = f"λ = {number(candidate.lam)}" if math.isfinite(candidate.lam) else ""
    return ", ".join(part for part in (candidate.name, lam, candidate.detail) if part)


def forecasters(study: Study) -> tuple[list[str], list[tuple[bool, list[str]]]]:
    """Cells, their ensembles, their means with ridge and the baselines, the lowest test error first.

    Returns:
        The head, and for each forecaster whether validation chooses it of all, and its row.
    """
    names = [name for name in METRICS if name in study.baselines]
    lines: list[tuple[float, bool, list[str]]] = []

    def add(name: str, validation: float, loss: float, scores: Any, is_chosen: bool) -> None:
        values = [measured(scores.get(metric, math.nan)) for metric in names]
        lines.append((loss, is_chosen, [name, measured(validation), measured(loss), *values]))

    for one in study.candidates:
        add(label(one), one.validation, one.test, one.scores, one is study.forecaster)
    for cell in study.cells:
        if cell.stopped is not None:
            early, name = cell.stopped, f"{cell.name}, {STOPPED}"
            add(name, math.nan, early.contender.mean.mean_loss, early.overall, False)
    lines.sort(key=lambda line: line[0] if math.isfinite(line[0]) else math.inf)
    error = f"scaled {METRICS[study.measure]}"
    head = [
        "forecaster",
        f"validation, {error}",
        f"test, {error}",
        *(METRICS[name] for name in names),
    ]
    return head, [(is_chosen, row) for _, is_chosen, row in lines]


def absent(study: Study) -> str:
    """The baselines that are not in the table, for its note; empty where all are."""
    reasons = "; ".join(f"{name} ({reason})" for name, reason in study.index.absent.items())
    return f" Not in the table: {reasons}." if reasons else ""
