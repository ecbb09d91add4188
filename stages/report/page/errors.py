"""Where the errors lie: by horizon step and by series; and what is left in the residuals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from stages.report.drawing.axes import common_scale
from stages.report.drawing.plot import Chart, Panel, short
from stages.report.drawing.style import BLUE, FAINT, ORANGE
from stages.report.drawing.svg import Key
from stages.report.judging.cell import Cell
from stages.report.page.parts import Block, Section, Sources, Table
from stages.report.page.residuals import autocorrelations
from stages.report.study import Study
from stages.report.writing.numbers import measured
from stages.report.writing.table_rows import METRICS, scaled

SERIES = 18  # shown by name, at most
NAME = 16  # letters of a name

_LOOKS: dict[str, dict[str, Any]] = {
    "chosen λ": {"color": BLUE, "lw": 2.0},
    "λ = 0": {"color": ORANGE, "ls": (0, (4, 2))},
    "best baseline": {"color": FAINT, "ls": (0, (1, 1.2))},
}
# By series: the legend's kind, and how matplotlib draws it; none hides another.
_MARKS: dict[str, tuple[str, dict[str, Any]]] = {
    "chosen λ": ("dot", {"marker": "o", "ms": 5}),
    "λ = 0": ("circle", {"marker": "o", "ms": 8.5, "mfc": "none", "mew": 1.5}),
    "best baseline": ("diamond", {"marker": "D", "ms": 4}),
}


def section(sources: Sources) -> Section:
    """The figures that have something to show: by step, by series, residuals; and the unranked series."""
    charts = (_steps(sources), _series(sources), autocorrelations(sources), _unranked(sources))
    blocks: list[Block] = [block for block in charts if block is not None]
    return Section("errors", "Errors by step and series", blocks)


def _keys(study: Study) -> list[Key]:
    keys = [Key("chosen λ", BLUE)]
    if any(cell.zero not in (None, cell.chosen) for cell in study.cells):
        keys.append(Key("λ = 0", ORANGE, dash="6 3"))
    if study.baseline is not None:
        keys.append(Key(f"best baseline ({study.baseline})", FAINT, dash="2 2"))
    return keys


def _lines(sources: Sources, cell: Cell, by: str) -> Iterator[tuple[str, pd.Series]]:
    """Errors by `step` or `unique_id`, mean over seeds: chosen λ, λ = 0, best baseline."""
    rows = _rows(sources, cell.name, by)
    rows = rows[rows["seed"] >= 0]
    yield "chosen λ", _mean(rows[rows["lam"] == cell.lam], by)
    if cell.zero not in (None, cell.chosen):
        yield "λ = 0", _mean(rows[rows["lam"] == 0], by)
    best = sources.study.baseline
    if best is not None:
        rows = _rows(sources, "baselines", by)
        yield "best baseline", _mean(rows[rows["cell"] == best], by)


def _rows(sources: Sources, name: str, by: str) -> pd.DataFrame:
    """Scores of a cell, or of the baselines: of all series by step, or of all steps by series."""
    split = [("step", ">", 0), ("unique_id", "==", "")]
    if by == "unique_id":
        split = [("step", "==", 0), ("unique_id", "!=", "")]
    filters = [("metric", "==", f"scaled_{sources.study.measure}"), *split]
    return pd.read_parquet(sources.inputs["scores"] / f"{name}.parquet", filters=filters)


def _mean(rows: pd.DataFrame, by: str) -> pd.Series:
    return rows.groupby(by)["value"].mean()


def _steps(sources: Sources) -> Chart | None:
    if sources.study.horizon < 2:
        return None
    panels, kept = [], []
    for cell in sources.study.cells:
        panel = Panel(cell.name, "horizon step", scaled(cell.measure))
        for name, values in _lines(sources, cell, "step"):
            panel.line(values.index.to_numpy(), values, name, **_LOOKS[name])
            kept.append(values.to_numpy())
        panel.ax.xaxis.set_major_locator(MaxNLocator(7, integer=True))
        panels.append(panel)
    common_scale(panels, kept)
    return Chart(
        name="steps",
        title="By horizon step",
        caption="Test error by horizon step, mean over seeds.",
        alt="Test error against the horizon step for each cell.",
        panels=panels,
        keys=_keys(sources.study),
        x="step",
        y=sources.study.measure,
    )


def _series(sources: Sources) -> Chart | None:
    ranked = len(sources.windows.layout.series) - len(sources.study.index.unranked)
    if ranked < 2:
        return None
    panels = [_by_series(sources, cell) for cell in sources.study.cells]
    more = f" {SERIES} of {ranked}, evenly spaced in that order." if ranked > SERIES else ""
    return Chart(
        name="series",
        title="By series",
        caption=f"Test error by series, mean over seeds, the best one above.{more}",
        alt="Test error of each series for each cell.",
        panels=panels,
        keys=[
            replace(key, kind=_MARKS[key.name.split(" (")[0]][0]) for key in _keys(sources.study)
        ],
        x="unique_id",
        y=sources.study.measure,
    )


def _by_series(sources: Sources, cell: Cell) -> Panel:
    lines = dict(_lines(sources, cell, "unique_id"))
    order = lines["chosen λ"].sort_values(kind="stable").index
    spaced = np.linspace(0, len(order) - 1, min(SERIES, len(order))).round().astype(int)
    shown = [str(name) for name in order[spaced]]
    panel = Panel(cell.name, scaled(cell.measure), "", 70 + 15 * len(shown), (110, 14))
    for name, values in lines.items():
        drawn = values.reindex(shown)
        look = {"color": _LOOKS[name]["color"], "ls": ""} | _MARKS[name][1]
        panel.line(drawn, np.arange(len(shown)), name, at=shown, value=drawn, **look)
    panel.ax.set_yticks(range(len(shown)), [short(name, NAME) for name in shown])
    panel.ax.set_ylim(len(shown) - 0.5, -0.5)
    return panel


def _unranked(sources: Sources) -> Table | None:
    """Errors of the series that are not ranked, of each cell at its chosen λ; None where there are none."""
    unranked, cells = sources.study.index.unranked, sources.study.cells
    rows, metrics = [], list[str]()
    for cell in cells:
        path = sources.inputs["scores"] / f"{cell.name}.parquet"
        filters = [("unique_id", "in", list(unranked)), ("step", "==", 0), ("lam", "==", cell.lam)]
        scores = pd.read_parquet(path, filters=filters) if unranked else pd.DataFrame()
        if scores.empty:
            continue
        scores = scores[scores["seed"] >= 0]
        metrics = [name for name in METRICS if name in set(scores["metric"])]
        means = scores.groupby(["unique_id", "metric"])["value"].mean().unstack("metric")
        shown = means.reindex([name for name in unranked if name in means.index][:SERIES])
        for name, row in shown.iterrows():
            rows.append([str(name), cell.name, *(measured(row[metric]) for metric in metrics)])
    if not rows:
        return None
    note = "In the data's units, mean over seeds. These series are in no other number of the test part."
    head = ["series", "cell at its chosen λ", *(METRICS[metric] for metric in metrics)]
    return Table("Series that are not ranked", head, rows, words=frozenset({1}), note=note)
