"""Diebold-Mariano, the block bootstrap and the confidence set against closed forms and the library."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from stages.report.judging import other_tests


@pytest.fixture
def values() -> np.ndarray:
    """(97,) differences that overlap over 4 steps, with a mean of 0.3."""
    return np.convolve(np.random.default_rng(0).normal(0.075, 0.4, size=100), np.ones(4), "valid")


def harvey(values: np.ndarray, horizon: int, weights: np.ndarray) -> float:
    """The p-value by equations 5 and 9 of Harvey, Leybourne & Newbold (1997)."""
    n, error = values.size, values - values.mean()
    gamma = np.array([error[k:] @ error[: n - k] / n for k in range(horizon)])
    variance = (gamma[0] + 2 * (weights * gamma)[1:].sum()) / n
    shrink = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    return float(2 * stats.t.sf(abs(values.mean()) * np.sqrt(shrink / variance), n - 1))


@pytest.mark.parametrize("horizon", [1, 4, 11])
def test_diebold_mariano_is_the_formula(values: np.ndarray, horizon: int) -> None:
    expected = harvey(values, horizon, np.ones(horizon))
    assert other_tests.diebold_mariano(values, horizon) == pytest.approx(expected, rel=1e-8)


def test_of_one_step_it_is_the_t_test(values: np.ndarray) -> None:
    assert other_tests.diebold_mariano(values, 1) == pytest.approx(
        stats.ttest_1samp(values, 0).pvalue, rel=1e-8
    )


def test_a_negative_variance_is_replaced_by_bartletts() -> None:
    alternating = np.tile([1.0, -0.9], 6)
    error = alternating - alternating.mean()
    assert error @ error + 2 * (error[1:] @ error[:-1]) < 0
    expected = harvey(alternating, 2, 1 - np.arange(2) / 2)
    assert other_tests.diebold_mariano(alternating, 2) == pytest.approx(expected, rel=1e-8)


def test_what_has_no_test_has_no_p_value() -> None:
    assert other_tests.diebold_mariano(np.zeros(20), 3) == 1
    for values in (np.ones(1), np.ones(3), np.array([1.0, np.nan, 2.0, 3.0, 1.0])):
        assert math.isnan(other_tests.diebold_mariano(values, 4))


def drawn_means(values: np.ndarray, horizon: int) -> np.ndarray:
    counts = np.concatenate(list(other_tests.resamplings(values.size, horizon)))
    assert (counts.sum(axis=1) == values.size).all()
    return counts @ values / values.size


def test_the_bootstrap_draws_circular_blocks_of_three_horizons() -> None:
    """Variance of the mean of circular blocks, n a multiple of b: b/n · mean of (block mean - mean)²."""
    values, horizon = np.random.default_rng(1).normal(size=90).cumsum(), 5
    b = other_tests.BLOCKS * horizon
    blocks = np.lib.stride_tricks.sliding_window_view(np.tile(values, 2)[: 90 + b - 1], b)
    variance = b / 90 * np.square(blocks.mean(axis=1) - values.mean()).mean()
    means = drawn_means(values, horizon)
    assert means.size == other_tests.REPETITIONS
    assert means.mean() == pytest.approx(values.mean(), abs=4 * np.sqrt(variance / means.size))
    assert means.var() == pytest.approx(variance, rel=0.1)  # ±√(2/2000) = 3 %


def test_bootstrap_intervals_are_percentiles_and_follow_their_values(values: np.ndarray) -> None:
    rows = np.stack([values, 10 + 2 * values, np.full(values.size, np.inf)])
    low, high = other_tests.block_bootstrap(rows, 4, 0.9)
    means = drawn_means(values, 4)
    assert (means < low[0]).mean() == pytest.approx(0.05, abs=0.001)
    assert (means > high[0]).mean() == pytest.approx(0.05, abs=0.001)
    np.testing.assert_allclose([low[1], high[1]], [10 + 2 * low[0], 10 + 2 * high[0]])
    assert np.isnan([low[2], high[2]]).all()


def test_one_block_has_no_interval() -> None:
    assert np.isnan(other_tests.block_bootstrap(np.arange(12.0)[None], 4, 0.95)).all()


def test_confidence_set_holds_the_best_and_not_the_plainly_worse() -> None:
    rng = np.random.default_rng(2)
    horizon, n = 2, other_tests.LONG * 2
    hard = rng.exponential(size=n)
    good, same, bad = (hard + level + 0.3 * rng.normal(size=n) for level in (0.5, 0.5, 2.0))
    lost = np.full(n, np.nan)
    names = ["bad", "good", "lost", "same"]
    got = other_tests.confidence_set(names, [bad, good, lost, same], horizon, 0.95)
    assert got == ("good", "same")
    shorter = [values[:-1] for values in (bad, good)]
    assert other_tests.confidence_set(names[:2], shorter, horizon, 0.95) is None
    assert other_tests.confidence_set(["lost", "good"], [lost, good], horizon, 0.95) is None
