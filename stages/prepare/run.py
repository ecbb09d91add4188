"""Raw file → regular, checked series in long format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from stages.artifacts.series import COVARIATE, Series
from stages.params import ParameterError
from stages.prepare.grid import regular
from stages.prepare.params import PrepareParams
from stages.prepare.read import read_long


def prepare(source: Path, params: PrepareParams) -> Series:
    """Read, check, and put on a regular grid; gaps are marked, nothing is filled.

    Raises:
        ParameterError: the file or a parameter is wrong; names what, where and the remedy.
    """
    frame, frequency, time = regular(read_long(source, params), params.frequency)
    frame = frame.rename(columns={name: COVARIATE + name for name in params.covariates})
    position = frame.groupby("unique_id", sort=False).cumcount()
    seen = position.where(frame["y"].notna()).groupby(frame["unique_id"], sort=False)
    kept = (position >= seen.transform("min")) & (position <= seen.transform("max"))
    frame = frame[kept].reset_index(drop=True)
    names = list(dict.fromkeys(frame["unique_id"]))
    summary: dict[str, Any] = {
        "calendar": {"frequency": frequency, "time": time, "zone": None, "pattern": None},
        "source": {},
        "left_out": {},
        "covariates": list(params.covariates),
        "shared_covariates": params.format == "wide",
        "series": [_describe(name, frame[frame["unique_id"] == name]) for name in names],
    }
    return Series(frame, summary)


def _describe(name: str, rows: pd.DataFrame) -> dict[str, Any]:
    seen = rows["y"].notna()
    if not seen.any():
        raise ParameterError(f"series {name!r} has no value at all; take it out of prepare.targets")
    inner = rows[seen]
    return {
        "unique_id": name,
        "first": str(inner["ds"].iloc[0]),
        "last": str(inner["ds"].iloc[-1]),
        "rows": len(rows),
        "gaps": int((~seen).sum()),
    }
