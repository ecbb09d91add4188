"""A small study's series and a model of it with weights drawn at random, for tests of serving."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.series import COVARIATE, Series
from stages.artifacts.windows import Windows
from stages.forecast.networks import forecast, network_of
from stages.networks.shape import Network
from stages.serving.input.table import column_of
from stages.serving.served import Served
from stages.window.params import WindowParams
from stages.window.stage import make_windows
from tests.oracles.windows import scaled

L, H, T, SEEDS = 8, 3, 60, 3
LEVELS = {"shop": 50.0, "web": 400.0}


def series(
    covariates: tuple[str, ...] = (),
    *,
    levels: dict[str, float] | None = None,
    times: pd.Index | None = None,
    calendar: dict[str, Any] | None = None,
    begins: dict[str, int] | None = None,
    ends: dict[str, int] | None = None,
    future: tuple[str, ...] = (),
) -> Series:
    """Series on one grid, months by default, of different levels and life spans (begins, ends: steps).

    future: those covariates, the last ones, that are known over the horizon.
    """
    rng = np.random.default_rng(3)
    if times is None:
        times = pd.date_range("2001-01-31", periods=T, freq="ME", unit="us")
        calendar = {"frequency": "ME", "time": "datetime"}
    frames = []
    for name, level in (levels or LEVELS).items():
        columns = {"y": level + rng.normal(size=len(times)).cumsum()}
        columns |= {COVARIATE + c: rng.normal(size=len(times)) for c in covariates}
        whole = pd.DataFrame({"unique_id": name, "ds": times, **columns})
        frames.append(whole.iloc[(begins or {}).get(name, 0) : (ends or {}).get(name, len(times))])
    summary = {
        "calendar": calendar,
        "covariates": list(covariates),
        "shared_covariates": False,
        "series": [{"unique_id": name} for name in levels or LEVELS],
        "left_out": {},
    } | ({"future": list(future)} if future else {})
    return Series(pd.concat(frames, ignore_index=True), summary)


def table_of(study: Series) -> pd.DataFrame:
    """The series as a user has them; a covariate called y is `covariate:y` there."""
    names = {COVARIATE + name: column_of(name) for name in study.summary["covariates"]}
    return study.frame.rename(columns=names)


def params(**changes: Any) -> WindowParams:
    rules: dict[str, Any] = {
        "lookback": L,
        "horizon": H,
        "split": {"validation": 12, "test": 15},
        "folds": 1,
    }
    return WindowParams(**rules | changes)


def model(
    study: Series, seeds: int = SEEDS, *, architecture: dict[str, Any] | None = None, **changes: Any
) -> tuple[Served, Windows]:
    """A model of the study's final fold, as its file gives it back, and the windows of the test part."""
    development, test = make_windows(study, params(**changes), season=12)
    layout, final = development.layout, development.folds[-1]
    channels = test.levels.shape[1]
    parts: dict[str, Any] = {"cell": "gru", "hidden": 4} | (architecture or {})
    network = Network(
        features=test.values.shape[1], outputs=H * channels, lookback=L, channels=channels,
        normalise=layout.normalise, future=layout.known, **parts,
    )  # fmt: skip
    drawn = np.random.default_rng(5).normal(0, 0.4, (seeds, network.parameters))
    served = Served(
        drawn.astype(np.float32), np.array(final.center), np.array(final.scale), cell=network.cell,
        lam=1.0, m=1, measure="mse", validation_loss=1.0, config={"network": asdict(network)},
        layout=layout, dates="",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        served.save(Path(folder) / "model.safetensors")
        return Served.load(Path(folder) / "model.safetensors"), test


def piped(chosen: Served, test: Windows) -> tuple[np.ndarray, np.ndarray]:
    """What the pipeline forecasts at the last origin of the test part, (S, series, H), and its stamp."""
    _, origins = test.group_origin(test.rows)
    rows = test.rows[origins == origins.max()]
    data = scaled(test, chosen.center, chosen.scale)
    y = forecast(network_of(chosen.config), chosen.weights, data, rows)  # (S, N, H, C)
    return np.moveaxis(y, -1, 2).reshape(len(y), -1, H), test.times(rows)[0][0]
