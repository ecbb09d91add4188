"""Studies whose answer is known, trained for real: a series through all stages, in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts import forecasts
from stages.artifacts.fits import save_fits
from stages.artifacts.scores import BASELINES, ENSEMBLE
from stages.artifacts.windows import Windows
from stages.evaluate.params import EvaluateParams
from stages.evaluate.stage import run as evaluate
from stages.prepare.params import PrepareParams
from stages.prepare.stage import prepare
from stages.report.judging.verdicts import Verdict
from stages.report.params import ReportParams
from stages.report.study import Study, load_study
from stages.train.params import TrainParams
from stages.train.pool.store import MemberStore
from stages.train.stage import train_study
from stages.window.params import WindowParams
from stages.window.stage import make_windows


def run(
    folder: Path,
    source: Path,
    prepared: dict[str, Any],
    window: dict[str, Any],
    train: dict[str, Any],
    evaluated: dict[str, Any],
) -> Study:
    """The study of a series; the files of the stages are in `folder`."""
    series = prepare(source, PrepareParams.model_validate({"path": str(source), **prepared}))
    params = EvaluateParams.model_validate(evaluated)
    development, test = make_windows(series, WindowParams.model_validate(window), params.season)
    development.save(folder / "development.safetensors")
    fits = train_study(
        folder / "development.safetensors",
        TrainParams.model_validate(train),
        MemberStore(folder / "members"),
    )
    save_fits(folder / "fits", fits)
    evaluate(development, test, fits, params, folder / "forecasts", folder / "scores")
    windows = Windows.load(folder / "development.safetensors")
    return load_study(windows, folder / "fits", folder / "scores", ReportParams())


def autoregression(path: Path, steps: int, phi: float, seed: int) -> Path:
    """Write x_t = φ x_{t-1} + e_t, e_t ~ N(0, 1), as a daily series; φ = 0 is white noise."""
    values = np.random.default_rng(seed).normal(size=steps)
    for t in range(1, steps):
        values[t] += phi * values[t - 1]
    days = pd.date_range("2000-01-01", periods=steps, freq="D")
    pd.DataFrame({"day": days, "x": values}).to_csv(path, index=False)
    return path


class Truth:
    """What the loss differences of a study of `autoregression` are in expectation.

    Given the past, E (x_{t+h} - ŷ)² = Var(x_{t+h} | past) + (φ^h x_t - ŷ)². The first part is the same
    for every forecaster, so it cancels in a difference: what is left is known without the noise.
    """

    def __init__(self, folder: Path, study: Study, phi: float) -> None:
        self.folder, self.study, self.phi = folder, study, phi
        self.series = pd.read_csv(folder / "series.csv", parse_dates=["day"]).set_index("day")["x"]

    def percent(self, verdict: Verdict) -> float:
        """The true difference of a verdict, in per cent of the reference's loss as the verdict's is."""
        chosen = self._forecasts(verdict.cell, verdict.lam)
        if verdict.against == "λ = 0":
            other = self._forecasts(verdict.cell, 0.0)
        elif " at λ = " in verdict.against:
            name = verdict.against.split(" ")[0]
            lam = next(cell.lam for cell in self.study.cells if cell.name == name)
            other = self._forecasts(name, lam)
        else:
            rows = forecasts.load(self.folder / "forecasts", BASELINES)
            other = rows[rows["cell"] == verdict.against]
        reference = np.square(other["y"] - other["y_hat"]).mean()
        return float(100 * (self._excess(chosen) - self._excess(other)) / reference)

    def _forecasts(self, name: str, lam: float) -> pd.DataFrame:
        rows = forecasts.load(self.folder / "forecasts", name.split(" ")[0])
        together = rows["seed"] == ENSEMBLE
        wanted = together if name.endswith("ensemble") else ~together
        return rows[wanted & (rows["lam"] == lam)]

    def _excess(self, rows: pd.DataFrame) -> float:
        """Mean of (φ^h x_t - ŷ)² over windows, steps and members."""
        steps = (rows["ds"] - rows["cutoff"]).dt.days
        known = self.series.reindex(rows["cutoff"]).to_numpy()
        return float(np.square(self.phi**steps * known - rows["y_hat"]).mean())
