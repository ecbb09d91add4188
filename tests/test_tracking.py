"""The mirror of a study in MLflow, against a real SQLite store."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from stages import tracking, tracking_notes
from stages.artifacts.fits import Fit, load_fits, save_fits
from tests.closure import ROOT
from tests.made_study import GRID, LEVELS, Maker

# MLflow's own use of SQLAlchemy
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")
EPOCHS = 20
RUNS = 2 + len(LEVELS) * len(GRID) + 1  # data, windows, members, study


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory) -> Path:
    """A store that has been migrated, which takes seconds, and holds nothing."""
    assert mlflow.__file__, "MLflow is installed, not shadowed by the folder of that name"
    tracking_notes.quieten()
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A study's files, in a folder whose name holds what URIs must quote."""
    folder = tmp_path_factory.mktemp("made") / "a study of λ"
    paths = Maker(folder, ("a", "b")).write()
    shutil.copy(paths["development"], folder / "development")
    save_fits(folder / "fits", [shorter(fit) for fit in load_fits(folder / "fits")])
    report = folder / "report"
    for inner in ("figures", "plots"):
        (report / inner).mkdir(parents=True)
    told = {"rnn": {"lam": 10.0, "test_mse": 2.5}, "lstm": {"lam": 0.0, "test_mse": 3.0}}
    (report / "metrics.json").write_text(json.dumps(told | {"best_baseline": {"name": "ridge"}}))
    for name in ("report.md", "lambda_path.csv", "figures/path.svg", "plots/curves.csv"):
        (report / name).write_text(name)
    shutil.copy(ROOT / "params.yaml", folder)
    return folder


def shorter(fit: Fit, index: tuple[int, ...] | None = None) -> Fit:
    """The fit with short curves, and with some values of λ alone."""
    own = list(range(len(fit.lambdas)) if index is None else index)
    names = ["train_loss", "validation_loss", "gradient_norm", "clipped"]
    arrays = {name: getattr(fit, name)[:, own, :, :EPOCHS] for name in names}
    arrays |= {name: getattr(fit, name)[:, own] for name in ("epochs", "train_mse", "norms")}
    losses = {fold: values[own] for fold, values in fit.window_losses.items()}
    lambdas = tuple(fit.lambdas[i] for i in own)
    return replace(fit, lambdas=lambdas, weights=fit.weights[own], window_losses=losses, **arrays)


def settle(folder: Path, monkeypatch) -> None:
    """Work in this folder, with nothing set in the environment but DVC's root."""
    monkeypatch.chdir(folder)
    for name in ("MLFLOW_TRACKING_URI", "RIDGELINE_TRACKING", "DVC_STAGE", "DVC_EXP_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DVC_ROOT", str(folder))


@pytest.fixture
def folder(tmp_path, monkeypatch, empty_store, files) -> Path:
    """A copy of the files with a store, the working folder of the test."""
    folder = tmp_path / files.name
    shutil.copytree(files, folder)
    (folder / "mlflow").mkdir()
    shutil.copy(empty_store, folder / "mlflow/mlflow.db")
    settle(folder, monkeypatch)
    return folder


@pytest.fixture(scope="module")
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


def log(*only: str) -> None:
    """Every stage, or some, as dvc.yaml calls them."""
    for stage in only or tracking_notes.STAGES:
        flags = [x for flag in tracking_notes.FLAGS[stage] for x in (f"--{flag}", flag)]
        assert tracking.main([stage, *flags]) == 0


class Store:
    """What a reader of the store finds."""

    def __init__(self, folder: Path) -> None:
        self.client = MlflowClient(f"sqlite:///{folder / 'mlflow/mlflow.db'}")
        found = self.client.get_experiment_by_name("ridgeline")
        self.experiment = found
        self.runs = self.client.search_runs([found.experiment_id]) if found else []

    def named(self, name: str):
        (run,) = [run for run in self.runs if run.info.run_name == name]
        return run

    def history(self, run, metric: str) -> list[tuple[int, float]]:
        points = self.client.get_metric_history(run.info.run_id, metric)
        return sorted((p.step, p.value) for p in points)


def test_every_stage_is_logged_once_however_often_it_runs(folder):
    log()
    first = Store(folder)
    assert len(first.runs) == RUNS
    log()
    second = Store(folder)
    assert sorted(r.info.run_id for r in second.runs) == sorted(r.info.run_id for r in first.runs)
    assert {run.info.status for run in second.runs} == {"FINISHED"}
    for old in first.runs:
        new = second.client.get_run(old.info.run_id)
        assert (new.data.metrics, new.data.params) == (old.data.metrics, old.data.params)
        for name in old.data.metrics:
            points = second.history(new, name)
            assert len(points) == len({step for step, _ in points}), name


def test_a_member_has_curves_and_errors_with_their_spread_over_seeds(logged):
    store, fit = Store(logged), load_fits(logged / "fits")[0]
    run, i = store.named("rnn λ=10"), GRID.index(10.0)
    for name, curve in (
        ("train_loss", fit.train_loss[-1, i].mean(0)),
        ("validation_loss", fit.validation_loss[:2, i].mean((0, 1))),
    ):
        steps, values = zip(*store.history(run, name), strict=True)
        assert steps == tuple(range(1, EPOCHS + 1))
        np.testing.assert_allclose(values, curve, rtol=1e-12)
    metrics = run.data.metrics
    losses = np.concatenate([fit.window_losses[f"fold{k}"][i] for k in (0, 1)], axis=1)
    by_seed = losses.sum(1) / losses.shape[1]
    assert metrics["validation_mse"] == pytest.approx((by_seed[0] + by_seed[1]) / 2)
    difference = abs(by_seed[0] - by_seed[1])
    assert metrics["validation_mse_spread"] == pytest.approx(difference / 2**0.5)
    scores = pd.read_parquet(logged / "scores/rnn.parquet").query(
        "lam == 10 and step == 0 and seed >= 0"
    )
    assert metrics["test_mse"] == pytest.approx(scores.query("metric == 'mse'")["value"].mean())
    assert {"test_mse_spread", "test_mae", "train_mse", "lam"} <= set(metrics)
    assert run.data.params["train.hidden"] == "16"
    assert (run.data.params["cell"], run.data.params["m"]) == ("rnn", str(fit.m[-1]))
    assert "numpy" in run.data.tags["versions"]


def test_the_study_has_the_report_and_leads_to_its_members(logged):
    store = Store(logged)
    location = store.experiment.artifact_location
    assert location == (logged / "mlflow/artifacts").as_uri()
    (study,) = [run for run in store.runs if run.data.tags["kind"] == "study"]
    listed = [store.client.list_artifacts(study.info.run_id, p) for p in (None, "figures", "plots")]
    names = {item.path for part in listed for item in part}
    wanted = {"report.md", "lambda_path.csv", "metrics.json", "figures/path.svg"}
    assert wanted | {"plots/curves.csv"} <= names
    assert study.data.metrics["rnn.lam"] == 10
    short = study.data.tags["study"]
    members = store.client.search_runs(
        [store.experiment.experiment_id], f"tags.`study.{short}` LIKE '%' AND tags.kind = 'member'"
    )
    assert len(members) == len(LEVELS) * len(GRID)
    chosen = {run.info.run_name for run in members if run.data.tags["chosen"] == "true"}
    assert chosen == {"rnn λ=10", "lstm λ=0"}
    for run in store.runs:
        (data,) = run.inputs.dataset_inputs
        kind = run.data.tags["kind"]
        assert data.dataset.name == ("a, b" if kind == "data" else "development part")
        assert run.data.tags["ridgeline.key"]


def test_an_added_lambda_adds_one_run_of_its_own_and_one_study(folder):
    whole = load_fits(folder / "fits")
    save_fits(folder / "fits", [shorter(fit, (0, 1, 3)) for fit in whole])
    log()
    before = Store(folder)
    assert len(before.runs) == RUNS - len(LEVELS)
    save_fits(folder / "fits", whole)
    log("train", "evaluate", "report")
    after = Store(folder)
    assert len(after.runs) == RUNS + 1
    both = [t for t in after.named("rnn λ=1").data.tags if t.startswith("study.")]
    assert len(both) == 2


def test_another_evaluation_of_the_same_networks_is_another_run(folder):
    log("train")
    log("train", "evaluate")
    assert len(Store(folder).runs) == RUNS - 3  # evaluating completed the runs of training
    before = Store(folder).named("rnn λ=1")
    path = folder / "scores/rnn.parquet"
    scores = pd.read_parquet(path)
    scores.loc[scores["lam"] == 1.0, "value"] *= 2
    scores.to_parquet(path, index=False)
    log("evaluate")
    log("train")
    store = Store(folder)
    values = sorted(r.data.metrics["test_mse"] for r in store.runs if r.info.run_name == "rnn λ=1")
    assert values == pytest.approx([before.data.metrics["test_mse"] * k for k in (1, 2)])
    assert len(store.runs) == RUNS - 2


def test_what_was_cut_off_is_completed(folder, monkeypatch, capsys):
    whole, calls = MlflowClient.log_batch, []

    def dies(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise ConnectionError("the server went away")
        return whole(*args, **kwargs)

    monkeypatch.setattr(MlflowClient, "log_batch", dies)
    monkeypatch.setattr(tracking, "BATCH", 15)  # so that it dies within a curve
    log("train")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "not logged to MLflow: train (the server went away)" in lines[0]
    log("train")
    store = Store(folder)
    assert len(store.runs) == len(LEVELS) * len(GRID)
    for cell in LEVELS:
        for lam in GRID:
            points = store.history(store.named(f"{cell} λ={lam:g}"), "validation_loss")
            assert [step for step, _ in points] == list(range(1, EPOCHS + 1))
    assert not tracking_notes.pending()


def test_stages_of_dvc_leave_notes_and_the_report_logs_them(folder, monkeypatch):
    begun = []
    monkeypatch.setattr(tracking_notes, "start_flush", lambda: begun.append(1))
    monkeypatch.setenv("DVC_STAGE", "any")
    monkeypatch.setenv("DVC_EXP_NAME", "wide-hare")
    log("prepare", "window", "train", "evaluate")
    assert Store(folder).runs == []
    assert len(begun) == 2
    assert [note.stage for note in tracking_notes.pending()] == list(tracking_notes.STAGES[:4])
    monkeypatch.delenv("DVC_EXP_NAME")
    log("report")
    store = Store(folder)
    assert len(store.runs) == RUNS
    assert store.named("rnn λ=1").data.tags["dvc.exp_name"] == "wide-hare"


def test_a_note_whose_files_have_changed_is_passed_over(folder, monkeypatch):
    monkeypatch.setenv("DVC_STAGE", "prepare")
    log("prepare")
    (folder / "series/summary.json").write_text("{}")
    Path("mlflow/pending/window.json").write_text("{}")
    assert tracking.main(["flush"]) == 0
    assert Store(folder).runs == []


def test_tracking_can_be_switched_off(folder, monkeypatch):
    monkeypatch.setenv("RIDGELINE_TRACKING", "off")
    log()
    assert Store(folder).experiment is None
    assert not tracking_notes.pending()


@pytest.mark.parametrize("answers", [False, True], ids=["no server", "a server that hangs"])
def test_a_server_that_is_away_costs_a_line_and_seconds(folder, answers):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not answers:
            server.close()
        begin = time.monotonic()
        done = start(
            folder,
            "report",
            *(x for flag in tracking_notes.FLAGS["report"] for x in (f"--{flag}", flag)),
            MLFLOW_TRACKING_URI=f"http://127.0.0.1:{port}",
            MLFLOW_HTTP_REQUEST_TIMEOUT="1",
        )
        out, err = done.communicate(timeout=60)
    assert time.monotonic() - begin < 40  # most of it: starting MLflow on a busy machine
    assert (done.returncode, out) == (0, "")
    assert len(err.splitlines()) == 1, err
    assert "not logged to MLflow: report (" in err
    assert tracking.main(["flush"]) == 0  # to the local store, which is there
    assert {run.data.tags["kind"] for run in Store(folder).runs} == {"member", "study"}


def start(folder: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RIDGELINE_TRACKING": "now", **more}
    return subprocess.Popen(
        [sys.executable, "-m", "stages.tracking", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_four_processes_on_a_new_store_log_everything_once(folder, monkeypatch):
    clones = [folder / f"clone{k}" for k in range(4)]
    monkeypatch.setenv("DVC_STAGE", "any")
    monkeypatch.setattr(tracking_notes, "start_flush", lambda: None)
    monkeypatch.setattr(tracking, "flush", lambda: None)
    made = [path for path in folder.iterdir() if path.name != "mlflow"]
    for clone in clones:
        clone.mkdir()
        for path in made:
            (shutil.copytree if path.is_dir() else shutil.copy)(path, clone / path.name)
        monkeypatch.chdir(clone)
        log()
    (folder / "mlflow/mlflow.db").unlink()
    for done in [start(clone, "flush") for clone in clones]:
        assert done.communicate(timeout=120) == ("", "")
    assert len(Store(folder).runs) == RUNS
    assert not list(folder.glob("clone*/mlflow/pending/*"))
