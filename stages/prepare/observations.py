"""Columns with roles → one row for each series and time: codes of series, values, covariates, times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from stages.artifacts.series import COVARIATE
from stages.params import ParameterError, nearest
from stages.prepare.reading.cells import DATE, NUMBER, gaps, matches, trimmed
from stages.prepare.reading.numbers import check_size, numbers, remedy
from stages.prepare.reading.parquet import check_numeric, to_text
from stages.prepare.reading.signs import Signs
from stages.prepare.reading.table import Table
from stages.prepare.roles import Roles, select


@dataclass(frozen=True)
class Observations:
    """Values of R rows. `copies` > 1 (wide): the file's rows are repeated, once for each series.

    Attributes:
        names: of the series, in order of appearance.
        codes: (R,) the series of each row, an index of `names`.
        y: (R,) float64, NaN at a gap.
        covariates: name → (R,) float64.
        times: the time columns, R / copies rows. line: the number of such a row → its line, in words.
    """

    names: list[str]
    codes: np.ndarray
    y: np.ndarray
    covariates: dict[str, np.ndarray]
    times: dict[str, pa.ChunkedArray]
    line: Callable[[int], str]
    copies: int = 1

    def frame(self) -> pd.DataFrame:
        """unique_id, y and `covariate:NAME` of all rows."""
        ids = pd.Categorical.from_codes(self.codes, pd.Index(self.names))
        covariates = {COVARIATE + name: values for name, values in self.covariates.items()}
        return pd.DataFrame({"unique_id": ids, "y": self.y} | covariates)


def from_wide(table: Table, roles: Roles, signs: Signs, listed: bool) -> Observations:
    """Every column of `roles.series` is a series; the covariates are shared by all.

    `listed`: the user named the series, so a column of text among them is refused at its first cell.

    Raises:
        ParameterError: a cell is not a finite number.
    """
    if not listed:
        for name in roles.series:
            _refuse_text(table, roles, name)
    series = [_values(table, roles, signs, name) for name in roles.series]
    count = len(series)
    covariates = {
        name: np.tile(_values(table, roles, signs, name), count) for name in roles.covariates
    }
    codes = np.repeat(np.arange(count, dtype=np.int32), table.rows)
    times = {name: table.columns[name] for name in roles.times}
    y = np.concatenate(series)
    return _checked(
        Observations(list(roles.series), codes, y, covariates, times, table.line, count)
    )


def from_long(table: Table, roles: Roles, signs: Signs, targets: tuple[str, ...]) -> Observations:
    """Every row names its series; the rows of all series, or of those in `targets`.

    Raises:
        ParameterError: a target is not in the file, a name is empty, or a cell is not a finite number.
    """
    assert roles.id is not None
    names, codes = _series(table, roles.id)
    if targets:
        known = {name: code for code, name in enumerate(names)}
        if unknown := [name for name in targets if name not in known]:
            raise ParameterError(
                f"prepare.targets = {unknown[0]!r} is not a series of the file (column {roles.id}); "
                f"{nearest(unknown[0], names)}"
            )
        table = select(table, np.isin(codes, [known[name] for name in targets]))
        names, codes = _series(table, roles.id)

    def whose(row: int) -> str:
        return names[codes[row]]

    y = _values(table, roles, signs, roles.series[0], whose)
    covariates = {name: _values(table, roles, signs, name, whose) for name in roles.covariates}
    times = {name: table.columns[name] for name in roles.times}
    return _checked(Observations(names, codes, y, covariates, times, table.line))


def _series(table: Table, column: str) -> tuple[list[str], np.ndarray]:
    """The names of the series in order of appearance, and the code of each row's.

    Raises:
        ParameterError: a name is empty, or two names differ only in blanks around them.
    """
    what = f"prepare.id = {column!r}"
    text = to_text(table.columns[column], what, table.line)
    encoded = pc.dictionary_encode(text, null_encoding="encode")
    encoded = encoded.unify_dictionaries().combine_chunks()
    written = encoded.dictionary.to_pylist()
    names = [(name or "").strip() for name in written]
    codes = encoded.indices.to_numpy().astype(np.int32)
    first: dict[str, int] = {}
    for code, name in enumerate(names):
        if not name:
            row = int(np.flatnonzero(codes == code)[0])
            raise ParameterError(f"{what}: {table.line(row)} names no series; fill it in")
        if first.setdefault(name, code) < code:
            raise ParameterError(
                f"{what}: {written[first[name]]!r} and {written[code]!r} differ only in blanks; "
                "write a series' name in one way"
            )
    return names, codes


def _values(
    table: Table, roles: Roles, signs: Signs, name: str, whose: Callable[[int], str] | None = None
) -> np.ndarray:
    """One column as numbers; a cell that is not a number is named by column, series, time and line."""

    def where(row: int) -> str:
        cells = [str(table.columns[time][row].as_py()) for time in roles.times]
        at = f" at {' '.join(cells)}" if cells else ""
        of = f" of {whose(row)}" if whose else ""
        return f"{name}{of}{at} ({table.line(row)})"

    check_numeric(table.columns[name], f"column {name!r}")
    return numbers(table.columns[name], signs, where)


def _refuse_text(table: Table, roles: Roles, name: str) -> None:
    """Refuse a column of text that the user did not list as a series."""
    column = table.columns[name]
    if not pa.types.is_string(column.type):
        return
    text = trimmed(column)
    filled = pc.invert(gaps(text))
    first = pc.index(filled, True).as_py()
    if first < 0 or pc.any(matches(text.filter(filled), NUMBER)).as_py():
        return
    if remedy(column[first].as_py()):
        return  # numbers in another notation, which `numbers` refuses with a remedy
    hint = ""
    if pc.all(matches(text.filter(filled), DATE)).as_py():
        hint = f", or set prepare.time to {name!r} if it holds the times"
    elif _repeats(table, roles.times):
        hint = (
            "; times occur more than once, so if each row names its series, set prepare.format to long, "
            "prepare.id and prepare.value"
        )
    raise ParameterError(
        f"column {name!r} holds text ({column[first].as_py()[:40]!r}, {table.line(first)}), not numbers; "
        f"list the series in prepare.targets{hint}"
    )


def _repeats(table: Table, times: tuple[str, ...]) -> bool:
    """Whether a time occurs in more than one row."""
    if not times:
        return False
    part = pa.table({name: table.columns[name] for name in times})
    return part.group_by(list(times)).aggregate([]).num_rows < table.rows


def refuse_long_as_wide(table: Table, roles: Roles, stamps: np.ndarray) -> None:
    """A wide file has one row for each time; where many repeat and a column distinguishes them, it is long.

    Raises:
        ParameterError: times repeat, and a column looks like the names of series, or a part of the time.
    """
    repeated = len(stamps) - len(np.unique(stamps))
    if not roles.times or repeated < len(stamps) / 10:
        return  # a few repeated times are errors in rows, which the grid reports
    for name, column in table.columns.items():
        if name not in roles.times and _distinguishes(column, stamps):
            raise ParameterError(
                f"prepare.time = {' '.join(roles.times)!r}: {repeated} rows have the time of another row, "
                f"and {name!r} distinguishes them; if {name!r} is part of the time, list all its columns in "
                f"prepare.time; if it names the series, set prepare.format to long, prepare.id to {name!r} "
                "and prepare.value"
            )


def _distinguishes(column: pa.ChunkedArray, stamps: np.ndarray) -> bool:
    """Whether the column has few different cells, which together with the times identify every row."""
    if pa.types.is_nested(column.type):
        return False
    indices = pc.dictionary_encode(column).unify_dictionaries().combine_chunks().indices
    codes = pc.fill_null(indices, -1).to_numpy().astype(np.int64)
    if len(np.unique(codes)) > len(stamps) // 2:
        return False
    order = np.lexsort((codes, stamps))
    same = (np.diff(stamps[order]) == 0) & (np.diff(codes[order]) == 0)
    return not same.any()


def left_out(rows: Observations, targets: tuple[str, ...]) -> dict[str, str]:
    """Series without a value, each with the reason.

    Raises:
        ParameterError: no series has a value, or `targets` names one without.
    """
    values = np.bincount(rows.codes[~np.isnan(rows.y)], minlength=len(rows.names))
    empty = [name for name, count in zip(rows.names, values, strict=True) if not count]
    if len(empty) == len(rows.names):
        raise ParameterError("prepare.path: no series of the file has a value; name another file")
    if named := [name for name in empty if name in targets]:
        raise ParameterError(
            f"prepare.targets = {named[0]!r} has no value in the file; take it out of the list"
        )
    return dict.fromkeys(empty, "it has no value in the file")


def _checked(rows: Observations) -> Observations:
    check_size(rows.y, rows.codes, rows.names, "series")
    for name, values in rows.covariates.items():
        check_size(values, np.zeros(len(values), int), [name], "covariate")
    return rows
