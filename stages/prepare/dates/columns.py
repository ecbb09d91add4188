"""The columns that make up the time as one: typed stamps, or one text for each row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.params import ParameterError
from stages.prepare.reading.parquet import simple
from stages.prepare.steps import first

NameRow = Callable[[int], str]
PARTS = {
    "year": "year", "yr": "year", "yyyy": "year", "month": "month", "mon": "month", "mm": "month",
    "mo": "month", "quarter": "quarter", "qtr": "quarter", "day": "day", "dd": "day", "hour": "hour",
    "hr": "hour", "hh": "hour", "minute": "minute", "min": "minute", "mi": "minute", "second": "second",
    "sec": "second", "ss": "second", "jahr": "year", "année": "year", "annee": "year", "año": "year",
    "monat": "month", "mois": "month", "mes": "month", "quartal": "quarter", "trimestre": "quarter",
    "tag": "day", "jour": "day", "día": "day", "dia": "day", "stunde": "hour", "heure": "hour",
    "hora": "hour",
}  # fmt: skip
# Each part, and the larger part that it needs.
_NEEDS = (
    ("month", "year"), ("quarter", "year"), ("day", "month"), ("hour", "day"), ("minute", "hour"),
    ("second", "minute"),
)  # fmt: skip


def plain(column: pa.Array | pa.ChunkedArray, name: NameRow) -> pa.Array:
    """The column in one piece: strings without blanks at their ends, whole numbers, or typed stamps.

    Raises:
        ParameterError: a cell is empty, or the column holds something else.
    """
    chunks = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    chunks = simple(chunks)
    if pa.types.is_string(chunks.type):  # a long text needs 64-bit offsets in one piece
        chunks = pc.utf8_trim_whitespace(chunks.cast(pa.large_string()))
    array = chunks.combine_chunks()
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    empty = pc.is_null(array, nan_is_null=True)
    if pa.types.is_large_string(array.type):
        empty = pc.or_(empty, pc.fill_null(pc.equal(array, ""), True))
    if (row := first(np.asarray(empty))) is not None:
        raise ParameterError(f"prepare.time: {name(row)} has no time; fill it in or remove the row")
    return _typed(array, name)


def _typed(array: pa.Array, name: NameRow) -> pa.Array:
    kind = array.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        micros = pa.timestamp("us", tz=getattr(kind, "tz", None))
        try:
            return array.cast(micros)
        except pa.ArrowInvalid:
            same = pc.equal(array.cast(micros, safe=False).cast(kind, safe=False), array)
            row = int(np.argmin(np.asarray(same)))
            raise ParameterError(
                f"prepare.time: {name(row)} has {_text_of(array, row)}; times are kept in microseconds of "
                "the years 1 to 9999: round it"
            ) from None
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_integer(kind):
        return _whole(array, name)
    if pa.types.is_large_string(kind):
        return array
    if pa.types.is_time(kind):
        return array.cast(pa.string()).cast(pa.large_string())
    raise ParameterError(
        f"prepare.time: the column holds {kind}, which is neither dates nor whole numbers; "
        "name another column"
    )


def _text_of(array: pa.Array, row: int) -> str:
    try:
        return str(array[row])
    except (OverflowError, ValueError):  # outside the years that Python writes
        return f"{array.type} {array[row].value}"


def _whole(array: pa.Array, name: NameRow) -> pa.Array:
    if (row := first(~np.asarray(pc.equal(pc.round(array), array)))) is not None:
        raise ParameterError(
            f"prepare.time: {name(row)} has {array[row].as_py()}, a number with a fraction, which is not a "
            "date (a decimal year?); write dates such as 2024-01 or 2024-01-31, or whole numbers"
        )
    try:
        return array.cast(pa.int64())
    except pa.ArrowInvalid:
        row = int(np.argmax(np.abs(np.asarray(array.cast(pa.float64(), safe=False)))))
        raise ParameterError(
            f"prepare.time: {name(row)} has {array[row].as_py()}, which is too large for a time; "
            "correct the row"
        ) from None


def joined(columns: dict[str, pa.Array], name: NameRow) -> pa.Array:
    """One text for each row of several columns: `year-month-day hour:minute:second`, or date and time.

    Columns are recognised by their names (year, month, day, hour, …); of two others, one has the time of day.

    Raises:
        ParameterError: two columns for one part, or a part without the larger one.
    """
    parts: dict[str, pa.Array] = {}
    for column, array in columns.items():
        part = _part(column, array)
        if part in parts:
            raise ParameterError(
                f"prepare.time = {list(columns)}: {column!r} would be the second column with the {part}. "
                "Parts are recognised by their names (year, quarter, month, day, hour, minute, second): "
                "rename the columns so; with a column of dates, times of day are written 13:00 or 1 PM"
            )
        parts[part] = array
    if "date" in parts:
        date = _date_alone(parts, columns)
    else:
        for small, large in _NEEDS:
            if small in parts and large not in parts and not ({"time", "hour"} & {small}):
                raise _without(columns, small, large)
        if "year" not in parts or ("hour" in parts and "day" not in parts):
            raise _without(columns, "time", "date" if "year" not in parts else "day")
        if "quarter" in parts:
            date = _join(parts["year"], "-Q", _text(parts["quarter"]))
        else:
            date = _joined_in(parts, ("year", "month", "day"), "-")
    time = parts.get("time", _joined_in(parts, ("hour", "minute", "second"), ":"))
    return date if time is None else _join(date, " ", time)


def _part(column: str, array: pa.Array) -> str:
    """Which part of the time a column is: by its name, or by whether its cells are times of day."""
    known = PARTS.get(column.strip().lower())
    text = pa.types.is_large_string(array.type)
    short = text and (known == "month" or _matches(array, r"^\d{1,4}(\.0*)?$"))
    if known and (short or pa.types.is_integer(array.type)):
        return known
    return "time" if text and _matches(array, r"^\d{1,2}(:\d{2}|\s*[AaPp]\.?[Mm]\.?)") else "date"


def _matches(array: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(array, pattern)).as_py())


def _date_alone(parts: dict[str, pa.Array], columns: dict[str, pa.Array]) -> pa.Array:
    if set(parts) & {"year", "month", "day", "quarter"} or ("time" in parts and "hour" in parts):
        raise ParameterError(
            f"prepare.time = {list(columns)}: name either a column of dates and one of times of day, or the "
            "columns year, month, day, hour, minute, second"
        )
    for small, large in _NEEDS[-2:]:
        if small in parts and large not in parts:
            raise _without(columns, small, large)
    date = parts["date"]
    if pa.types.is_timestamp(date.type):
        if not pc.all(pc.equal(pc.floor_temporal(date, unit="day"), date)).as_py():
            raise ParameterError(
                f"prepare.time = {list(columns)}: the column of dates has times of day already; name it alone"
            )
        return pc.strftime(date.cast(pa.timestamp("us")), format="%Y-%m-%d").cast(pa.large_string())
    return _text(date)


def _without(columns: dict[str, pa.Array], small: str, large: str) -> ParameterError:
    return ParameterError(
        f"prepare.time = {list(columns)}: there is a column of the {small}, but none of the {large}; name "
        "that column too"
    )


def _joined_in(parts: dict[str, pa.Array], names: tuple[str, ...], between: str) -> pa.Array | None:
    joint = None
    for part in names:
        if part in parts:
            text = pc.utf8_lpad(_text(parts[part]), 2, "0")
            joint = text if joint is None else _join(joint, between, text)
    return joint


def _join(left: pa.Array, between: str, right: pa.Array) -> pa.Array:
    scalar = pa.scalar(between, pa.large_string())
    return pc.binary_join_element_wise(_text(left), right, scalar)


def _text(array: pa.Array) -> pa.Array:
    text = array.cast(pa.large_string())
    return pc.replace_substring_regex(text, r"^(\d+)\.0*$", r"\1")
