"""report.md: the answer first, then the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from stages.report.judging import comparisons, grids
from stages.report.judging.cell import Cell
from stages.report.judging.other_tests import BLOCKS, LONG
from stages.report.judging.stopping import stopped_at_zero, stops_early
from stages.report.judging.warnings import warnings
from stages.report.study import Study
from stages.report.writing import loss_words, table_rows
from stages.report.writing.table_rows import measured, number
from stages.report.writing.tables import path_table

ALARM = "These losses cannot be right: look at the data first"
ABSENT = "What is not in these numbers"
RULES = {
    "minimum": "the λ with the lowest validation loss",
    "one_standard_error": "the largest λ whose validation loss is within one standard error "
    "(of the paired difference) of the lowest",
}
# Notes of tables that the page has as well.
ERRORS = "The {} in scaled units, mean over seeds."
REGRET = (
    "Regret: what the choice loses on the test part to the best λ in hindsight; the change from λ = 0 is the "
    "test error's (negative: a gain)."
)
FORECASTERS = (
    "Test part; in the data's units except where scaled; cells are the mean of their seeds' errors, an "
    "ensemble forecasts the mean of its seeds."
)


def report(study: Study) -> str:
    """The whole report.md, with links into figures/."""
    parts = [
        "# Which λ, and does it help?",
        *_notes(f"**{ALARM}.**", study.alarms),
        _answer(study),
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
        "## Latest forecasts\n\n![Latest forecasts of the test part](figures/forecasts.svg)\n\n"
        "The last test origins that do not overlap; mean over seeds.",
        "## Training\n\n![Loss by epoch for each λ](figures/curves.svg)\n\n"
        "Mean over seeds and over the folds that have a validation part; the chosen λ is wide.",
    ]
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A markdown table, first column to the left and the others to the right."""
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _notes(above: str, lines: Sequence[str]) -> list[str]:
    """The lines as a list, if there are any."""
    return [f"{above}\n\n{_items(lines)}"] if lines else []


def _items(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _answer(study: Study) -> str:
    best = study.best
    value = measured(best.path.loss[best.chosen])
    text = f"Validation chooses **{best.name} at λ = {number(best.lam)}** (loss {value}"
    if best.zero is not None and best.zero != best.chosen:
        zero = best.path.loss[best.zero]
        text += f", against {measured(zero)} at λ = 0"
    text += "). "
    return text + " ".join(v.sentence() for v in study.verdicts if v.cell == best.name)


def _choice_table(study: Study) -> str:
    rows = [table_rows.chosen(cell) for cell in study.cells]
    for cell, row in zip(study.cells, rows, strict=True):
        row[0] = f"**{cell.name}**" if cell is study.best else cell.name
    errors = ERRORS.format(loss_words.MEASURES[study.measure])
    rule = f"Chosen from validation alone: {RULES[study.params.rule]}."
    return f"{table(table_rows.CHOSEN, rows)}\n\n{errors} {rule} {REGRET}{study.units}"


def _verdicts(study: Study) -> str:
    none = "The grid has no λ = 0 and the study no baseline to compare with."
    lines = [verdict.sentence() for verdict in study.verdicts] or [none]
    compared = sum(verdict.word != "same" for verdict in study.comparisons)
    note = (
        f"Differences in {loss_words.MEASURES[study.measure]} on the same test windows, in per cent of the "
        "reference; negative is better. Equal-weighted cosine t-intervals, which hold when neighbouring "
        f"windows depend on each other; verdicts carry Holm's correction over {compared}, all those "
        "under “All comparisons”. The best baseline is the one with the lowest test error."
    )
    return f"{_items(lines)}\n\n{note}"


def _all_comparisons(study: Study) -> list[str]:
    if not study.comparisons:
        return []
    rows = [comparisons.row(verdict) for verdict in study.comparisons]
    level = f"{100 * study.params.confidence:g} %"
    note = (
        f"Difference and {level} intervals in per cent of the reference; p and the first interval are "
        "the equal-weighted cosine test's, and p with Holm's correction decides. Diebold-Mariano "
        "(with Harvey, Leybourne and Newbold's correction) and the block bootstrap (blocks of "
        f"{BLOCKS} horizons) are shown as well, uncorrected: with few independent horizons both are "
        "too sure (`make coverage`). A cell is the mean of its seeds' losses; an ensemble forecasts "
        "the mean of its seeds, and is compared with the ensemble at λ = 0."
    )
    if study.confidence_set is None:
        note += f"\n\nNo model confidence set: it needs {LONG} independent horizons"
        note += "." if study.horizons < LONG else ", and two forecasters with finite losses."
    else:
        note += f"\n\nModel confidence set ({level}): {', '.join(study.confidence_set)}."
    return [f"## All comparisons\n\n{table(comparisons.HEAD, rows)}\n\n{note}"]


def _next_grid(study: Study) -> str:
    paths, parts = [cell.path for cell in study.cells], []
    for command, why in (
        (grids.extension(paths, study.params.rule), "Beyond the edge where a choice lies:"),
        (grids.refinement(paths), "Closer to each cell's minimum:"),
    ):
        if command is not None:
            parts.append(f"{why}\n\n```bash\n{command}\n```")
    note = "What was trained stays in the grid and is not trained again."
    return "\n\n".join([*parts, note] if parts else ["The grid has no positive λ; add some."])


def _path_note(study: Study) -> str:
    return f"{loss_words.sentence(study.best.fit)} " + (
        "The band is one standard error of the paired difference to the minimum (equal-weighted "
        "cosines by window within each fold); the dotted line is the lowest loss, so a λ is within "
        "one standard error where the band reaches the line. The vertical line is the chosen λ. The "
        "spread over folds says how hard the folds are, not how sure the choice is. “0, stopped early” takes "
        "each network of λ = 0 at the epoch of its own lowest validation loss: early stopping in "
        f"place of {loss_words.name(study.best.fit)}, a little flattered, since the epoch is chosen on "
        f"the same windows.{study.units}"
    )


def _path(cell: Cell, paths: pd.DataFrame) -> str:
    rows = []
    for i, record in enumerate(paths[paths["cell"] == cell.name].to_dict("records")):
        row = table_rows.path(record, cell, i)
        row[0] += ", stopped early" if i == cell.zero and stops_early(cell) else ""
        row[0] = f"**{row[0]}**" if record["selected"] else row[0]
        rows.append(row)
    rows += _stopped_row(cell, len(table_rows.PATH))
    marks = f"m = {cell.fit.m[-1]}, {cell.fit.seeds} seeds. Validation and training are the "
    marks += f"{loss_words.MEASURES[cell.measure]} in scaled units, test in the data's. Lowest "
    marks += f"validation loss at λ = {number(cell.path.lambdas[cell.path.minimum])}, one standard error "
    marks += f"rule λ = {number(cell.path.lambdas[cell.path.one_standard_error])}."
    return f"### {cell.name}\n\n{marks}\n\n" + table(table_rows.PATH, rows)


def _stopped_row(cell: Cell, width: int) -> list[list[str]]:
    """λ = 0 under early stopping as a reference, where the networks were trained without it."""
    stopped = None if stops_early(cell) else stopped_at_zero(cell)
    if stopped is None:
        return []
    difference = measured(stopped.difference, 3)
    row = ["*0, stopped early*", "0", measured(stopped.loss), "–", difference]
    epochs = f"{stopped.epochs} ({stopped.first}–{stopped.last})"
    return [[*row, *["–"] * (width - len(row) - 1), epochs]]


def _baselines(study: Study) -> list[str]:
    if study.baselines.empty:
        return []
    head, forecasters = table_rows.forecasters(study)
    rows = [[f"**{row[0]}**", *row[1:]] if is_cell else row for is_cell, row in forecasters]
    note = FORECASTERS + table_rows.absent(study)
    return [f"## Cells and baselines\n\n{table(head, rows)}\n\n{note}"]
