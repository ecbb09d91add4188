"""report.md: the answer first, then the numbers behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.report.selection import edge_warning
from stages.report.study import Cell, Study
from stages.report.tables import path_table
from stages.report.verdicts import SHORT

RULES = {
    "minimum": "the λ with the lowest validation loss",
    "one_standard_error": "the largest λ whose validation loss is within one standard error "
    "(of the paired difference) of the lowest",
}

_LABELS = {"mse": "MSE", "mae": "MAE", "rmse": "RMSE", "mase": "MASE", "smape": "sMAPE"}


def report(study: Study) -> str:
    """The whole page, with links to figures/ beside it."""
    parts = [
        "# Which λ, and does it help?",
        _answer(study),
        _choice_table(study),
        "## Verdicts\n\n" + _verdicts(study),
        *_warnings(study),
        "## The λ path\n\n![Validation and test loss against λ](figures/lambda_path.svg)\n\n"
        + _path_note(study),
        *[_path(cell, path_table(study)) for cell in study.cells],
        *_baselines(study),
        "## Latest forecasts\n\n![Latest forecasts of the test part](figures/forecasts.svg)\n\n"
        "The last test origins that do not overlap; mean over seeds.",
        "## Training\n\n![Loss by epoch for each λ](figures/curves.svg)\n\n"
        "Mean over seeds and over the folds that have a validation part; the chosen λ is wide.",
    ]
    return "\n\n".join(parts) + "\n"


def number(value: float, digits: int = 4) -> str:
    """A number for a person; a dash where there is none."""
    return f"{value:.{digits}g}" if math.isfinite(value) else "–"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A markdown table, first column to the left and the others to the right."""
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _answer(study: Study) -> str:
    best = study.best
    value = number(best.path.loss[best.chosen])
    text = f"Validation chooses **{best.name} at λ = {number(best.lam)}** (loss {value}"
    if best.zero is not None and best.zero != best.chosen:
        zero = best.path.loss[best.zero]
        text += f", against {number(zero)} at λ = 0"
    text += "). "
    return text + " ".join(v.sentence() for v in study.verdicts if v.cell == best.name)


def _choice_table(study: Study) -> str:
    head = ["cell", "chosen λ", "λ/m", "validation", "at λ = 0", "test", "at λ = 0", "regret"]
    rows = []
    for cell in study.cells:
        loss, test, zero = cell.path.loss, cell.test, cell.zero
        rows.append(
            [
                f"**{cell.name}**" if cell is study.best else cell.name,
                number(cell.lam),
                number(cell.lam / cell.fit.m[-1], 3),
                number(loss[cell.chosen]),
                "–" if zero is None else number(loss[zero]),
                number(test[cell.chosen]),
                "–" if zero is None else number(test[zero]),
                f"{number(cell.regret, 3)} %",
            ]
        )
    rule = RULES[study.params.rule]
    return table(head, rows) + (
        "\n\nMean squared errors in scaled units, mean over seeds. Chosen from validation alone: "
        f"{rule}. Regret: what the choice loses on the test part to the best λ in hindsight."
    )


def _verdicts(study: Study) -> str:
    lines = [f"- {verdict.sentence()}" for verdict in study.verdicts]
    if not lines:
        lines = ["- The grid has no λ = 0 and the study no baseline: there is nothing to compare."]
    compared = sum(verdict.word != "same" for verdict in study.verdicts)
    note = (
        "Differences in mean squared error on the same test windows, in per cent of the reference; "
        "negative is better. Equal-weighted cosine t-intervals, which hold when neighbouring "
        f"windows depend on each other; verdicts carry Holm's correction over {compared}. "
        "The best baseline is the one with the lowest test error."
    )
    return "\n".join(lines) + "\n\n" + note


def _warnings(study: Study) -> list[str]:
    found = [
        f"**{cell.name}**: {warning}."
        for cell in study.cells
        if (warning := edge_warning(cell.path, study.params.rule))
    ]
    for cell in study.cells:
        lost = [f"{lam:.4g}" for lam, loss in _losses(cell) if not np.isfinite(loss)]
        if lost:
            found.append(f"**{cell.name}**: a member diverged at λ = {', '.join(lost)}.")
    if study.horizons < SHORT:
        found.append(
            f"The test part holds {study.horizons:.1f} independent horizons "
            f"({study.origins} windows of horizon {study.horizon}), fewer than {SHORT}: "
            "it is too short to show much."
        )
    if min(cell.fit.seeds for cell in study.cells) < 2:
        found.append("One seed: how much a result owes to its initial weights is not known.")
    return ["## Warnings\n\n" + "\n".join(f"- {line}" for line in found)] if found else []


def _losses(cell: Cell) -> list[tuple[float, float]]:
    return list(zip(cell.path.lambdas, cell.path.loss, strict=True))


def _path_note(study: Study) -> str:
    return (
        "The band is one standard error of the paired difference to the minimum (HAC by window "
        "within each fold); the dotted line is the lowest loss, so a λ is within one standard "
        "error where the band reaches the line. The vertical line is the chosen λ."
    )


def _path(cell: Cell, paths: pd.DataFrame) -> str:
    head = ["λ", "λ/m", "validation", "± se of difference", "difference", "seeds ±", "training"]
    head += ["test MSE", "test MAE", "‖w‖", "epochs"]
    spread = np.zeros(len(cell.path.lambdas))
    if cell.fit.seeds > 1:
        spread = cell.path.by_seed.std(axis=1, ddof=1)
    rows = []
    for place, row in enumerate(paths[paths["cell"] == cell.name].to_dict("records")):
        lam = number(row["lam"])
        rows.append(
            [
                f"**{lam}**" if row["selected"] else lam,
                number(row["lam"] / row["m"], 3),
                number(row["validation_mse"]),
                number(row["validation_se"], 2),
                number(row["diff_to_min"], 3),
                number(spread[place], 2),
                *(number(row[name]) for name in ("train_mse", "test_mse", "test_mae")),
                number(row["weight_norm"], 3),
                str(row["epochs"]),
            ]
        )
    marks = f"m = {cell.fit.m[-1]}, {cell.fit.seeds} seeds. Lowest validation loss at λ = "
    marks += f"{number(cell.path.lambdas[cell.path.minimum])}, one standard error rule λ = "
    marks += f"{number(cell.path.lambdas[cell.path.one_standard_error])}."
    return f"### {cell.name}\n\n{marks}\n\n" + table(head, rows)


def _baselines(study: Study) -> list[str]:
    if study.baselines.empty:
        return []
    names = [name for name in _LABELS if name in study.baselines]
    head = ["forecaster", "test MSE (scaled)", *(_LABELS[name] for name in names)]
    lines: list[tuple[float, list[str]]] = []
    for name, row in study.baselines.iterrows():
        label = f"{name} (λ = {number(row['lam'])})" if np.isfinite(row["lam"]) else str(name)
        lines.append((row["loss"], [label, number(row["loss"])] + [number(row[n]) for n in names]))
    for cell in study.cells:
        own = cell.overall.iloc[cell.chosen]
        values = [number(own.get(name, math.nan)) for name in names]
        label = f"**{cell.name}, λ = {number(cell.lam)}**"
        lines.append((cell.test[cell.chosen], [label, number(cell.test[cell.chosen]), *values]))
    lines.sort(key=lambda line: line[0])
    note = "Test part; in the data's units except where scaled; cells are the mean over seeds."
    return [f"## Beside the baselines\n\n{table(head, [row for _, row in lines])}\n\n{note}"]
