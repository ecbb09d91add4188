"""Baselines against scikit-learn, statsmodels, statsforecast and plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from statsforecast.models import AutoETS
from statsmodels.tsa.ar_model import AutoReg
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from stages.evaluate.baselines import exponential, ridge
from stages.evaluate.baselines.autoregressive import coefficients
from stages.evaluate.baselines.lines import fill
from stages.evaluate.baselines.naive import repeat_last, seasonal_repeat
from stages.evaluate.baselines.table import BASELINES
from stages.evaluate.params import RidgeParams
from tests.oracles import ridge as oracle
from tests.oracles.windows import batch
from tests.support.evaluate_windows import HOUR, history_of, make, of_test, waves

SEASON = 6
GAPS = (70, 71, 102, 103, 104, 130)


def gapped(steps: int = 150, series: int = 2) -> np.ndarray:
    levels = waves(steps, series, SEASON)
    levels[GAPS, 0] = np.nan
    return levels


def test_fill_reaches_back_whole_cycles() -> None:
    nan = np.nan
    line = np.array([nan, 1.0, 2.0, 3.0, nan, nan, nan])
    np.testing.assert_array_equal(fill(line), [nan, 1, 2, 3, 3, 3, 3])
    np.testing.assert_array_equal(fill(line, 3), [nan, 1, 2, 3, 1, 2, 3])


@pytest.mark.parametrize("channels", ["independent", "joint"])
def test_naive_forecasts_by_hand(channels: str) -> None:
    levels = waves(150, 2, SEASON)
    development, test = make(levels, ends=(90, 120), channels=channels, horizon=8)
    part = history_of(development, test).tested
    last = repeat_last(part).forecast(test.rows)
    repeat = seasonal_repeat(part).forecast(test.rows)
    series, origins = part.origins(test.rows)
    for n, t in enumerate(origins):
        for c, s in enumerate(series[n]):
            np.testing.assert_array_equal(last[n, :, c], levels[t, s])
            season = levels[t + 1 - SEASON : t + 1, s]
            np.testing.assert_array_equal(repeat[n, :, c], np.tile(season, 2)[:8])


@pytest.mark.parametrize("lam", [0.01, 1.0, 300.0, 1e6])
@pytest.mark.parametrize("normalise", ["none", "last", "mean", "instance"])
@pytest.mark.parametrize("channels", ["independent", "joint"])
def test_ridge_equals_scikit_learn(
    lam: float, normalise: str, channels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ridge, "BLOCK", 200)  # many blocks
    covariates = np.random.default_rng(5).normal(3, 1, (150, 1))
    windows, _ = make(
        waves(150, 2), ends=(90, 120), normalise=normalise, channels=channels, covariates=covariates
    )
    fold = windows.folds[0]
    x, y, *_ = batch(windows, fold.train, fold.center, fold.scale)
    x = x.reshape(len(x), -1)
    path = ridge.fit(ridge.scaled(windows, fold), fold)
    weights = path.coefficients(lam)
    y_hat = path.at(lam).predict(x).reshape(y.shape)
    for c in range(y.shape[2]):
        sklearn = oracle.ridge(lam, windows, fold, c)
        coef = weights.T[c :: y.shape[2]]
        np.testing.assert_allclose(coef, sklearn.coef_, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(y_hat[..., c], sklearn.predict(x), rtol=1e-6, atol=1e-9)


def test_ridge_chooses_lambda_by_the_folds_in_scaled_units() -> None:
    development, test = make(gapped(), ends=(90, 120), normalise="instance")
    totals, lambdas = [], RidgeParams().path[1:]  # 0 is as good as the smallest one to rounding
    for lam in lambdas:
        total = 0.0
        for fold in development.folds[:-1]:
            model = oracle.ridge(lam, development, fold)
            x, y, _, spread = batch(development, fold.validation, fold.center, fold.scale)
            group, _ = development.group_origin(fold.validation)
            unit = fold.scale[group, :1] / development.scale[group, :1]
            e = (model.predict(x.reshape(len(x), -1)) - y[..., 0]) * spread * unit
            total += float((e**2).sum())
        totals.append(total)
    options = {"lambdas": lambdas}
    baseline = of_test("ridge", history_of(development, test), ridge=options)
    assert baseline.lam == lambdas[int(np.argmin(totals))]
    edge = {0: "smallest", len(lambdas) - 1: "largest"}.get(lambdas.index(baseline.lam))
    assert (edge or "") in baseline.edge
    assert bool(edge) == bool(baseline.edge)
    few = of_test("ridge", history_of(development, test), ridge={"lambdas": (500.0, 1000.0)})
    assert few.edge == "its λ = 500 is the smallest that was tried"
    fold = development.folds[-1]
    model = oracle.ridge(baseline.lam, development, fold)
    x, _, shift, spread = batch(test, test.rows, fold.center, fold.scale)
    y_hat = model.predict(x.reshape(len(x), -1)) * spread + shift
    group, _ = test.group_origin(test.rows)
    expected = y_hat * fold.scale[group, :1] + fold.center[group, :1]
    np.testing.assert_allclose(baseline.forecast(test.rows)[..., 0], expected, rtol=1e-6)


@pytest.mark.parametrize("lam", [0.01, 300.0])
@pytest.mark.parametrize("normalise", ["none", "last"])
def test_ridge_without_an_intercept_equals_scikit_learn(lam: float, normalise: str) -> None:
    windows, _ = make(waves(150, 2), ends=(90, 120), normalise=normalise)
    fold = windows.folds[0]
    x, y, *_ = batch(windows, fold.train, fold.center, fold.scale)
    x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
    sklearn = Ridge(alpha=lam, solver="svd", fit_intercept=False).fit(x, y)
    path = ridge.fit(ridge.scaled(windows, fold), fold, free=False)
    weights = path.coefficients(lam)
    np.testing.assert_allclose(weights.T, sklearn.coef_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(path.at(lam).predict(x), sklearn.predict(x), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("measure", ["mse", "mae"])
def test_ridge_chooses_its_intercept_with_lambda(measure: str) -> None:
    development, test = make(gapped(), ends=(90, 120))
    lambdas = (0.1, 10.0, 1000.0)
    totals = {}
    for free in (True, False):
        for lam in lambdas:
            total = 0.0
            for fold in development.folds[:-1]:
                x, y, *_ = batch(development, fold.train, fold.center, fold.scale)
                model = Ridge(alpha=lam, solver="svd", fit_intercept=free)
                model.fit(x.reshape(len(x), -1), y[..., 0])
                x, y, *_ = batch(development, fold.validation, fold.center, fold.scale)
                group, _ = development.group_origin(fold.validation)
                unit = fold.scale[group, :1] / development.scale[group, :1]
                e = (model.predict(x.reshape(len(x), -1)) - y[..., 0]) * unit
                total += float((e**2 if measure == "mse" else abs(e)).sum())
            totals[lam, "" if free else "no intercept"] = total
    history = history_of(development, test)
    options = {"lambdas": lambdas, "intercept": "validated", "measure": measure}
    baseline = of_test("ridge", history, ridge=options)
    assert (baseline.lam, baseline.detail) == min(totals, key=lambda key: totals[key])
    one = of_test("ridge", history, ridge=options | {"intercept": "none"})
    assert one.detail == "no intercept"
    assert one.lam == min(lambdas, key=lambda lam: totals[lam, "no intercept"])


def test_ar_equals_statsmodels_at_every_origin() -> None:
    levels = waves(150, 2, SEASON)
    development, test = make(levels, ends=(90, 120), horizon=9)
    history = history_of(development, test)
    y_hat = of_test("ar", history).forecast(test.rows)
    series, origins = history.tested.origins(test.rows)
    for s in (0, 1):
        _, phi = coefficients(levels[:120, s], SEASON)
        fit = AutoReg(levels[:120, s], lags=len(phi), trend="c").fit()
        for n in np.nonzero(series[:, 0] == s)[0][::5]:
            known = levels[: origins[n] + 1, s]
            again = AutoReg(known, lags=len(phi), trend="c")
            expected = again.predict(fit.params, start=len(known), end=len(known) + 8)
            np.testing.assert_allclose(y_hat[n, :, 0], expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["ANN", "AAN", "ANA", "AAA", "MNN", "MAN", "MNM", "MAM", "MAA"])
@pytest.mark.parametrize("damped", [False, True])
def test_ets_recursion_equals_statsforecast(name: str, damped: bool) -> None:
    if damped and name[1] == "N":
        pytest.skip("a model without a trend has none to damp")
    line = waves(120, 1, SEASON)[:, 0]
    library = AutoETS(season_length=SEASON, model=name, damped=damped).fit(line[:90])
    model = exponential.from_library(library.model_)
    states = exponential.roll(model, line[90:])
    # statsforecast 2.0.3 adds φ + φ + φ² + … where the model says φ + φ² + …
    steps = 1 if damped else 8
    forecasts = exponential.project(model, states, np.arange(31), steps)
    for k in (0, 1, 7, 30):
        expected = library.forward(y=line[: 90 + k], h=steps)["mean"]
        np.testing.assert_allclose(forecasts[k], expected, rtol=1e-8)


def test_damped_trend_equals_statsmodels() -> None:
    line = waves(120, 1, SEASON)[:, 0] + np.arange(120)
    library = AutoETS(season_length=1, model="AAN", damped=True).fit(line[:90]).model_
    model = exponential.from_library(library)
    forecasts = exponential.project(model, exponential.roll(model, line[90:]), np.arange(31), 8)
    alpha, beta, _, phi, level, trend = library["par"]
    for k in (0, 7, 30):
        other = ETSModel(
            line[: 90 + k],
            trend="add",
            damped_trend=True,
            initialization_method="known",
            initial_level=level,
            initial_trend=trend,
        )
        expected = other.smooth([alpha, beta, phi]).forecast(8)
        np.testing.assert_allclose(forecasts[k], expected, rtol=1e-8)


def test_ets_moves_over_gaps_as_it_predicted() -> None:
    line = waves(90, 1, SEASON)[:, 0]
    model = exponential.from_library(AutoETS(season_length=SEASON, model="AAA").fit(line).model_)
    known = exponential.project(model, exponential.roll(model, np.zeros(0)), np.zeros(1, int), 9)
    gap = exponential.roll(model, np.full(4, np.nan))
    later = exponential.project(model, gap, np.array([4]), 5)
    np.testing.assert_allclose(later[0], known[0, 4:], rtol=1e-12)


def test_ets_with_a_long_season_keeps_its_profile() -> None:
    t = np.arange(400)
    levels = (20 + 5 * np.sin(2 * np.pi * t / 24) + 0.01 * np.cos(17 * t))[:, None]
    development, test = make(levels, ends=(250, 307), horizon=30, lookback=10)
    y_hat = of_test("auto_ets", history_of(development, test, 24)).forecast(test.rows)
    assert abs(y_hat - test.targets(test.rows)).max() < 0.2


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("channels", ["independent", "joint"])
def test_gaps_and_units(name: str, channels: str) -> None:
    development, test = make(gapped(), ends=(90, 120), channels=channels)
    y_hat = of_test(name, history_of(development, test)).forecast(test.rows)
    y = test.targets(test.rows)
    assert y_hat.shape == y.shape
    assert np.isfinite(y_hat).all()
    assert abs(y_hat - y).mean() < 20  # levels are 40 with swings of 10 and 20


@pytest.mark.parametrize("name", BASELINES)
def test_nothing_after_an_origin_changes_its_forecast(name: str) -> None:
    development, test = make(waves(150, 2), ends=(90, 120))
    history = history_of(development, test)
    _, origins = history.tested.origins(test.rows)
    rows = test.rows[origins <= 130]
    before = of_test(name, history).forecast(rows)
    values, levels = test.values.copy(), test.levels.copy()
    late = test.time[test.group_origin(np.arange(len(values)))[1]] > 130 * HOUR
    values[late] += 1000
    levels[late] += 1000
    changed = history_of(development, replace(test, values=values, levels=levels))
    np.testing.assert_array_equal(of_test(name, changed).forecast(rows), before)


def test_fit_ends_where_the_final_fold_ends() -> None:
    for final, end in (("train", 90), ("train_and_validation", 120)):
        development, test = make(waves(150, 1), ends=(90, 120), final=final)
        history = history_of(development, test)
        assert history.tested.fit_end == end
        assert np.isfinite(of_test("auto_ets", history).forecast(test.rows)).all()
        np.testing.assert_array_equal(history.lines[0], waves(150, 1)[:, 0])
