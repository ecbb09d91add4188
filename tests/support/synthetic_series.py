"""Prepared series in memory, each with its life span."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.calendar import Calendar
from stages.artifacts.series import COVARIATE, Series

DAY = 86_400_000_000  # µs


def synthetic_series(
    lives: Mapping[str, tuple[int, Any]],
    covariates: Mapping[str, Mapping[str, Any]] | None = None,
    calendar: Calendar | None = None,
    shared: bool = False,
) -> Series:
    """Daily series: name → (the day of its first value, its values, NaN at a gap).

    covariates: name → series → values. A whole-number `calendar` counts days.
    """
    calendar = calendar or Calendar("D", "datetime")
    frames = []
    for name, (first, values) in lives.items():
        values = np.asarray(values, float)
        days = first + np.arange(len(values))
        ds = (
            pd.Series((days * DAY).astype("datetime64[us]"))
            if calendar.time == "datetime"
            else days
        )
        extra = {COVARIATE + c: np.asarray(of[name], float) for c, of in (covariates or {}).items()}
        frames.append(pd.DataFrame({"unique_id": name, "ds": ds, "y": values, **extra}))
    summary = {
        "calendar": asdict(calendar),
        "covariates": list(covariates or {}),
        "shared_covariates": shared,
        "series": [
            {"unique_id": name, "first": "", "last": "", "rows": len(values), "gaps": 0}
            for name, (_, values) in lives.items()
        ],
        "left_out": {},
        "source": {},
    }
    return Series(pd.concat(frames, ignore_index=True), summary)
