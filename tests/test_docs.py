"""The README's commands run, its generated part is true, its tables are complete."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from pydantic import BaseModel

from stages.check import SECTIONS, section_model
from tests import readme
from tests.study import commit, edit, environment, run, small_repository

TEXT = readme.README.read_text(encoding="utf-8")
COMMANDS = [
    line.split("  #")[0].strip()
    for block in re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]
# Run word for word by the continuous integration, with the installation that a newcomer does.
BY_CI = {"make repro", "make test"}
SERVER = "make ui"
# What the output of a command must hold, so that it is not only run but tells something.
TELLS = {
    "dvc exp show --only-changed": "test_mse",
    "dvc params diff HEAD narrow": "train.hidden",
    "dvc metrics diff HEAD narrow": "rnn.test_mse",
    "dvc exp diff HEAD narrow": "rnn.validation_mse",
    "dvc plots diff HEAD narrow": "index.html",
    'make diff RUNS="HEAD narrow"': "| train.hidden ",
    "make reproduce RUN=narrow": "outputs of narrow)",
    "make sync": "runs told where they stand",
    "make promote": "version 1 of `ridgeline` registered",
    "make forecast": "tmp/forecast/forecast.csv",
}


def test_the_generated_part_is_true():
    assert readme.current(TEXT) == TEXT, "run python -m tests.readme"


def test_every_parameter_is_named():
    for section in SECTIONS:
        line = next(row for row in TEXT.splitlines() if row.startswith(f"| `{section}` |"))
        for name in fields(section_model(section)):
            assert f"`{name}`" in line, f"{section}.{name}"


def test_params_yaml_names_every_parameter():
    text = (readme.ROOT / "params.yaml").read_text(encoding="utf-8")
    for section in SECTIONS:
        for name in fields(section_model(section)):
            assert re.search(rf"^\s*{name}:", text, re.MULTILINE), f"{section}.{name}"


def fields(model: type[BaseModel]) -> list[str]:
    return list(model.model_fields)


def test_every_command_of_make_is_a_target():
    makefile = (readme.ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z-]+)", TEXT):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """A small committed study in which `make` finds the environment that is installed."""
    folder = small_repository(tmp_path_factory.mktemp("docs") / "study")
    (folder / ".venv").symlink_to(Path(sys.prefix))
    (folder / ".git/info/exclude").write_text(".venv\n")
    edit(folder, "train.cells", ["rnn"])
    run(folder, "dvc", "repro", RIDGELINE_TRACKING="off")
    commit(folder, "Reproduced")
    return folder


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in BY_CI and c != SERVER])
def test_command_runs(repository, command):
    text = run(repository, "bash", "-ec", command)
    if command == "dvc queue start -j 2":
        wait_for_queue(repository)
    assert TELLS.get(command, "") in text
    if command.startswith("dvc exp show"):
        run(repository, "git", "checkout", "-q", ".")


def test_what_commands_tell_is_asked_of_commands_that_are_there():
    assert TELLS.keys() <= set(COMMANDS)


def wait_for_queue(folder: Path) -> None:
    """Until no task is queued or running."""
    for _ in range(180):
        status = run(folder, "dvc", "queue", "status")
        if "Queued" not in status and "Running" not in status:
            assert status.count("Success") == 2, status
            return
        time.sleep(1)
    raise AssertionError(status)


def test_the_ui_answers_on_this_machine(repository):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        ["make", "-o", ".venv/installed", "ui", f"PORT={port}"],
        cwd=repository,
        env=environment(repository.parent / "home"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert "<title>MLflow</title>" in fetch(f"http://127.0.0.1:{port}/")
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def fetch(address: str) -> str:
    """The page, once the server answers."""
    for _ in range(120):
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"{address} does not answer")
