"""The example of docs/own_network.md beside gru: all stages, the page, the served model, the same bits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from stages.artifacts.fits import load_fits
from stages.artifacts.scores import ENSEMBLE
from stages.artifacts.windows import Windows
from stages.evaluate.params import EvaluateParams
from stages.evaluate.stage import run as evaluate
from stages.forecast.networks import network_of
from stages.prepare.params import PrepareParams
from stages.prepare.stage import prepare
from stages.report.params import ReportParams
from stages.report.stage import run as report
from stages.report.writing.tables import weight_norm
from stages.serving.registry.register import register
from stages.serving.served import Served
from stages.train.__main__ import main as train
from stages.window.params import WindowParams
from stages.window.stage import make_windows
from tests.support.closure import ROOT
from tests.support.truth import autoregression

TRAIN: dict[str, Any] = {
    "cells": ["gru", "cells.tcn:Convolution"], "hidden": 4, "layers": 2, "dropout": 0.1,
    "penalty": {"kind": "l2", "lambdas": [0, 1]}, "seeds": 2, "epochs": 4, "batch_size": 32,
    "learning_rate": 0.01,
}  # fmt: skip
EVALUATE = {"season": 1, "baselines": ["repeat_last", "ridge"], "metrics": ["mse"]}


def write(folder: Path, **changes: Any) -> None:
    text = json.dumps({"train": {**TRAIN, **changes}})
    (folder / "params.yaml").write_text(text, encoding="utf-8")


def fits(folder: Path, out: str) -> dict[str, bytes]:
    train(["--development", str(folder / "development.safetensors"), "--fits", str(folder / out)])
    return {path.name: path.read_bytes() for path in (folder / out).iterdir()}


def table(folder: Path) -> pd.DataFrame:
    """The study's series as the served model takes it."""
    rows = pd.read_csv(folder / "series.csv").rename(columns={"day": "ds", "x": "y"})
    return rows.assign(unique_id="x")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files of the study, in the working folder."""
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("DVC_ROOT", raising=False)
        patch.setenv("RIDGELINE_WORKERS", "1")
        (folder / "cells").mkdir()
        text = (ROOT / "cells/tcn.py").read_text(encoding="utf-8")
        (folder / "cells/tcn.py").write_text(text, encoding="utf-8")
        source = autoregression(folder / "series.csv", 160, phi=0.7, seed=1)
        names = {"path": str(source), "time": "day", "targets": ["x"], "frequency": "D"}
        series = prepare(source, PrepareParams.model_validate(names))
        series.save(folder / "series")
        window = {"lookback": 8, "horizon": 3, "folds": 2, "split": {"validation": 40, "test": 40}}
        development, test = make_windows(series, WindowParams.model_validate(window), 1)
        development.save(folder / "development.safetensors")
        write(folder)
        fits(folder, "fits")
        (folder / "cells/tcn.py").unlink()  # the later stages do not read it
        params = EvaluateParams.model_validate(EVALUATE)
        trained = load_fits(folder / "fits")
        evaluate(development, test, trained, params, folder / "forecasts", folder / "scores")
        (folder / "cells/tcn.py").write_text(text, encoding="utf-8")
        yield folder


def test_the_report_has_it_and_no_empty_panels(folder):
    paths = {name: folder / name for name in ("series", "fits", "scores", "forecasts")}
    study = report(
        **paths, development=folder / "development.safetensors", folder=folder / "report",
        params=ReportParams(),
    )  # fmt: skip
    assert [cell.name for cell in study.cells] == ["gru", "convolution"]
    gru, convolution = load_fits(folder / "fits")
    assert gru.norms.shape[-1] == 3
    assert convolution.norms.shape[-1] == 1
    assert convolution.spectral_radii.size == convolution.state_gradients.size == 0
    network = network_of(convolution.config)
    penalised = convolution.weights[-1][..., network.groups > 0].astype(float)
    np.testing.assert_allclose(weight_norm(convolution), np.sqrt((penalised**2).sum(-1)))
    assert (weight_norm(convolution)[1] < weight_norm(convolution)[0]).all()
    losses = convolution.window_losses["mse"]["fold1"]
    np.testing.assert_allclose(losses.mean(-1), convolution.validation_loss[1, ..., -1])
    page = (folder / "report/index.html").read_text(encoding="utf-8")
    assert "convolution" in page
    figures = {
        path.stem: path.read_text("utf-8") for path in (folder / "report/figures").glob("*.csv")
    }
    for name, has in (("weights", True), ("radii", False), ("flow", False)):
        assert ("convolution" in figures[name]) == has, name


@pytest.fixture(scope="module")
def chosen(folder) -> Path:
    """The file of a chosen model."""
    (_, fit), windows = load_fits(folder / "fits"), Windows.load(folder / "development.safetensors")
    final, config = windows.folds[-1], json.loads(json.dumps(fit.config))
    served = Served(
        np.array(fit.weights[-1, 1]), np.array(final.center), np.array(final.scale), cell=fit.cell,
        lam=1.0, m=1, measure="mse", validation_loss=1.0, config=config, layout=windows.layout, dates="",
    )  # fmt: skip
    served.save(folder / "model.safetensors")
    return folder / "model.safetensors"


def test_the_chosen_model_forecasts_as_the_study_does(folder, chosen):
    """From its file alone: the text of the class is in it."""
    (folder / "cells/tcn.py").rename(folder / "away.py")
    try:
        written = pd.concat(
            pd.read_parquet(path) for path in (folder / "forecasts").glob("convolution*.parquet")
        )
        cutoff = written["cutoff"].max()
        rows = (written["cutoff"] == cutoff) & (written["lam"] == 1) & (written["seed"] == ENSEMBLE)
        past = table(folder)[pd.to_datetime(table(folder)["ds"]) <= cutoff]
        answer = Served.load(chosen).forecast(past)
    finally:
        (folder / "away.py").rename(folder / "cells/tcn.py")
    assert rows.sum() == 3
    np.testing.assert_allclose(answer["y_hat"], written.loc[rows, "y_hat"], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*type hint is inferred as AnyType:UserWarning")
@pytest.mark.filterwarnings("ignore:Operation with range:pandas.errors.Pandas4Warning")
def test_the_registered_model_forecasts_the_same_and_asks_for_torch(folder, chosen, tmp_path):
    import mlflow
    from mlflow.tracking import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowClient(uri)
    run = client.create_run(client.create_experiment("study", (tmp_path / "files").as_uri()))
    register(client, uri, run.info.run_id, chosen, {"ridgeline.key": "k"})
    mlflow.set_tracking_uri(uri)
    loaded = mlflow.pyfunc.load_model("models:/ridgeline@champion")
    expected = Served.load(chosen).forecast(table(folder))
    pd.testing.assert_frame_equal(loaded.predict(table(folder)), expected)
    (needed,) = (path.read_text("utf-8") for path in tmp_path.rglob("requirements.txt"))
    assert f"torch=={torch.__version__.split('+')[0]}" in needed.splitlines()


@pytest.mark.slow
def test_the_same_bits_again_from_two_workers_and_a_change_of_the_code_trains_anew(
    folder, monkeypatch, capfd
):
    whole = fits(folder, "again")
    assert "members taken from the store" in capfd.readouterr().err
    path = folder / "cells/tcn.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "# a word\n", encoding="utf-8")
    monkeypatch.setenv("RIDGELINE_WORKERS", "2")
    try:
        changed = fits(folder, "changed")
    finally:
        path.write_text(text, encoding="utf-8")
    assert "training 12 members; 12 taken from the store" in capfd.readouterr().err
    assert changed["gru.safetensors"] == whole["gru.safetensors"]
    one, two = (load_fits(folder / name)[1] for name in ("again", "changed"))
    for name in ("weights", "train_loss", "validation_loss", "stopped_weights"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert replace(one, config={}).folds == two.folds
