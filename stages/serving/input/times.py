"""The times of a table on the model's calendar: read as `prepare` reads them, and dates again in the answer.

Stamps are whole numbers, microseconds since 1970 or the numbers of the study (`Calendar.time`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from stages.artifacts.calendar import Calendar
from stages.params import ParameterError
from stages.prepare.dates.parse import Times, parse_times
from stages.prepare.steps import steps_of
from stages.serving.input.ids import as_number
from stages.serving.input.value_cells import TableError, shown
from stages.zones import to_local, to_utc

LARGEST = 2**62  # so that the steps of a forecast fit in 64 bits as well
EXACT = 2**53  # from here on a float does not hold every whole number
LINE = 5_000_000  # steps of one series at most; more mean a wrong date
REMEDY = "write dates such as 2024-01-31"
TOO_LARGE = f"ds holds a number too large for a date; {REMEDY}"


def stamps_of(
    column: pd.Series, ids: np.ndarray, calendar: Calendar, date_format: str | None
) -> np.ndarray:
    """int64 stamps of a table's times: text, dates with or without zone, years, or whole numbers.

    Args:
        column: without empty cells. ids: the series of each row.
        date_format: of the study's file; it counts where the whole column has it.

    Raises:
        TableError: one of them cannot be read, or they are of a different kind than the model's.
    """
    if calendar.time == "integer":
        return np.array([_integer(cell) for cell in column.astype(object)], dtype=np.int64)
    times = _parsed(column, pd.factorize(ids)[0], calendar, date_format)
    if times.kind != calendar.time:
        raise TableError(
            f"ds = {column.iloc[0]} is a number; the model's steps are dates: {REMEDY}"
        )
    if times.zone is None and calendar.zone is not None:
        return to_utc(times.stamps, calendar.zone)
    if times.zone is not None and calendar.zone is None:
        return to_local(times.stamps, times.zone)
    return times.stamps


def _parsed(
    column: pd.Series, codes: np.ndarray, calendar: Calendar, date_format: str | None
) -> Times:
    try:
        array = _arrow(column)
    except OverflowError:
        raise TableError(TOO_LARGE) from None
    except (pa.ArrowException, TypeError, ValueError):
        raise TableError(f"ds holds values of different kinds; {REMEDY}") from None
    sentence = ""
    for form in (date_format, None) if date_format else (None,):
        try:
            return parse_times(
                {"ds": array}, date_format=form, zone=calendar.zone, frequency=calendar.frequency,
                series=codes, line=lambda row: f"row {row + 1}",
            )  # fmt: skip
        except ParameterError as error:
            sentence = str(error)
        except pa.ArrowException:
            sentence = TOO_LARGE
    raise TableError(_of_table(sentence))


def _arrow(column: pd.Series) -> pa.Array:
    """The column in Arrow's types; pa.array alone would lose pandas' zones."""
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        return pa.array(column, from_pandas=True)
    zone = str(column.dt.tz)
    utc = column.dt.tz_convert("UTC").dt.tz_localize(None).dt.as_unit("us").to_numpy()
    return pa.array(utc).cast(pa.timestamp("us", tz=zone))


def _of_table(sentence: str) -> str:
    """A sentence about the study's parameters as one about the table, where params.yaml is not the remedy."""
    rule, _, remedy = sentence.partition("; ")
    for old, new in (
        ("prepare.time: ", "ds: "),
        ("prepare.zone = ", "the model's zone "),
        ("prepare.frequency = ", "the model's frequency "),
        ("the time column", "ds"),
    ):
        rule = rule.replace(old, new)
    if "prepare." in remedy or "`infer`" in remedy or "params.yaml" in remedy:
        remedy = f"{REMEDY} or 2024-01-31 13:00"
    return f"{rule}; {remedy}"


def _integer(cell: Any) -> int:
    """A cell as the whole number it is, exactly.

    Raises:
        TableError: it is not one, is too large, or is a float that may have lost digits.
    """
    plain = cell.item() if isinstance(cell, np.generic) else cell
    numeric = isinstance(plain, int | float | Decimal | str) and not isinstance(plain, bool)
    number = as_number(plain) if numeric else None
    if number is None or number != number.to_integral_value():
        raise TableError(f"ds = {shown(cell)} is not a whole number, as the model's steps are")
    if not -LARGEST <= number <= LARGEST:
        raise TableError(
            f"ds = {shown(cell)} is too large: whole numbers go up to {LARGEST} here; correct it"
        )
    if isinstance(cell, float) and not -EXACT <= number <= EXACT:
        raise TableError(
            f"ds = {shown(cell)} is a float, which does not hold every whole number beyond {EXACT}; send ds "
            "as whole numbers or as text"
        )
    return int(number)


def line_of(calendar: Calendar, union: np.ndarray, first: int, last: int) -> np.ndarray:
    """The steps from `first` to `last`, which need not be one; `union`: the stamps of all rows, ascending.

    Raises:
        TableError: they are more than a series can have.
    """
    if calendar.frequency == "rows":
        return union[(union >= first) & (union <= last)]
    if calendar.time == "integer":
        step: int | None = int(calendar.frequency)
    else:
        step = steps_of(calendar.frequency, first, min(last, first + 1)).distance
    if step is None:
        table = steps_of(calendar.frequency, first, last).table
        assert table is not None
        return table
    if (last - first) // step > LINE:
        ends = f"from {calendar.text(first)} to {calendar.text(last)}"
        raise TableError(f"there are too many steps {ends}; correct the dates")
    return np.arange(first, last + 1, step)


def ahead(calendar: Calendar, union: np.ndarray, last: int, horizon: int) -> np.ndarray:
    """(horizon,) int64: the steps after a series' last one; 1, 2, … where they have only numbers."""
    if calendar.numbered or calendar.frequency != "rows":
        return calendar.following(last, horizon)
    known = union[union > last][:horizon]  # of longer series, or of rows without a value
    rest = horizon - len(known)
    return np.concatenate([known, calendar.following(union[-1], rest)]) if rest else known


def later(calendar: Calendar, union: np.ndarray, last: int, latest: int, most: int) -> int:
    """How many steps a series ended before the latest one, counted up to `most`."""
    steps = union[union > last] if calendar.frequency == "rows" else calendar.following(last, most)
    return min(int((steps <= latest).sum()), most)


def dated(calendar: Calendar, stamps: np.ndarray, known: np.ndarray) -> pd.Series:
    """Stamps as a column of the answer, null where not `known`: dates in the file's zone, or numbers."""
    if calendar.time == "integer" or calendar.numbered:
        column = pd.Series(stamps, dtype="int64")
        return column if known.all() else column.astype("Int64").where(known)
    return pd.Series(calendar.stamps(stamps)).where(known)
