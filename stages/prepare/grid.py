"""The time index: parsed, checked, and made regular over all series; missing rows become gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stages.artifacts.calendar import Calendar
from stages.params import ParameterError
from stages.prepare.dates import Times

Index = pd.DatetimeIndex | pd.Index


def regular(rows: pd.DataFrame, times: Times, frequency: str) -> tuple[pd.DataFrame, Calendar]:
    """TEMPORARY: every series on the grid from its first to its last row."""
    kind = "datetime64[us]" if times.kind == "datetime" else "int64"
    long = rows.assign(ds=pd.Series(times.stamps).astype(kind))
    double = long.duplicated(["unique_id", "ds"], keep="first")
    if double.any():
        row = long[double].iloc[0]
        raise ParameterError(
            f"{row['unique_id']} has two rows at {_show(row['ds'])}; keep one, or aggregate them"
        )
    stamps = pd.Index(np.sort(long["ds"].unique()))
    grid, found = _grid(stamps, frequency)
    off = ~stamps.isin(grid)
    if off.any():
        raise ParameterError(
            f"{_show(stamps[off][0])} does not lie on the grid of prepare.frequency = {found!r} that "
            f"begins at {_show(grid[0])}; correct the row, or name the frequency that the data have"
        )
    parts = []
    for name, part in long.groupby("unique_id", sort=False, observed=True):
        mine = grid[(grid >= part["ds"].min()) & (grid <= part["ds"].max())]
        parts.append(
            part.set_index("ds")
            .reindex(mine)
            .rename_axis("ds")
            .reset_index()
            .assign(unique_id=str(name))
        )
    frame = pd.concat(parts, ignore_index=True)
    frame = frame[["unique_id", "ds", *[c for c in frame if c not in ("unique_id", "ds")]]]
    frame["ds"] = frame["ds"].astype(kind)
    return frame, Calendar(found, times.kind)


def _grid(stamps: Index, frequency: str) -> tuple[Index, str]:
    if not isinstance(stamps, pd.DatetimeIndex):
        if frequency != "infer":
            raise ParameterError(
                f"prepare.frequency = {frequency!r} needs dates, but the time column has whole numbers; "
                "use `infer`, or YS if they are years"
            )
        counts = stamps.to_numpy().astype(int)
        step = int(np.diff(counts).min()) if len(counts) > 1 else 1
        return pd.Index(np.arange(counts[0], counts[-1] + 1, step)), str(step)
    found = _infer(stamps) if frequency == "infer" else frequency
    try:
        grid = pd.date_range(stamps[0], stamps[-1], freq=found, unit="us")
    except ValueError as error:
        raise ParameterError(f"prepare.frequency = {found!r}: {error}") from error
    if frequency != "infer" and found.startswith("Y") and not len(stamps.intersection(grid)):
        grid = pd.date_range(stamps[0], stamps[-1], freq=f"YS-{stamps[0]:%b}".upper(), unit="us")
    if not len(grid):
        raise ParameterError(
            f"no row lies on the grid of prepare.frequency = {found!r}; the first is "
            f"{_show(stamps[0])}; name the frequency that the data have, or `infer`"
        )
    return grid, found


def _infer(stamps: pd.DatetimeIndex) -> str:
    """The frequency of the whole index or, where it has gaps, of a stretch without."""
    stretches = [stamps]
    for length in (8, 3):
        starts = range(0, max(1, len(stamps) - length + 1), length // 2)
        stretches += [stamps[i : i + length] for i in starts]
    with pd.option_context("future.infer_freq_returns_offset", True):
        for part in stretches:
            offset = pd.infer_freq(part) if len(part) >= 3 else None
            if offset is not None:
                return pd.tseries.frequencies.to_offset(offset).freqstr
    raise ParameterError(
        "prepare.frequency = 'infer': the times show no frequency; name it (h, D, W-SAT, MS, …)"
    )


def _show(moment: object) -> str:
    return str(moment).removesuffix(" 00:00:00")
