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
from filelock import Timeout
from mlflow.tracking import MlflowClient

from stages.artifacts.fits import Fit, load_fits, save_fits
from stages.tracking import __main__ as tracking
from stages.tracking import log as logging
from stages.tracking import mirror, note, surroundings, views
from stages.tracking.digests import md5_of
from stages.tracking.live import Live
from stages.tracking.runs import Files, log_study
from tests.closure import ROOT
from tests.made_study import GRID, LEVELS, Maker

# MLflow's own use of SQLAlchemy
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")
EPOCHS = 20
RUNS = len(LEVELS) * len(GRID) + 1  # members, study
FLAGS = [x for flag in note.PATHS for x in (f"--{flag}", flag)]


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory) -> Path:
    """A store that has been migrated, which takes seconds, and holds nothing."""
    assert mlflow.__file__, "MLflow is installed, not shadowed by the folder of that name"
    surroundings.quieten()
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
    for name in ("report.md", "figures/path.svg", "plots/curves.csv"):
        (report / name).write_text(name)
    path = [(c, lam, level) for c, own in LEVELS.items() for lam, level in zip(GRID, own)]
    table = pd.DataFrame(path, columns=["cell", "lam", "validation_mse"])
    table.to_csv(report / "lambda_path.csv", index=False)
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
    for name in ("MLFLOW_TRACKING_URI", "RIDGELINE_TRACKING", "DVC_EXP_NAME"):
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


def log() -> None:
    """As dvc.yaml calls it."""
    assert tracking.main(["report", *FLAGS]) == 0


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


def test_a_study_is_logged_once_however_often_it_runs(folder):
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
    assert study.info.run_name == f"sunspots: rnn λ=10 ({short[:6]})"
    assert store.history(study, "path/log10_lam") == [(1, -1.0), (2, 0.0), (3, 1.0), (4, 2.0)]
    assert [v for _, v in store.history(study, "path/rnn.validation_mse")] == list(LEVELS["rnn"])
    for run in store.runs:
        (data,) = run.inputs.dataset_inputs
        assert data.dataset.name == "sunspots, development part"
        assert data.dataset.digest == md5_of(logged / "development")[:12]
        assert run.data.tags["ridgeline.key"]
        assert "OPENBLAS_CORETYPE" in run.data.tags["instruction_set"]


def test_members_are_coloured_by_lambda_and_studies_apart(folder):
    log()
    params = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(params.replace("one_standard_error ", "minimum "))
    log()  # the same members, another study
    found = Store(folder).runs
    colors = {r.data.tags["mlflow.runColor"] for r in found if r.data.tags["kind"] == "study"}
    assert len(colors) == 2
    by_lam = {}
    for run in found:
        if run.data.tags["kind"] == "member":
            by_lam.setdefault(run.data.tags["lam"], set()).add(run.data.tags["mlflow.runColor"])
    assert [len(own) for own in by_lam.values()] == [1] * len(GRID)
    assert len(set.union(*by_lam.values())) == len(GRID)
    assert by_lam["0"] == {"#7f7f7f"}
    assert by_lam["1"] == {"#1b9e77"}
    assert views.color({"lam": str(10**0.5)}, 0) == "#7aa13c"  # half way to that of 10
    assert views.color({"lam": "1e-9"}, 0) == "#3b2a8c"
    assert views.color({"lam": "1e9"}, 0) == "#7f0000"


def test_an_added_lambda_adds_one_run_of_its_own_and_one_study(folder):
    whole = load_fits(folder / "fits")
    save_fits(folder / "fits", [shorter(fit, (0, 1, 3)) for fit in whole])
    log()
    before = Store(folder)
    assert len(before.runs) == RUNS - len(LEVELS)
    save_fits(folder / "fits", whole)
    log()
    after = Store(folder)
    assert len(after.runs) == RUNS + 1
    both = [t for t in after.named("rnn λ=1").data.tags if t.startswith("study.")]
    assert len(both) == 2


def test_a_run_made_of_another_clones_files_is_told_where_the_same_bits_came_out(folder):
    own = note.note_of({flag: folder / flag for flag in note.PATHS})
    with mirror.mirror() as store:
        store.surroundings = {"versions": "numpy 1.0 (as pinned)"}  # all that `sync` knows of it
        paths = {flag: Path(path) for flag, path in own.paths.items()}
        log_study(store, own.key, own.params, Files(**paths))
        store.write()
    assert "instruction_set" not in Store(folder).named("rnn λ=1").data.tags
    log()
    store = Store(folder)
    assert len(store.runs) == RUNS
    for run in store.runs:
        assert run.data.tags["instruction_set"] == surroundings.instruction_set()
        assert run.data.tags["versions"] == "numpy 1.0 (as pinned)"


def live(folder: Path) -> Live:
    return Live(folder / "development", folder / "fits")


def test_another_evaluation_of_the_same_networks_is_another_run(folder):
    live(folder).finish()
    assert len(Store(folder).runs) == RUNS - 1
    log()
    assert len(Store(folder).runs) == RUNS  # evaluating completed the runs of training
    before = Store(folder).named("rnn λ=1")
    path = folder / "scores/rnn.parquet"
    scores = pd.read_parquet(path)
    scores.loc[scores["lam"] == 1.0, "value"] *= 2
    scores.to_parquet(path, index=False)
    log()
    live(folder).finish()
    store = Store(folder)
    values = sorted(r.data.metrics["test_mse"] for r in store.runs if r.info.run_name == "rnn λ=1")
    assert values == pytest.approx([before.data.metrics["test_mse"] * k for k in (1, 2)])
    assert len(store.runs) == RUNS + 2  # the member and its study


def test_curves_grow_while_a_study_trains(folder, monkeypatch):
    """The member store as a training leaves it: checkpoints of an epoch, then the finished networks."""
    from stages.tracking import live as module
    from stages.train.store import MemberStore

    keys = {fold: [f"{fold}{seed}" for seed in (0, 1)] for fold in ("fold0", "fold1", "final")}
    monkeypatch.setattr(module, "_member_keys", lambda development: {("rnn", 1.0): keys})
    store = MemberStore(folder / ".ridgeline/members")
    train, validation = np.random.default_rng(1).random((2, 3, 2, 5))  # fold, seed, epoch

    def reach(fold: int, seed: int, epoch: int) -> None:
        curves = np.full((5, 4), np.nan)
        curves[:epoch, :2] = np.stack([train[fold, seed], validation[fold, seed]], 1)[:epoch]
        where = {"epoch": epoch, "batch": 0}
        store.put(keys[list(keys)[fold]][seed], {"curves": curves}, where, partial=True)

    def finish(fold: int, seed: int) -> None:
        done = {"train_loss": train[fold, seed], "validation_loss": validation[fold, seed]}
        store.put(keys[list(keys)[fold]][seed], done, {"epochs": 5})

    watched = live(folder)
    watched.show()
    reach(1, 0, 3)
    reach(0, 0, 3)
    reach(0, 1, 3)
    watched.show()
    assert Store(folder).experiment is None  # nothing that all seeds of a shown fold have reached
    reach(1, 1, 2)
    watched.show()
    run = Store(folder).named("rnn λ=1")
    assert run.info.status == "RUNNING"

    def shown(name: str) -> list[tuple[int, float]]:
        return Store(folder).history(run, f"live/{name}")

    mean = validation[1].mean(0)
    assert shown("validation_loss") == [(1, pytest.approx(mean[0])), (2, pytest.approx(mean[1]))]
    assert shown("train_loss") == []  # of the final fold
    finish(1, 0)
    finish(1, 1)
    finish(2, 0)
    reach(2, 1, 4)
    watched.show()
    assert [step for step, _ in shown("validation_loss")] == [1, 2, 3, 4, 5]  # only what is new
    assert [value for _, value in shown("validation_loss")] == pytest.approx(list(mean))
    assert [value for _, value in shown("train_loss")] == pytest.approx(list(train[2].mean(0)[:4]))
    assert shown("networks") == [(3, 0.5)]
    watched.stop()
    assert Store(folder).named("rnn λ=1").info.status == "KILLED"
    watched.finish()  # the same run is completed
    assert Store(folder).named("rnn λ=1").info.run_id == run.info.run_id
    assert len(Store(folder).runs) == RUNS - 1


def test_the_watched_networks_are_those_that_training_keeps(folder, tmp_path):
    """The keys that are looked for are the keys that `train_study` asks the store for."""
    from stages.params import load_section
    from stages.tracking.live import _member_keys
    from stages.train import study
    from stages.train.params import TrainParams

    asked: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            study, "train_jobs", lambda path, jobs, store: asked.update(j.key for j in jobs)
        )
        patch.setattr(study, "_fit", lambda *args, **kwargs: None)
        params = load_section("params.yaml", "train", TrainParams)
        study.train_study(folder / "development", params, None)
    watched = _member_keys(folder / "development").values()
    assert {key for folds in watched for keys in folds.values() for key in keys} == asked


def test_what_was_cut_off_is_completed(folder, monkeypatch, capsys):
    whole, calls = MlflowClient.log_batch, []

    def dies(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise ConnectionError("the server went away")
        return whole(*args, **kwargs)

    monkeypatch.setattr(MlflowClient, "log_batch", dies)
    monkeypatch.setattr(mirror, "BATCH", 15)  # so that it dies within a curve
    log()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "not logged to MLflow: the study (the server went away)" in lines[0]
    assert "make sync" in lines[0]
    assert len(note.pending()) == 1
    log()
    store = Store(folder)
    assert len(store.runs) == RUNS
    for cell in LEVELS:
        for lam in GRID:
            points = store.history(store.named(f"{cell} λ={lam:g}"), "validation_loss")
            assert [step for step, _ in points] == list(range(1, EPOCHS + 1))
    assert not note.pending()


def test_a_note_tells_where_a_study_was_made_and_lapses_when_its_files_change(folder, monkeypatch):
    monkeypatch.setenv("DVC_EXP_NAME", "wide-hare")
    paths = {flag: folder / flag for flag in note.PATHS}
    note.note_of(paths).save()
    monkeypatch.delenv("DVC_EXP_NAME")
    (folder / "mlflow/pending/broken.json").write_text("{}")
    logging.log_notes()
    store = Store(folder)
    assert len(store.runs) == RUNS
    assert store.named("rnn λ=1").data.tags["dvc.exp_name"] == "wide-hare"
    stale = note.note_of(paths)
    stale.save()
    (folder / "fits/cells.json").write_text("[]")
    assert not stale.current()
    assert logging.log_notes() == 0


def test_the_report_leaves_it_to_the_process_beside_it(folder, capsys):
    """It waits for that process, and says what that process met instead of trying again."""
    lock = logging.watching()
    failed = Path(lock.lock_file).with_suffix(".failed")
    failed.write_text("no route to host")
    log()
    assert "the study (no route to host)" in capsys.readouterr().err
    assert not failed.exists()
    assert Store(folder).experiment is None
    stale = note.pending()[0]
    flags = ["--development", "development", "--fits", "fits", "--pid"]
    with subprocess.Popen(["sleep", "600"]) as pipeline:
        try:
            beside = start(folder, "watch", *flags, str(pipeline.pid))
            while not taken(lock):
                time.sleep(0.1)
            assert beside.poll() is None  # the note of before is none of its business
            stale.save()
            assert beside.communicate(timeout=240) == ("", "")  # now it is: logged, and over
            assert len(Store(folder).runs) == RUNS
            assert not note.pending()
            beside = start(folder, "watch", *flags, str(pipeline.pid))
        finally:
            pipeline.kill()
    assert beside.communicate(timeout=240) == ("", "")  # it ends with the pipeline


def taken(lock) -> bool:
    """Whether another process holds the lock."""
    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True


def test_tracking_can_be_switched_off(folder, monkeypatch):
    monkeypatch.setenv("RIDGELINE_TRACKING", "off")
    log()
    assert Store(folder).experiment is None
    assert not note.pending()


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
            *FLAGS,
            MLFLOW_TRACKING_URI=f"http://127.0.0.1:{port}",
            MLFLOW_HTTP_REQUEST_TIMEOUT="1",
        )
        out, err = done.communicate(timeout=240)
    assert time.monotonic() - begin < 40  # most of it: starting MLflow on a busy machine
    assert (done.returncode, out) == (0, "")
    assert len(err.splitlines()) == 1, err
    assert "not logged to MLflow: the study (" in err
    assert f"(http://127.0.0.1:{port} does not answer); nothing else is affected" in err
    assert logging.log_notes() == 1  # to the local store, which is there
    assert {run.data.tags["kind"] for run in Store(folder).runs} == {"member", "study"}


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


def test_four_processes_on_a_new_store_log_everything_once(folder):
    clones = [folder / f"clone{k}" for k in range(4)]
    made = [path for path in folder.iterdir() if path.name != "mlflow"]
    for clone in clones:
        clone.mkdir()
        for path in made:
            (shutil.copytree if path.is_dir() else shutil.copy)(path, clone / path.name)
    (folder / "mlflow/mlflow.db").unlink()
    for done in [start(clone, "report", *FLAGS) for clone in clones]:
        assert done.communicate(timeout=240) == ("", "")
    assert len(Store(folder).runs) == RUNS
    assert not note.pending()
