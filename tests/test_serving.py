"""The chosen model as a model that one can use: forecasts from a table, its refusals, the command."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace

import numpy as np
import pandas as pd
import pytest

from stages.artifacts.fits import Fit
from stages.artifacts.series import Series
from stages.networks.forecast import forecast
from stages.serving import __main__ as command
from stages.serving.chosen import Chosen
from stages.serving.picture import draw
from stages.serving.table import TableError
from stages.train.params import TrainParams
from stages.train.study import recipe_for
from stages.window.params import WindowParams
from stages.window.run import make_windows

L, H, T, SEEDS = 8, 3, 60, 3
TRAIN = {
    "cells": ["gru"], "hidden": 4, "penalty": {"kind": "l2", "lambdas": [0, 1]}, "seeds": SEEDS, "epochs": 1,
    "batch_size": 8, "optimizer": "adam", "learning_rate": 0.01, "schedule": "constant",
}  # fmt: skip


def series(covariates: tuple[str, ...] = (), *, integers: bool = False) -> Series:
    """Two series on one grid, of different levels."""
    rng = np.random.default_rng(3)
    months = pd.date_range("2001-01-31", periods=T, freq="ME", unit="us")
    time = np.arange(0, 2 * T, 2) if integers else months
    frames = [
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": time,
                "y": level + rng.normal(size=T).cumsum(),
                **{c: rng.normal(size=T) for c in covariates},
            }
        )
        for name, level in (("shop", 50.0), ("web", 400.0))
    ]
    summary = {
        "frequency": "2" if integers else "ME",
        "time": "integer" if integers else "datetime",
        "covariates": list(covariates),
        "shared_covariates": False,
        "series": [{"unique_id": name} for name in ("shop", "web")],
    }
    return Series(pd.concat(frames, ignore_index=True), summary)


def model(own: Series, **changes) -> tuple[Chosen, np.ndarray, pd.Index]:
    """A network with weights drawn at random, its forecasts (S, series, H) of the last test window, and the
    times that this window may see."""
    params = WindowParams(
        lookback=L, horizon=H, split={"validation": 12, "test": 15}, folds=1, **changes
    )
    development, test = make_windows(own, params, season=12)
    recipe = recipe_for("gru", TrainParams.model_validate(TRAIN), development)
    n, final = recipe.network.parameters, development.folds[-1]
    weights = np.random.default_rng(5).normal(0, 0.4, (1, SEEDS, n)).astype(np.float32)
    config = {"network": asdict(recipe.network)}
    values = {field.name: np.empty(0) for field in fields(Fit)}
    values |= {
        "cell": "gru",
        "config": config,
        "lambdas": (1.0,),
        "seeds": SEEDS,
        "weights": weights,
    }
    fit = Fit(**values)
    _, origins = test.group_origin(test.rows)
    rows = test.rows[origins == origins.max()]
    _, _, shift, spread = test.batch(rows, final.center, final.scale)
    raw = forecast(fit, test, rows, final.center, final.scale)[0]
    y = test.undo(rows, raw, final.center, final.scale, shift, spread)  # (S, N, H, C)
    meta = {"cell": "gru", "lam": 1.0, "m": 1, "config": config, "layout": asdict(test.layout)}
    meta = json.loads(json.dumps(meta))  # as it comes back from the file
    chosen = Chosen(weights[0], np.asarray(final.center), np.asarray(final.scale), meta)
    wanted = np.moveaxis(y, -1, 2).reshape(SEEDS, 2, H)
    return chosen, wanted, own.frame["ds"][:T].iloc[: T - H]


@pytest.mark.parametrize(
    ("changes", "covariates", "integers"),
    [
        ({}, (), False),
        ({"channels": "joint", "normalise": "last"}, (), False),
        ({"difference": "seasonal", "normalise": "instance"}, (), False),
        ({"difference": 1, "channels": "joint"}, ("rain", "sun"), False),
        ({"scaler": "minmax"}, ("rain",), True),
    ],
)
def test_forecasts_are_those_of_the_test_part(changes, covariates, integers):
    """Given what a test window saw, the model says what the pipeline forecast there, in the data's units."""
    own = series(covariates, integers=integers)
    chosen, wanted, past = model(own, **changes)
    table = own.frame[own.frame["ds"].isin(past)]
    shuffled = table.sample(frac=1, random_state=0)
    found = chosen.forecast(shuffled)
    by_name = found.set_index("unique_id")
    for g, name in enumerate(("shop", "web")):
        rows = by_name.loc[name]
        np.testing.assert_allclose(rows["y_hat"], wanted[:, g].mean(0), rtol=1e-6)
        np.testing.assert_allclose(rows["y_hat_spread"], wanted[:, g].std(0, ddof=1), rtol=1e-4)
        assert list(rows["ds"]) == list(own.frame["ds"].iloc[T - H : T])
    if chosen.layout["channels"] == "independent":
        alone = chosen.forecast(table[table["unique_id"] == "web"])
        np.testing.assert_array_equal(alone["y_hat"], by_name.loc["web", "y_hat"])


def change(table: pd.DataFrame, what: str) -> pd.DataFrame:
    last = table.index[-1]
    if what == "null":
        table.loc[last - 2, "y"] = np.nan
    elif what == "infinite":
        table.loc[last - 2, "y"] = np.inf
    elif what == "off":
        table.loc[last - 2, "ds"] += pd.Timedelta(days=3)
    return {
        "short": table.groupby("unique_id").tail(5),
        "gap": table.drop(last - 2),
        "end": table.drop(last),
        "name": table.rename(columns={"y": "value"}),
        "series": table.replace("web", "wep"),
        "twice": pd.concat([table, table.tail(1)]),
        "empty": table.head(0),
        "word": table.assign(y="high"),
        "time": table.assign(ds="someday"),
        "number": table.assign(ds=pd.to_datetime(2000 + np.arange(len(table)) % T)),
    }.get(what, table)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("short", "series 'shop' has 5 steps; a forecast looks back on 8: give at least those"),
        ("gap", "y of series 'web' at 2005-10-31 is missing; the last 8 steps must be there"),
        ("end", "y of series 'web' at 2005-12-31 is missing"),
        ("null", "y of series 'web' at 2005-10-31 is missing"),
        ("infinite", "y of web at 2005-10-31 is inf, no finite number"),
        ("word", "y of shop at 2001-01-31 is high, no finite number"),
        ("name", "column 'y' is missing; known: unique_id, ds, value; wanted: unique_id, ds, y"),
        ("series", "unique_id 'wep' is no series that the model was trained on; did you mean web?"),
        ("twice", "web has two rows at 2005-12-31; keep one, or aggregate them"),
        ("off", "2005-11-03 does not lie on the grid of the model's frequency = 'ME'"),
        ("empty", "the table has no rows"),
        ("number", "ds holds numbers, which a date column takes for nanoseconds since 1970"),
        ("time", "ds = 'someday' is no date; write dates such as 2024-01-31 13:00"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_forecast_from_is_refused_in_a_sentence(what, sentence):
    own = series()
    chosen, _, _ = model(own)
    with pytest.raises(TableError) as error:
        chosen.forecast(change(own.frame.copy(), what))
    assert sentence in str(error.value)
    assert "params" not in str(error.value)
    assert "prepare" not in str(error.value)


def test_an_old_gap_does_not_matter():
    own = series()
    chosen, _, _ = model(own)
    whole = chosen.forecast(own.frame)
    gappy = own.frame.drop(3)
    pd.testing.assert_frame_equal(chosen.forecast(gappy), whole)


def test_the_command_writes_a_table_and_a_picture(tmp_path, monkeypatch, capsys):
    from stages.artifacts import container

    own = series()
    own.save(tmp_path / "series")
    chosen, _, _ = model(own)
    arrays = {"weights": chosen.weights, "center": chosen.center, "scale": chosen.scale}
    container.save(tmp_path / "model.safetensors", arrays, chosen.meta)
    text = "window:\n  lookback: 8\n  horizon: 3\n  split: {validation: 12, test: 15}\n"
    (tmp_path / "params.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    flags = ["--model", "model.safetensors", "--series", "series", "--out", "out"]
    command.main(flags)
    written = pd.read_csv("out/forecast.csv")
    np.testing.assert_allclose(written["y_hat"], chosen.forecast(own.frame)["y_hat"])
    drawn = pd.read_csv("out/picture.csv").set_index("line")
    np.testing.assert_allclose(drawn.loc["forecast", "y"], written["y_hat"], rtol=1e-5)
    wanted = 2 * written["y_hat_spread"]
    np.testing.assert_allclose((drawn["high"] - drawn["low"]).dropna(), wanted, rtol=1e-3)
    assert list(drawn.loc["observed", "y"]) == pytest.approx(
        list(own.frame.groupby("unique_id").tail(2 * L)["y"]), rel=1e-5
    )
    picture = (tmp_path / "out/picture.svg").read_text(encoding="utf-8")
    assert ">shop</text>" in picture
    assert "± standard deviation over seeds" in picture
    assert "gru at λ = 1, 3 seeds" in capsys.readouterr().err
    own.frame.to_csv("mine.csv", index=False)
    command.main([*flags[:-1], "other", "--csv", "mine.csv"])
    assert (tmp_path / "other/forecast.csv").read_bytes() == (
        tmp_path / "out/forecast.csv"
    ).read_bytes()
    with pytest.raises(ValueError, match=r"nowhere\.csv is not there; name a CSV"):
        command.main([*flags, "--csv", "nowhere.csv"])
    with pytest.raises(ValueError, match="make a study first"):
        command.main(["--model", "nothing", *flags[2:]])
    gappy = own.frame.copy()
    gappy.loc[T - 1, "y"] = np.nan  # the last step of `shop`
    Series(gappy, own.summary).save(tmp_path / "series")
    with pytest.raises(TableError, match="at 2005-12-31 is missing"):
        command.main(flags)
    (tmp_path / "params.yaml").write_text(text + "  missing: forward\n")
    command.main(flags)


def test_the_picture_of_one_seed_shows_no_spread(tmp_path):
    own = series(integers=True)
    chosen, _, _ = model(own)
    one = replace(chosen, weights=chosen.weights[:1])
    draw(one, own.frame, one.forecast(own.frame), tmp_path)
    assert "forecast, mean over seeds" in (tmp_path / "picture.svg").read_text(encoding="utf-8")
    assert "deviation" not in (tmp_path / "picture.svg").read_text(encoding="utf-8")
    drawn = pd.read_csv(tmp_path / "picture.csv")
    assert drawn["low"].isna().all()
    assert drawn.loc[drawn["line"] == "forecast", "ds"].tolist() == 2 * [120, 122, 124]
