"""Loss differences with known truth: mean 0, neighbours that depend on each other, seeds that differ.

ma       sums of H independent shocks, MA(H - 1): what overlapping forecasts alone bring about
ar       AR(1) with φ = (H - 1)/(H + 1): as persistent (long-run variance H times the variance)
ma_0.8   sums of H shocks that follow an AR(1) of 0.8: dependence that outlasts the horizon
ma_0.9   the same of 0.9
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

from stages.report.judging.intervals import Array

HORIZON = 12
BURN_IN = 500  # steps until an AR(1) has forgotten where it began


def autoregressive(rng: np.random.Generator, rows: int, n: int, phi: float) -> Array:
    """(rows, n) of an AR(1)."""
    shocks = rng.normal(size=(rows, n + BURN_IN))
    return np.asarray(lfilter([1.0], [1.0, -phi], shocks, axis=1)[:, BURN_IN:])


def moving_average(
    rng: np.random.Generator, rows: int, n: int, horizon: int, phi: float = 0.0
) -> Array:
    """(rows, n) of sums of `horizon` shocks, which are independent or an AR(1)."""
    shocks = autoregressive(rng, rows, n + horizon - 1, phi)
    return np.lib.stride_tricks.sliding_window_view(shocks, horizon, axis=1).sum(axis=-1)


KINDS: dict[str, Callable[[np.random.Generator, int, int, int], Array]] = {
    "ma": moving_average,
    "ar": lambda rng, rows, n, h: autoregressive(rng, rows, n, (h - 1) / (h + 1)),
    "ma_0.8": lambda rng, rows, n, h: moving_average(rng, rows, n, h, 0.8),
    "ma_0.9": lambda rng, rows, n, h: moving_average(rng, rows, n, h, 0.9),
}


def long_run_se(n: int, horizon: int) -> float:
    """Standard error of the mean of n values of `ma`: √(H²/n), but for the ends."""
    return horizon / n**0.5


def of_seeds(
    rng: np.random.Generator, seeds: int, n: int, horizon: int, spread: float, rows: int = 1
) -> Array:
    """(rows, S, n) differences of networks from several initial weights.

    Each seed has a mean of its own kind, N(0, spread² S) in units of the standard error of the windows'
    mean, so that the mean over seeds varies `spread` times as much as that over windows; and half of its
    noise is its alone.
    """
    se = long_run_se(n, horizon)
    means = rng.normal(0, spread * se * seeds**0.5, (rows, seeds, 1))
    common = moving_average(rng, rows, n, horizon)[:, None]
    alone = moving_average(rng, rows * seeds, n, horizon).reshape(rows, seeds, n)
    return np.asarray(means + np.sqrt(0.5) * common + np.sqrt(0.5) * alone)
