"""Metrics against utilsforecast and scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error
from sklearn.preprocessing import StandardScaler
from utilsforecast import losses

from stages.evaluate.metrics import Errors
from stages.evaluate.yardstick import Yardstick, yardstick
from tests.evaluate_windows import make, waves

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
    loss = errors.add(y, y_hat, test.series_of(test.rows))
    scaler = StandardScaler().fit(levels[:50])
    a, b = (scaler.transform(v.reshape(-1, 2)) for v in (y, y_hat))
    assert errors.values("scaled_mse")[0] == pytest.approx(mean_squared_error(a, b), rel=1e-12)
    assert errors.values("scaled_mae")[0] == pytest.approx(mean_absolute_error(a, b), rel=1e-12)
    by_window = ((a - b) ** 2).reshape(len(y), -1).mean(1)
    np.testing.assert_allclose(loss, by_window, rtol=1e-10)


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
