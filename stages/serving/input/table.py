"""The table that is sent to a served model: its cells become ids, stamps and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.series import COVARIATE, Series
from stages.artifacts.windows import Layout
from stages.params import nearest
from stages.serving.input.ids import Known, names_of
from stages.serving.input.times import stamps_of
from stages.serving.input.value_cells import TableError, shown

KEYS = ("unique_id", "ds", "y")
# Cells of text that stand for a missing number; in a column of ids they are names.
MISSING = {"", "na", "n/a", "#n/a", "nan", "null", "none"}


def column_of(covariate: str) -> str:
    """What a covariate's column is called in a table: `covariate:y` where `y` is the target's column."""
    taken = covariate in KEYS or covariate.startswith(COVARIATE)
    return COVARIATE + covariate if taken else covariate


@dataclass(frozen=True)
class Rows:
    """The rows of all series, in the table's order.

    ids: text. stamps: int64. values (rows, 1 + covariates): y, then the covariates in the model's order; NaN
    where a cell is empty. refused: series → why it cannot be forecast.
    """

    ids: np.ndarray
    stamps: np.ndarray
    values: np.ndarray
    refused: dict[str, str]


def of_table(table: Any, layout: Layout, date_format: str | None = None) -> Rows:
    """The rows of a table of unique_id, ds, y and the model's covariates.

    Args:
        date_format: of the study's file, for dates that are written so.

    Raises:
        TableError: it is not a table, has no rows, lacks a column, or an id or a time cannot be read.
    """
    names = [column_of(covariate) for covariate in layout.covariates]
    rows = _columns(table, names)
    for name in ("unique_id", "ds"):
        cells = rows[name].astype(object)
        empty = cells.isna() | cells.map(lambda cell: isinstance(cell, str) and not cell.strip())
        if empty.any():
            raise TableError(
                f"{name} is empty in row {int(np.flatnonzero(empty)[0]) + 1} of the table; fill it in (if "
                "the file has a word there, such as NA, its reader took it for a missing value: read text)"
            )
    ids, refused = names_of(rows["unique_id"], Known(layout.series))
    stamps = stamps_of(rows["ds"], ids, layout.calendar, date_format)
    values = []
    for name in ("y", *names):
        numbers, wrong = numbers_of(rows[name])
        for row in np.flatnonzero(wrong).tolist():
            time = layout.calendar.text(int(stamps[row]))
            cell = shown(rows[name].iloc[row])
            refused.setdefault(ids[row], f"{name} at {time} is {cell}, not a finite number")
        values.append(numbers)
    return Rows(ids, stamps, np.column_stack(values), refused)


def of_series(series: Series, layout: Layout) -> Rows:
    """The rows of what `prepare` wrote.

    Raises:
        TableError: it lacks a covariate of the model, or has other steps.
    """
    names = ["y", *(COVARIATE + name for name in layout.covariates)]
    lost = [name for name in names if name not in series.frame]
    if lost:
        raise TableError(
            f"the series have no covariate {lost[0].removeprefix(COVARIATE)!r}, which the model was trained "
            "with; run dvc repro, or give a file that has it"
        )
    sent, known = series.calendar, layout.calendar
    if (sent.frequency, sent.time, sent.zone) != (known.frequency, known.time, known.zone):
        raise TableError(
            f"the series have steps of {sent.frequency} ({sent.zone or sent.time}), the model of "
            f"{known.frequency} ({known.zone or known.time}); run dvc repro, or give a file with such steps"
        )
    frame = series.frame
    if series.planned is not None:  # rows after the last y, of planned values alone
        frame = pd.concat([frame, series.planned], ignore_index=True)
    ids = frame["unique_id"].astype(str).to_numpy(object)
    return Rows(ids, frame["ds"].to_numpy().astype("int64"), frame[names].to_numpy(float), {})


def _columns(table: Any, covariates: list[str]) -> pd.DataFrame:
    """unique_id, ds, y and the covariates; one that is sent as `covariate:rain` becomes `rain`."""
    wanted = [*KEYS, *covariates]
    if not isinstance(table, pd.DataFrame):
        raise TableError(
            f"give a table (a pandas DataFrame; over HTTP dataframe_records, dataframe_split or text/csv) "
            f"with the columns {', '.join(wanted)}, not {type(table).__name__}"
        )
    if not len(table):
        raise TableError("the table has no rows; give the last steps of each series")
    known = [str(column) for column in table.columns]
    full = {COVARIATE + name: name for name in covariates if not name.startswith(COVARIATE)}
    known = [full.get(name, name) for name in known]
    for name in wanted:
        if known.count(name) > 1:
            raise TableError(f"two columns are called {name!r}; rename or remove one")
        if name not in known:
            raise TableError(_missing(name, known, wanted))
    return table.set_axis(known, axis=1)[wanted].reset_index(drop=True)


def _missing(name: str, known: list[str], wanted: list[str]) -> str:
    near = nearest(name, known) if known else "the table has no columns"
    covariate = name.removeprefix(COVARIATE)
    why = f"; the covariate {covariate!r} is sent under this name" if covariate != name else ""
    return f"column {name!r} is missing; {near}; wanted: {', '.join(wanted)}{why}"


def numbers_of(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """A column as float64, empty cells NaN, and which cells are not finite numbers."""
    if pd.api.types.is_numeric_dtype(column) and column.dtype.kind not in "bc":
        numbers = column.to_numpy(float, na_value=np.nan)
        return numbers, np.isinf(numbers)
    cells = column.astype(object).tolist()
    numbers = np.array([_number(cell) for cell in cells])
    return np.where(np.isinf(numbers), np.nan, numbers), np.isinf(numbers)


def _number(cell: Any) -> float:
    """NaN for an empty cell; infinite for what is not a number."""
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return np.nan
    if isinstance(cell, str) and cell.strip().lower() in MISSING:
        return np.nan
    if isinstance(cell, bool | np.bool_) or (isinstance(cell, str) and "_" in cell):
        return np.inf  # Python reads true as 1, and 1_000 as a number
    try:
        return float(cell)
    except (OverflowError, TypeError, ValueError):
        return np.inf
