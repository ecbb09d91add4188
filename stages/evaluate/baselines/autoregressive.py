"""An AR(p) per series, fitted once for each part by statsmodels and rolled forward over it.

    y(t) = c + Σ_k φ_k y(t − k) + ε,   k = 1 … p,   p by BIC up to `_most_lags`

The fit sees the levels before `Part.fit_end`, gaps filled with the last level. A forecast of H steps is
linear in the last p levels, so all origins are one matrix product and nothing is fitted again.
"""

from __future__ import annotations

import numpy as np

from stages.evaluate.baselines.part import AbsentError, Baseline, Part, of_series
from stages.scale import largest, unit, varies

SHORTEST = 8  # levels below which nothing can be fitted


def _most_lags(length: int, season: int | None) -> int:
    """Two seasons or the usual 10 log10(T), whichever is more; at most T/4 and 60."""
    usual = max(2 * (season or 1), int(10 * np.log10(length)))
    return max(1, min(usual, length // 4, 60))


def coefficients(line: np.ndarray, season: int | None) -> tuple[float, np.ndarray]:
    """c and φ (p,) of one series (T,), without NaN.

    Raises:
        AbsentError: the levels are too few, do not vary, or statsmodels cannot fit them.
    """
    from statsmodels.tsa.ar_model import AutoReg, ar_select_order

    if len(line) < SHORTEST:
        raise AbsentError(f"an AR needs {SHORTEST} values to be fitted, and there are {len(line)}")
    if not varies(float(np.ptp(line)), largest(line)):
        raise AbsentError("an AR needs values that vary to be fitted")
    divisor = unit(largest(line))
    line = line / divisor
    try:
        chosen = ar_select_order(line, _most_lags(len(line), season), ic="bic", trend="c")
        lags = chosen.ar_lags or [1]  # an order of 0 is no reason to forget the last level
        params = np.asarray(AutoReg(line, lags=lags, trend="c").fit().params)
    except Exception as error:  # the package may raise anything on odd values
        raise AbsentError(f"statsmodels cannot fit an AR ({type(error).__name__})") from error
    return float(params[0]) * divisor, params[1:]


def unroll(constant: float, phi: np.ndarray, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """a (H,) and M (H, p) with ŷ(t + h) = a_h + Σ_k M_hk y(t + 1 − k)."""
    p = len(phi)
    maps = np.concatenate([np.eye(p)[::-1], np.zeros((horizon, p))])  # row p − 1 is y(t)
    shifts = np.zeros(p + horizon)
    # Coefficients may explode; `members` checks forecasts.
    with np.errstate(over="ignore", invalid="ignore"):
        for h in range(p, p + horizon):
            maps[h] = phi @ maps[h - p : h][::-1]
            shifts[h] = constant + phi @ shifts[h - p : h][::-1]
    return shifts[p:], maps[p:]


def ar(part: Part) -> Baseline:
    """The AR(p) of every series, each with its own p.

    Raises:
        AbsentError: it cannot be fitted to a series that comparisons need.
    """
    lines, horizon = part.filled, part.horizon

    def fit(series: int) -> tuple[np.ndarray, np.ndarray]:
        known = part.known(series)
        return unroll(*coefficients(known[np.isfinite(known)], part.season), horizon)

    def forecast(
        maps: tuple[np.ndarray, np.ndarray], series: int, origins: np.ndarray
    ) -> np.ndarray:
        shift, matrix = maps
        steps = origins[:, None] - np.arange(matrix.shape[1]) - lines.first[series]  # (N, p)
        return lines[series][steps] @ matrix.T + shift

    return of_series("ar", part, fit, forecast)
