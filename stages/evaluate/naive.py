"""The two forecasts that need no fit: the last level, and the level one season ago."""

from __future__ import annotations

import numpy as np

from stages.evaluate.past import Baseline, Past, fill


def repeat_last(past: Past) -> Baseline:
    """ŷ(t + h) = y(t)."""
    lines = fill(past.levels)

    def forecast(rows: np.ndarray) -> np.ndarray:
        series, t = past.origins(rows)
        horizon = past.test.layout.horizon
        return np.repeat(lines[series, t[:, None]][:, None, :], horizon, 1)

    return Baseline("repeat_last", np.nan, forecast)


def seasonal_repeat(past: Past) -> Baseline:
    """ŷ(t + h) = y(t + h − k s), s the season, k the fewest seasons that reach a step ≤ t.

    A gap takes the value of the season before it, and so on; before the first whole season, the
    last level.
    """
    assert past.season is not None  # run.season_of asks the user for it
    season = past.season
    lines = fill(past.levels, season)
    lines = np.where(np.isfinite(lines), lines, fill(past.levels))
    steps = np.arange(1, past.test.layout.horizon + 1)
    back = steps - season * -(-steps // season)  # (H,), −s < back ≤ 0

    def forecast(rows: np.ndarray) -> np.ndarray:
        series, t = past.origins(rows)
        when = np.maximum(t[:, None] + back, 0)  # (N, H)
        return lines[series[:, None, :], when[:, :, None]]

    return Baseline("seasonal_repeat", np.nan, forecast)
