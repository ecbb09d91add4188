"""Small studies in separate folders, with an MLflow store on SQLite."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from stages import environment
from stages.artifacts.fits import load_fits, save_fits
from tests.support.closure import ROOT
from tests.support.logged import log, settle, shorter
from tests.support.synthetic_study import GRID, LEVELS, Maker


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory) -> Path:
    """A store that has been migrated, which takes seconds, and holds nothing."""
    assert mlflow.__file__, "MLflow is installed, not shadowed by the folder of that name"
    environment.quieten()
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> Path:
    """A study's files, in a folder whose name has characters that URIs must quote."""
    folder = tmp_path_factory.mktemp("files") / "a study of λ"
    paths = Maker(folder, ("a", "b")).write()
    shutil.copy(paths["development"], folder / "development")
    save_fits(folder / "fits", [shorter(fit) for fit in load_fits(folder / "fits")])
    report = folder / "report"
    for inner in ("figures", "plots"):
        (report / inner).mkdir(parents=True)
    cells = {"rnn": {"lam": 10.0, "test_mse": 2.5}, "lstm": {"lam": 0.0, "test_mse": 3.0}}
    (report / "metrics.json").write_text(json.dumps(cells | {"best_baseline": {"name": "ridge"}}))
    for name in ("report.md", "figures/path.svg", "plots/curves.csv"):
        (report / name).write_text(name)
    path = [(c, lam, level) for c, levels in LEVELS.items() for lam, level in zip(GRID, levels)]
    table = pd.DataFrame(path, columns=["cell", "lam", "validation_mse"]).assign(measure="mse")
    table.to_csv(report / "lambda_path.csv", index=False)
    shutil.copy(ROOT / "params.yaml", folder)
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch, empty_store, files) -> Path:
    """A copy of the files with a store, the working folder of the test."""
    folder = tmp_path / files.name
    shutil.copytree(files, folder)
    (folder / "mlflow").mkdir()
    shutil.copy(empty_store, folder / "mlflow/mlflow.db")
    settle(folder, monkeypatch)
    return folder


@pytest.fixture(scope="session")
def logged(tmp_path_factory, empty_store, files) -> Path:
    """A folder whose study has been logged, for tests that only read."""
    folder = tmp_path_factory.mktemp("logged") / files.name
    shutil.copytree(files, folder)
    (folder / "mlflow").mkdir()
    shutil.copy(empty_store, folder / "mlflow/mlflow.db")
    with pytest.MonkeyPatch.context() as monkeypatch:
        settle(folder, monkeypatch)
        log()
    return folder
