"""The rows of a table as life spans: each series from its first to its last value, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from stages.artifacts.calendar import Calendar
from stages.serving.input.table import Rows
from stages.serving.input.times import line_of
from stages.serving.input.value_cells import TableError


@dataclass(frozen=True)
class Life:
    """A series: stamps (T,) int64, one step after another; values (T, 1 + covariates), NaN at a gap.

    later (n,), planned (n, covariates): stamps and covariates of the rows after its last value of y.
    """

    stamps: np.ndarray
    values: np.ndarray
    later: np.ndarray
    planned: np.ndarray

    @property
    def last(self) -> int:
        return int(self.stamps[-1])


@dataclass(frozen=True)
class Lives:
    """The series of a table.

    names: all of them, in the table's order. by_name: those with a life span. refused: the others, and why.
    union: the stamps of all rows, ascending. latest: the last step of any series.
    """

    names: list[str]
    by_name: dict[str, Life]
    refused: dict[str, str]
    union: np.ndarray

    @cached_property
    def latest(self) -> int:
        return max(life.last for life in self.by_name.values())


def lives(rows: Rows, calendar: Calendar) -> Lives:
    """Life spans; a series with two rows at a step, a stamp off the calendar or no value is refused."""
    union = np.unique(rows.stamps)
    codes, ids = pd.factorize(rows.ids)
    names = ids.tolist()
    order = np.lexsort((rows.stamps, codes))
    cuts = np.flatnonzero(np.diff(codes[order])) + 1
    by_name: dict[str, Life] = {}
    refused = dict(rows.refused)
    lines: dict[tuple[int, int], np.ndarray] = {}  # most series share their steps
    for name, part in zip(names, np.split(order, cuts), strict=True):
        if name in refused:
            continue
        try:
            by_name[name] = _life(rows.stamps[part], rows.values[part], calendar, union, lines)
        except TableError as error:
            refused[name] = str(error)
    return Lives(names, by_name, refused, union)


def _life(
    stamps: np.ndarray, values: np.ndarray, calendar: Calendar, union: np.ndarray,
    lines: dict[tuple[int, int], np.ndarray],
) -> Life:  # fmt: skip
    """One series from its rows, which are in order of time.

    Raises:
        TableError: they do not make a series.
    """
    twice = np.flatnonzero(np.diff(stamps) == 0)
    if len(twice):
        time = calendar.text(int(stamps[twice[0]]))
        raise TableError(f"it has two rows at {time}; keep one, or aggregate them")
    seen = np.flatnonzero(~np.isnan(values[:, 0]))
    if not len(seen):
        raise TableError("it has no value of y")
    inside = slice(int(seen[0]), int(seen[-1]) + 1)
    later, planned = stamps[inside.stop :], values[inside.stop :, 1:]
    stamps, values = stamps[inside], values[inside]
    ends = int(stamps[0]), int(stamps[-1])
    if ends not in lines:
        lines[ends] = line_of(calendar, union, *ends)
    line = lines[ends]
    off = stamps[~np.isin(stamps, line)]
    if len(off):
        raise TableError(
            f"{calendar.text(int(off[0]))} does not lie on the model's calendar (frequency "
            f"{calendar.frequency}); correct the row"
        )
    whole = np.full((len(line), values.shape[1]), np.nan)
    whole[np.searchsorted(line, stamps)] = values
    return Life(line, whole, later, planned)
