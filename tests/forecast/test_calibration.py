"""Prediction intervals: ranks, coverage and shape, against closed forms and properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t

from benchmarks import interval_coverage
from stages.artifacts.intervals import Intervals, bound_names, load, save, tails
from stages.forecast.calibration import CRPS, MANY, calibrated, residuals

LEVELS = (50.0, 80.0, 95.0)


def fitted(
    errors, series=None, scale=(1.0,), horizons=float(MANY), transform="none", levels=LEVELS
):
    """Intervals of residuals (N, H), by default of one series."""
    series = np.zeros(len(errors), np.int64) if series is None else series
    result = calibrated(transform, levels, errors, series, np.array(scale), horizons)
    assert result is not None
    return result


@pytest.mark.parametrize("n", [19, 39, 40, 100])
def test_exchangeable_residuals_are_covered_as_the_rank_says(n):
    """Of n + 1 exchangeable values the last lies below the k-th of the others with probability k/(n + 1)."""
    rng = np.random.default_rng(n)
    draws = rng.exponential(size=(20_000, n + 1))  # skewed: the sides differ
    one = fitted(draws[0, :n, None])
    for level in LEVELS:
        low, high = tails(level)
        ranks = int(np.floor(round((n + 1) * low, 6))), int(np.ceil(round((n + 1) * high, 6)))
        ordered = np.sort(draws[:, :n], axis=1)
        bounds = [ordered[:, min(max(rank, 1), n) - 1] for rank in ranks]
        inside = np.mean((bounds[0] <= draws[:, n]) & (draws[:, n] <= bounds[1]))
        ends = [one.at(tau, np.zeros((1, 1)), one.size)[0, 0] for tau in (low, high)]
        np.testing.assert_allclose(ends, [bounds[0][0], bounds[1][0]], rtol=1e-12)
        few = ranks[0] < 1 or ranks[1] > n
        assert (level in one.extrapolated()) == few
        assert few or inside >= level / 100 - 0.01


def test_few_horizons_widen_by_students_t_about_the_median():
    errors = np.random.default_rng(0).normal(1.0, 2.0, size=(200, 3))
    wide, plain = fitted(errors, horizons=4.5), fitted(errors)
    middle = np.median(errors, axis=0)
    y_hat = np.full((1, 3), 7.0)
    for level in LEVELS:
        for tau in tails(level):
            factor = t.ppf(tau, 4.5) / norm.ppf(tau)
            away = plain.at(tau, y_hat, plain.size) - 7.0 - middle
            expected = 7.0 + middle + factor * away
            np.testing.assert_allclose(wide.at(tau, y_hat, wide.size), expected, rtol=1e-9)


def test_residuals_are_pooled_after_division_by_the_size_of_their_series():
    rng = np.random.default_rng(1)
    shape = rng.normal(size=(60, 2))
    series = np.repeat([0, 1, 2], 20)
    size = np.array([1.0, 50.0, 3000.0])
    parts = [shape[series == s] / np.sqrt(np.square(shape[series == s]).mean()) for s in range(3)]
    errors = np.concatenate([size[s] * parts[s] for s in range(3)])
    one = fitted(errors, series, scale=(2.0, 100.0, 6000.0))
    np.testing.assert_allclose(one.size, size, rtol=1e-12)
    assert one.typical == pytest.approx(0.5)
    pooled = fitted(np.concatenate(parts))
    for tau in tails(80.0):
        bounds = one.at(tau, np.zeros((3, 2)), one.size)
        expected = size[:, None] * pooled.at(tau, np.zeros((1, 2)), pooled.size)
        np.testing.assert_allclose(bounds, expected, rtol=1e-9)


def test_a_series_without_residuals_has_no_size():
    one = fitted(np.ones((5, 1)), np.zeros(5, np.int64), scale=(1.0, 4.0))
    assert np.isnan(one.size[1])
    assert one.typical == 1.0


@pytest.mark.parametrize(("transform", "inverse"), [("sqrt", np.square), ("log1p", np.expm1)])
def test_intervals_of_transformed_targets_are_undone(transform, inverse):
    """Of one width in transformed units, in the data's wider where values are larger, never below 0."""
    forward = {"sqrt": np.sqrt, "log1p": np.log1p}[transform]
    rng = np.random.default_rng(2)
    y_hat = rng.uniform(0, 100, size=(300, 2))
    y = inverse(np.maximum(forward(y_hat) + rng.normal(0, 0.5, size=y_hat.shape), 0))
    errors = residuals(transform, y, y_hat)
    np.testing.assert_allclose(errors, forward(y) - forward(y_hat), atol=1e-12)
    one = fitted(errors, transform=transform)
    low, high = (one.at(tau, y_hat, np.full(300, one.size[0])) for tau in tails(80.0))
    assert (low >= 0).all()
    assert np.mean((low <= y) & (y <= high)) == pytest.approx(0.8, abs=0.02)
    assert np.corrcoef((high - low).ravel(), y_hat.ravel())[0, 1] > 0.8
    np.testing.assert_array_equal(residuals(transform, y[:1], -y_hat[:1]), forward(y[:1]))


@given(
    st.integers(1, 40), st.floats(0.1, 60), st.integers(0, 1000),
    st.lists(st.floats(1, 99.9), min_size=1, max_size=5, unique=True),
)  # fmt: skip
def test_levels_never_cross(n, horizons, seed, levels):
    errors = np.random.default_rng(seed).standard_cauchy(size=(n, 3))
    levels = tuple(sorted(round(level, 1) for level in levels))
    one = fitted(errors, horizons=horizons, levels=levels)
    assert (np.diff(one.quantiles, axis=0) >= -1e-9 * np.abs(one.quantiles[1:])).all()
    assert set(CRPS) <= set(one.taus.tolist())


def test_a_network_that_diverged_has_no_intervals():
    errors = np.ones((5, 2))
    errors[3, 1] = np.inf
    assert calibrated("none", LEVELS, errors, np.zeros(5, np.int64), np.ones(1), 3.0) is None
    assert calibrated("none", LEVELS, errors[:0], np.zeros(0, np.int64), np.ones(1), 3.0) is None


def test_the_simulated_share_is_that_of_new_errors():
    """The closed form of benchmarks/interval_coverage.py, against errors that are drawn."""
    row = interval_coverage.held("walk", 20, 1)
    rng = np.random.default_rng([sorted(interval_coverage.PHI).index("walk"), 20])
    blocks = interval_coverage.errors(rng, 1.0, 20)
    one = fitted(blocks, horizons=60 / 11, levels=interval_coverage.LEVELS)
    new = rng.normal(size=(200_000, interval_coverage.STEPS)).cumsum(axis=1)
    for level in interval_coverage.LEVELS:
        low, high = (one.at(tau, np.zeros((1, 11)), one.size)[0] for tau in tails(level))
        inside = np.mean((low <= new) & (new <= high))
        assert row[f"{level:g}"]["mean"] == pytest.approx(inside, abs=0.002)
    few = interval_coverage.held("walk", 20, 200)
    assert interval_coverage.broken([few]) == []
    assert interval_coverage.broken([few | {"95": {"mean": 0.92}}])


def test_files_give_back_what_was_saved(tmp_path):
    first, second = fitted(np.ones((4, 2))), fitted(np.arange(8.0).reshape(4, 2), horizons=2.0)
    saved = {("gru", 0.0): (first, second), ("ridge", None): (second, first)}
    save(tmp_path, saved)
    loaded = load(tmp_path)
    assert list(loaded) == list(saved)
    for name, both in saved.items():
        for one, two in zip(both, loaded[name], strict=True):
            for field in Intervals.__dataclass_fields__:
                np.testing.assert_array_equal(getattr(one, field), getattr(two, field))
    assert bound_names(97.5) == ("y_hat-lo-97.5", "y_hat-hi-97.5")
