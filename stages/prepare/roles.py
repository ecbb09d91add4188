"""Which columns are times, series, values and covariates; an error names the key of a missing one."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.params import ParameterError
from stages.prepare.params import PrepareParams
from stages.prepare.reading.cells import is_data, matches, trimmed
from stages.prepare.reading.table import Table
from stages.prepare.steps import first

_PANDAS_INDEX = re.compile(r"^(Unnamed: [0-9]+|index|level_0)$")  # an index that became a column


@dataclass(frozen=True)
class Roles:
    """Columns by role; `series` are the value columns: one for each series (wide), or the only one (long)."""

    times: tuple[str, ...]
    id: str | None
    series: tuple[str, ...]
    covariates: tuple[str, ...]

    @property
    def used(self) -> tuple[str, ...]:
        return (*self.times, *([self.id] if self.id else []), *self.series, *self.covariates)

    def words(self) -> dict[str, str]:
        """The roles as they are shown to people."""
        shown = ", ".join(self.series[:8]) + (", …" if len(self.series) > 8 else "")
        words = {"time column": ", ".join(self.times) or "none: rows are numbered"}
        words |= {"series column": self.id, "value column": shown} if self.id else {"series": shown}
        return words | ({"covariates": ", ".join(self.covariates)} if self.covariates else {})


def assign(table: Table, params: PrepareParams) -> tuple[Roles, dict[str, str]]:
    """The roles that the parameters give to the file's columns; columns left out, with the reason.

    Raises:
        ParameterError: a column is missing, or the role of a column is unclear.
    """
    long = params.format == "long"
    keys = [("prepare.time", name) for name in params.times]
    if long:
        keys += [("prepare.id", params.id), ("prepare.value", params.value)]
    else:
        keys += [("prepare.targets", name) for name in params.targets]
    for key, name in keys + [("prepare.covariates", name) for name in params.inputs]:
        _require(table, key, name, params)
    if long:
        return Roles(params.times, params.id, (params.value,), params.inputs), {}
    if params.targets:
        return Roles(params.times, None, params.targets, params.inputs), {}
    series, left_out = _all_series(table, {*params.times, *params.inputs})
    if not series:
        raise ParameterError(
            "prepare.targets: the file has no column but the time; name a file with values"
        )
    return Roles(params.times, None, series, params.inputs), left_out


def _require(table: Table, key: str, name: str, params: PrepareParams) -> None:
    if name in table.columns:
        return
    known = list(table.columns)
    near = difflib.get_close_matches(name, known, 1, 0.6)
    shown = [f"{c} (it has no name)" if c in table.nameless else c for c in known[:20]]
    raise ParameterError(
        f"{key} = {name!r} is not a column of the file; "
        + (f"did you mean {near[0]}? " if near else "")
        + f"columns: {', '.join(shown)}{', …' if len(known) > 20 else ''}; "
        + _remedy(table, key, params)
    )


def _remedy(table: Table, key: str, params: PrepareParams) -> str:
    if params.format == "long" and key != "prepare.covariates":
        words = "set prepare.id, prepare.value and prepare.time to the columns of series, value and time"
        if params.value not in table.columns and params.id not in table.columns:
            words += "; or, if each series is a column, prepare.format to wide"
    elif key == "prepare.time":
        words = "set prepare.time to the column of the times, or to null to number the rows"
    else:
        words = f"set {key} to columns of the file"
        if params.id in table.columns and params.value in table.columns:
            words += "; or, if each row names its series, set prepare.format to long"
    if not table.header:
        words += (
            ". The file has no header (its first row is data), so its columns are numbered; "
            "if its first row holds names, set prepare.header to true"
        )
    elif any(is_data(name) for name in table.columns):
        words += ". Its first row looks like data: if the file has no header, set prepare.header to false"
    return words


def _all_series(table: Table, taken: set[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Every column that has no other role, except row counters without a name."""
    series: list[str] = []
    left_out: dict[str, str] = {}
    for name, column in table.columns.items():
        nameless = name in table.nameless
        if name in taken:
            continue
        if nameless and _is_blank(column):
            left_out[name] = "it has no name and is empty"
        elif nameless and _counts(column):
            left_out[name] = "it has no name and counts the rows"
        elif _PANDAS_INDEX.match(name) and _counts(column, by_one=True):
            left_out[name] = "it is an index that counts the rows"
        elif nameless:
            raise ParameterError(
                f"{name} of the file has no name but holds {column[0].as_py()!r}; name it in the file, or "
                f"list the series in prepare.targets (prepare.time = {name!r} would make it the time)"
            )
        else:
            series.append(name)
    return tuple(series), left_out


def _is_blank(column: pa.ChunkedArray) -> bool:
    if pa.types.is_string(column.type):
        return pc.all(pc.equal(trimmed(column), "")).as_py()
    return column.null_count == len(column)


def _counts(column: pa.ChunkedArray, by_one: bool = False) -> bool:
    """Whether the cells are whole numbers that only grow (by one, from 0 or 1), as an index does."""
    if pa.types.is_string(column.type):
        column = trimmed(column)
        if not pc.all(matches(column, "^[0-9]+$")).as_py():
            return False
        column = pc.cast(column, pa.float64())
    if not pa.types.is_integer(column.type) and not pa.types.is_floating(column.type):
        return False
    values = pc.cast(column, pa.float64(), safe=False).to_numpy()
    steps = np.diff(values)
    if by_one:
        return bool(values[0] in (0, 1) and np.all(steps == 1))
    return bool(np.all(values == np.floor(values)) and np.all(steps > 0))


def without_blank_rows(table: Table, roles: Roles) -> Table:
    """The table without the rows whose cells are all empty.

    Raises:
        ParameterError: a row has values but no time, or no name of its series.
    """
    if not roles.times:
        return table
    empty = {name: _blank(table.columns[name]) for name in roles.used}
    timeless = np.logical_or.reduce([empty[name] for name in roles.times])
    unnamed = empty[roles.id] if roles.id else np.zeros(table.rows, bool)
    blank = np.logical_and.reduce([empty[name] for name in roles.used])
    for what, key, wrong in (("time", "time", timeless), ("name of its series", "id", unnamed)):
        if (row := first(wrong & ~blank)) is not None:
            raise ParameterError(
                f"prepare.{key}: {table.line(row)} has no {what}; fill it in or remove the row"
            )
    return select(table, ~blank) if blank.any() else table


def _blank(column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_string(column.type):
        column = pc.or_(pc.is_null(column), pc.fill_null(pc.equal(trimmed(column), ""), True))
        return column.to_numpy()
    return pc.is_null(column, nan_is_null=True).to_numpy()


def select(table: Table, keep: np.ndarray) -> Table:
    """The rows where `keep` (one bool for each) is true, with their line numbers."""
    rows = np.flatnonzero(keep)
    mask = pa.array(keep)
    columns = {name: column.filter(mask) for name, column in table.columns.items()}
    return replace(table, columns=columns, line=lambda row: table.line(int(rows[row])))
