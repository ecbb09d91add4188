"""A Parquet file → named columns: the table that pandas wrote, with its index as a column."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas.core.arrays.arrow.extension_types  # noqa: F401 (else Arrow reads periods as counts)
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stages.params import ParameterError
from stages.prepare.reading.delimited import name_columns
from stages.prepare.reading.table import Table
from stages.prepare.tracked import missing


def read_parquet(path: Path) -> Table:
    """The file's columns: text as strings, categories by their value, periods as their first moment.

    Raises:
        ParameterError: it does not exist, is not Parquet, or has two columns of the same name.
    """
    try:
        table = pq.ParquetFile(path).read()
    except FileNotFoundError:
        raise ParameterError(missing(path)) from None
    except (pa.ArrowException, OSError):
        raise ParameterError(
            f"prepare.path = {str(path)!r} cannot be read as Parquet; write it again, or name a CSV file .csv"
        ) from None
    if not table.num_rows:
        raise ParameterError("prepare.path: the file has no rows; name another file")
    written = [  # pandas' label for an index without a name is not a name
        "" if name.startswith("__index_level_") and name.endswith("__") else name.strip()
        for name in table.column_names
    ]
    names, nameless = name_columns(written)
    columns = [simple(column) for column in table.columns]
    return Table(
        columns=dict(zip(names, columns, strict=True)),
        nameless=nameless,
        source={"file": "Parquet"},
        line=lambda row: f"row {row + 1}",
    )


def simple(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text and categories as strings, periods as timestamps; other types as they are."""
    kind = column.type
    if getattr(kind, "extension_name", "") == "pandas.period":
        moments = column.to_pandas().dt.to_timestamp()
        return pa.chunked_array([pa.array(moments, pa.timestamp("us"))])
    if pa.types.is_dictionary(kind):
        return simple(pc.cast(column, kind.value_type))
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pc.cast(column, pa.string())
    if pa.types.is_null(kind):
        return pc.cast(column, pa.float64())
    return column


def to_text(column: pa.ChunkedArray, what: str, line: Callable[[int], str]) -> pa.ChunkedArray:
    """Names of series as text: whole numbers without a fraction (`1`, not `1.0`), dates as ISO writes them.

    Raises:
        ParameterError: the column's type cannot name series.
    """
    kind = column.type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_floating(kind):
        values = pc.cast(column, pa.float64())
        whole = pc.equal(values, pc.floor(values))
        text = pc.cast(values, pa.string())
        if pc.all(pc.less(pc.abs(values), 2.0**53)).as_py():
            integers = pc.cast(pc.if_else(whole, values, None), pa.int64())
            text = pc.if_else(whole, pc.cast(integers, pa.string()), text)
        return pc.if_else(pc.is_nan(values), None, text)
    is_a = pa.types
    numeric = is_a.is_integer(kind) or is_a.is_boolean(kind) or is_a.is_decimal(kind)
    if numeric or is_a.is_date(kind) or is_a.is_timestamp(kind):
        return pc.cast(column, pa.string())
    raise ParameterError(
        f"{what} has the type {kind}, which cannot name series; write the names as text"
    )


def check_numeric(column: pa.ChunkedArray, what: str) -> None:
    """Refuse a typed column whose values are not numbers.

    Raises:
        ParameterError: names the column and its type.
    """
    kind = column.type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if number or pa.types.is_string(kind):
        return
    remedy = "write 0 and 1" if pa.types.is_boolean(kind) else "write numbers, or leave it out"
    raise ParameterError(f"{what} has the type {kind}, not numbers; {remedy}")
