"""What is known over the horizon of a table's series: planned values from rows, the calendar from dates."""

from __future__ import annotations

import numpy as np

from stages.artifacts.windows import Layout
from stages.serving.input.lives import Life, Lives
from stages.serving.input.table import column_of
from stages.serving.input.times import ahead
from stages.window.cycles import positions
from stages.window.panel import Panel


def horizons(panel: Panel, lives: Lives, layout: Layout) -> tuple[np.ndarray, dict[int, str]]:
    """(G, H, known): what the model must know of the steps after each group's last one, in the data's units.

    Also group → why it cannot be forecast: a planned value lacks. Those are never filled from the past.
    """
    known = np.zeros((len(panel.first), layout.horizon, panel.known))
    reasons: dict[int, str] = {}
    if not panel.known:
        return known, reasons
    clocks: dict[int, np.ndarray] = {}  # most series end together
    columns = panel.known - panel.cyclic
    channels = panel.levels.shape[1]
    sources = columns // len(layout.future) if layout.future else 0
    for group in range(len(panel.first)):
        names = panel.names[group * channels : (group + 1) * channels]
        for k, name in enumerate(names[:sources]):
            planned, lacks = _planned(lives.by_name[name], lives.union, layout)
            if lacks:
                reasons[group] = f"{name!r}: {lacks}" if channels > 1 else lacks
                break
            known[group, :, k * len(layout.future) : (k + 1) * len(layout.future)] = planned
        last = lives.by_name[names[0]].last
        if panel.cyclic and last not in clocks:
            stamps = ahead(layout.calendar, lives.union, last, layout.horizon)
            clocks[last] = positions(layout.cycles, layout.calendar, stamps)
        if panel.cyclic:
            known[group, :, columns:] = clocks[last]
    return known, reasons


def _planned(life: Life, union: np.ndarray, layout: Layout) -> tuple[np.ndarray, str]:
    """(H, future) values of the next steps, and what lacks in them."""
    calendar, horizon = layout.calendar, layout.horizon
    first = len(layout.covariates) - len(layout.future)
    values = np.full((horizon, len(layout.future)), np.nan)
    rows = f"add rows with y empty for the {horizon} steps after its last value of y"
    if calendar.numbered:  # the next stamps are those of the table
        stamps = union[union > life.last][:horizon]
        if len(stamps) < horizon:
            columns = ", ".join(map(column_of, layout.future))
            lacks = f"{len(stamps)} of the {horizon} steps after {calendar.text(life.last)} are in the table"
            return values, f"{lacks}, and the model needs {columns} there; {rows}"
    else:
        stamps = ahead(calendar, union, life.last, horizon)
    at = np.searchsorted(life.later, stamps)
    there = np.flatnonzero(np.isin(stamps, life.later))
    values[there] = life.planned[at[there], first:]
    lost = np.argwhere(np.isnan(values))
    if not len(lost):
        return values, ""
    step, column = lost[0].tolist()
    what, when = column_of(layout.future[column]), calendar.text(int(stamps[step]))
    return values, f"{what} at {when} is missing, which the model must know in advance; {rows}"


def extended(
    panel: Panel, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """values, levels, starts, and rows (G,) of the origins, with H rows behind each group for what is known.

    Args:
        known: (G, H, k) in the order of the panel's groups. k = 0 adds no rows.
    """
    count = known.shape[1] if known.shape[2] else 0
    starts = panel.starts + count * np.arange(len(panel.starts))
    steps, features = panel.values.shape
    values = np.zeros((steps + count * len(known), features))
    levels = np.full((len(values), panel.levels.shape[1]), np.nan)
    rows = np.arange(steps) + count * panel.groups
    values[rows], levels[rows] = panel.values, panel.levels
    if count:
        tails = starts[1:, None] + np.arange(-count, 0)
        values[tails, features - known.shape[2] :] = known
    return values, levels, starts, starts[1:] - count - 1
