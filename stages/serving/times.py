"""The times of a table on the model's calendar: dates in any form become stamps, and stamps dates again.

Stamps are whole numbers, microseconds since 1970 or the numbers of the study (`Calendar.time`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.calendar import Calendar

LINE = 5_000_000  # steps of one series; more are a wrong date


class TimeError(ValueError):
    """Times that do not fit the model's calendar; says which and why."""


def stamps_of(column: pd.Series, calendar: Calendar) -> np.ndarray:
    """int64 stamps of a table's times: text, dates with or without zone, years, or whole numbers.

    Raises:
        TimeError: one of them cannot be read.
    """
    if calendar.time == "integer":
        return _whole(column)
    if not calendar.frequency.startswith("Y") and pd.api.types.is_numeric_dtype(column):
        raise TimeError(
            f"ds = {column.iloc[0]} is a number; the model's steps are dates: write dates such as "
            "2024-01-31 13:00"
        )
    return _dates(column, calendar)


def _whole(column: pd.Series) -> np.ndarray:
    numbers = pd.to_numeric(_plain(column), errors="coerce").to_numpy(float)
    wrong = ~np.isfinite(numbers) | (numbers != np.rint(numbers))
    if wrong.any() or column.dtype.kind == "M":
        value = column[wrong].iloc[0] if wrong.any() else column.iloc[0]
        raise TimeError(f"ds = {value!s} is not a whole number, as the model's steps are")
    return numbers.astype(np.int64)


def _dates(column: pd.Series, calendar: Calendar) -> np.ndarray:
    text = _plain(column)
    if calendar.frequency.startswith("Y"):
        text = text.map(lambda value: f"{value:.0f}-01-01" if _is_number(value) else value)
    moments = [_moment(value, calendar.zone) for value in text]
    return np.array(moments, "datetime64[us]").astype(np.int64)


def _moment(value: Any, zone: str | None) -> np.datetime64:
    """The wall clock of the table, or UTC where the study has a zone."""
    try:
        written = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
        moment = pd.Timestamp(written)
        if pd.isna(moment):
            raise ValueError
    except (ValueError, TypeError):
        raise TimeError(
            f"ds = {value!r} is not a date; write dates such as 2024-01-31 13:00"
        ) from None
    if zone is not None:
        moment = moment if moment.tzinfo else moment.tz_localize(zone)
        moment = moment.tz_convert("UTC")
    return moment.tz_localize(None).as_unit("us").to_datetime64()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and value.strip().isdigit())


def _plain(column: pd.Series) -> pd.Series:
    """The values as Python objects, whatever holds them (categories, Arrow)."""
    return pd.Series(column.astype(object).tolist(), index=column.index, dtype=object)


def numbered(calendar: Calendar) -> bool:
    """Whether the next steps have no dates: the file's stamps are the steps, and they show no pattern."""
    return calendar.frequency == "rows" and calendar.pattern is None


def following(calendar: Calendar, last: int, count: int) -> np.ndarray:
    """(count,) int64: the stamps after `last`."""
    if calendar.time == "integer":
        return last + int(calendar.frequency) * np.arange(1, count + 1)
    line = pd.date_range(
        pd.Timestamp(last, unit="us"), periods=count + 1, freq=calendar.frequency, unit="us"
    )
    return np.asarray(line[line.asi8 > last][:count].asi8)


def line_of(calendar: Calendar, union: np.ndarray, first: int, last: int) -> np.ndarray:
    """The steps from `first` to `last`, which may lie off it; `union`: the stamps of all rows, ascending.

    Raises:
        TimeError: they are more than a series can have.
    """
    if calendar.frequency == "rows":
        return union[(union >= first) & (union <= last)]
    steps = np.array([first])
    if calendar.time == "datetime":  # the first of a month, say: a stamp beside it is not a step
        start = pd.Timestamp(first, unit="us")
        steps = pd.date_range(start, periods=1, freq=calendar.frequency, unit="us").asi8
    while steps[-1] < last:
        if len(steps) > LINE:
            raise TimeError(
                f"from {calendar.text(first)} to {calendar.text(last)} are too many steps"
            )
        steps = np.concatenate([steps, following(calendar, int(steps[-1]), len(steps))])
    return steps[steps <= last]


def ahead(calendar: Calendar, union: np.ndarray, last: int, horizon: int) -> np.ndarray:
    """(horizon,) int64: the steps after a series' last one; 1, 2, … where they are `numbered`."""
    if numbered(calendar):
        return np.arange(1, horizon + 1)
    if calendar.frequency != "rows":
        return following(calendar, last, horizon)
    known = union[union > last][:horizon]  # other series have gone on, or rows have been prepared
    more = horizon - len(known)
    return np.concatenate([known, following(calendar, int(union[-1]), more)]) if more else known


def later(calendar: Calendar, union: np.ndarray, last: int, latest: int, most: int) -> int:
    """How many steps a series ended before the latest one, counted up to `most`."""
    steps = union[union > last] if calendar.frequency == "rows" else following(calendar, last, most)
    return min(int((steps <= latest).sum()), most)


def dated(calendar: Calendar, stamps: np.ndarray, known: np.ndarray) -> pd.Series:
    """Stamps as a column of the answer, null where not `known`: dates in the file's zone, or numbers."""
    if calendar.time == "integer" or numbered(calendar):
        column = pd.Series(stamps, dtype="int64")
        return column if known.all() else column.astype("Int64").where(known)
    column = pd.Series(pd.to_datetime(stamps, unit="us")).dt.as_unit("us").where(known)
    return (
        column
        if calendar.zone is None
        else column.dt.tz_localize("UTC").dt.tz_convert(calendar.zone)
    )
