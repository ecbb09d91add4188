"""What a test part can show: the smallest change that it detects, and how long it would have to be.

Both come from the estimated variance, never from the observed difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import chdtri, stdtrit

from stages.report.judging.intervals import Interval, cosine_terms

POWER = 0.8  # four times in five
LEAST = 5  # degrees of freedom below which a variance says too little about how many horizons are needed
MOST = 1e6  # horizons


@dataclass(frozen=True)
class Needed:
    """Independent horizons that a test part needs; low and high with 90 % confidence in the variance."""

    guess: float
    low: float
    high: float


def detectable(interval: Interval, confidence: float) -> float:
    """The change that a test at this level shows with probability POWER: (t_{(1 + c)/2} + t_{.8}) se."""
    return _quantiles(interval.df, confidence) * interval.se


def _quantiles(df: float, confidence: float) -> float:
    if not df > 0:
        return math.inf
    return float(stdtrit(df, (1 + confidence) / 2) + stdtrit(df, POWER))


def needed(interval: Interval, horizon: int, confidence: float, change: float) -> Needed | None:
    """How many independent horizons would show a change (in the unit of the interval's mean).

    The smallest N with (t_{(1 + c)/2, B(N)} + t_{.8, B(N)}) √(V1 n/(H N) + V2) ≤ change: more horizons lower
    V1, not the seeds' V2. The range is that of N with V1 · B / χ²_{.95, B} and V1 · B / χ²_{.05, B}.

    Returns:
        None where B < LEAST; infinite where no number of horizons suffices, because seeds vary too much.
    """
    terms = interval.terms
    if terms < LEAST or not change > 0:
        return None
    # chdtri(df, p) is the quantile of 1 - p.
    factors = (1.0, terms / float(chdtri(terms, 0.05)), terms / float(chdtri(terms, 0.95)))
    return Needed(*(_smallest(interval, factor, horizon, confidence, change) for factor in factors))


def _smallest(
    interval: Interval, factor: float, horizon: int, confidence: float, change: float
) -> float:
    """The smallest number of horizons, to one part in a thousand."""

    def shows(horizons: float) -> bool:
        windows = interval.windows * factor * interval.n / (horizon * horizons)
        terms = cosine_terms(max(2, round(horizons * horizon)), horizon)
        return _quantiles(terms, confidence) * math.sqrt(windows + interval.seeds) <= change

    low, high = 1.0, 2.0
    while not shows(high):
        if high > MOST:
            return math.inf
        low, high = high, 2 * high
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if shows(middle) else (middle, high)
    return high
