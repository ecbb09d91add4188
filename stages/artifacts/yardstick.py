"""Which series are ranked, and what their errors are measured against.

A series is ranked where the split's training part admits it (its scale there is finite) and its levels there
vary by the one rule of `stages.scale`. All others are forecast where the final fit admits them, but have
errors in the data's units by themselves alone. Nothing here depends on another series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.artifacts.windows import Windows
from stages.scale import deviation, largest, unit, varies


@dataclass(frozen=True)
class Yardstick:
    """One number per series (n,), in the data's units.

    Attributes:
        sigma: standard deviation of the levels observed in the split's training part; NaN: not ranked.
        naive: mean absolute error of the seasonal repeat there; NaN where MASE has no meaning.
        unit: powers of two in which errors are summed, so that no square overflows or vanishes.
    """

    sigma: np.ndarray
    naive: np.ndarray
    unit: np.ndarray

    @property
    def ranked(self) -> np.ndarray:
        """(n,) bool."""
        return np.isfinite(self.sigma)


def yardstick(development: Windows, season: int | None) -> Yardstick:
    """The yardstick of the split's training part; naive is NaN where season is None."""
    channels = development.levels.shape[1]
    scale = np.asarray(development.scale)[:, :channels].ravel()
    lines = [line for group in _training(development) for line in group.T]
    sigma, naive = np.full((2, len(lines)), np.nan)
    for s, line in enumerate(lines):
        seen = line[np.isfinite(line)]
        spread, size = deviation(seen), largest(seen)
        if not (np.isfinite(scale[s]) and varies(spread, size)):
            continue
        sigma[s] = spread
        q = _seasonal_step(line, season)
        naive[s] = q if varies(q, size) else np.nan
    return Yardstick(sigma, naive, _units(development))


def _training(development: Windows) -> list[np.ndarray]:
    """For each group (T, C), the levels observed in the split's training part, NaN where not observed."""
    lengths = np.maximum(development.train_end - development.first, 0).tolist()
    parts = []
    for line, length in zip(development.lines(), lengths, strict=True):
        levels, observed = development.levels[line][:length], development.observed[line][:length]
        parts.append(np.where(observed, levels, np.nan))
    return parts


def _seasonal_step(line: np.ndarray, season: int | None) -> float:
    """Mean of |y(t) − y(t − season)|; 0 where no two values lie a season apart."""
    if season is None or season >= len(line):
        return 0.0
    steps = np.abs(line[season:] - line[:-season])
    steps = steps[np.isfinite(steps)]
    return float(steps.mean()) if steps.size else 0.0


def _units(development: Windows) -> np.ndarray:
    """(n,) from all levels before the test part."""
    lines = [line for rows in development.lines() for line in development.levels[rows].T]
    return np.array([unit(largest(line[np.isfinite(line)])) for line in lines])


def unranked(development: Windows, test: Windows, yard: Yardstick) -> dict[str, str]:
    """Series → why it is in no overall number of the test part."""
    channels = development.levels.shape[1]
    scale = np.asarray(development.scale)[:, :channels].ravel()
    tested = set(test.series_of(test.rows).ravel().tolist())
    reasons = {}
    for s, name in enumerate(development.layout.series):
        if not np.isfinite(scale[s]):
            reasons[name] = "its values before the validation part are too few or do not vary"
        elif not yard.ranked[s]:
            reasons[name] = "its values before the validation part do not vary"
        elif s not in tested:
            reasons[name] = "it has no window in the test part"
    return reasons


def without_mase(
    development: Windows, test: Windows, yard: Yardstick, season: int
) -> dict[str, str]:
    """Ranked series with test windows → why MASE has no meaning for it."""
    parts = [line for group in _training(development) for line in group.T]
    reasons = {}
    for s in np.unique(test.series_of(test.rows)).tolist():
        if yard.ranked[s] and np.isnan(yard.naive[s]):
            steps = (
                parts[s][season:] - parts[s][:-season] if season < len(parts[s]) else np.empty(0)
            )
            why = "repeat themselves from season to season"
            if not np.isfinite(steps).any():
                why = f"have no two values a season of {season} steps apart"
            reasons[development.layout.series[s]] = f"its values before the validation part {why}"
    return reasons
