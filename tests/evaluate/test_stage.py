"""The evaluate stage on a small synthetic study: every window, every member, the right numbers."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.artifacts import forecasts, scores
from stages.artifacts.calendar import Calendar
from stages.artifacts.fits import Fit
from stages.artifacts.scores import ENSEMBLE
from stages.artifacts.windows import Windows
from stages.evaluate import members, stage
from stages.evaluate.baselines.season import season_of
from stages.evaluate.params import EvaluateParams
from stages.forecast import networks
from stages.forecast.scaled import scaled
from stages.networks.kernels.evaluation import forecasts as kernel
from stages.networks.shape import GROUPS
from stages.params import ParameterError, check_section
from tests.support.evaluate_windows import HOUR, make, waves
from tests.support.scores import load_losses, load_scores
from tests.support.training import linear

SEASON = 6
COLUMNS = ["unique_id", "ds", "cutoff", "y", "cell", "lam", "seed", "y_hat"]
PARAMS = EvaluateParams(season=SEASON, baselines=("repeat_last", "ridge", "ar"), forecasts="all")


def synthetic_fit(
    windows: Windows, cell: str, lambdas: tuple[float, ...] = (0.0, 2.0), seeds: int = 2
) -> Fit:
    """A fit of linear networks that forecast a constant, whatever they see.

    It goes from −1 to 1 along λ and seed in the final fold, from −2 to 2 in the one before it, and so on. The
    validation losses are made up: the last λ has the lowest.
    """
    network, folds = linear(windows), windows.folds
    shape = (len(folds), len(lambdas), seeds)
    constants = np.linspace(-1, 1, len(lambdas) * seeds, dtype=np.float32).reshape(shape[1:])
    constants = constants * np.arange(len(folds), 0, -1, dtype=np.float32)[:, None, None]
    weights = constants[..., None] * (network.groups == GROUPS.index("bias")).astype(np.float32)
    curves = np.zeros((*shape, 1))
    level = np.arange(len(lambdas), 0.0, -1)[:, None, None]
    losses = {
        fold.name: level + np.zeros((*shape[1:], len(fold.validation))) for fold in folds[:-1]
    }
    return Fit(
        cell=cell, config={"network": asdict(network), "loss": "squared"}, lambdas=lambdas, seeds=seeds,
        folds=tuple(fold.name for fold in folds), m=tuple(fold.m for fold in folds),
        weights=weights, epochs=np.ones(shape, int), train_loss=curves, validation_loss=curves,
        gradient_norm=curves, clipped=curves, norms=np.zeros((*shape, 3)),
        zeros=np.zeros((*shape, 3)), spectral_radii=np.ones((*shape, 1, 1)),
        state_gradients=np.ones((*shape, 2, 1, 1)), train_losses={},
        window_losses={"mse": losses, "mae": losses}, stopped_epochs=0,
        stopped_weights=weights[0, 0, :0],
    )  # fmt: skip


@pytest.fixture(params=["independent", "joint"])
def data(request: pytest.FixtureRequest) -> tuple[Windows, Windows]:
    levels = waves(150, 2)
    levels[[125, 140], 0] = np.nan
    return make(levels, ends=(90, 120), channels=request.param)


@pytest.fixture
def written(
    data: tuple[Windows, Windows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Windows, Path]:
    monkeypatch.setattr(members, "BLOCK", 100)  # many blocks
    fits = [synthetic_fit(data[0], "rnn"), synthetic_fit(data[0], "gru", (0.0,), 1)]
    stage.run(*data, fits, PARAMS, tmp_path / "forecasts", tmp_path / "scores")
    return data[1], tmp_path


def test_forecasts_hold_every_window_of_every_member(written: tuple[Windows, Path]) -> None:
    test, folder = written
    frame = forecasts.load(folder / "forecasts", "rnn")
    assert list(frame.columns) == COLUMNS
    assert frame["ds"].dtype == "datetime64[us]"
    grouped = frame.groupby(["lam", "seed"], sort=False)
    assert list(grouped.groups) == [(0, 0), (0, 1), (0, ENSEMBLE), (2, 0), (2, 1), (2, ENSEMBLE)]
    y = test.targets(test.rows).transpose(0, 2, 1).ravel()
    names = np.array(test.layout.series)[test.series_of(test.rows)]
    for _, rows in grouped:
        np.testing.assert_array_equal(rows["y"], y)
        np.testing.assert_array_equal(rows["unique_id"], np.repeat(names.ravel(), 3))
        ahead = pd.to_timedelta(rows["ds"] - rows["cutoff"]) // pd.Timedelta("1h")
        np.testing.assert_array_equal(ahead, np.tile([1, 2, 3], len(y) // 3))
    cutoff = frame["cutoff"].astype("int64").to_numpy()[: len(y) : 3] // HOUR
    channels = test.levels.shape[1]
    origins = test.group_origin(test.rows)[1] + test.offset
    np.testing.assert_array_equal(cutoff, np.repeat(origins, channels))


def test_network_forecasts_are_in_the_units_of_the_data(
    data: tuple[Windows, Windows], written: tuple[Windows, Path]
) -> None:
    test, folder = written
    frame = forecasts.load(folder / "forecasts", "rnn", filters=[("lam", "==", 2.0)])
    fold = data[0].folds[-1]
    group, _ = test.group_origin(test.rows)
    last = test.levels[test.rows]  # normalise: last
    expected = last + 1.0 * fold.scale[group]  # the weight of the last member is 1
    expected = np.repeat(expected.ravel(), 3)
    y_hat = frame.loc[frame["seed"] == 1, "y_hat"]
    np.testing.assert_allclose(y_hat, expected, rtol=0, atol=2**-23 * fold.scale.max())


def test_every_network_sees_every_window_once_and_the_test_part_is_scaled_once(
    data: tuple[Windows, Windows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forecast_counts, scalings = Counter[tuple[bytes, int]](), []

    def counted(plan, ws, series, rows, w, *results):
        forecast_counts.update((weights.tobytes(), row) for weights in w for row in rows.tolist())
        return kernel(plan, ws, series, rows, w, *results)

    def recorded(values, *more):
        scalings.append(values)
        return scaled(values, *more)

    monkeypatch.setattr(networks, "forecasts", counted)
    monkeypatch.setattr(networks, "scaled", recorded)
    monkeypatch.setattr(members, "BLOCK", 100)
    fits = [synthetic_fit(data[0], "rnn"), synthetic_fit(data[0], "gru", (0.5,), 3)]
    for fit, start in zip(fits, (0, 10), strict=True):  # no two networks alike
        fit.weights[..., 0] += start + 100 * np.arange(len(fit.folds))[:, None, None]
    params = EvaluateParams(season=SEASON, baselines=(), forecasts="all")
    stage.run(*data, fits, params, tmp_path / "forecasts", tmp_path / "scores")
    assert set(forecast_counts.values()) == {1}
    validated = sum(len(fold.validation) for fold in data[0].folds)
    assert len(forecast_counts) == (4 + 3) * (len(data[1].rows) + validated)
    assert sum(values is data[1].values for values in scalings) == 1
    assert sum(values is data[0].values for values in scalings) == 2 * 2  # cells and folds


def test_the_ensemble_forecasts_the_mean_of_its_seeds(written: tuple[Windows, Path]) -> None:
    _, folder = written
    frame = forecasts.load(folder / "forecasts", "rnn")
    wide = {seed: part["y_hat"].to_numpy() for seed, part in frame.groupby("seed")}
    np.testing.assert_allclose(wide[ENSEMBLE], (wide[0] + wide[1]) / 2, rtol=1e-14)
    assert abs(wide[0] - wide[1]).max() > 1
    losses = load_losses(folder / "scores", "rnn").groupby(["lam", "seed"])["mse"].mean()
    for lam in (0.0, 2.0):  # the square of a mean is below the mean of squares
        assert losses[lam, ENSEMBLE] < (losses[lam, 0] + losses[lam, 1]) / 2
    alone = load_losses(folder / "scores", "gru")
    assert set(alone["seed"]) == {0}  # one seed has no ensemble


def test_forecasts_that_are_not_kept_change_nothing_else(
    data: tuple[Windows, Windows], tmp_path: Path
) -> None:
    """Of three λ's the middle one can't be chosen: only its ensemble's forecasts are written."""
    frames = {}
    for kept in ("all", "chosen", "ensembles"):
        folders, params = (tmp_path / kept / "forecasts", tmp_path / kept / "scores"), PARAMS
        params = PARAMS.model_copy(update={"forecasts": kept})
        stage.run(*data, [synthetic_fit(data[0], "rnn", (0.0, 2.0, 5.0))], params, *folders)
        frames[kept] = forecasts.load(folders[0], "rnn")
    every, chosen = frames["all"], frames["chosen"]
    left_out = (every["lam"] == 2.0) & (every["seed"] != ENSEMBLE)
    assert set(every.loc[left_out, "seed"]) == {0, 1}
    pd.testing.assert_frame_equal(chosen, every[~left_out].reset_index(drop=True))
    averaged = every[(every["lam"] != 2.0) & (every["seed"] == ENSEMBLE)].reset_index(drop=True)
    pd.testing.assert_frame_equal(frames["ensembles"], averaged)
    validated = load_losses(tmp_path / "chosen/scores", "rnn", "validation")
    assert set(zip(validated["fold"], validated["lam"], validated["seed"], strict=True)) == {
        (fold, lam, seed)
        for fold in ("fold0", "fold1")
        for lam in (0.0, 5.0)
        for seed in (0, 1, ENSEMBLE)
    }
    more = {
        "validation_rnn.parquet",
        "intervals_rnn.parquet",
        "covered_rnn.parquet",
        "intervals.safetensors",
    }
    for path in (tmp_path / "all" / "scores").iterdir():
        if path.name in more:  # of more λ's
            continue
        for kept in ("chosen", "ensembles"):
            assert path.read_bytes() == (tmp_path / kept / "scores" / path.name).read_bytes()
    with pytest.raises(ValueError, match=r"no forecast of rnn has lam == 2\.0 and .* to all"):
        forecasts.load(
            tmp_path / "chosen" / "forecasts",
            "rnn",
            filters=[("lam", "==", 2.0), ("seed", "==", 0)],
        )


@pytest.mark.parametrize("name", ["rnn", "baselines"])
def test_scores_are_those_of_the_forecasts(
    name: str, data: tuple[Windows, Windows], written: tuple[Windows, Path]
) -> None:
    test, folder = written
    frame = forecasts.load(folder / "forecasts", name).astype({"cell": "str", "unique_id": "str"})
    scored = load_scores(folder / "scores", name)
    assert list(scored.columns) == ["cell", "lam", "seed", "unique_id", "step", "metric", "value"]
    levels = waves(150, 2)[:90].T
    sigma = pd.Series(levels.std(1), test.layout.series)
    naive = pd.Series(abs(levels[:, SEASON:] - levels[:, :-SEASON]).mean(1), test.layout.series)
    e = frame["y_hat"] - frame["y"]
    frame["step"] = pd.to_timedelta(frame["ds"] - frame["cutoff"]) // pd.Timedelta("1h")
    frame["mse"], frame["mae"] = e**2, abs(e)
    frame["mase"] = abs(e) / frame["unique_id"].map(naive)
    frame["scaled_mse"] = (e / frame["unique_id"].map(sigma)) ** 2
    frame["scaled_mae"] = abs(e) / frame["unique_id"].map(sigma)
    frame["smape"] = abs(e) / (abs(frame["y"]) + abs(frame["y_hat"]))
    table = scored.set_index(["cell", "seed", "unique_id", "step", "metric"])["value"]
    lams = scored["lam"].fillna(-1)
    for (cell, seed, lam), part in frame.groupby(["cell", "seed", frame["lam"].fillna(-1)]):
        values = table[(lams == lam).to_numpy()]
        assert values.index.is_unique
        score = values.to_dict()
        for metric in ("mse", "mae", "mase", "smape", "scaled_mse", "scaled_mae"):
            assert score[cell, seed, "", 0, metric] == pytest.approx(part[metric].mean(), rel=1e-9)
            for step, value in part.groupby("step")[metric].mean().items():
                assert score[cell, seed, "", step, metric] == pytest.approx(value, rel=1e-9)
            for series, value in part.groupby("unique_id")[metric].mean().items():
                assert score[cell, seed, series, 0, metric] == pytest.approx(value, rel=1e-9)
        rmse = np.sqrt(score[cell, seed, "", 0, "mse"])
        assert score[cell, seed, "", 0, "rmse"] == pytest.approx(rmse, rel=1e-12)


def test_losses_by_window_average_to_the_score(written: tuple[Windows, Path]) -> None:
    test, folder = written
    for name in ("rnn", "gru", "baselines"):
        losses = load_losses(folder / "scores", name)
        assert list(losses.columns) == ["cell", "lam", "seed", "unique_id", "cutoff", "mse", "mae"]
        scored = load_scores(folder / "scores", name)
        overall = scored[(scored.step == 0) & (scored.unique_id == "")].set_index("metric")["value"]
        groups = losses.groupby(["cell", "lam", "seed"], sort=False, dropna=False)
        for measure in ("mse", "mae"):
            wanted = overall[f"scaled_{measure}"]
            np.testing.assert_allclose(groups[measure].mean(), wanted, rtol=1e-12)
        assert (groups.size() == len(test.rows)).all()
        joint = test.layout.channels == "joint"
        assert set(losses["unique_id"]) == ({""} if joint else {"s0", "s1"})


def test_baselines_say_their_lambda_and_come_in_order(written: tuple[Windows, Path]) -> None:
    _, folder = written
    index = scores.load_index(folder / "scores")
    assert index == scores.Index(["rnn", "gru"], ["repeat_last", "ridge", "ar"])
    scored = load_scores(folder / "scores", "baselines").drop_duplicates("cell")
    assert scored["cell"].tolist() == ["repeat_last", "ridge", "ar"]
    assert scored["lam"].notna().tolist() == [False, True, False]
    assert (scored["seed"] == -1).all()


@pytest.mark.parametrize("keep", ["all", "chosen"])
def test_the_mean_with_ridge_is_the_mean_of_both_forecasts(
    data: tuple[Windows, Windows], tmp_path: Path, keep: str
) -> None:
    params = EvaluateParams.model_validate(
        {"season": SEASON, "baselines": ("ridge",), "forecasts": keep, "mean": True}
    )
    fit, folder = synthetic_fit(data[0], "rnn"), tmp_path / "forecasts"
    stage.run(*data, [fit], params, folder, tmp_path / "scores")
    assert scores.load_index(tmp_path / "scores").means == ["rnn"]
    for part, fold in ((folder, ()), (folder / forecasts.VALIDATION, ("fold",))):
        window = ["unique_id", "cutoff", "ds", *fold]
        both = forecasts.load(part, "rnn+ridge").set_index(["lam", "seed", *window])["y_hat"]
        network = forecasts.load(part, "rnn").set_index(["lam", "seed", *window])["y_hat"]
        ridge = forecasts.load(part, "baselines").set_index(window)["y_hat"]
        expected = (
            network
            + ridge.reindex(network.reset_index(["lam", "seed"], drop=True).index).to_numpy()
        ) / 2
        assert both.index.equals(network.index)
        np.testing.assert_allclose(both, expected, rtol=1e-12)
    scored = load_scores(tmp_path / "scores", "rnn+ridge")
    one = scored[(scored.step == 0) & (scored.unique_id == "") & (scored.metric == "mse")]
    frame = forecasts.load(folder, "rnn+ridge")
    errors = ((frame["y_hat"] - frame["y"]) ** 2).groupby([frame["lam"], frame["seed"]]).mean()
    np.testing.assert_allclose(
        one.set_index(["lam", "seed"])["value"].reindex(errors.index), errors
    )


def test_bytes_depend_on_the_inputs_alone(data: tuple[Windows, Windows], tmp_path: Path) -> None:
    params = EvaluateParams(season=SEASON)
    digests = []
    for name in ("first", "second"):
        folders = (tmp_path / name / "forecasts", tmp_path / name / "scores")
        stage.run(*data, [synthetic_fit(data[0], "rnn")], params, *folders)
        files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
        digests.append([(p.name, hashlib.sha256(p.read_bytes()).hexdigest()) for p in files])
    assert digests[0] == digests[1]
    assert len(digests[0]) == 18


def test_a_member_that_diverged_spoils_no_other(
    data: tuple[Windows, Windows], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit = synthetic_fit(data[0], "rnn")
    fit.weights[-1, 0, 0], fit.weights[-1, 0, 1] = -np.inf, np.inf
    params = EvaluateParams(season=SEASON, baselines=())
    stage.run(*data, [fit], params, tmp_path / "forecasts", tmp_path / "scores")
    scored = load_scores(tmp_path / "scores", "rnn").set_index(["lam", "seed"])
    assert not np.isfinite(scored.xs(0.0, level="lam")["value"]).any()
    assert np.isfinite(scored.xs(2.0, level="lam")["value"]).all()
    stderr = capsys.readouterr().err
    assert "rnn at λ = 0 (seed 0)" in stderr
    assert len(stderr.splitlines()) == 2  # of the two seeds, not of their ensemble too
    assert load_scores(tmp_path / "scores", "baselines").empty


def test_season_is_asked_for_where_nothing_tells_it(data: tuple[Windows, Windows]) -> None:
    calendar = data[1].layout.calendar
    assert season_of(EvaluateParams(), calendar) == 24
    assert season_of(EvaluateParams(season=7), calendar) == 7
    yearly = Calendar("YS", "datetime")
    with pytest.raises(ParameterError, match=r"evaluate\.season .* seasonal_repeat and mase .*11"):
        season_of(EvaluateParams(), yearly)
    alone = EvaluateParams(metrics=("mse",), baselines=("ar", "auto_ets"))
    assert season_of(alone, yearly) is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"season": 0}, "evaluate.season = 0"),
        ({"season": True}, "evaluate.season = true"),
        ({"metrics": ["mse", "mpe"]}, "mpe"),
        ({"metrics": ["mse", "mse"]}, "each name may appear once"),
        ({"baselines": ["ets"]}, "auto_ets"),
        ({"seasons": 3}, "season"),
        ({"forecasts": "some"}, "chosen"),
    ],
)
def test_bad_parameters_are_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError) as caught:
        check_section("evaluate", values, EvaluateParams)
    assert words in str(caught.value)
