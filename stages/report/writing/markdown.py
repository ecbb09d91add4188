"""report.md: the answer first, then the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from stages.report.cautions.warnings import warnings
from stages.report.judging import grids
from stages.report.judging.cell import Cell
from stages.report.judging.stopping import stops_early
from stages.report.study import Study
from stages.report.writing import intervals, loss_words, table_rows, verdict_words
from stages.report.writing.answers import RULES, families, headline, note
from stages.report.writing.markdown_table import table
from stages.report.writing.notes import (
    ABSENT,
    ALARM,
    ERRORS,
    REGRET,
    comparisons_note,
    confidence_note,
    fit_note,
    forecasters_note,
)
from stages.report.writing.numbers import number
from stages.report.writing.tables import path_table


def report(study: Study) -> str:
    """The whole report.md, with links into figures/."""
    parts = [
        "# Which λ, and does it help?",
        *_notes(f"**{ALARM}.**", study.alarms),
        f"**{headline(study)}**",
        *_notes(f"{ABSENT}:", study.absences),
        _choice_table(study),
        "## Verdicts\n\n" + _verdicts(study),
        *_notes("## Warnings", warnings(study)),
        "## The next grid\n\n" + _next_grid(study),
        "## The λ path\n\n![Validation and test loss against λ](figures/lambda_path.svg)\n\n"
        + _path_note(study),
        *[_path(cell, path_table(study)) for cell in study.cells],
        *_baselines(study),
        *_all_comparisons(study),
        *_intervals(study),
        "## Latest forecasts\n\n![Latest forecasts of the test part](figures/forecasts.svg)\n\n"
        "The last test origins that do not overlap; mean over seeds.",
        "## Training\n\n![Loss by epoch for each λ](figures/curves.svg)\n\n"
        "Mean over seeds and over the folds that have a validation part; the chosen λ is wide.",
    ]
    return "\n\n".join(parts) + "\n"


def _notes(above: str, lines: Sequence[str]) -> list[str]:
    """The lines as a list, if there are any."""
    return [f"{above}\n\n{_items(lines)}"] if lines else []


def _items(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _choice_table(study: Study) -> str:
    rows = [table_rows.chosen(cell) for cell in study.cells]
    for cell, row in zip(study.cells, rows, strict=True):
        row[0] = f"**{cell.name}**" if cell is study.best else cell.name
    errors = ERRORS.format(loss_words.MEASURES[study.measure])
    rule = f"Chosen from validation alone: {RULES[study.params.rule]}."
    return f"{table(table_rows.CHOSEN, rows)}\n\n{errors} {rule} {REGRET} {fit_note(study)}{study.units}"


def _verdicts(study: Study) -> str:
    none = "The grid has no λ = 0 and the study no baseline to compare with."
    lines = [text for _, text in families(study)] or [none]
    return f"{_items(lines)}\n\n{note(study)}"


def _all_comparisons(study: Study) -> list[str]:
    if not study.answers.all:
        return []
    rows = [verdict_words.row(verdict) for verdict in study.answers.all]
    text = f"{comparisons_note(study)}\n\n{confidence_note(study)}"
    return [f"## All comparisons\n\n{table(verdict_words.HEAD, rows)}\n\n{text}"]


def _intervals(study: Study) -> list[str]:
    if not study.coverages:
        return []
    ones = list(study.coverages.values())
    rows = [intervals.row(one) for one in ones]
    text = table(intervals.head(ones[0].intervals.levels), rows)
    return [f"## Prediction intervals\n\n{text}\n\n{intervals.note(study)}"]


def _next_grid(study: Study) -> str:
    paths, parts = [cell.path for cell in study.cells], []
    for command, why in (
        (grids.extension(paths, study.params.rule), "Beyond the edge where a choice lies:"),
        (grids.refinement(paths), "Closer to each cell's minimum:"),
    ):
        if command is not None:
            parts.append(f"{why}\n\n```bash\n{command}\n```")
    kept = "What was trained stays in the grid and is not trained again."
    return "\n\n".join([*parts, kept] if parts else ["The grid has no positive λ; add some."])


def _path_note(study: Study) -> str:
    return f"{loss_words.sentence(study.best.fit)} " + (
        "The band is one standard error of the paired difference to the minimum (equal-weighted "
        "cosines by window within each fold); the dotted line is the lowest loss, so a λ is within "
        "one standard error where the band reaches the line. The vertical line is the chosen λ. The "
        "spread over folds says how hard the folds are, not how sure the choice is. “0, stopped early” is "
        f"early stopping instead of {loss_words.name(study.best.fit)}: λ = 0 trained again for the one "
        f"epoch at which its validation path is lowest.{study.units}"
    )


def _path(cell: Cell, paths: pd.DataFrame) -> str:
    rows = []
    for i, record in enumerate(paths[paths["cell"] == cell.name].to_dict("records")):
        row = table_rows.path(record, cell, i)
        row[0] += ", stopped early" if i == cell.zero and stops_early(cell.fit) else ""
        row[0] = f"**{row[0]}**" if record["selected"] else row[0]
        rows.append(row)
    if cell.stopped is not None:
        first, *rest = table_rows.stopped(cell.stopped)
        rows.append([f"*{first}*", *rest])
    marks = f"m = {cell.fit.m[-1]}, {cell.fit.seeds} seeds. Validation and training are the "
    marks += f"{loss_words.MEASURES[cell.measure]} in scaled units, test in the data's. Lowest "
    marks += f"validation loss at λ = {number(cell.path.lambdas[cell.path.minimum])}, one standard error "
    marks += f"rule λ = {number(cell.path.lambdas[cell.path.one_standard_error])}."
    return f"### {cell.name}\n\n{marks}\n\n" + table(table_rows.PATH, rows)


def _baselines(study: Study) -> list[str]:
    if study.baselines.empty:
        return []
    head, forecasters = table_rows.forecasters(study)
    rows = [[f"**{row[0]}**", *row[1:]] if is_chosen else row for is_chosen, row in forecasters]
    return [f"## Cells and baselines\n\n{table(head, rows)}\n\n{forecasters_note(study)}"]
