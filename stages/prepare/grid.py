"""The time index: parsed, checked, and made regular over all series; missing rows become gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stages.params import ParameterError

Index = pd.DatetimeIndex | pd.Index


def regular(long: pd.DataFrame, frequency: str) -> tuple[pd.DataFrame, str, str]:
    """Every series on the grid from the first to the last time of any.

    Returns:
        the rows (NaN where the file has none), the frequency, and `datetime` or `integer`.

    Raises:
        ParameterError: a time cannot be read, stands twice, or lies off the grid; says which.
    """
    long = long.assign(ds=_times(long["ds"], frequency))
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
    if len(grid) < 3:
        raise ParameterError(f"the series has {len(grid)} time steps; at least 3 are needed")
    names = list(dict.fromkeys(long["unique_id"]))
    full = pd.MultiIndex.from_product([names, grid], names=["unique_id", "ds"])
    framed = long.set_index(["unique_id", "ds"]).reindex(full).reset_index()
    kind = "datetime" if isinstance(grid, pd.DatetimeIndex) else "integer"
    framed["ds"] = framed["ds"].astype("datetime64[us]" if kind == "datetime" else "int64")
    return framed, found, kind


def _times(raw: pd.Series, frequency: str) -> pd.Series:
    """Times as timestamps, or as integers where the file has integers that are no years."""
    if raw.isna().any():
        line = int(np.flatnonzero(raw.isna())[0]) + 2
        raise ParameterError(f"prepare.time: line {line} has no time; fill it in or remove the row")
    if pd.api.types.is_numeric_dtype(raw):
        whole = raw.astype("int64")
        if (whole != raw).any():
            bad = raw[whole != raw].iloc[0]
            raise ParameterError(
                f"prepare.time: {bad} is no whole number; write dates or whole numbers"
            )
        if frequency.startswith("Y"):  # 1700 is a year
            raw = whole.map(lambda year: f"{year:04d}-01-01")
        else:
            return whole
    try:
        times = pd.to_datetime(raw)
    except (ValueError, TypeError) as error:
        raise ParameterError(
            f"prepare.time: {error}; write dates such as 2024-01-31 13:00"
        ) from error
    if times.dt.tz is not None:
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    return times.astype("datetime64[us]")


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
