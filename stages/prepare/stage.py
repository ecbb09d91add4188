"""Raw file → regular, checked series in long format."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.calendar import Calendar
from stages.artifacts.series import COVARIATE, Series
from stages.prepare.dates.parse import Times, parse_times
from stages.prepare.grid import after_life, life_spans, regular
from stages.prepare.observations import (
    Observations,
    from_long,
    from_wide,
    left_out,
    refuse_long_as_wide,
)
from stages.prepare.params import PrepareParams
from stages.prepare.reading.signs import Signs, read_signs
from stages.prepare.reading.source import read_table
from stages.prepare.reading.table import Options, Table
from stages.prepare.roles import Roles, assign, without_blank_rows


def prepare(source: Path, params: PrepareParams) -> Series:
    """Read, check, and put on a regular grid; gaps are marked, nothing is filled.

    Raises:
        ParameterError: the file or a parameter is wrong; names what, where and the remedy.
    """
    options = Options(
        params.encoding, params.separator, params.header, params.decimal, params.thousands
    )
    table = read_table(source, options)
    roles, unused = assign(table, params)
    table = without_blank_rows(table, roles)
    signs, writing = read_signs(
        table, options, (*roles.series, *roles.covariates), (*roles.times, roles.id or "")
    )
    rows, times = _rows(table, roles, signs, params)
    words = {**table.source, **writing, **times.description, **roles.words()}
    del table  # its text is larger than the numbers
    empty = left_out(rows, params.targets)
    # Cut to life spans first: series are ordered by where their life spans begin in the file.
    alive = life_spans(rows.codes, times.stamps, rows.y)
    lived = replace(times, stamps=times.stamps[alive])
    frame, calendar = regular(rows.frame()[alive], lived, params.frequency)
    if unused:
        words["columns left out"] = "; ".join(f"{name}: {why}" for name, why in unused.items())
    summary: dict[str, Any] = {
        "calendar": asdict(calendar),
        "covariates": list(params.inputs),
        "shared_covariates": params.format == "wide",
        "series": _describe(frame, calendar),
        "left_out": empty,
        "source": words,
    }
    if not params.future:
        return Series(frame, summary)
    planned = _planned(rows, times, params.future)
    words["known over the horizon"] = ", ".join(params.future)
    words["rows after the last values"] = f"{len(planned)}, kept for the next forecast"
    return Series(frame, summary | {"future": list(params.future)}, planned)


def _planned(rows: Observations, times: Times, future: tuple[str, ...]) -> pd.DataFrame:
    """Planned values after the last value of each series: unique_id, ds and a column for each of `future`."""
    columns = [COVARIATE + name for name in future]
    frame = rows.frame()
    later = after_life(rows.codes, times.stamps, rows.y)
    kept = later & frame[columns].notna().any(axis=1).to_numpy()
    stamps = times.stamps[kept]
    ds = stamps.astype("datetime64[us]") if times.kind == "datetime" else stamps
    planned = frame.loc[kept, ["unique_id", *columns]].astype({"unique_id": "str"})
    planned.insert(1, "ds", ds)
    return planned.sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)


def _rows(
    table: Table, roles: Roles, signs: Signs, params: PrepareParams
) -> tuple[Observations, Times]:
    """Values and times of all rows; the times of a wide file are parsed once and then repeated."""
    if params.format == "long":
        rows = from_long(table, roles, signs, params.targets)
    else:
        rows = from_wide(table, roles, signs, listed=bool(params.targets))
    times = parse_times(
        rows.times,
        date_format=params.date_format,
        zone=params.zone,
        frequency=params.frequency,
        series=rows.codes[: len(rows.codes) // rows.copies],
        line=rows.line,
    )
    if params.format == "wide":
        refuse_long_as_wide(table, roles, times.stamps)
    return rows, replace(times, stamps=np.tile(times.stamps, rows.copies))


def _describe(frame: pd.DataFrame, calendar: Calendar) -> list[dict[str, Any]]:
    """Name, first and last time, rows and gaps of each series."""
    names = frame["unique_id"].to_numpy()
    starts = np.flatnonzero(np.r_[True, names[1:] != names[:-1]])
    ends = np.r_[starts[1:], len(frame)]
    ds, gap = frame["ds"].to_numpy(), frame["y"].isna().to_numpy()
    return [
        {
            "unique_id": names[start],
            "first": calendar.text(ds[start]),
            "last": calendar.text(ds[end - 1]),
            "rows": int(end - start),
            "gaps": int(gap[start:end].sum()),
        }
        for start, end in zip(starts, ends, strict=True)
    ]


def announce(series: Series) -> str:
    """One line about what was read, and how."""
    words = [f"{key} {value}" for key, value in series.summary["source"].items() if key != "series"]
    words += [f"without {name!r}: {why}" for name, why in series.summary["left_out"].items()]
    count, steps = len(series.summary["series"]), series.frame["ds"].nunique()
    start = f"prepare: {count} series, {steps} steps, frequency {series.calendar.frequency}; "
    return " ".join((start + "; ".join(words)).split())  # a name may hold line breaks
