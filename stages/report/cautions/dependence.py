"""Does the dependence of loss differences outlast the horizon? Then intervals may be too narrow.

Forecasts of H steps from origins that lie H or more apart share no target, so their loss differences need not
depend on each other, and the number of cosines (intervals.py) takes it that they do not. Where forecasts are
wrong for longer than a horizon they do. This is looked for on validation, which the test part's verdicts do
not use.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from stages.report.judging.contenders import Contender, Folds, differences
from stages.report.judging.intervals import Array

SIZE = 1.645  # standard errors: a one-sided test of 5 %


def lag_correlation(folds: Sequence[Array], lag: int) -> tuple[float, int]:
    """The autocorrelation at a lag of values (n_k,) of each fold about its mean, and the pairs behind it."""
    errors = [fold - fold.mean() for fold in folds]
    total = sum(float(np.square(fold).sum()) for fold in errors)
    products = sum(float((fold[lag:] * fold[:-lag]).sum()) for fold in errors if fold.size > lag)
    pairs = sum(max(0, fold.size - lag) for fold in errors)
    return (products / total if total > 0 else math.nan), pairs


def standard_error(pairs: int, horizon: int) -> float:
    """Bartlett's (1946) of the autocorrelation at lag H under an MA(H - 1) with equal weights.

    n times its square is 1 + 2 Σ_{i < H} (1 - i/H)² = 2H/3 + 1/(3H).
    """
    return math.sqrt((2 * horizon / 3 + 1 / (3 * horizon)) / pairs) if pairs else math.inf


def outlasting(
    compared: Mapping[str, tuple[Folds | None, Folds | None]], horizon: int
) -> tuple[str, ...]:
    """The comparisons whose differences on validation are correlated at lag H, by name.

    Args:
        compared: name of the comparison → fold → losses of one and of the other; None where there are none.
        horizon: H, in origins.
    """
    names = []
    for name, (best, rival) in compared.items():
        if not best or rival is None:
            continue
        pairs = [
            (Contender("", (best[k],)), Contender("", (rival[k],))) for k in best if k in rival
        ]
        folds = [differences(*pair)[0][0] for pair in pairs]
        correlation, count = lag_correlation(folds, horizon)
        if correlation > SIZE * standard_error(count, horizon):
            names.append(name)
    return tuple(names)
