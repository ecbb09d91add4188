"""The calendar as inputs: where a step lies in the year, the month, the week, the day or the hour.

Position p in a cycle of length n becomes sin 2πp/n and cos 2πp/n, so that its end lies next to its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.artifacts.calendar import Calendar
from stages.params import ParameterError

DIGITS = 12  # that sine and cosine are rounded to: machines differ in the last ones


class Cycle(NamedTuple):
    """Of each time: its position from 0 on, the cycle's length in the same unit, and which cycle it is in."""

    position: Callable[[pd.DatetimeIndex], pd.Index]
    length: Callable[[pd.DatetimeIndex], pd.Index | int]
    number: Callable[[pd.DatetimeIndex], pd.Index]
    words: str


def _iso(index: pd.DatetimeIndex, part: str) -> pd.Index:
    return pd.Index(index.isocalendar()[part].to_numpy(np.int64))


def _weeks(index: pd.DatetimeIndex) -> pd.Index:
    """Weeks of the ISO year: that of its 28 December is always the last one."""
    last = pd.to_datetime(_iso(index, "year").astype(str) + "-12-28")
    return _iso(last, "week")


def _year(index: pd.DatetimeIndex) -> pd.Index:
    return index.year


def _day(index: pd.DatetimeIndex) -> pd.Index:
    return index.year * 366 + index.day_of_year


CYCLES: dict[str, Cycle] = {
    "quarter": Cycle(lambda i: i.quarter - 1, lambda _: 4, _year, "year"),
    "month": Cycle(lambda i: i.month - 1, lambda _: 12, _year, "year"),
    "week_of_year": Cycle(lambda i: _iso(i, "week") - 1, _weeks, _year, "year"),
    "day_of_month": Cycle(
        lambda i: i.day - 1, lambda i: i.days_in_month, lambda i: i.year * 12 + i.month, "month"
    ),
    "weekday": Cycle(
        lambda i: i.day_of_week,
        lambda _: 7,
        lambda i: _iso(i, "year") * 53 + _iso(i, "week"),
        "week",
    ),
    "hour": Cycle(lambda i: i.hour, lambda _: 24, _day, "day"),
    "minute": Cycle(lambda i: i.minute, lambda _: 60, lambda i: _day(i) * 24 + i.hour, "hour"),
}


def positions(names: Sequence[str], calendar: Calendar, stamps: np.ndarray) -> np.ndarray:
    """(T, 2 c): sine and cosine of each named cycle at stamps (T,) of the calendar, in its zone's time."""
    if not names:
        return np.zeros((len(stamps), 0))
    index = pd.DatetimeIndex(calendar.stamps(stamps))
    columns = []
    for name in names:
        cycle = CYCLES[name]
        share = np.asarray(cycle.position(index), float) / np.asarray(cycle.length(index), float)
        columns += [np.sin(2 * np.pi * share), np.cos(2 * np.pi * share)]
    return np.column_stack(columns).round(DIGITS) + 0.0  # no −0


def refuse_useless_cycles(names: Sequence[str], calendar: Calendar, stamps: np.ndarray) -> None:
    """Refuse a calendar that is unknown ahead, and a cycle in which the steps do not move.

    Args:
        stamps: of the study's time line, ascending.

    Raises:
        ParameterError: the times are whole numbers or follow no pattern, or no cycle has two steps at
            different positions; names the cycles that fit.
    """
    if not names:
        return
    key = f"window.calendar = {list(names)}"
    if calendar.time == "integer":
        raise ParameterError(
            f"{key} needs dates, but the times of this study are whole numbers; set window.calendar to [], "
            "or name a column of dates in prepare.time"
        )
    if calendar.numbered:
        raise ParameterError(
            f"{key} needs the dates that come next, but those of prepare.frequency = rows show no pattern to "
            "continue; set window.calendar to [], or name a frequency whose other steps are gaps"
        )
    index = pd.DatetimeIndex(calendar.stamps(stamps))
    fit = [name for name in CYCLES if _moves(CYCLES[name], index)]
    for name in names:
        if name not in fit:
            raise ParameterError(
                f"window.calendar = {name!r} does not vary: no {CYCLES[name].words} has two steps of the "
                f"frequency {calendar.frequency!r} that differ in it; choose of {', '.join(fit) or 'none'}"
            )


def _moves(cycle: Cycle, index: pd.DatetimeIndex) -> bool:
    """Whether two steps of one cycle lie at different positions."""
    number, position = np.asarray(cycle.number(index)), np.asarray(cycle.position(index))
    return bool(((np.diff(number) == 0) & (np.diff(position) != 0)).any())
