"""Metrics against utilsforecast and scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, mean_squared_error
from sklearn.preprocessing import StandardScaler
from utilsforecast import losses

from stages.artifacts.yardstick import Yardstick, yardstick
from stages.evaluate.metrics import Errors
from stages.scale import unit
from tests.support.evaluate_windows import make, waves

SEASON, H = 6, 3


@pytest.fixture
def sample() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y and y_hat (N, H, 1) of two series in 20 windows, as of independent channels."""
    rng = np.random.default_rng(0)
    y = rng.normal(5, 2, (20, H, 1))
    return y, y + rng.normal(size=y.shape), np.repeat([0, 1], [8, 12])[:, None]


def long(y: np.ndarray, y_hat: np.ndarray, series: np.ndarray) -> pd.DataFrame:
    n = y[..., 0].size
    names = np.where(np.repeat(series[:, 0], H) == 0, "s0", "s1")
    ds = np.arange(n)
    return pd.DataFrame({"unique_id": names, "ds": ds, "y": y.ravel(), "model": y_hat.ravel()})


@pytest.mark.parametrize("metric", ["mse", "mae", "rmse", "smape", "mase"])
def test_by_series_equals_utilsforecast(
    metric: str, sample: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    levels = waves(80, 2)
    development, _ = make(levels, ends=(50, 65))
    errors = Errors(yardstick(development, SEASON), H)
    errors.add(*sample)
    more = {}
    if metric == "mase":
        train = pd.DataFrame({"unique_id": np.repeat(["s0", "s1"], 50), "ds": [*range(50)] * 2})
        more = {"seasonality": SEASON, "train_df": train.assign(y=levels[:50].T.ravel())}
    expected = getattr(losses, metric)(long(*sample), models=["model"], **more)["model"]
    np.testing.assert_allclose(errors.values(metric)[-2:], expected, rtol=1e-12)


def test_scaled_errors_are_those_of_standardised_data() -> None:
    levels = waves(80, 2)
    development, test = make(levels, ends=(50, 65), channels="joint")
    y = test.targets(test.rows)
    y_hat = y + np.random.default_rng(1).normal(size=y.shape)
    errors = Errors(yardstick(development, None), H)
    squared, absolute = errors.add(y, y_hat, test.series_of(test.rows))
    scaler = StandardScaler().fit(levels[:50])
    a, b = (scaler.transform(v.reshape(-1, 2)) for v in (y, y_hat))
    assert errors.values("scaled_mse")[0] == pytest.approx(mean_squared_error(a, b), rel=1e-12)
    assert errors.values("scaled_mae")[0] == pytest.approx(mean_absolute_error(a, b), rel=1e-12)
    e = (a - b).reshape(len(y), -1)
    np.testing.assert_allclose(squared, (e**2).mean(1), rtol=1e-10)
    np.testing.assert_allclose(absolute, abs(e).mean(1), rtol=1e-10)


def test_by_step_and_overall_weigh_every_window_alike(
    sample: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    y, y_hat, series = sample
    errors = Errors(Yardstick(np.array([2.0, 3.0]), np.array([1.0, 4.0]), np.ones(2)), H)
    for part in (slice(0, 5), slice(5, 6), slice(6, 20)):  # blocks make no difference
        errors.add(y[part], y_hat[part], series[part])
    e = (y_hat - y)[..., 0]
    q = np.array([1.0, 4.0])[series]
    np.testing.assert_allclose(errors.values("rmse")[1 : H + 1], np.sqrt((e**2).mean(0)))
    np.testing.assert_allclose(errors.values("mase")[1 : H + 1], (abs(e) / q).mean(0))
    assert errors.values("mase")[0] == pytest.approx((abs(e) / q).mean())
    assert errors.values("rmse")[0] == pytest.approx(np.sqrt((e**2).mean()))


def test_smape_of_zero_and_zero_is_zero() -> None:
    errors = Errors(Yardstick(np.ones(1), np.ones(1), np.ones(1)), 2)
    errors.add(np.zeros((1, 2, 1)), np.array([[[0.0], [4.0]]]), np.zeros((1, 1), int))
    assert errors.values("smape").tolist() == [0.5, 0.0, 1.0, 0.5]


def test_yardstick_leaves_out_what_was_not_observed() -> None:
    levels = waves(60, 1)
    levels[20:24] = np.nan
    development, _ = make(levels, ends=(40, 50))
    yard = yardstick(development, 1)
    known = levels[:40, 0]
    assert yard.sigma[0] == pytest.approx(np.nanstd(known), rel=1e-12)
    assert yard.naive[0] == pytest.approx(np.nanmean(abs(np.diff(known))), rel=1e-12)


@given(
    power=st.integers(-150, 150),
    shift=st.floats(-1e6, 1e6),
    first=st.integers(0, 20),
    kind=st.sampled_from(["constant", "rounding", "short"]),
)
@settings(max_examples=40, deadline=None)
def test_a_yardstick_depends_on_no_other_series(
    power: int, shift: float, first: int, kind: str
) -> None:
    """Whatever the second series becomes, the first one's stays; the second's follows its unit."""
    levels = waves(90, 2)
    before = yardstick(make(levels, ends=(50, 70))[0], SEASON)
    size = 10.0**power
    levels[:, 1] = (levels[:, 1] + shift) * size
    levels[:first, 1] = np.nan
    after = yardstick(make(levels, ends=(50, 70))[0], SEASON)
    assert (after.sigma[0], after.naive[0], after.unit[0]) == tuple(
        values[0] for values in (before.sigma, before.naive, before.unit)
    )
    known = waves(90, 2)[first:50, 1]
    assert after.sigma[1] == pytest.approx(known.std() * size, rel=1e-7)
    steps = np.abs(known[SEASON:] - known[:-SEASON])
    assert after.naive[1] == pytest.approx(steps.mean() * size, rel=1e-7)
    level = (shift or 1.0) * size
    levels[:, 1] = level * (1 + (kind == "rounding") * 1e-13 * np.arange(90))
    if kind == "short":
        levels[:, 1], levels[:36, 1] = waves(90, 2)[:, 1], np.nan  # 14 values: one admits it
        levels[37, 1] = np.nan
    flat = yardstick(make(levels, ends=(50, 70), horizon=H)[0], SEASON)
    assert flat.ranked.tolist() == [True, False]
    assert np.isnan(flat.naive[1])
    assert flat.sigma[0] == before.sigma[0]


@pytest.mark.parametrize("unranked", [1e-200, 1.0, 1e200])
@pytest.mark.parametrize("size", [1e-160, 1e-13, 1.0, 1e13, 1e150])
def test_errors_of_any_size_are_those_of_the_same_errors_in_another_unit(
    size: float, unranked: float
) -> None:
    """Three series: of unit 1, of `size`, and one that is not ranked, in no overall number."""
    rng = np.random.default_rng(2)
    y = rng.normal(5, 2, (30, H, 1))
    y_hat, series = y + rng.normal(size=y.shape), np.repeat([0, 1, 2], 10)[:, None]
    sizes = np.array([1.0, size, unranked])
    plain = Errors(
        Yardstick(np.array([1.0, 2.0, np.nan]), np.array([1.0, np.nan, np.nan]), np.ones(3)), H
    )
    loss = plain.add(y, y_hat, series)
    units = np.array([unit(magnitude) for magnitude in sizes])
    sigma = np.array([1.0, 2.0 * size, np.nan])
    errors = Errors(Yardstick(sigma, np.array([1.0, np.nan, np.nan]), units), H)
    scale = sizes[series][:, None]
    np.testing.assert_allclose(errors.add(y * scale, y_hat * scale, series), loss, rtol=1e-9)
    assert np.isnan(loss[:, 20:]).all()
    assert np.isfinite(loss[:, :20]).all()
    for metric in ("scaled_mse", "scaled_mae", "mase", "smape"):
        np.testing.assert_allclose(errors.values(metric), plain.values(metric), rtol=1e-9)
    for metric in ("rmse", "mae"):
        np.testing.assert_allclose(
            errors.values(metric)[-3:] / sizes, plain.values(metric)[-3:], rtol=1e-9
        )
    whole = np.concatenate([(y_hat - y)[:10], (y_hat - y)[10:20] * size])
    biggest = max(size, 1.0)
    rmse = biggest * np.sqrt(np.mean((whole / biggest) ** 2))
    assert errors.values("rmse")[0] == pytest.approx(rmse, rel=1e-9)
    rows = {
        (name, metric) for name, step, metric, _ in errors.rows(["mse", "mase"], ["a", "b", "c"])
    }
    assert {name for name, metric in rows if metric == "mse"} == {"", "a", "b", "c"}
    assert {name for name, metric in rows if metric == "mase"} == {"", "a"}
    assert {name for name, metric in rows if metric == "scaled_mse"} == {"", "a", "b"}


def test_a_metric_without_a_series_has_no_row() -> None:
    nothing = np.full(1, np.nan)
    errors = Errors(Yardstick(np.ones(1), nothing, np.ones(1)), 1)
    errors.add(np.ones((2, 1, 1)), np.zeros((2, 1, 1)), np.zeros((2, 1), int))
    assert {row[2] for row in errors.rows(["mse", "mase"], ["a"])} == {
        "mse",
        "scaled_mse",
        "scaled_mae",
    }


def test_a_window_of_joint_channels_is_scored_over_those_that_are_ranked() -> None:
    yard = Yardstick(np.array([2.0, np.nan]), np.ones(2), np.ones(2))
    errors = Errors(yard, 1)
    losses = errors.add(np.zeros((1, 1, 2)), np.array([[[4.0, 1e9]]]), np.array([[0, 1]]))
    assert losses.tolist() == [[4.0], [2.0]]


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-300, 1.0, 1e300, np.finfo(float).max])
def test_a_unit_makes_squares_of_any_size_finite(size: float) -> None:
    share = size / unit(size)
    assert 0 < share**2 < np.inf
    assert share * unit(size) == size
