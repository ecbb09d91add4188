"""Forecasts of the validation windows: by the fold's networks, and by baselines that know nothing later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.artifacts import forecasts, scores
from stages.artifacts.scores import ENSEMBLE
from stages.artifacts.windows import Windows
from stages.evaluate import stage
from stages.evaluate.baselines import exponential, ridge
from stages.evaluate.baselines.part import AbsentError
from stages.evaluate.baselines.table import BASELINES
from stages.evaluate.params import EvaluateParams
from tests.evaluate.test_stage import SEASON, synthetic_fit
from tests.oracles import ridge as oracle
from tests.oracles.windows import batch
from tests.support.damped_study import LAMBDAS, damped, damping
from tests.support.damped_study import waves as daily
from tests.support.evaluate_windows import history_of, make, of_test, waves
from tests.support.scores import load_losses

FITTED_BY_SERIES = ("repeat_last", "seasonal_repeat", "ar", "auto_ets")
BEGINS, END = (90, 105), 120  # of the folds' validation blocks


def gapped() -> np.ndarray:
    levels = waves(150, 2, SEASON)
    levels[[70, 71, 97, 110, 130], 0] = np.nan
    return levels


def by_part(name: str, windows: tuple[Windows, Windows], **params: object) -> list[np.ndarray]:
    """A baseline's forecasts of each fold's validation windows."""
    history = history_of(*windows)
    make_part = BASELINES[name](history, EvaluateParams.model_validate(params))
    return [make_part(part).forecast(part.rows) for part in history.validation]


@pytest.mark.parametrize("name", FITTED_BY_SERIES)
@pytest.mark.parametrize("channels", ["independent", "joint"])
def test_a_fold_is_forecast_as_the_test_part_of_a_study_that_ends_with_it(
    name: str, channels: str
) -> None:
    levels = gapped()
    by_fold = by_part(name, make(levels, ends=(BEGINS[0], END), channels=channels))
    for y_hat, begin, end in zip(by_fold, BEGINS, (BEGINS[1], END), strict=True):
        alone = make(levels[:end], ends=(begin - 10, begin), channels=channels)
        expected = of_test(name, history_of(*alone)).forecast(alone[1].rows)
        np.testing.assert_array_equal(y_hat, expected)


def test_ridge_of_a_fold_is_fitted_on_its_training_part(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = make(gapped(), ends=(BEGINS[0], END), normalise="instance")
    lam = of_test("ridge", history_of(*windows)).lam
    by_fold, development = by_part("ridge", windows), windows[0]
    for y_hat, fold in zip(by_fold, development.folds, strict=False):
        model = oracle.ridge(lam, development, fold)
        x, _, shift, spread = batch(development, fold.validation, fold.center, fold.scale)
        scaled = model.predict(x.reshape(len(x), -1)) * spread + shift
        group, _ = development.group_origin(fold.validation)
        expected = scaled * fold.scale[group, :1] + fold.center[group, :1]
        np.testing.assert_allclose(y_hat[..., 0], expected, rtol=1e-6)
    monkeypatch.setattr(ridge, "KEPT", 0)  # fitted again, to the same bits
    for again, y_hat in zip(by_part("ridge", windows), by_fold, strict=True):
        np.testing.assert_array_equal(again, y_hat)


@pytest.mark.parametrize("name", BASELINES)
def test_no_later_value_reaches_a_forecast(name: str) -> None:
    """The first windows of a fold stay as they are whatever comes, in whichever file."""
    one = {"ridge": {"lambdas": (10.0,)}}  # λ is chosen for all folds
    levels = waves(150, 2, SEASON)
    before = by_part(name, make(levels, ends=(BEGINS[0], END)), **one)
    for k, begin in enumerate(BEGINS):
        changed = levels.copy()
        changed[begin:] = 1000 - 3 * changed[begin:]
        windows = make(changed, ends=(BEGINS[0], END))
        _, origins = windows[0].group_origin(windows[0].folds[k].validation)
        first = origins == begin - 1
        np.testing.assert_array_equal(by_part(name, windows, **one)[k][first], before[k][first])


def test_what_comes_after_a_fold_makes_no_baseline_impossible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A multiplied season can't follow a level of 0, which stands in the second block alone."""
    model = exponential.Smoother(1.0, 0, 0.5, 1, True, 1.0, 0, np.ones(1), np.zeros(1))
    monkeypatch.setattr(exponential, "smoother", lambda *_: model)
    levels = waves(150, 1, SEASON)
    levels[BEGINS[1] + 2] = 0
    history = history_of(*make(levels, ends=(BEGINS[0], END)))
    first, second = history.validation
    assert np.isfinite(exponential.auto_ets(first).forecast(first.rows)).all()
    with pytest.raises(AbsentError, match="met a level of 0"):
        exponential.auto_ets(second)


def run(windows: tuple[Windows, Windows], folder: Path, **params: object) -> Path:
    values = {"season": SEASON, "baselines": FITTED_BY_SERIES, **params}
    settings = EvaluateParams.model_validate(values)
    fits = [synthetic_fit(windows[0], "rnn")]
    stage.run(*windows, fits, settings, folder / "forecasts", folder / "scores")
    return folder


def test_the_test_part_changes_no_validation_forecast(tmp_path: Path) -> None:
    windows = make(gapped(), ends=(BEGINS[0], END))
    names = (*FITTED_BY_SERIES, "ridge")
    first = run(windows, tmp_path / "first", baselines=names)
    test = windows[1]
    late = test.group_origin(np.arange(len(test.values)))[1] + test.offset >= END
    shift = np.where(late[:, None], 50.0, 0.0)
    other = replace(test, values=test.values + shift, levels=test.levels + shift)
    second = run((windows[0], other), tmp_path / "second", baselines=names)
    files = [*first.glob("forecasts/validation/*"), *first.glob("scores/validation_*")]
    assert len(files) == 4
    for path in files:
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes()
    for name in ("rnn", "baselines"):
        old, new = (forecasts.load(part / "forecasts", name)["y_hat"] for part in (first, second))
        assert not old.equals(new)


@pytest.mark.parametrize("channels", ["independent", "joint"])
def test_losses_are_those_of_the_forecasts_in_the_unit_of_the_test_part(
    channels: str, tmp_path: Path
) -> None:
    """A series that the split's training part does not admit is forecast by a later fold, and not ranked."""
    levels = np.concatenate([waves(150, 2, SEASON), waves(150, 3, SEASON)[:, 2:]], 1)
    if channels == "independent":
        levels[:78, 2] = np.nan
    windows = make(levels, ends=(BEGINS[0], END), channels=channels)
    folder = run(windows, tmp_path)
    sigma = dict(zip(windows[0].layout.series, levels[: BEGINS[0]].std(0), strict=True))
    for name in ("rnn", "baselines"):
        rows = forecasts.load(folder / "forecasts/validation", name)
        assert list(rows.columns[-2:]) == ["fold", "y_hat"]
        rows = rows.astype(dict.fromkeys(["cell", "unique_id", "fold"], str)).fillna({"lam": -1.0})
        e = (rows["y_hat"] - rows["y"]) / rows["unique_id"].map(sigma)
        rows["mse"], rows["mae"] = e**2, abs(e)
        if channels == "joint":
            rows["unique_id"] = ""
        keys = ["cell", "lam", "seed", "fold", "unique_id", "cutoff"]
        expected = rows.groupby(keys)[["mse", "mae"]].mean()
        losses = load_losses(folder / "scores", name, "validation")
        assert list(losses.columns) == [*keys, "mse", "mae"]
        losses = losses.fillna({"lam": -1.0}).set_index(keys)
        late = expected.index[expected.index.get_level_values("unique_id") == "s2"]
        only = {"fold1"} if channels == "independent" else set()
        assert set(late.get_level_values("fold")) == only
        expected = expected.drop(index=late)
        assert set(expected.index.get_level_values("fold")) == {"fold0", "fold1"}
        pd.testing.assert_frame_equal(losses.sort_index(), expected.sort_index(), rtol=1e-9)


@pytest.mark.parametrize("difference", [0, 1])
@pytest.mark.parametrize("scaler", ["standard", "minmax"])
def test_networks_forecast_their_fold_with_its_scaler(
    difference: int, scaler: str, tmp_path: Path
) -> None:
    """Each network repeats the last (difference of) value, damped towards its fold's centre."""
    frame = daily()
    study = damped(tmp_path, frame, {"difference": difference, "scaler": scaler}, forecasts="all")
    levels, names = frame.drop(columns="ds"), study.windows.layout.series
    values = levels.diff() if difference else levels
    days = pd.to_datetime(frame["ds"])
    rows = forecasts.load(study.paths["forecasts"] / forecasts.VALIDATION, "rnn")
    rows = rows.astype({"unique_id": str, "fold": str})
    t, ahead = (
        days.searchsorted(rows["cutoff"]),
        (rows["ds"] - rows["cutoff"]).dt.days.to_numpy(),
    )
    series = levels.columns.get_indexer(pd.Index(rows["unique_id"]))
    np.testing.assert_array_equal(rows["y"], levels.to_numpy()[t + ahead, series])
    share = damping()[np.searchsorted(LAMBDAS, rows["lam"]), rows["seed"].clip(lower=0)]
    share = np.where(
        rows["seed"] == ENSEMBLE,
        damping().mean(1)[np.searchsorted(LAMBDAS, rows["lam"])],
        share,
    )
    center = {fold.name: fold.center[:, 0] for fold in study.windows.folds}
    group = [names.index(name) for name in rows["unique_id"]]
    c = np.array([center[f][g] for f, g in zip(rows["fold"], group, strict=True)])
    last = c + share * (values.to_numpy()[t, series] - c)
    expected = levels.to_numpy()[t, series] + ahead * last if difference else last
    np.testing.assert_allclose(rows["y_hat"], expected, rtol=1e-5)
    windows = sum(len(fold.validation) for fold in study.windows.folds)
    assert len(rows) == windows * 2 * len(LAMBDAS) * 3  # steps, λ's, seeds and their mean


@pytest.mark.parametrize("difference", [0, 1])
@pytest.mark.parametrize(("name", "transform"), [("log1p", np.log1p), ("sqrt", np.sqrt)])
def test_a_study_of_a_transform_is_that_of_a_file_of_transformed_values(
    name: str, transform: Any, difference: int, tmp_path: Path
) -> None:
    """Networks and ridge forecast the same up to undoing; λ's losses are equal; all else is of levels."""
    frame = daily()
    other = frame.set_index("ds").transform(transform).reset_index()
    rules = {"difference": difference}
    study = damped(tmp_path / "study", frame, {"transform": name, **rules})
    like = damped(tmp_path / "like", other, rules)
    plain = damped(tmp_path / "plain", frame, rules)
    for cell, known in zip(study.study.cells, like.study.cells, strict=True):
        np.testing.assert_allclose(cell.path.loss, known.path.loss, rtol=1e-9)
    for folder in (".", forecasts.VALIDATION):
        rows, same, levels = (
            forecasts.load(one.paths["forecasts"] / folder, "baselines")
            for one in (study, like, plain)
        )
        np.testing.assert_array_equal(rows["y"], levels["y"])
        ridge = (rows["cell"] == "ridge").to_numpy()
        assert ridge.any()
        np.testing.assert_allclose(transform(rows["y_hat"][ridge]), same["y_hat"][ridge], rtol=1e-9)
        np.testing.assert_array_equal(rows["y_hat"][~ridge], levels["y_hat"][~ridge])
        rows, same = (
            forecasts.load(one.paths["forecasts"] / folder, "rnn") for one in (study, like)
        )
        seeds = (rows["seed"] >= 0).to_numpy()
        np.testing.assert_allclose(transform(rows["y_hat"][seeds]), same["y_hat"][seeds], rtol=1e-6)


def test_a_baseline_that_some_fold_lacks_keeps_its_test_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    windows = make(waves(150, 2, SEASON), ends=(BEGINS[0], END))
    run(windows, tmp_path, season=95, metrics=["mse"], baselines=["seasonal_repeat", "ar"])
    index = scores.load_index(tmp_path / "scores")
    reason = (
        "in fold0: a season of 95 steps is longer than the 90 steps before the first validation "
        "window (series 's0')"
    )
    assert index.unvalidated == {"seasonal_repeat": reason}
    assert index.absent == {}
    assert index.baselines == ["seasonal_repeat", "ar"]
    stderr = capsys.readouterr().err
    assert stderr == f"evaluate: no validation errors of seasonal_repeat: {reason}\n"
    for part, names in (("losses", {"seasonal_repeat", "ar"}), ("validation", {"ar"})):
        assert set(load_losses(tmp_path / "scores", "baselines", part)["cell"]) == names
    written = forecasts.load(tmp_path / "forecasts/validation", "baselines")
    assert set(written["cell"]) == {"ar"}
    assert set(written["fold"]) == {"fold0", "fold1"}


def test_a_network_that_diverged_in_a_fold_is_named_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    windows = make(waves(150, 2, SEASON), ends=(BEGINS[0], END))
    fit = synthetic_fit(windows[0], "rnn")
    fit.weights[1, 0, 1] = np.inf
    params = EvaluateParams(season=SEASON, baselines=())
    stage.run(*windows, [fit], params, tmp_path / "forecasts", tmp_path / "scores")
    stderr = capsys.readouterr().err
    assert stderr.startswith("evaluate: rnn at λ = 0 (seed 1, fold1) forecasts values that are not")
    assert len(stderr.splitlines()) == 1
    losses = load_losses(tmp_path / "scores", "rnn", "validation")
    lost = losses[~np.isfinite(losses["mse"])]
    assert set(zip(lost["fold"], lost["lam"], lost["seed"], strict=True)) == {
        ("fold1", 0.0, 1),
        ("fold1", 0.0, ENSEMBLE),
    }
