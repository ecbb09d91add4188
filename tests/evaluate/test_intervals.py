"""Prediction intervals through `evaluate`: from validation windows alone, and scored as libraries do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import norm
from sklearn.metrics import mean_pinball_loss
from utilsforecast import losses

from stages.artifacts import forecasts, intervals
from stages.artifacts.intervals import bound_names, tails
from stages.artifacts.scores import BASELINE, ENSEMBLE
from stages.artifacts.windows import Windows
from stages.artifacts.yardstick import yardstick
from stages.evaluate import stage
from stages.evaluate.intervals import Forecasts, IntervalScores
from stages.forecast.calibration import CRPS, calibrated, residuals
from tests.evaluate.test_stage import PARAMS, SEASON, synthetic_fit
from tests.support.evaluate_windows import make, waves

FILES = {("rnn", 0.0): "rnn", ("rnn", 2.0): "rnn", ("repeat_last", None): "baselines"}


def of_study(folder: Path, data: tuple[Windows, Windows]) -> Path:
    stage.run(
        *data, [synthetic_fit(data[0], "rnn")], PARAMS, folder / "forecasts", folder / "scores"
    )
    return folder


@pytest.fixture(scope="module", params=["independent", "joint"])
def study(request, tmp_path_factory) -> tuple[Path, tuple[Windows, Windows]]:
    data = make(waves(190, 2), ends=(90, 150), channels=request.param)
    return of_study(tmp_path_factory.mktemp("study"), data), data


def rows_of(folder: Path, name: tuple[str, float | None], part: str = "") -> pd.DataFrame:
    frame = forecasts.load(folder / "forecasts" / part, FILES[name])
    seed = BASELINE if name[1] is None else ENSEMBLE
    frame = frame[(frame["cell"] == name[0]) & (frame["seed"] == seed)]
    return frame if name[1] is None else frame[frame["lam"] == name[1]]


@pytest.mark.parametrize("name", FILES)
def test_they_are_of_validation_windows_and_for_what_comes_next_of_both_parts(study, name):
    folder, (development, test) = study
    validated = rows_of(folder, name, forecasts.VALIDATION)
    both = pd.concat([validated, rows_of(folder, name)])
    scale = development.folds[-1].scale[:, : test.levels.shape[1]].ravel()
    horizon = development.layout.horizon
    for part, (one, rows) in enumerate(
        zip(intervals.load(folder / "scores")[name], (validated, both), strict=True)
    ):
        errors = (rows["y"] - rows["y_hat"]).to_numpy().reshape(-1, horizon)
        series = [development.layout.series.index(s) for s in rows["unique_id"][::horizon]]
        origins = [rows.loc[rows["fold"] == f, "cutoff"].nunique() for f in ("fold0", "fold1")]
        if part:
            origins.append(rows.loc[rows["fold"].isna(), "cutoff"].nunique())
        assert one.horizons == pytest.approx(sum(origins) / horizon)
        expected = calibrated("none", (80, 95), errors, np.array(series), scale, one.horizons)
        assert expected is not None
        np.testing.assert_allclose(one.quantiles, expected.quantiles, rtol=1e-9)
        np.testing.assert_allclose(one.size, expected.size, rtol=1e-9)
        assert one.typical == pytest.approx(expected.typical)


def test_nothing_of_the_test_part_is_in_the_intervals_that_are_scored_on_it(tmp_path):
    levels = waves(190, 2)
    before = of_study(tmp_path / "one", make(levels, ends=(90, 150)))
    levels[150:] *= 3
    after = of_study(tmp_path / "two", make(levels, ends=(90, 150)))
    first, second = (intervals.load(folder / "scores") for folder in (before, after))
    for name in FILES:
        np.testing.assert_array_equal(first[name][0].quantiles, second[name][0].quantiles)
        np.testing.assert_array_equal(first[name][0].size, second[name][0].size)
        assert not np.array_equal(first[name][1].quantiles, second[name][1].quantiles)


@pytest.mark.parametrize("name", FILES)
def test_scores_are_those_of_libraries(study, name):
    folder, (development, test) = study
    frame, horizon = rows_of(folder, name), test.layout.horizon
    one = intervals.load(folder / "scores")[name][0]
    series = np.array([test.layout.series.index(s) for s in frame["unique_id"][::horizon]])
    y_hat = frame["y_hat"].to_numpy().reshape(-1, horizon)
    bound = {tau: one.at(tau, y_hat, one.size[series]).ravel() for tau in one.taus.tolist()}
    table = pd.DataFrame(
        {"unique_id": frame["unique_id"].astype(str), "ds": frame["ds"], "y": frame["y"]}
    )
    for level in (80.0, 95.0):
        for column, tau in zip(bound_names(level), tails(level), strict=True):
            table[column.replace("y_hat", "model")] = bound[tau]
    scored = pd.read_parquet(folder / "scores" / f"intervals_{FILES[name]}.parquet")
    seed = BASELINE if name[1] is None else ENSEMBLE
    scored = scored[(scored["cell"] == name[0]) & (scored["seed"] == seed)]
    scored = scored if name[1] is None else scored[scored["lam"] == name[1]]
    got = scored.set_index(["metric", "unique_id", "step"])["value"]
    y = table["y"].to_numpy()
    for level in (80, 95):
        by_series = losses.coverage(table, ["model"], level).set_index("unique_id")["model"]
        assert got[f"coverage-{level}", "", 0] == pytest.approx(by_series.mean())
        for s, value in by_series.items():
            assert got[f"coverage-{level}", s, 0] == pytest.approx(value)
        low, high = tails(level)
        inside = ((bound[low] <= y) & (y <= bound[high])).reshape(-1, horizon)
        width = (bound[high] - bound[low]).reshape(-1, horizon)
        pinball = [mean_pinball_loss(y, bound[tau], alpha=tau) for tau in (low, high)]
        assert got[f"pinball-{level}", "", 0] == pytest.approx(np.mean(pinball))
        for step in range(horizon):
            assert got[f"coverage-{level}", "", step + 1] == pytest.approx(inside[:, step].mean())
            assert got[f"width-{level}", "", step + 1] == pytest.approx(width[:, step].mean())
    crps = 2 * np.mean([mean_pinball_loss(y, bound[tau], alpha=tau) for tau in CRPS])
    assert got["crps", "", 0] == pytest.approx(crps)
    windows = pd.read_parquet(folder / "scores" / f"covered_{FILES[name]}.parquet")
    windows = windows[(windows["cell"] == name[0]) & (windows["seed"] == seed)]
    windows = windows if name[1] is None else windows[windows["lam"] == name[1]]
    np.testing.assert_allclose(windows["coverage-95"], inside.mean(1))
    sigma = yardstick(development, SEASON).sigma
    scaled = got["scaled_crps"].loc[pd.IndexSlice[list(test.layout.series), 0]]
    np.testing.assert_allclose(scaled * sigma, got["crps"].loc[scaled.index])


def test_crps_is_near_that_of_a_normal_forecast():
    """Gneiting & Raftery 2007: of N(0, 1) at y, y (2Φ(y) − 1) + 2φ(y) − 1/√π."""
    rng = np.random.default_rng(0)
    development, _ = make(waves(190, 1), ends=(90, 150))
    y = rng.normal(size=(4000, 1))
    one = calibrated(
        "none", (95.0,), rng.normal(size=(40_000, 1)), np.zeros(40_000, int), np.ones(1), 99
    )
    assert one is not None
    cutoff = pa.chunked_array([np.arange(4000)])
    part = Forecasts(np.zeros(4000, int), cutoff, y, 0 * y)
    scores = IntervalScores.of(one, part, yardstick(development, None))
    truth = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi)
    got = {metric: v for name, step, metric, v in scores.rows(("s0",)) if not (name or step)}
    assert got["crps"] == pytest.approx(truth.mean(), rel=0.06)  # 19 probabilities
    assert got["coverage-95"] == pytest.approx(0.95, abs=0.01)
    assert residuals("none", y, 0 * y) == pytest.approx(y)


def test_no_levels_give_no_intervals(tmp_path):
    data = make(waves(150, 1), ends=(90, 120))
    params = PARAMS.model_copy(update={"levels": ()})
    folders = tmp_path / "forecasts", tmp_path / "scores"
    stage.run(*data, [synthetic_fit(data[0], "rnn")], params, *folders)
    assert intervals.load(folders[1]) == {}
    assert not list(folders[1].glob("intervals_*.parquet"))
