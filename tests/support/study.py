"""A real repository in a temporary folder, with a small study, and commands run in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from benchmarks import quick
from tests.support.warm import run_module

# Settings of whoever runs the tests; without bytecode each of many processes compiles the stages again.
LEFT_OUT = ("DVC_", "GIT_", "MLFLOW_", "RIDGELINE_", "COV_", "PYTHONDONTWRITEBYTECODE")


def environment(home: Path) -> dict[str, str]:
    """As on a fresh machine: an empty HOME, a git identity, this interpreter first on the PATH."""
    home.mkdir(parents=True, exist_ok=True)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(LEFT_OUT)}
    compiled = os.environ.get("RIDGELINE_COMPILED", str(quick.ROOT / ".ridgeline" / "compiled"))
    person = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "A reader"), ("EMAIL", "reader@example.org"))
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settings = {
        "HOME": str(home),
        "PATH": path,
        "DVC_NO_ANALYTICS": "true",
        "RIDGELINE_COMPILED": compiled,  # compiled once
        # Each process takes a second or two to start; a study of seconds needs no more.
        "RIDGELINE_WORKERS": "1",
        "MLFLOW_WORKERS": "1",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    return {**inherited, **person, **settings}


def run(folder: Path, *command: str, check: bool = True, **more: str) -> str:
    """Standard output and error of a command in `folder`; extra environment as keywords."""
    variables = {**environment(folder.parent / "home"), **more}
    if command[0] == "dvc":
        code, text = run_module(folder, variables, *command)
    else:
        done = subprocess.run(
            command, cwd=folder, env=variables, capture_output=True, text=True, timeout=400
        )
        code, text = done.returncode, done.stdout + done.stderr
    assert not check or code == 0, f"{' '.join(command)} failed:\n{text}"
    return text


def repro(folder: Path, *arguments: str, check: bool = True, **more: str) -> str:
    """Output of `dvc repro …`, which logs nothing to MLflow."""
    more = {"RIDGELINE_TRACKING": "off", **more}
    return run(folder, "dvc", "repro", *arguments, check=check, **more)


def commit(folder: Path, message: str) -> None:
    """Commit everything."""
    run(folder, "git", "add", "-A", ".")
    run(folder, "git", "commit", "-qm", message)


def small_repository(folder: Path) -> Path:
    """The working tree with a small study, in a new git repository."""
    folder.mkdir(parents=True)
    quick.copy_to(folder)
    for name in ("dvc.lock", "data/report/metrics.json"):
        (folder / name).unlink(missing_ok=True)
    quick.shrink(folder)
    run(folder, "git", "init", "-q", "-b", "main")
    commit(folder, "A small study")
    return folder


def edit(folder: Path, key: str, value: object) -> None:
    """Set one dotted key of params.yaml."""
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    *sections, last = key.split(".")
    inner = params
    for section in sections:
        inner = inner[section]
    inner[last] = value
    path.write_text(yaml.safe_dump(params, sort_keys=False, allow_unicode=True), encoding="utf-8")
