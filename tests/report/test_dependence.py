"""Dependence that outlasts the horizon is noticed on validation, and rarely where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.tsa.stattools import acf

from benchmarks.simulated import autoregressive, moving_average
from stages.report.cautions.dependence import lag_correlation, outlasting, standard_error
from stages.report.judging.contenders import WindowLosses

H = 6


def folds(values: np.ndarray) -> dict[str, WindowLosses]:
    """Losses (K, n) as those of K folds."""
    return {
        f"fold{k}": WindowLosses(np.full(row.size, "a"), 1000 * k + np.arange(row.size), row)
        for k, row in enumerate(values)
    }


def test_the_correlation_of_one_fold_is_statsmodels() -> None:
    values = np.random.default_rng(0).normal(size=50)
    got, pairs = lag_correlation([values], H)
    assert got == pytest.approx(acf(values, nlags=H, fft=False)[H])
    assert pairs == 44


def test_pairs_never_span_two_folds() -> None:
    one = np.array([1.0, -1.0, 1.0, -1.0])
    got, pairs = lag_correlation([one, one + 100], 1)
    assert got == pytest.approx(-6 / 8)
    assert pairs == 6


def test_its_standard_error_is_that_of_a_moving_average() -> None:
    rows = moving_average(np.random.default_rng(1), 2000, 400, H)
    spread = np.std([lag_correlation([row], H)[0] for row in rows])
    assert standard_error(394, H) == pytest.approx(spread, rel=0.08)


@pytest.mark.parametrize(("phi", "low", "high"), [(None, 0.0, 0.1), (0.9, 0.5, 1.0)])
def test_how_often_it_warns(phi: float | None, low: float, high: float) -> None:
    """Three folds of ten horizons each: rarely under MA(H − 1), in more than half under an AR(1) of .9."""
    rng, shares = np.random.default_rng(2), []
    for _ in range(300):
        n = 10 * H
        values = moving_average(rng, 3, n, H) if phi is None else autoregressive(rng, 3, n, phi)
        best, rival = folds(values), folds(np.zeros_like(values))
        shares.append(bool(outlasting({"a against b": (best, rival)}, H)))
    assert low <= np.mean(shares) <= high


def test_without_losses_nothing_is_said() -> None:
    values = folds(np.ones((2, 30)))
    assert outlasting({"a": ({}, values)}, H) == ()
    assert outlasting({"a": (values, None)}, H) == ()
    assert outlasting({"a": (values, values)}, H) == ()  # the same losses
