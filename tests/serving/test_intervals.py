"""Intervals of served forecasts: the columns, whose size they have, and what the picture shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.artifacts.intervals import Intervals, bound_names, tails
from stages.forecast.calibration import calibrated
from stages.serving import __main__ as command
from stages.serving.registry.register import _signature
from stages.serving.served import Served
from tests.serving.test_command import FLAGS, write
from tests.support.serving_model import H, model, series, table_of

LEVELS = (80.0, 95.0)
COLUMNS = ["y_hat-lo-80", "y_hat-hi-80", "y_hat-lo-95", "y_hat-hi-95"]


def with_intervals(chosen: Served, tmp_path: Path, transform: str = "none") -> Served:
    """The model with intervals of its first series alone, as its file gives it back."""
    rng, n = np.random.default_rng(1), len(chosen.layout.series)
    one = calibrated(
        transform, LEVELS, rng.normal(0.3, 2.0, size=(50, H)), np.zeros(50, np.int64),
        np.linspace(2.0, 3.0, n), 12.0,
    )  # fmt: skip
    replace(chosen, intervals=one).save(tmp_path / "model.safetensors")
    return Served.load(tmp_path / "model.safetensors")


@pytest.fixture
def chosen(tmp_path: Path) -> Served:
    return with_intervals(model(series())[0], tmp_path)


def expected(one: Intervals, rows: pd.DataFrame, size: float) -> np.ndarray:
    """The bounds (2 levels, H) of one series."""
    y_hat = rows["y_hat"].to_numpy()[None]
    taus = [tau for level in LEVELS for tau in tails(level)]
    return np.stack([one.at(tau, y_hat, np.array([size]))[0] for tau in taus])


def test_bounds_are_of_the_size_of_their_series(chosen: Served) -> None:
    answer, one = chosen.forecast(table_of(series())), chosen.intervals
    assert one is not None
    assert list(answer) == ["unique_id", "ds", "y_hat", *COLUMNS, "y_hat_spread", "note"]
    assert chosen.bounds == COLUMNS
    first, second = chosen.layout.series
    rows = answer[answer["unique_id"] == first]
    np.testing.assert_allclose(rows[COLUMNS].T, expected(one, rows, one.size[0]), rtol=1e-12)
    assert (rows["note"] == "").all()
    assert (np.diff(rows[["y_hat-lo-95", "y_hat-lo-80", "y_hat-hi-80", "y_hat-hi-95"]]) > 0).all()
    rows = answer[answer["unique_id"] == second]  # it has no residuals
    size = one.typical * chosen.scale[1, 0]
    np.testing.assert_allclose(rows[COLUMNS].T, expected(one, rows, size), rtol=1e-12)
    assert (rows["note"] == "interval from the errors of other series").all()


def test_an_unseen_series_has_intervals_by_its_scale(chosen: Served) -> None:
    table, one = table_of(series()), chosen.intervals
    assert one is not None
    first = chosen.layout.series[0]
    seen = table[table["unique_id"] == first]
    sent = pd.concat([seen, seen.assign(unique_id="new", y=100 * seen["y"])])
    answer = chosen.forecast(sent)
    known, new = (answer[answer["unique_id"] == name] for name in (first, "new"))
    width = known["y_hat-hi-95"] - known["y_hat-lo-95"]
    wide = (new["y_hat-hi-95"] - new["y_hat-lo-95"]).to_numpy()
    scale = 100 * seen["y"].std(ddof=0)
    unit = wide / (width.to_numpy() / one.size[0])
    np.testing.assert_allclose(unit, one.typical * scale, rtol=1e-6)
    assert new["note"].str.contains("scale from .* rows; interval from the errors of").all()


def test_a_refused_series_has_no_bounds(chosen: Served) -> None:
    table = table_of(series())
    second = chosen.layout.series[1]
    table.loc[table["unique_id"] == second, "y"] = np.nan
    answer = chosen.forecast(table)
    refused = answer[answer["unique_id"] == second]
    assert len(refused) == 1
    assert refused[[*COLUMNS, "y_hat"]].isna().all(axis=None)
    record = answer.to_dict("records")[-1]
    assert [record[name] for name in COLUMNS] == [None] * 4


def test_the_signature_names_the_bounds(chosen: Served) -> None:
    names = [column["name"] for column in _signature(chosen).outputs.to_dict()]
    assert names == ["unique_id", "ds", "y_hat", *COLUMNS, "y_hat_spread", "note"]
    plain = replace(chosen, intervals=None)
    assert plain.bounds == []
    assert list(plain.forecast(table_of(series()))) == [
        name for name in names if name not in COLUMNS
    ]


def test_the_picture_shows_the_widest_interval(
    chosen: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(series(), chosen, tmp_path)
    monkeypatch.chdir(tmp_path)
    command.main(FLAGS)
    written, drawn = pd.read_csv("out/forecast.csv"), pd.read_csv("out/picture.csv")
    ahead = drawn[drawn["line"] == "forecast"]
    for end, column in zip(("low", "high"), bound_names(95), strict=True):
        np.testing.assert_allclose(ahead[end], written[column], rtol=1e-4)
    assert "intervals of 80 and 95 %" in Path("out/picture.svg").read_text(encoding="utf-8")
