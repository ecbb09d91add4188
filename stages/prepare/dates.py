"""TEMPORARY: times by pandas, until the parser of whole columns is here."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from stages.params import ParameterError


@dataclass(frozen=True)
class Times:
    """One stamp for each row: microseconds since 1970, or whole numbers."""

    stamps: np.ndarray
    kind: str
    zone: str | None = None
    wall: bool = True
    description: dict[str, str] = field(default_factory=dict)


def parse_times(
    columns: dict[str, pa.ChunkedArray],
    *,
    date_format: str | None,
    zone: str | None,
    frequency: str,
    series: np.ndarray | None,
) -> Times:
    """Stamps of the rows."""
    if not columns:
        assert series is not None
        return Times(pd.Series(series).groupby(series).cumcount().to_numpy() + 1, "integer")
    raw = pd.Series(
        [
            " ".join(map(str, row))
            for row in zip(*(c.to_pylist() for c in columns.values()), strict=True)
        ]
    )
    if raw.str.fullmatch(r"[0-9]+").all() and not frequency.startswith("Y"):
        return Times(raw.astype("int64").to_numpy(), "integer")
    try:
        stamps = pd.to_datetime(raw, format=date_format or "ISO8601", utc=True)
    except ValueError as error:
        raise ParameterError(f"prepare.time: {error}") from error
    return Times(
        stamps.dt.tz_localize(None).astype("datetime64[us]").astype("int64").to_numpy(), "datetime"
    )
