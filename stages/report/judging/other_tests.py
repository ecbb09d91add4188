"""Further tests that are shown with a verdict's interval, from well-kept libraries; none of them decides.

    diebold_mariano   the field's usual test (Diebold & Mariano 1995) with the small-sample
                      correction of Harvey, Leybourne & Newbold (1997); package `dieboldmariano`
    block_bootstrap   circular blocks (Politis & Romano 1992) of 3 H origins; package `arch`
    confidence_set    the forecasters of which none is shown to be worse than another (Hansen, Lunde
                      & Nason 2011), on the same blocks; package `arch`

`benchmarks/coverage.py` shows why they do not decide: with few independent horizons the bootstrap's
intervals are too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from stages.report.judging.intervals import Array

BLOCKS = 3  # horizons that a block of the bootstrap is long
REPETITIONS = 2000
AT_A_TIME = 200  # resamplings held in memory; divides REPETITIONS
SEED = 0  # of the resampling: the same blocks for every comparison
# Independent horizons from which a confidence set is worth showing. The block bootstrap that it rests on
# covers 89-92 % of the truth instead of 95 % at 40 and 80, but 77-79 % at 10
# (benchmarks/results/coverage.json).
LONG = 40


def diebold_mariano(values: Array, horizon: int) -> float:
    """Two-sided p-value of the Diebold-Mariano test with HLN's correction and n - 1 degrees of freedom.

    The variance is that of the first H - 1 autocovariances; where their sum is not positive, as can
    be in a short sample, it is Bartlett's, as the package advises.

    Args:
        values: (n,) loss differences, one per origin, in the order of time.
        horizon: H.

    Returns:
        NaN where n < H, n < 2 or a value is not finite; 1 for differences that are all zero.
    """
    from dieboldmariano import NegativeVarianceException, ZeroVarianceException, dm_test

    n = values.size
    if n < max(horizon, 2) or not np.isfinite(values).all():
        return math.nan
    losses, zeros = values.tolist(), [0.0] * n
    for estimator in ("acf", "bartlett"):
        try:
            _, p = dm_test(
                zeros, losses, zeros, loss=_given, h=horizon, variance_estimator=estimator
            )
        except NegativeVarianceException:
            continue
        except ZeroVarianceException:
            return float(not values.any())
        except ValueError:  # of a statistic of 0, where the package takes the logarithm of 0
            return 1.0
        return float(p)
    return math.nan


def _given(_: float, loss: float) -> float:
    """The loss function that the package asks for, where its input is losses already."""
    return loss


def resamplings(n: int, horizon: int) -> Iterator[Array]:
    """(k, n) how often each of n origins is drawn, REPETITIONS rows in all, some at a time.

    A block is 3 H origins long, or n where that is less; it wraps from the end to the beginning.
    """
    from arch.bootstrap import CircularBlockBootstrap  # it imports much that tables do not need

    draws = CircularBlockBootstrap(min(BLOCKS * horizon, n), np.arange(n), seed=SEED)
    counts = (np.bincount(drawn[0][0], minlength=n) for drawn in draws.bootstrap(REPETITIONS))
    for _ in range(0, REPETITIONS, AT_A_TIME):
        yield np.stack(list(islice(counts, AT_A_TIME))).astype(float)


def block_bootstrap(values: Array, horizon: int, confidence: float) -> tuple[Array, Array]:
    """Percentile intervals of means, by the same resampled blocks for all of them.

    Args:
        values: (V, n) loss differences: a row per comparison, a column per origin.
        horizon: H.
        confidence: the intended coverage.

    Returns:
        low and high (V,); NaN where a value is not finite or n is no more than one block.
    """
    rows, n = values.shape
    low, high = np.full((2, rows), np.nan)
    finite = np.isfinite(values).all(axis=1)
    if n > BLOCKS * horizon and finite.any():
        kept = values[finite]
        means = np.hstack([kept @ counts.T for counts in resamplings(n, horizon)]) / n
        tail = (1 - confidence) / 2
        low[finite], high[finite] = np.quantile(means, [tail, 1 - tail], axis=1)
    return low, high


def confidence_set(
    names: Sequence[str], losses: Sequence[Array], horizon: int, confidence: float
) -> tuple[str, ...] | None:
    """The model confidence set: with probability `confidence` it holds the best forecaster.

    Args:
        names: of the forecasters. losses: (n,) of each, one per origin, in the order of time.
        horizon: H.
        confidence: 1 minus the size of the test.

    Returns:
        Names in the order given; None where the test part is shorter than LONG horizons or fewer
        than two forecasters have finite losses (those that diverged are left out).
    """
    kept = [(name, loss) for name, loss in zip(names, losses, strict=True) if _finite(loss)]
    if len(kept) < 2 or kept[0][1].size < LONG * horizon:
        return None
    from arch.bootstrap import MCS

    table = np.stack([loss for _, loss in kept], axis=1)  # (n, forecasters)
    block = BLOCKS * horizon
    test = MCS(table, 1 - confidence, REPETITIONS, block, bootstrap="circular", seed=SEED)
    test.compute()
    included = set(test.included)
    return tuple(name for i, (name, _) in enumerate(kept) if i in included)


def _finite(values: Array) -> bool:
    return bool(np.isfinite(values).all())
