"""`python -m MODULE` in a process that has the slow libraries imported already, MLflow and DVC.

Importing them takes a second or two, and a suite starts them more than a hundred times. The process is
forked from multiprocessing's server of forks, which has done nothing but these imports. It runs the module
that lies in the working folder, with the environment given, as a fresh interpreter does.
"""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path

SERVER = get_context("forkserver")
SLOW = ["mlflow", "mlflow.store.tracking.sqlalchemy_store"]
SLOW += ["dvc.cli", "dvc.repo", "dvc.commands.repro", "dvc.commands.experiments", "dvc_data.index"]
SERVER.set_forkserver_preload(SLOW)


def run_module(
    folder: Path, environment: dict[str, str], module: str, *arguments: str, timeout: float = 400
) -> tuple[int, str]:
    """The code with which the module ended, and what it and its children wrote."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as out:
        call = (out.name, folder, environment, [module, *arguments])
        process = SERVER.Process(target=_run, args=call)
        process.start()
        process.join(timeout)
        process.kill()
        process.join()
        assert process.exitcode is not None
        return process.exitcode, out.read()


def _run(out: str, folder: Path, environment: dict[str, str], argv: list[str]) -> None:
    written = os.open(out, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(written, stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
    sys.path.insert(0, str(folder))
    sys.argv = argv
    runpy.run_module(argv[0], run_name="__main__", alter_sys=True)
