"""The time columns → one stamp for each row: one reading for the whole column, decided from all of its rows.

Today's date and the machine's language play no role: stamps are a function of the file and of params.yaml.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.params import ParameterError
from stages.prepare.dates.columns import joined, plain
from stages.prepare.dates.date_format import check_format
from stages.prepare.dates.formats import DIGITS
from stages.prepare.dates.integers import UNIX, read_integers, unix
from stages.prepare.dates.local import times_of
from stages.prepare.dates.order import Order
from stages.prepare.dates.periods import stamped
from stages.prepare.dates.recognise import by_format, recognise
from stages.prepare.dates.times import Moments, Texts, Times

__all__ = ["Times", "parse_times"]


def numbered_line(row: int) -> str:
    """The position of a row in a plain CSV file: one row a line, below a line of names."""
    return f"line {row + 2}"


def parse_times(
    columns: dict[str, pa.ChunkedArray | pa.Array],
    *,
    date_format: str | None,
    zone: str | None,
    frequency: str,
    series: np.ndarray | None,
    line: Callable[[int], str] = numbered_line,
) -> Times:
    """The time of each row.

    Args:
        columns: (n,) each, as read: text of a CSV file, or Parquet's types. None: rows are numbered 1, 2, …
            within each series. Several: date and time, or year, month, day, hour, minute, second.
        date_format, zone, frequency: prepare's; a frequency that is an alias is evidence for dates.
        series: (n,) the number of each row's series, for the order of rows; None: one series.
        line: the number of a row (from 0) → its position, in words, for sentences.

    Raises:
        ParameterError: a cell has no time, or one that could only be guessed; names row and remedy.
    """
    if date_format is not None:
        check_format(date_format)
    if not columns:
        assert series is not None, "rows are numbered within series: their numbers are needed"
        return _numbered(series)
    arrays = {name: plain(column, line) for name, column in columns.items()}
    if len(arrays) == 1:
        column = next(iter(arrays.values()))
    elif date_format is not None:
        parts = [array.cast(pa.large_string()) for array in arrays.values()]
        column = pc.binary_join_element_wise(*parts, pa.scalar(" ", pa.large_string()))
    else:
        column = joined(arrays, line)
    series = np.zeros(len(column), dtype=np.int64) if series is None else series
    if not pa.types.is_timestamp(column.type):
        moments = _from_texts(column, date_format, frequency, series, line)
        return moments if isinstance(moments, Times) else times_of(moments, zone, series, line)
    stamps = np.asarray(column.cast(pa.int64()))
    moments = Moments(stamps, None, column.type.tz, {"dates": "stored as times in the file"})
    return times_of(moments, zone, series, line)


def _numbered(series: np.ndarray) -> Times:
    """1, 2, … for the rows of each series in the file's order."""
    order = np.argsort(series, kind="stable")
    begins = np.flatnonzero(np.diff(series[order], prepend=series[order][:1] - 1))
    lengths = np.diff(np.append(begins, len(series)))
    stamps = np.empty(len(series), dtype=np.int64)
    stamps[order] = np.arange(len(series)) - np.repeat(begins, lengths) + 1
    return Times(stamps, "integer", None, {"time": "none: rows are numbered within each series"})


def _from_texts(
    column: pa.Array,
    date_format: str | None,
    frequency: str,
    series: np.ndarray,
    line: Callable[[int], str],
) -> Moments | Times:
    """The moments of the rows, or their times where those are counts; each distinct text is read once."""
    coded = pc.dictionary_encode(column)
    codes, distinct = np.asarray(coded.indices), coded.dictionary
    texts = Texts(distinct.cast(pa.large_string()), lambda i: line(int(np.argmax(codes == i))))
    whole = _whole_numbers(distinct)
    moments: Moments | None
    if whole is None or (date_format is not None and date_format not in UNIX):
        moments = _dates(texts, date_format, Order(codes, series, frequency))
    elif date_format is not None:
        moments = unix(whole, texts, date_format)
    else:
        moments = read_integers(whole, Texts(_undotted(texts.array), texts.line), frequency)
    if moments is None:
        assert whole is not None
        return Times(whole[codes], "integer", None, {"time": "whole numbers"})
    stamps, words = stamped(moments.stamps, moments.format, frequency)
    offset = None if moments.offset is None else moments.offset[codes]
    return Moments(stamps[codes], offset, description=moments.description | words)


def _whole_numbers(distinct: pa.Array) -> np.ndarray | None:
    """(n,) int64 if every text is a whole number, also written 2020.0."""
    if pa.types.is_integer(distinct.type):
        return np.asarray(distinct)
    if not pc.all(pc.match_substring_regex(distinct, rf"^[+-]?{DIGITS}(\.0*)?$")).as_py():
        return None
    return np.asarray(_undotted(distinct).cast(pa.int64()))


def _undotted(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(texts, r"^\+?(-?\d+)(\.0*)?$", r"\1")


def _dates(texts: Texts, date_format: str | None, order: Order) -> Moments:
    if date_format in UNIX:
        raise ParameterError(
            f"prepare.date_format = {date_format!r} needs whole numbers, but {texts.has(0)}; set it to the "
            "format of the dates, or to null"
        )
    if date_format is not None:
        reading, words = by_format(texts, date_format)
    else:
        reading, words = recognise(texts, order)
    if not reading.zoned.any():
        return Moments(reading.stamps, description=words, format=reading.format)
    utc = reading.stamps - reading.offset * 60_000_000
    return Moments(utc, reading.offset, description=words, format=reading.format)
