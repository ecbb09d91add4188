"""The λ path: errors against λ, and the parts of their uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stages.lambda_scale import on_axis
from stages.report.drawing.axes import common_scale, lambda_axis
from stages.report.drawing.plot import Chart, Panel, columns_for
from stages.report.drawing.style import BLUE, GREEN, INK, ORANGE, PURPLE
from stages.report.drawing.svg import Key
from stages.report.judging import grids
from stages.report.judging.averages import errors
from stages.report.judging.cell import Cell
from stages.report.judging.intervals import Array
from stages.report.judging.selection import LambdaPath
from stages.report.judging.stopping import stops_early
from stages.report.page.parts import Commands, Section, Sources, Table, Text
from stages.report.study import Study
from stages.report.writing import loss_words, table_rows
from stages.report.writing.numbers import number
from stages.report.writing.table_rows import scaled
from stages.report.writing.tables import path_table

TALL = 250  # pixels of a panel of the figure that is read most
DASH, DOTS = (0, (5, 2)), (0, (1, 1.4))


def section(sources: Sources) -> Section:
    """Validation, training and test error against λ; the spreads apart; the table."""
    study = sources.study
    note = (
        "λ is chosen from the validation errors alone. The band is one standard error of the paired "
        "difference to the minimum (equal-weighted cosines by window within each fold); the dotted "
        "line is the lowest loss, so a λ is within one standard error where the band reaches the "
        "line."
    )
    return Section(
        "path",
        "The λ path",
        [
            Text([loss_words.sentence(study.best.fit), note]),
            _errors(study),
            _spreads(study),
            *_tables(study),
            *_next(study),
        ],
    )


def _errors(study: Study) -> Chart:
    above = [_validation(cell, study) for cell in study.cells]
    below = [_test(cell, study) for cell in study.cells]
    shown = [
        value
        for c in study.cells
        for value in (
            c.path.loss - c.path.se,
            c.path.loss + c.path.se,
            errors(c.fit, c.measure)[0],
            c.path.by_seed,
        )
    ]
    common_scale(above, shown)
    reference = (
        study.baselines["loss"][[study.baseline]].to_numpy() if study.baseline else np.empty(0)
    )
    common_scale(below, [*(cell.test_by_seed for cell in study.cells), reference])
    keys = [
        Key("validation", BLUE),
        Key("± standard error of the difference to the minimum", BLUE, "band"),
        Key("training", GREEN, dash="7 3"),
        Key("test", ORANGE),
        Key("one seed", BLUE, width=1, opacity=0.5),
        Key("lowest validation", BLUE, "circle"),
        Key("one-standard-error rule", PURPLE, "diamond"),
        Key("chosen λ", PURPLE, width=1.2),
    ]
    if study.baseline is not None:
        keys.insert(4, Key(f"best baseline ({study.baseline})", INK, dash="4 3", width=1.4))
    choices = "; ".join(
        f"{c.name}: lowest at λ = {number(c.path.lambdas[c.path.minimum])}, chosen {number(c.lam)}"
        for c in study.cells
    )
    return Chart(
        name="lambda_path",
        title="Errors against λ",
        caption="Errors against λ, mean over seeds, on a log axis that shows λ = 0 separately. "
        f"Above: validation and training; below: test, which chooses nothing.{study.units}",
        alt=f"Validation, training and test error against λ for each cell. {choices}.",
        panels=[*above, *below],
        keys=keys,
        columns=columns_for(len(study.cells), 2),
        x="lam",
        y=study.measure,
    )


def _validation(cell: Cell, study: Study) -> Panel:
    path, x = cell.path, on_axis(cell.path.lambdas)
    panel = Panel(f"{cell.name}: validation", "λ", scaled(cell.measure), TALL)
    _seeds(panel, path.by_seed, cell, x, BLUE)
    low, high = path.loss - path.se, path.loss + path.se
    panel.ax.fill_between(x, low, high, color=BLUE, alpha=0.18, lw=0)
    panel.ax.axhline(path.loss[path.minimum], color=BLUE, lw=1.0, ls=(0, (1, 2)))
    if study.baseline is not None:
        # In the panel's unit: as far from the chosen λ as it is in the unit of the test errors.
        ratio = float(study.baselines["validation"][study.baseline]) / cell.validation
        _baseline(panel, cell, study.baseline, ratio * float(path.loss[cell.chosen]))
    train, _ = errors(cell.fit, cell.measure)
    panel.line(x, train, "training", at=path.lambdas, color=GREEN, ls=DASH)
    panel.line(x, path.loss, "validation", at=path.lambdas, low=low, high=high, color=BLUE, lw=2.0)
    _marks(panel, cell, x, path.loss, BLUE)
    lambda_axis(panel, path.lambdas)
    return panel


def _test(cell: Cell, study: Study) -> Panel:
    x = on_axis(cell.path.lambdas)
    panel = Panel(f"{cell.name}: test", "λ", scaled(cell.measure), TALL)
    _seeds(panel, cell.test_by_seed, cell, x, ORANGE)
    if study.baseline is not None:
        _baseline(panel, cell, study.baseline, float(study.baselines["loss"][study.baseline]))
    panel.line(x, cell.test, "test", at=cell.path.lambdas, color=ORANGE, lw=2.0)
    _marks(panel, cell, x, cell.test, ORANGE)
    lambda_axis(panel, cell.path.lambdas)
    return panel


def _baseline(panel: Panel, cell: Cell, name: str, loss: float) -> None:
    """The line of the baseline that validation chose."""
    lambdas = cell.path.lambdas
    look: dict[str, Any] = {"color": INK, "lw": 1.2, "ls": (0, (4, 3))}
    values = np.full(len(lambdas), loss)
    panel.line(
        on_axis(lambdas), values, f"best baseline ({name})", at=lambdas, readable=False, **look
    )


def _seeds(panel: Panel, by_seed: Array, cell: Cell, x: Array, color: str) -> None:
    for seed, values in enumerate(by_seed.T):
        panel.line(x, values, f"seed {seed}", at=cell.path.lambdas, color=color, lw=0.9, alpha=0.35)


def _marks(panel: Panel, cell: Cell, x: Array, y: Array, color: str) -> None:
    """Both rules' λ, and a vertical line at the one that the report uses."""
    low, within, ax = cell.path.minimum, cell.path.one_standard_error, panel.ax
    ax.axvline(x[cell.chosen], color=PURPLE, lw=1.0, alpha=0.8, zorder=1)
    ax.plot(x[low], y[low], "o", ms=10, mfc="none", mec=color, mew=1.7, zorder=4)
    ax.plot(x[within], y[within], "D", ms=5.6, color=PURPLE, zorder=5)


# Name, colour, matplotlib's dash, the legend's.
_SPREADS = (
    ("standard error of the difference", BLUE, "-", ""),
    ("spread over seeds", PURPLE, DASH, "7 3"),
    ("spread over folds", ORANGE, DOTS, "2 2"),
)


def _spread(path: LambdaPath) -> list[Array | None]:
    """(Λ,) of each kind in _SPREADS; None where there is one seed or one fold."""
    seeds = path.seed_spread if path.by_seed.shape[1] > 1 else None
    return [path.se, seeds, path.fold_spread if path.by_fold.shape[0] > 1 else None]


def _spreads(study: Study) -> Chart:
    panels, kept, keys = [], [], {}
    for cell in study.cells:
        x = on_axis(cell.path.lambdas)
        panel = Panel(cell.name, "λ", scaled(cell.measure))
        for (name, color, ls, dash), values in zip(_SPREADS, _spread(cell.path), strict=True):
            if values is not None:
                look: dict[str, Any] = {"color": color, "ls": ls, "marker": "o", "ms": 3}
                panel.line(x, values, name, at=cell.path.lambdas, **look)
                kept.append(values)
                keys[name] = Key(name, color, dash=dash)
        lambda_axis(panel, cell.path.lambdas)
        panels.append(panel)
    common_scale(panels, kept)
    return Chart(
        name="spreads",
        title="What the uncertainty is made of",
        caption="Three uncertainties of the validation error that must not be confused: "
        "the paired standard error, on which the choice rests; the standard deviation over seeds (what "
        "initial weights decide); and over folds (mostly how hard each fold is, which the pairing removes).",
        alt="Paired standard error, spread over seeds and spread over folds against λ for each cell.",
        panels=panels,
        keys=list(keys.values()),
        x="lam",
        y=study.measure,
    )


def _next(study: Study) -> list[Commands]:
    """The next grids, as commands."""
    paths = [cell.path for cell in study.cells]
    lines = [
        (grids.extension(paths, study.params.rule), "beyond the edge where a choice lies"),
        (grids.refinement(paths), "closer to each cell's minimum"),
    ]
    commands = [(command, why) for command, why in lines if command is not None]
    return [Commands(commands, title="The next grid")] if commands else []


def _tables(study: Study) -> list[Table]:
    paths = path_table(study)
    return [_table(cell, paths[paths["cell"] == cell.name]) for cell in study.cells]


def _table(cell: Cell, path: pd.DataFrame) -> Table:
    rows = [table_rows.path(row, cell, i) for i, row in enumerate(path.to_dict("records"))]
    if cell.zero is not None and stops_early(cell.fit):
        rows[cell.zero][0] += ", stopped early"
    note = f"m = {cell.fit.m[-1]}, {cell.fit.seeds} seeds. Validation and training are the "
    note += f"{loss_words.MEASURES[cell.measure]} in scaled units, "
    note += "test in the data's; ‖w‖ is the penalised weights' norm in the final fit."
    if cell.stopped is not None:
        rows.append(table_rows.stopped(cell.stopped))
        note += (
            f" Stopped early: early stopping instead of {loss_words.name(cell.fit)}, λ = 0 trained again "
            "for the one epoch at which its validation path is lowest."
        )
    marked = frozenset({cell.chosen})
    return Table(f"The path of {cell.name}", table_rows.PATH, rows, marked, note=note, folded=True)
