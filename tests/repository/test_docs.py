"""The commands of README, docs and page run, generated parts are true, tables are complete."""

from __future__ import annotations

import json
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

from stages.check.sections import SECTIONS
from stages.report.judging.verdicts import SHORT
from stages.report.page import provenance
from tests.support import readme
from tests.support.experiments import wait_for_queue
from tests.support.study import commit, edit, environment, repro, run, small_repository

TEXT = readme.README.read_text(encoding="utf-8")
DOCS = {path.name: path.read_text("utf-8") for path in sorted((readme.ROOT / "docs").glob("*.md"))}


def blocks(language: str, text: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[str]:
    lines = [line for block in blocks("bash", text) for line in block.splitlines()]
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


COMMANDS = commands(TEXT)
OF_DOCS = [command for text in DOCS.values() for command in commands(text)]
OF_PAGE = [command for command, _ in provenance.COMMANDS]
SNIPPETS = [
    (name, code)
    for name, text in DOCS.items()
    for code in blocks("python", re.sub(r"## A cell\n.*?(?=\n## )", "", text, flags=re.DOTALL))
]  # those of a cell are parts of modules: test_cells.py puts them there
# Run word for word by the continuous integration, with the installation of a newcomer.
BY_CI = {"make repro", "make test"}
SERVER = "make ui"
# What the output of a command must hold, so that it is not only run but checked.
TERMINAL = 160  # columns
SHOW = next(command for command in COMMANDS if command.startswith("dvc exp show"))
EXPECTED = {
    SHOW: "rnn.validation_mse",
    "dvc params diff HEAD narrow": "train.hidden",
    "dvc metrics diff HEAD narrow": "rnn.test_mse",
    "dvc exp diff HEAD narrow": "rnn.validation_mse",
    "dvc plots diff HEAD narrow": "index.html",
    'make diff RUNS="HEAD narrow"': "| train.hidden ",
    "make reproduce RUN=narrow": "outputs of narrow)",
    "make sync": "runs newly tagged with their commits and experiments",
    "make promote": "version 1 of `ridgeline` registered",
    "make forecast": "tmp/forecast/forecast.csv",
    "make export": "tmp/export/load.py",
}


@pytest.mark.parametrize("page", readme.PAGES, ids=lambda page: page.name)
def test_the_generated_part_is_true(page):
    text = page.read_text(encoding="utf-8")
    assert readme.current(page) == text, "run python -m tests.support.readme"


def test_the_table_of_experiments_is_of_the_committed_study():
    block = next(b for b in re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL) if "Experiment" in b)
    assert max(map(len, block.splitlines())) <= TERMINAL
    _, head, _, main, *_ = block.splitlines()
    metrics = json.loads((readme.ROOT / "data/report/metrics.json").read_text(encoding="utf-8"))
    shown = dict(zip(head.split()[1:], main.split()[1:], strict=True))
    assert {name.split(".")[0] for name in shown} == {"rnn", "gru", "lstm", "train"}
    for name, value in shown.items():
        cell, metric = name.split(".")
        if cell != "train":
            assert float(value) == pytest.approx(metrics[cell][metric], rel=1e-4), name


def test_every_parameter_is_named():
    for section in SECTIONS:
        rows = DOCS["reference.md"].splitlines()
        line = next(row for row in rows if row.startswith(f"| `{section}` |"))
        for name in fields(SECTIONS[section]):
            assert f"`{name}`" in line, f"{section}.{name}"


def test_params_yaml_names_every_parameter():
    text = (readme.ROOT / "params.yaml").read_text(encoding="utf-8")
    for section in SECTIONS:
        for name in fields(SECTIONS[section]):
            assert re.search(rf"^\s*{name}:", text, re.MULTILINE), f"{section}.{name}"


def fields(model: type[BaseModel]) -> list[str]:
    return list(model.model_fields)


def test_every_command_of_make_is_a_target():
    makefile = (readme.ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z-]+)", "\n".join([TEXT, *OF_DOCS])):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize(("name", "code"), SNIPPETS, ids=[name for name, _ in SNIPPETS])
def test_code_of_the_docs_is_right(name, code):
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=readme.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_docs_have_the_words_of_the_code():
    """Names in back quotes that are not files, and the one threshold: each is in the code."""
    assert f"Below {SHORT} the page warns" in DOCS["reading.md"]
    code = "".join(p.read_text("utf-8") for p in (readme.ROOT / "stages").rglob("*.py"))
    extending = DOCS["extending.md"]
    for word in ("CELLS", "Penalty.kind", "SECTIONS", "PALETTE"):
        assert f"`{word}`" in extending
        assert word.split(".")[-1] in code


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """A small committed study in which `make` finds the environment that is installed."""
    folder = small_repository(tmp_path_factory.mktemp("docs") / "study")
    (folder / ".venv").symlink_to(Path(sys.prefix))
    (folder / ".git/info/exclude").write_text(".venv\n")
    edit(folder, "train.cells", ["rnn"])
    repro(folder)
    commit(folder, "Reproduced")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in BY_CI and c != SERVER])
def test_command_runs(repository, command):
    text = run(repository, "bash", "-ec", command, COLUMNS=str(TERMINAL))
    if command == "dvc queue start -j 2":
        wait_for_queue(repository, 2)
    assert EXPECTED.get(command, "") in text
    if command == SHOW:
        lines = text.splitlines()
        assert max(map(len, lines)) <= TERMINAL
        assert "…" not in text
        assert "train.hidden" in text
        run(repository, "git", "checkout", "-q", ".")


@pytest.mark.slow
@pytest.mark.parametrize("command", [*dict.fromkeys([*OF_DOCS, *OF_PAGE])])
def test_command_of_docs_and_page_runs(repository, command):
    run(repository, "bash", "-ec", command)


def test_every_expected_output_belongs_to_a_command_of_the_docs():
    assert EXPECTED.keys() <= set(COMMANDS)


@pytest.mark.slow
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
