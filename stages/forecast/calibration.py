"""Prediction intervals from a forecaster's residuals on windows that it was not trained on.

Split-conformal, by horizon step (Papadopoulos et al. 2002; Lei et al. 2018). With T the transform of targets
(`window.transform`), r_s the root mean square of series s's residuals, and n windows of all series together:

    e = (T(y) − T(ŷ)) / r_s            signed: who forecasts too low gets higher bounds
    q_τ = e_(k),  k = ⌈(n + 1) τ⌉ for τ > ½,  ⌊(n + 1) τ⌋ for τ < ½;  the median for τ = ½
    bound at τ:  T⁻¹(T(ŷ) + r_s (q_½ + f_τ (q_τ − q_½)))

k is the rank with which exchangeable residuals cover at least τ. Where it lies outside 1 … n the outermost
residual is taken, and the level is named. Residuals of neighbouring origins depend on each other, so few
horizons say little about the tails: with ν independent ones (origins over H, over all folds), fewer than
MANY, f_τ is Student's quantile over the normal one, t_ν⁻¹(τ) / z(τ), else 1. It grows with the level, so that
levels never cross.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri, stdtrit

from stages.artifacts.intervals import MIDDLE, Intervals, level, tails
from stages.transform import transformed

MANY = 30  # independent horizons from which on the tails of the residuals are taken as they are
CRPS = tuple(round(k / 20, 10) for k in range(1, 20))  # probabilities that the CRPS averages over


def residuals(transform: str, y: np.ndarray, y_hat: np.ndarray) -> np.ndarray:
    """T(y) − T(ŷ)."""
    return transformed(transform, y) - level(transform, y_hat)


def calibrated(
    transform: str, levels: Sequence[float], errors: np.ndarray, series: np.ndarray,
    scale: np.ndarray, horizons: float,
) -> Intervals | None:  # fmt: skip
    """Intervals from residuals; None where there are none, or one is not finite (a network diverged).

    Args:
        levels: in per cent. errors: (N, H) of `residuals`. series: (N,) index of each window's series.
        scale: (n,) of the scaler of the forecaster, in units of T. horizons: ν.
    """
    if not errors.size or not np.isfinite(errors).all():
        return None
    count = np.bincount(series, minlength=len(scale))
    square = np.bincount(series, np.square(errors).mean(1), len(scale))
    size = np.sqrt(np.divide(square, count, out=np.full(len(scale), np.nan), where=count > 0))
    divisor = np.where(size > 0, size, 1.0)[series]  # of a series that is always forecast exactly
    ordered = np.sort(errors / divisor[:, None], axis=0)
    taus = np.unique([*CRPS, *(tau for one in levels for tau in tails(one))])
    quantiles, outside = _quantiles(ordered, taus)
    middle = quantiles[taus == MIDDLE]
    quantiles = middle + _widening(taus, horizons)[:, None] * (quantiles - middle)
    known = np.isfinite(size) & (scale > 0) & np.isfinite(scale)
    return Intervals(
        taus=taus,
        quantiles=quantiles,
        size=size,
        outside=outside,
        transform=transform,
        levels=tuple(levels),
        typical=float(np.median(size[known] / scale[known])) if known.any() else np.nan,
        windows=len(errors),
        horizons=horizons,
    )


def _quantiles(ordered: np.ndarray, taus: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(Q, H) values of the ranks k of sorted residuals (N, H), and (Q,) whether k lies outside 1 … n."""
    n = len(ordered)
    exact = np.round((n + 1) * taus, 6)  # 0.95 · 20 is not a hair above 19
    rank = np.where(taus > MIDDLE, np.ceil(exact), np.floor(exact)).astype(int)
    quantiles = ordered[np.clip(rank, 1, n) - 1]
    quantiles[taus == MIDDLE] = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    return quantiles, (rank < 1) | (rank > n)


def _widening(taus: np.ndarray, horizons: float) -> np.ndarray:
    """(Q,) f_τ."""
    tail = taus != MIDDLE
    wide = np.ones(len(taus))
    if horizons < MANY:
        wide[tail] = stdtrit(max(1.0, horizons), taus[tail]) / ndtri(taus[tail])
    return wide
