"""dvc.yaml against the code: every stage declares what it uses, and no more."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest
import yaml

from stages.evaluate.season_params import SeasonParams
from tests.support import dag
from tests.support.closure import ROOT, closure

DAG = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
STAGES = ["check", "prepare", "window", "train", "evaluate", "report"]
TEST_PART = "data/windows/test.safetensors"
MIRRORS = {"stages.tracking"}  # log files to MLflow and change no output
CHECKED = "data/checked"  # holds no data: a stage that depends on it waits for `check`
MODULES = "cells"  # the files of classes that `train.cells` names


def test_the_stages_are_those_of_the_design():
    assert list(DAG["stages"]) == STAGES
    assert all(len(stage["desc"]) > 20 for stage in DAG["stages"].values())


@pytest.mark.parametrize("name", STAGES)
def test_code_dependencies_are_the_import_closure(name):
    declared = {d for d in DAG["stages"][name]["deps"] if d.startswith("stages/")}
    code = {d for d in declared if d.endswith(".py")}
    assert code == closure(f"stages/{name}/__main__.py")
    folder = ROOT / "stages" / name
    data_files = {p for p in folder.rglob("*.*") if p.is_file() and p.suffix not in (".py", ".pyc")}
    assert declared - code == {p.relative_to(ROOT).as_posix() for p in data_files}


def test_make_dag_writes_what_is_missing_and_takes_out_what_is_not_used():
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    assert dag.current(text) == text
    changed = text.replace("      - stages/window/panel.py\n", "")
    changed = changed.replace(
        "      - data/series\n      - stages/",
        "      - data/series\n      - stages/unused.py\n      - stages/",
        1,
    )
    assert dag.current(changed) == text != changed


@pytest.mark.parametrize("name", STAGES)
def test_commands_are_the_stage_and_its_mirror(name):
    commands = " ; ".join(DAG["stages"][name]["cmd"])
    modules = re.findall(r"python -m (\S+)", commands)
    assert [m for m in modules if m not in MIRRORS] == [f"stages.{name}"]
    reached = closure(f"stages/{name}/__main__.py")
    others = ("stages/tracking/", "stages/serving/")
    assert not [path for path in reached if path.startswith(others)]


def test_params_are_narrow():
    shared = sorted(f"evaluate.{name}" for name in SeasonParams.model_fields)
    wanted = {name: [name] for name in STAGES} | {"window": ["window", *shared]}
    wanted["check"] = STAGES[1:]
    assert {name: stage["params"] for name, stage in DAG["stages"].items()} == wanted


def test_only_evaluate_is_handed_the_test_part():
    for name, stage in DAG["stages"].items():
        assert (TEST_PART in stage["deps"]) == (name == "evaluate")
        assert (TEST_PART in " ".join(stage["cmd"])) == (name in ("window", "evaluate"))


@pytest.mark.parametrize("name", STAGES)
def test_data_dependencies_and_outputs_are_in_the_command(name):
    stage = DAG["stages"][name]
    command = " ".join(stage["cmd"])
    outs = _outs(stage)
    for path in [d for d in stage["deps"] if not d.startswith("stages/")]:
        assert path in command or path in ("${prepare.path}", CHECKED, MODULES)
    for path in outs:
        assert path in command or path.startswith("data/report/")


def test_no_parameter_reaches_a_shell():
    """DVC would insert it into the command unquoted: `$(touch X).csv` would run."""
    commands = [" ".join(stage["cmd"]) for stage in DAG["stages"].values()]
    assert not [command for command in commands if "$" in command]
    assert "${prepare.path}" in DAG["stages"]["prepare"]["deps"]


def test_every_stage_waits_for_the_check():
    """A refused parameter must be refused before DVC removes any stage's outputs."""
    waiting = {"check"}
    for name, stage in DAG["stages"].items():  # in the order in which they run
        outs = {o for n in waiting for o in _outs(DAG["stages"][n])}
        assert name == "check" or outs & set(stage["deps"]), name
        waiting.add(name)
    assert _outs(DAG["stages"]["check"]) == [CHECKED]
    assert [n for n, s in DAG["stages"].items() if CHECKED in s["deps"]] == ["prepare"]


def _outs(stage):
    return [next(iter(o)) if isinstance(o, dict) else o for o in stage["outs"]]


def test_what_git_keeps():
    report = DAG["stages"]["report"]
    files = [o for o in report["metrics"] + report["outs"] if isinstance(o, dict)]
    assert {name for o in files for name, how in o.items() if how == {"cache": False}} == {
        "data/report/metrics.json",
        "data/report/lambda_path.csv",
        "data/report/forecasters.csv",
        "data/report/report.md",
    }
    assert DAG["artifacts"]["chosen"]["path"] in report["outs"]


def test_paths_are_in_dvc_yaml_only():
    for path in (ROOT / "stages").rglob("*.py"):
        literals = [
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        assert not [text for text in literals if re.fullmatch(r"data/\S*", text)], path


def test_mlflow_is_imported_by_tracking_and_the_served_model_and_its_folder_shadows_nothing():
    pattern = re.compile(r"^\s*(import|from) mlflow\b", re.MULTILINE)
    stages = ROOT / "stages"
    importers = {
        path.relative_to(stages).as_posix()
        for path in stages.rglob("*.py")
        if pattern.search(path.read_text("utf-8"))
    }
    assert importers == {
        "tracking/store/mirror.py",
        "serving/registry/model.py",
        "serving/registry/register.py",
    }
    assert not list((ROOT / "mlflow").glob("*.py"))


@pytest.mark.parametrize(
    ("name", "heavy"),
    [
        ("check", "torch mlflow numba matplotlib statsmodels scipy"),
        ("prepare", "torch mlflow numba matplotlib statsmodels scipy"),
        ("window", "torch mlflow numba matplotlib statsmodels scipy"),
        ("train", "torch mlflow pandas matplotlib statsmodels"),
        ("evaluate", "torch mlflow matplotlib numba"),
        ("report", "torch mlflow numba matplotlib"),
    ],
)
def test_start_up_imports_nothing_that_is_not_needed(name, heavy):
    code = f"import sys, stages.{name}.__main__; print(*set({heavy.split()}) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
