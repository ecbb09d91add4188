"""Names that a user gives to make: none is acted on, each reaches the program as it was written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.closure import ROOT

PROGRAM = f"""#!{sys.executable}
import json, os, sys
line = [os.path.basename(sys.argv[0]), *sys.argv[1:], os.environ.get("MLFLOW_TRACKING_URI")]
with open(os.path.join(os.environ["LOG"]), "a") as file:
    print(json.dumps(line), file=file)
sys.exit(int(os.environ.get("EXIT", "0")))
"""
NAMES = [
    "plain", "my data.csv", "it's.csv", "sales (1).csv", '"q".csv', "$(touch X).csv", "`touch X`",
    "$(shell touch X)", "a; touch X", "a & touch X", "a | touch X", "> X", "$HOME", "$$", "${PATH}", "-x",
    "--help", "*", "#h", "a\\b", "\u00fc", "$(error stop)", "$(eval X:=1)", "a=b", "!",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Makefile with programs that write down how they were called; a shell would act on its path."""
    folder = tmp_path_factory.mktemp("make") / "it's a $(touch X) folder"
    (folder / ".venv/bin").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "requirements.txt").touch()
    (folder / ".venv/installed").touch()
    for name in ("python", "mlflow", "dvc"):
        program = folder / ".venv/bin" / name
        program.write_text(PROGRAM)
        program.chmod(0o755)
    return folder


def calls(folder: Path, *words: str, **more: str) -> list[list[str]]:
    """What a target called: program, arguments, MLFLOW_TRACKING_URI."""
    log = folder / "log"
    log.unlink(missing_ok=True)
    left_out = ("MLFLOW_", "MAKE", "RIDGELINE_", "CDPATH")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    variables = inherited | {"LOG": str(log)} | more
    subprocess.run(["make", *words], cwd=folder, env=variables, capture_output=True)
    assert not list(folder.rglob("X")), "a name was acted on"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def both(folder: Path, target: str, variable: str, name: str) -> list[str]:
    """The last call's arguments, the name given as an argument of make and by the environment."""
    argument = calls(folder, target, f"{variable}={name}")
    environment = calls(folder, target, **{variable: name})
    assert argument == environment
    return argument[-1][1:-1]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_an_argument_as_it_was_written(folder, name):
    for target, variable in (
        ("reproduce", "RUN"),
        ("promote", "REV"),
        ("ui", "PORT"),
        ("serve", "PORT"),
    ):
        assert both(folder, target, variable, name)[-1] == name
    assert both(folder, "forecast", "CSV", name)[-1] == f"--csv={name}"


@pytest.mark.parametrize("name", NAMES[1:12])
def test_several_names_are_separated_by_blanks(folder, name):
    modules = {"diff": ["stages.compare"], "sync": ["stages.tracking", "sync"]}
    for target, variable in (("diff", "RUNS"), ("sync", "REVS")):
        called = both(folder, target, variable, f"first  {name} last")
        assert called == ["-m", *modules[target], "--", "first", *name.split(), "last"]


@pytest.mark.parametrize("name", NAMES[1:12])
def test_the_shared_folder_is_called_as_it_was_written(folder, name):
    *_, backend, _, artifacts, _, _, _, port = both(folder, "server", "SHARED", name)
    assert backend == f"sqlite:///{folder}/{name}/mlflow.db"
    assert artifacts == f"{folder}/{name}/artifacts"
    assert (folder / name).is_dir()
    assert port == "5000"


@pytest.mark.parametrize("name", NAMES[1:12])
def test_the_store_is_addressed_as_it_was_written(folder, name):
    for words, more in (([f"MLFLOW_TRACKING_URI={name}"], {}), ([], {"MLFLOW_TRACKING_URI": name})):
        assert calls(folder, "serve", *words, **more)[-1][-1] == name
        called = calls(folder, "ui", *words, **more)[-1]
        assert called[called.index("--backend-store-uri") + 1] == name
        assert calls(folder, "sync", *words, **more)[-1][-1] == name


def test_what_holds_without_names(folder):
    assert calls(folder, "promote")[-1][1:-1] == ["-m", "stages.tracking", "promote", "--", "HEAD"]
    assert calls(folder, "sync")[-1] == ["python", "-m", "stages.tracking", "sync", "--", None]
    assert calls(folder, "forecast")[-1][-2] == "tmp/forecast"
    assert calls(folder, "export")[-1][-2] == "tmp/export"
    assert calls(folder, "serve")[-1][-1] == f"sqlite:///{folder}/mlflow/mlflow.db"
    assert calls(folder, "reproduce") == calls(folder, "diff") == []


def test_the_check_comes_before_dvc(folder):
    check = ["python", "-m", "stages.check", "params.yaml", None]
    answer = ["python", "-m", "stages.report.headline", "data/report", None]
    assert calls(folder, "repro") == [check, ["dvc", "repro", None], answer]
    assert calls(folder, "repro", EXIT="2") == [check]
