"""An AR(p) per series, fitted once by statsmodels and rolled forward over the test part.

    y(t) = c + Σ_k φ_k y(t − k) + ε,   k = 1 … p,   p by BIC up to `_most_lags`

The fit sees the levels of the final fold's training part, its gaps filled with the last level. A
forecast of H steps is linear in the last p levels, so all origins are one matrix product and
nothing is fitted again.
"""

from __future__ import annotations

import numpy as np

from stages.evaluate.past import Baseline, Past, fill


def _most_lags(length: int, season: int | None) -> int:
    """Two seasons or the usual 10 log10(T), whichever is more; at most T/4 and 60."""
    usual = max(2 * (season or 1), int(10 * np.log10(length)))
    return max(1, min(usual, length // 4, 60))


def coefficients(line: np.ndarray, season: int | None) -> tuple[float, np.ndarray]:
    """c and φ (p,) of one series (T,), without NaN; a series that does not vary repeats its level."""
    from statsmodels.tsa.ar_model import AutoReg, ar_select_order

    if len(line) < 8 or np.ptp(line) == 0:
        return 0.0, np.ones(1)
    chosen = ar_select_order(line, _most_lags(len(line), season), ic="bic", trend="c")
    lags = max(chosen.ar_lags or [1])  # an order of 0 is no reason to forget the last level
    params = AutoReg(line, lags=lags, trend="c").fit().params
    return float(params[0]), np.asarray(params[1:])


def unroll(constant: float, phi: np.ndarray, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """a (H,) and M (H, p) with ŷ(t + h) = a_h + Σ_k M_hk y(t + 1 − k)."""
    p = len(phi)
    maps = np.concatenate([np.eye(p)[::-1], np.zeros((horizon, p))])  # row p − 1 is y(t)
    shifts = np.zeros(p + horizon)
    for h in range(p, p + horizon):
        maps[h] = phi @ maps[h - p : h][::-1]
        shifts[h] = constant + phi @ shifts[h - p : h][::-1]
    return shifts[p:], maps[p:]


def ar(past: Past) -> Baseline:
    """The AR(p) of every series, each with its own p."""
    lines = fill(past.levels)
    horizon = past.test.layout.horizon
    maps = []
    for line in lines:
        known = line[: past.fit_end]
        maps.append(unroll(*coefficients(known[np.isfinite(known)], past.season), horizon))

    def forecast(rows: np.ndarray) -> np.ndarray:
        series, t = past.origins(rows)
        y = np.empty((len(rows), horizon, series.shape[1]))
        for s in np.unique(series):
            n, c = np.nonzero(series == s)
            shift, matrix = maps[s]
            when = np.maximum(t[n, None] - np.arange(matrix.shape[1]), 0)  # (N, p)
            y[n, :, c] = lines[s][when] @ matrix.T + shift
        return y

    return Baseline("ar", np.nan, forecast)
