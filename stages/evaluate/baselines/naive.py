"""The two forecasts that need no fit: the last level, and the level one season ago."""

from __future__ import annotations

import numpy as np

from stages.evaluate.baselines.part import AbsentError, Baseline, Part, of_each


def repeat_last(part: Part) -> Baseline:
    """ŷ(t + h) = y(t)."""

    lines = part.lines

    def forecast(rows: np.ndarray) -> np.ndarray:
        series, t = part.origins(rows)
        last = lines.at(series, np.broadcast_to(t[:, None], series.shape))
        return np.repeat(last[:, None], part.horizon, 1)

    return Baseline("repeat_last", np.nan, forecast)


def seasonal_repeat(part: Part) -> Baseline:
    """ŷ(t + h) = y(t + h − k s), s the season, k the fewest seasons that reach a step ≤ t.

    A gap takes the value of the season before it, and so on.

    Raises:
        AbsentError: the values before the first window of a series do not cover a season.
    """
    assert part.season is not None  # season_of asks the user for it
    season = part.season
    lines = part.lines.filled(season)
    steps = np.arange(1, part.horizon + 1)
    window = f"the first {'validation' if part.validates else 'test'} window"
    back = steps - season * -(-steps // season)  # (H,), −s < back ≤ 0

    def check(series: int) -> None:
        """Whether one season before the first origin is known: then it is before every later one."""
        known = part.first_origin[series] + 1
        length = known - int(lines.first[series])
        if season > length:
            raise AbsentError(
                f"a season of {season} steps is longer than the {length} steps before {window}"
            )
        absent = int(np.isnan(lines.before(known)[series][-season:]).sum())
        if absent:
            raise AbsentError(
                f"{absent} of the {season} steps of a season have no value before {window}"
            )

    _, covers = of_each(part, check)

    def forecast(rows: np.ndarray) -> np.ndarray:
        series, t = part.origins(rows)
        when = (t[:, None] + back)[:, :, None]  # (N, H, 1)
        which = series[:, None, :]
        return lines.at(*np.broadcast_arrays(which, when))

    return Baseline("seasonal_repeat", np.nan, forecast, covers)
