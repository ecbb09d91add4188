"""Time columns read in tests, and the stamps that they must give."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pyarrow as pa
import pytest

from stages.params import ParameterError
from stages.prepare.dates.parse import Times, parse_times


def times(values, **more) -> Times:
    """The times of one column (or of a dict of columns)."""
    if isinstance(values, pd.DatetimeIndex):
        values = arrow(values)
    columns = values if isinstance(values, dict) else {"t": pa.array(values)}
    options = {"date_format": None, "zone": None, "frequency": "infer", "series": None} | more
    return parse_times(columns, **options)


def arrow(stamps: pd.DatetimeIndex) -> pa.Array:
    """The stamps as Parquet has them, with their unit and zone."""
    return pa.array(stamps.asi8).cast(
        pa.timestamp(stamps.unit, None if stamps.tz is None else str(stamps.tz))
    )


def whole(moments) -> list[int]:
    """Microseconds since 1970 by the standard library."""
    start = dt.datetime(1970, 1, 1)
    return [(moment - start) // dt.timedelta(microseconds=1) for moment in moments]


def refused(words: str, values, **more) -> str:
    with pytest.raises(ParameterError) as error:
        times(values, **more)
    assert words in str(error.value)
    return str(error.value)
