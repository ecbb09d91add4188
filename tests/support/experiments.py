"""A real repository with a tiny study, its MLflow store, and a server, for tests of experiments."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from tests.support.study import commit, edit, environment, run, small_repository
from tests.support.warm import run_module


def tiny(folder: Path) -> Path:
    """One cell, two values of λ, two seeds: run, logged to the store of the folder, committed."""
    small_repository(folder)
    for key, value in (
        ("train.cells", ["rnn"]),
        ("train.penalty.lambdas", [0, 1]),
        ("window.folds", 1),
        ("evaluate.baselines", ["repeat_last", "ridge"]),
    ):
        edit(folder, key, value)
    run(folder, "dvc", "repro")
    commit(folder, "Reproduced")
    return folder


def tracking(folder: Path, *arguments: str, code: int = 0, **more: str) -> str:
    """Output of `python -m stages.tracking …`, which must end with this code."""
    return _output("stages.tracking", folder, *arguments, code=code, **more)


def compare(folder: Path, *runs: str, code: int = 0) -> str:
    """Output of `python -m stages.compare …`, which must end with this code."""
    return _output("stages.compare", folder, *runs, code=code)


def _output(module: str, folder: Path, *arguments: str, code: int, **more: str) -> str:
    more = {**environment(folder.parent / "home"), **more}
    ended, text = run_module(folder, more, module, *arguments)
    assert ended == code, text
    return text


def wait_for_queue(folder: Path, count: int) -> None:
    """Until no experiment is queued or running; all of them must have succeeded."""
    for _ in range(180):
        status = run(folder, "dvc", "queue", "status")
        if "Queued" not in status and "Running" not in status:
            assert status.count("Success") == count, status
            return
        time.sleep(1)
    raise AssertionError(status)


def local(folder: Path) -> str:
    """A copy of the folder's store: this process would keep a file open that a test deletes."""
    copy = Path(tempfile.mkdtemp(dir=folder.parent)) / "mlflow.db"
    if (folder / "mlflow/mlflow.db").exists():
        shutil.copy(folder / "mlflow/mlflow.db", copy)
    return f"sqlite:///{copy}"


def runs(store: str, condition: str = "") -> list[Run]:
    """Runs of the experiment in a store, by its address."""
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("ridgeline")
    return client.search_runs([experiment.experiment_id], condition) if experiment else []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def begin(folder: Path, *command: str, **more: str) -> subprocess.Popen[str]:
    """Start a command, its output in one pipe."""
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**environment(folder.parent / "home"), **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def serving(folder: Path, *command: str, ready: str, **more: str) -> Iterator[None]:
    """A server that a command starts, and that answers at the address `ready`."""
    server = subprocess.Popen(
        command,
        cwd=folder,
        env={**environment(folder.parent / "home"), **more},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(ready, timeout=5).close()
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                assert server.poll() is None, "the server has ended"
                time.sleep(0.5)
        else:
            raise AssertionError(f"{ready} does not answer")
        yield
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def number(text: str, pattern: str) -> int:
    """The whole number that the pattern's group finds in the text."""
    match = re.search(pattern, text)
    assert match, text
    return int(match[1])
