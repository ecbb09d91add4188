"""Standard errors and intervals of a mean loss difference whose terms depend on each other.

Forecasts of H steps from neighbouring origins share targets, so their losses are correlated over
at least H - 1 origins; errors of several series at one origin are correlated as well. Everything
here therefore works on one number per origin (`by_origin`).

    ewc_se    Lazarus, Lewis, Stock & Watson (2018), eq. 10: equal-weighted cosines; Student's t with B
              degrees of freedom keeps its coverage when there are few independent horizons
    two_way   the t-interval for means over windows and over networks from several initial weights, as they
              vary too: the verdicts'

B takes n/3H terms at most: under MA(H - 1) differences and from n/H = 10 on a test of nominal .05 rejects
.052 to .056 of true null hypotheses, with n/2H terms .059 to .061 (benchmarks/coverage.py). One estimator
serves the choice of λ and the verdicts. Newey and West's (1987), the usual one, sees half of the true
standard error in folds of two horizons (benchmarks/coverage.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtr, stdtrit

Array = np.ndarray[Any, Any]


def by_origin(values: Array, origins: Array) -> tuple[Array, Array]:
    """One value per origin, such that their plain mean is the mean over all windows.

    With n_t windows at origin t of N in all and T origins: z_t = μ + (T/N) Σ_i (v_i - μ), which is
    the mean over the series of an origin where every origin has the same series.

    Args:
        values: (..., N) one value per window.
        origins: (N,) the window's origin (any integer time).

    Returns:
        (..., T) values, and the (T,) sorted distinct origins.
    """
    times, slot = np.unique(origins, return_inverse=True)
    mean = values.mean(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):  # inf - inf of a member that diverged is NaN, as it should
        errors = values - mean
    order = np.argsort(slot, kind="stable")
    starts = np.searchsorted(slot[order], np.arange(times.size))
    sums = np.add.reduceat(errors[..., order], starts, axis=-1)  # (..., T)
    return mean + sums * (times.size / origins.size), times


def cosine_terms(n: int, horizon: int) -> int:
    """B = max(2, ⌊min(0.4 n^(2/3), n/3H)⌋), and at most the n - 1 that there are."""
    # 1000^(2/3) is 99.99…
    terms = math.floor(min(0.4 * math.pow(n, 2 / 3), n / (3 * horizon)) + 1e-9)
    return min(max(2, terms), n - 1)


@dataclass(frozen=True)
class Interval:
    """A mean with its t-interval.

    Attributes:
        se, df: its standard error and degrees of freedom. p: two-sided, of a mean of 0.
        n, terms: origins, and B. windows, seeds: the parts of se² that come from each; their sum is se².
    """

    mean: float
    low: float
    high: float
    se: float
    p: float
    df: float
    terms: int
    n: int
    windows: float
    seeds: float


def ewc_se(values: Array, horizon: int, terms: int | None = None) -> Array:
    """Equal-weighted cosine standard error of the mean of dependent values.

        Λ_j = √(2/n) Σ_t z_t cos(π j (t - 1/2) / n),  Ω = 1/B Σ_j Λ_j²,  se = √(Ω/n)

    Args:
        values: (..., n) in the order of time.
        horizon: H, the number of origins over which values certainly depend on each other.
        terms: B; None: `cosine_terms(n, horizon)`.

    Returns:
        (...,) standard errors; NaN where n < 2, since one origin says nothing about the spread.
    """
    n = values.shape[-1]
    if n < 2:
        return np.full(values.shape[:-1], np.nan)
    count = cosine_terms(n, horizon) if terms is None else terms
    phase = np.pi * np.outer((np.arange(n) + 0.5) / n, np.arange(1, count + 1))  # (n, B)
    errors = values - values.mean(axis=-1, keepdims=True)
    projections = math.sqrt(2 / n) * errors @ np.cos(phase)  # (..., B)
    return np.asarray(np.sqrt(np.mean(np.square(projections), axis=-1) / n))


def two_way(parts: Sequence[Array], horizon: int, confidence: float) -> Interval:
    """Interval for the mean over origins and over initial weights: mean ± t_ν √(V1 + V2).

        V1 = ewc_se² of the mean over seeds,   V2 = Σ_parts Var_s(mean_t d_st) / S,
        ν = (V1 + V2)² / (V1²/B + Σ_parts V2²/(S - 1))

    the two variance components added, with Satterthwaite's (1946) degrees of freedom. With three
    seeds or more that differ half to twice as much as windows this covers .94 to .97 where 95 % are meant, V1
    alone .55 to .93 (benchmarks/coverage.py).

    Args:
        parts: each (S, n): a value for each seed and origin. The mean is of the sum of the parts' means over
            seeds; a part of one row has no seeds that could vary.
        horizon: H, the number of origins over which values certainly depend on each other.
        confidence: coverage, e.g. 0.95.

    Returns:
        The interval; unbounded with p = 1 where n < 2 or a value is not finite.
    """
    values = np.sum([part.mean(axis=0) for part in parts], axis=0)
    n = values.size
    mean = float(values.mean()) if n else math.nan
    if n < 2 or not math.isfinite(mean):
        return Interval(mean, -math.inf, math.inf, math.inf, 1.0, 0.0, 0, n, math.inf, math.nan)
    windows, terms = float(ewc_se(values, horizon)) ** 2, cosine_terms(n, horizon)
    seeded = [(part.mean(axis=1), len(part)) for part in parts if len(part) > 1]
    spreads = [(float(means.var(ddof=1)) / count, count - 1) for means, count in seeded]
    seeds = sum(spread for spread, _ in spreads)
    spread = sum(v * v / df for v, df in [(windows, terms), *spreads])
    se, df = math.sqrt(windows + seeds), (windows + seeds) ** 2 / spread if spread > 0 else terms
    half = float(stdtrit(df, (1 + confidence) / 2)) * se
    p = 2 * float(stdtr(df, -abs(mean) / se)) if se > 0 else float(mean == 0)
    return Interval(mean, mean - half, mean + half, se, p, df, terms, n, windows, seeds)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down adjusted p-values, in the order given."""
    count = len(p_values)
    adjusted = [0.0] * count
    running = 0.0
    for rank, index in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted
