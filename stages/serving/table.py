"""The table that a served model is given: checked, and put on the model's grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stages.params import nearest
from stages.prepare.grid import regular

_EPOCH = pd.Timestamp(0)
KEYS = ("unique_id", "ds", "y")


class TableError(ValueError):
    """The table cannot be forecast from; says what is wrong and how to mend it."""


def checked(table: pd.DataFrame, layout: dict[str, Any], steps: int) -> pd.DataFrame:
    """The last `steps` steps of every series, on the model's grid, in the model's order of series.

    Args:
        table: unique_id, ds, y and the model's covariates; one row for each series and step.
        layout: of the model's windows (`Layout` as a mapping). steps: what a forecast looks back on.

    Raises:
        TableError: a column is missing or unknown, a series is unknown or missing, or its last steps are too
            few, have a gap, or hold what is no number.
    """
    rows = _typed(table, layout)
    known = list(layout["series"])
    found = list(dict.fromkeys(rows["unique_id"]))
    for name in found:
        if name not in known:
            raise TableError(
                f"unique_id {name!r} is no series that the model was trained on; {nearest(name, known)}"
            )
    missing = [name for name in known if name not in found]
    if missing and layout["channels"] == "joint":
        raise TableError(
            f"series {missing[0]!r} is missing; the model forecasts all series together"
        )
    frequency = layout["frequency"] if layout["time"] == "datetime" else "infer"
    if rows.groupby("unique_id")["ds"].nunique().min() < steps:
        short = rows.groupby("unique_id", sort=False)["ds"].nunique()
        name = short.index[int(short.to_numpy().argmin())]
        raise TableError(
            f"series {name!r} has {short[name]} steps; a forecast looks back on {steps}: give at least those"
        )
    try:
        framed, grid, _ = regular(rows, frequency)
    except ValueError as error:
        raise TableError(_plain(str(error))) from None
    if layout["time"] != "datetime" and grid != layout["frequency"]:
        raise TableError(f"ds goes by steps of {grid}; the model's step is {layout['frequency']}")
    ordered = [name for name in known if name in found]
    parts = [framed[framed["unique_id"] == name].tail(steps) for name in ordered]
    kept = pd.concat(parts, ignore_index=True)
    _refuse_gaps(kept, ["y", *layout["covariates"]], steps)
    return kept


def _plain(message: str) -> str:
    """The pipeline's sentence about its parameters, as one about the table."""
    for old, new in (("prepare.time: ", "ds: "), ("prepare.frequency", "the model's frequency")):
        message = message.replace(old, new)
    return message.split("; correct the row, or name the frequency")[0]


def _typed(table: pd.DataFrame, layout: dict[str, Any]) -> pd.DataFrame:
    wanted = [*KEYS, *layout["covariates"]]
    for name in wanted:
        if name not in table:
            raise TableError(
                f"column {name!r} is missing; {nearest(name, [str(c) for c in table])}; "
                f"wanted: {', '.join(wanted)}"
            )
    rows = table[wanted].copy()
    if not len(rows):
        raise TableError("the table has no rows; give the last steps of each series")
    if rows["unique_id"].isna().any() or rows["ds"].isna().any():
        raise TableError("unique_id and ds must stand in every row; fill them in")
    rows["unique_id"] = rows["unique_id"].astype(str)
    if layout["time"] == "datetime" and not pd.api.types.is_numeric_dtype(rows["ds"]):
        times = pd.to_datetime(rows["ds"], errors="coerce")
        if times.isna().any():
            wrong = rows["ds"][times.isna()].iloc[0]
            raise TableError(f"ds = {wrong!r} is no date; write dates such as 2024-01-31 13:00")
        if times.dt.tz_localize(None).between(_EPOCH, _EPOCH + pd.Timedelta(seconds=1)).all():
            raise TableError(
                "ds holds numbers, which a date column takes for nanoseconds since 1970; write dates such as "
                "2024-01-31 13:00, of years 2024-01-01"
            )
    for name in ("y", *layout["covariates"]):
        numbers = pd.to_numeric(rows[name], errors="coerce").astype(float)
        wrong = (numbers.isna() & rows[name].notna()) | np.isinf(numbers)
        if wrong.any():
            row = rows[wrong].iloc[0]
            raise TableError(
                f"{name} of {row['unique_id']} at {_day(row['ds'])} is {row[name]}, no finite number"
            )
        rows[name] = numbers
    return rows


def _refuse_gaps(rows: pd.DataFrame, names: list[str], steps: int) -> None:
    for name in names:
        lost = rows[rows[name].isna()]
        if len(lost):
            row = lost.iloc[0]
            raise TableError(
                f"{name} of series {row['unique_id']!r} at {_day(row['ds'])} is missing; the last "
                f"{steps} steps must be there without a gap, up to the same last step for every series"
            )


def _day(moment: object) -> str:
    return str(moment).removesuffix(" 00:00:00")
