"""A file of unique_id, ds, y in any form that `prepare` recognises, as a table to forecast from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa

from stages.artifacts.series import COVARIATE
from stages.params import ParameterError
from stages.prepare.params import PrepareParams
from stages.prepare.reading.cells import trimmed
from stages.prepare.reading.numbers import numbers
from stages.prepare.reading.signs import Signs, read_signs
from stages.prepare.reading.source import read_table
from stages.prepare.reading.table import Options, Table
from stages.serving.input.table import KEYS


def read_file(
    path: Path, columns: list[str], params: Callable[[], PrepareParams]
) -> pd.DataFrame | None:
    """The file's table; None where it lacks one of the columns unique_id, ds, y.

    Args:
        columns: those of the values to read.
        params: returns the study's; they decide where the file leaves open how its numbers are written.

    Raises:
        ParameterError: it leaves open how its numbers are written, and so do the parameters.
    """
    try:
        table = read_table(path, Options())
    except ParameterError:
        return None
    if not set(KEYS) <= set(table.columns):
        return None
    wanted = {*columns, *(COVARIATE + name for name in columns)}
    values = [name for name in table.columns if name in wanted]
    signs = _signs(table, values, params)
    cells = {name: _cells(table, name, name in values, signs) for name in table.columns}
    return pd.DataFrame(cells)


def _signs(table: Table, values: list[str], params: Callable[[], PrepareParams]) -> Signs:
    try:
        return read_signs(table, Options(), values, ("unique_id", "ds"))[0]
    except ParameterError:
        known = Options(decimal=params().decimal, thousands=params().thousands)
        return read_signs(table, known, values, ("unique_id", "ds"))[0]


def _cells(table: Table, name: str, value: bool, signs: Signs) -> pd.Series:
    """A column for `of_table`: typed as it is, text without blanks around it, numbers as numbers."""
    column = table.columns[name]
    if not pa.types.is_string(column.type):
        return column.to_pandas(types_mapper=pd.ArrowDtype)
    if value:
        return pd.Series(_numbers(column, signs), dtype=object)
    return pd.Series(trimmed(column).to_pylist(), dtype=object)


def _numbers(column: pa.ChunkedArray, signs: Signs) -> list[float | str]:
    """The cells as numbers; one that is not a number stays text, so that only its series is refused."""
    try:
        return numbers(column, signs, str).tolist()
    except ParameterError:
        if len(column) == 1:
            return column.to_pylist()
        half = len(column) // 2
        return _numbers(column[:half], signs) + _numbers(column[half:], signs)
