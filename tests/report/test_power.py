"""What a test part can show, against simulation and statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from stages.report.judging.intervals import Interval, cosine_terms, two_way
from stages.report.judging.power import detectable, needed


def interval(
    windows: float, seeds: float, n: int, horizon: int, df: float | None = None
) -> Interval:
    terms = cosine_terms(n, horizon)
    se = math.sqrt(windows + seeds)
    return Interval(0.0, 0.0, 0.0, se, 1.0, df or terms, terms, n, windows, seeds)


def test_a_change_of_the_detectable_size_is_shown_four_times_in_five() -> None:
    """White noise of variance 1: the formula with the true standard error, and tests that see the data."""
    rng, n = np.random.default_rng(0), 300
    change = detectable(interval(1 / n, 0.0, n, 1), 0.95)
    tests = [two_way([rng.normal(change, 1, n)[None]], 1, 0.95).p < 0.05 for _ in range(2000)]
    assert 0.76 <= np.mean(tests) <= 0.84


def test_with_as_many_horizons_as_are_needed_the_change_is_detectable() -> None:
    one = interval(0.04, 0.0, 200, 10)  # 20 horizons
    answer = needed(one, 10, 0.95, 0.2)
    assert answer is not None
    there = answer.guess * 10
    terms = cosine_terms(round(there), 10)
    reach = (stats.t.ppf(0.975, terms) + stats.t.ppf(0.8, terms)) * math.sqrt(0.04 * 200 / there)
    assert reach == pytest.approx(0.2, rel=0.02)
    assert answer.low < answer.guess < answer.high
    # se² at B degrees of freedom is worth χ²_B / B times the truth.
    low, high = stats.chi2.ppf([0.95, 0.05], 6) / 6
    for bound, share in ((answer.low, low), (answer.high, high)):
        worth = interval(0.04 / share, 0.0, 200, 10)
        assert needed(worth, 10, 0.95, 0.2).guess == pytest.approx(bound, rel=0.01)  # type: ignore[union-attr]


def test_a_variance_of_fewer_than_five_degrees_says_nothing() -> None:
    assert needed(interval(0.04, 0.0, 149, 10), 10, 0.95, 0.1) is None  # 14.9 horizons: B = 4
    assert needed(interval(0.04, 0.0, 150, 10), 10, 0.95, 0.1) is not None


def test_where_seeds_vary_too_much_no_number_of_horizons_suffices() -> None:
    answer = needed(interval(0.04, 0.02, 200, 10), 10, 0.95, 0.2)
    assert answer is not None
    assert math.isinf(answer.guess)
    some = needed(interval(0.04, 0.001, 200, 10), 10, 0.95, 0.2)
    none = needed(interval(0.04, 0.0, 200, 10), 10, 0.95, 0.2)
    assert some is not None
    assert none is not None
    assert none.guess < some.guess < math.inf


def test_one_seed_and_many_give_the_same_interval_where_they_agree() -> None:
    values = np.random.default_rng(1).normal(size=120)
    alone, three = two_way([values[None]], 4, 0.95), two_way([np.tile(values, (3, 1))], 4, 0.95)
    assert (alone.low, alone.high) == pytest.approx((three.low, three.high))
    assert three.seeds == pytest.approx(0, abs=1e-30)
