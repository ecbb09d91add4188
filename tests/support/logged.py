"""A small study as it is logged, and its runs in the store."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from mlflow.tracking import MlflowClient

from stages.artifacts.fits import Fit
from stages.tracking import __main__ as tracking
from stages.tracking.history.digests import PATHS
from stages.tracking.live.curves import Live
from tests.support.closure import ROOT
from tests.support.synthetic_study import GRID, LEVELS

EPOCHS = 20
RUNS = len(LEVELS) * len(GRID) + 1  # one for each (cell, λ), and the study's
FLAGS = [x for flag in PATHS for x in (f"--{flag}", flag)]


def shorter(fit: Fit, index: tuple[int, ...] | None = None) -> Fit:
    """The fit with short curves, and with only some values of λ."""
    lams = list(range(len(fit.lambdas)) if index is None else index)
    names = ["train_loss", "validation_loss", "gradient_norm", "clipped"]
    arrays = {name: getattr(fit, name)[:, lams, :, :EPOCHS] for name in names}
    arrays |= {name: getattr(fit, name)[:, lams] for name in ("epochs", "norms", "weights")}
    by_fold = fit.window_losses.items()
    losses = {m: {f: values[lams] for f, values in folds.items()} for m, folds in by_fold}
    training = {measure: values[:, lams] for measure, values in fit.train_losses.items()}
    lambdas = tuple(fit.lambdas[i] for i in lams)
    arrays |= {"train_losses": training, "window_losses": losses}
    return replace(fit, lambdas=lambdas, **arrays)


def settle(folder: Path, monkeypatch) -> None:
    """Work in this folder, with nothing set in the environment but DVC's root."""
    monkeypatch.chdir(folder)
    for name in ("MLFLOW_TRACKING_URI", "RIDGELINE_TRACKING", "DVC_EXP_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DVC_ROOT", str(folder))


def log() -> None:
    """As dvc.yaml calls it."""
    assert tracking.main(["report", *FLAGS]) == 0


class Store:
    """The runs of the folder's store."""

    def __init__(self, folder: Path) -> None:
        self.client = MlflowClient(f"sqlite:///{folder / 'mlflow/mlflow.db'}")
        experiment = self.client.get_experiment_by_name("ridgeline")
        self.experiment = experiment
        self.runs = self.client.search_runs([experiment.experiment_id]) if experiment else []

    def named(self, name: str):
        (run,) = [run for run in self.runs if run.info.run_name == name]
        return run

    def history(self, run, metric: str) -> list[tuple[int, float]]:
        points = self.client.get_metric_history(run.info.run_id, metric)
        return sorted((p.step, p.value) for p in points)


def start(folder: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    return subprocess.Popen(
        [sys.executable, "-m", "stages.tracking", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def live(folder: Path) -> Live:
    return Live(folder / "development", folder / "fits")
