"""Times as they are compared (UTC where they have a zone) and as a person reads them (in that zone)."""

from __future__ import annotations

import pandas as pd

from stages.report.judging.intervals import Array


def utc(column: pd.Series) -> pd.Series:
    """A column of times without its zone, in UTC; of wall clocks or whole numbers as it is."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.dt.tz_convert("UTC").dt.tz_localize(None)
    return column


def local(times: Array, zone: str | None) -> Array:
    """UTC times as timestamps in a zone; as they are where there is none."""
    if zone is None:
        return times
    return pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(zone).to_numpy()
