"""A store that does not answer, breaks off or is crowded, against a real SQLite store."""

from __future__ import annotations

import shutil
import socket
import time

import pytest
from mlflow.tracking import MlflowClient

from stages.tracking.history.digests import PATHS
from stages.tracking.store import log as logging
from stages.tracking.store import mirror, pending
from tests.support.logged import EPOCHS, FLAGS, RUNS, Store, log, start
from tests.support.synthetic_study import GRID, LEVELS

# MLflow's use of SQLAlchemy
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


def test_an_interrupted_logging_is_completed(folder, monkeypatch, capsys):
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
    assert len(pending.pending()) == 1
    log()
    store = Store(folder)
    assert len(store.runs) == RUNS
    for cell in LEVELS:
        for lam in GRID:
            points = store.history(store.named(f"{cell} λ={lam:g}"), "validation_loss")
            assert [step for step, _ in points] == list(range(1, EPOCHS + 1))
    assert not pending.pending()


def test_a_note_keeps_where_a_study_ran_and_lapses_when_its_files_change(folder, monkeypatch):
    monkeypatch.setenv("DVC_EXP_NAME", "wide-hare")
    paths = {flag: folder / flag for flag in PATHS}
    pending.note_of(paths).save()
    monkeypatch.delenv("DVC_EXP_NAME")
    (folder / "mlflow/pending/broken.json").write_text("{}")
    logging.log_notes()
    store = Store(folder)
    assert len(store.runs) == RUNS
    assert store.named("rnn λ=1").data.tags["dvc.exp_name"] == "wide-hare"
    stale = pending.note_of(paths)
    stale.save()
    (folder / "fits/cells.json").write_text("[]")
    assert not stale.current()
    assert logging.log_notes() == 0


def test_tracking_can_be_switched_off(folder, monkeypatch):
    monkeypatch.setenv("RIDGELINE_TRACKING", "off")
    log()
    assert Store(folder).experiment is None
    assert not pending.pending()


@pytest.mark.slow
@pytest.mark.parametrize("answers", [False, True], ids=["no server", "a server that hangs"])
def test_a_server_that_does_not_answer_costs_a_line_and_seconds(folder, answers):
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


@pytest.mark.slow
def test_four_processes_on_a_new_store_log_everything_once(folder):
    clones = [folder / f"clone{k}" for k in range(4)]
    files = [path for path in folder.iterdir() if path.name != "mlflow"]
    for clone in clones:
        clone.mkdir()
        for path in files:
            (shutil.copytree if path.is_dir() else shutil.copy)(path, clone / path.name)
    (folder / "mlflow/mlflow.db").unlink()
    for done in [start(clone, "report", *FLAGS) for clone in clones]:
        assert done.communicate(timeout=240) == ("", "")
    assert len(Store(folder).runs) == RUNS
    assert not pending.pending()
