"""Studies of networks that need no training: each repeats the last value, damped by its one weight.

All else is the real thing: a CSV goes through `prepare`, `window`, `evaluate` and `report`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.fits import Fit, save_fits
from stages.artifacts.series import Series
from stages.artifacts.windows import Windows
from stages.evaluate import stage
from stages.evaluate.params import EvaluateParams
from stages.networks.shape import Network
from stages.prepare.params import PrepareParams
from stages.prepare.stage import prepare
from stages.report.params import ReportParams
from stages.report.study import Study, load_study
from stages.window.params import WindowParams
from stages.window.stage import make_windows
from tests.oracles.windows import batch
from tests.support.training import linear

LAMBDAS, SEEDS, EPOCHS = (0.0, 0.1, 1.0, 10.0), 2, 5
WINDOW: dict[str, Any] = {
    "lookback": 8,
    "horizon": 2,
    "missing": "drop",
    "folds": 2,
    "split": {"validation": 40, "test": 60},
}
BASELINES = ("repeat_last", "seasonal_repeat", "ridge")
STEPS = 200


def waves(steps: int = STEPS, seed: int = 0) -> pd.DataFrame:
    """Three daily series, the columns of a wide file: a stable autoregression with a week."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(steps, 3))
    for t in range(1, steps):
        noise[t] += 0.6 * noise[t - 1]
    week = np.sin(2 * np.pi * np.arange(steps) / 7)[:, None] * np.array([0.5, 1.0, 1.5])
    frame = pd.DataFrame(20 + noise + week, columns=["north", "south", "west"])
    frame.insert(0, "ds", pd.date_range("2024-01-01", periods=steps).strftime("%Y-%m-%d"))
    return frame


def damping() -> np.ndarray:
    """(Λ, S): what each network multiplies the last value by."""
    shares = 0.95 / (1 + 0.4 * np.array(LAMBDAS))[:, None]
    return np.asarray((shares * (1 + 0.02 * np.arange(SEEDS))).astype(np.float32))


def weights(network: Network) -> np.ndarray:
    """(Λ, S, n) float32 of linear networks: every step is the channel's last value times the damping."""
    matrix = np.zeros((network.outputs, 1 + network.step_inputs), np.float32)  # on [1 | the window]
    channel = np.arange(network.outputs) % network.channels
    matrix[np.arange(network.outputs), channel - network.features] = 1
    return damping()[..., None] * matrix.ravel()


def fit_of(windows: Windows) -> Fit:
    """The fit that training would leave."""
    folds = windows.folds
    shape = (len(folds), len(LAMBDAS), SEEDS)
    curve = np.broadcast_to(1 + np.exp(-np.arange(EPOCHS)), (*shape, EPOCHS)).copy()
    network, squared, absolute = linear(windows), {}, {}
    for fold in folds[:-1]:
        x, y, *_ = batch(windows, fold.validation, fold.center, fold.scale)
        last = x[:, -1, : y.shape[2]]
        error = damping()[:, :, None, None, None] * last[None, None, :, None] - y
        squared[fold.name] = np.square(error).mean(axis=(3, 4))
        absolute[fold.name] = np.abs(error).mean(axis=(3, 4))
    return Fit(
        cell="rnn",
        config={
            "cell": "rnn",
            "loss": "squared",
            "penalty": "l2",
            "ratio": None,
            "multipliers": [1.0] * 3,
            "network": asdict(network),
        },
        lambdas=LAMBDAS,
        seeds=SEEDS,
        folds=tuple(fold.name for fold in folds),
        m=tuple(fold.m for fold in folds),
        weights=np.broadcast_to(weights(network), (len(folds), *weights(network).shape)),
        epochs=np.full(shape, EPOCHS, np.int32),
        train_loss=curve,
        validation_loss=curve,
        gradient_norm=curve,
        clipped=0 * curve,
        norms=np.ones((*shape, 3)),
        zeros=np.zeros((*shape, 3)),
        spectral_radii=np.ones((*shape, 1, 1)),
        state_gradients=np.ones((*shape, 2, 1, 8)),
        train_losses={"mse": np.ones(shape), "mae": np.ones(shape)},
        window_losses={"mse": squared, "mae": absolute},
        stopped_epochs=0,
        stopped_weights=np.empty((0, network.parameters), np.float32),
    )


@dataclass(frozen=True)
class Damped:
    """A study and the paths of its files."""

    study: Study
    windows: Windows
    series: Series
    paths: dict[str, Path]

    def scores(self, name: str = "rnn") -> pd.DataFrame:
        """Overall and by series, at all steps: a row per member and series, a column per metric."""
        rows = pd.read_parquet(self.paths["scores"] / f"{name}.parquet")
        rows = rows[rows["step"] == 0].fillna({"lam": -1.0})
        return rows.pivot_table(
            index=["cell", "lam", "seed", "unique_id"],
            columns="metric",
            values="value",
            dropna=False,
        ).dropna(how="all")

    def words(self) -> dict[tuple[str, str], str]:
        """What every comparison says."""
        return {(v.cell, v.against): v.word for v in self.study.comparisons}


def damped(
    root: Path,
    frame: pd.DataFrame,
    window: dict[str, Any] | None = None,
    frequency: str = "D",
    zone: str | None = None,
    **evaluate: Any,
) -> Damped:
    """From a wide table (ds and a column per series) to the study.

    zone: of the calendar, the table's times being in UTC. evaluate: parameters of that section.
    """
    root.mkdir(parents=True, exist_ok=True)
    frame.to_csv(root / "raw.csv", index=False)
    raw = PrepareParams(path=str(root / "raw.csv"), frequency=frequency)
    series = prepare(root / "raw.csv", raw)
    series.summary["calendar"]["zone"] = zone
    cut = WindowParams(**(WINDOW | (window or {})))
    development, test = make_windows(series, cut, evaluate.get("season"))
    paths = {flag: root / flag for flag in ("series", "fits", "scores", "forecasts")}
    paths["development"] = root / "development.safetensors"
    series.save(paths["series"])
    development.save(paths["development"])
    fits = [fit_of(development)]
    save_fits(paths["fits"], fits)
    params = EvaluateParams(**({"baselines": BASELINES} | evaluate))
    stage.run(development, test, fits, params, paths["forecasts"], paths["scores"])
    study = load_study(development, paths["fits"], paths["scores"], ReportParams())
    return Damped(study, development, series, paths)
