"""Presets: each included one is valid, studies run as experiments, and nothing else moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from stages.params import ParameterError
from stages.presets.experiment import command
from stages.presets.preset import Preset, merged
from stages.presets.table import table
from tests.support.closure import ROOT
from tests.support.study import run, small_repository


@pytest.mark.parametrize("path", sorted((ROOT / "presets").glob("*.yaml")), ids=lambda p: p.stem)
def test_an_included_preset_is_valid_and_named_like_its_file(path: Path) -> None:
    for name in Preset.load(path).studies:
        assert name.startswith(path.stem)


def test_changes_replace_what_they_name_and_nothing_else() -> None:
    params: dict[str, Any] = {
        "train": {"penalty": {"lambdas": {"from": 1}}, "seeds": 3},
        "window": {"folds": 3},
    }
    changed = merged(params, {"train.penalty.lambdas": [0, 1], "evaluate.season": 7})
    assert changed["train"] == {"penalty": {"lambdas": [0, 1]}, "seeds": 3}
    assert changed["evaluate"] == {"season": 7}
    assert params["train"]["penalty"] == {"lambdas": {"from": 1}}


def written(folder: Path, content: object) -> Path:
    path = folder / "preset.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_a_preset_with_a_mistake_names_its_study(tmp_path: Path) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    studies = {"good": None, "bad": {"train.hidden": 0}}
    with pytest.raises(ParameterError, match=r"study bad of .*train\.hidden = 0"):
        Preset.load(written(tmp_path, {"params": params, "studies": studies}))
    with pytest.raises(ParameterError, match="must have the keys `params`"):
        Preset.load(written(tmp_path, params))
    preset = Preset.load(
        written(tmp_path, {"params": params, "studies": {"one": None, "two": None}})
    )
    assert list(preset.chosen(["two"])) == ["two"]
    with pytest.raises(ParameterError, match="study 'tow' is unknown; did you mean two"):
        preset.chosen(["tow"])


def test_a_section_is_replaced_whole() -> None:
    got = command(
        "x", {"train": {"cells": ["gru"], "clip": None, "path": "it's {here}", "on": True}}
    )
    assert got[:6] == ["dvc", "exp", "run", "--temp", "--name", "x"]
    assert got[6:] == [
        "-S", "~train",
        "-S", r"+train={cells:['gru'],clip:null,path:'it\'s {here}',on:true}",
    ]  # fmt: skip


def test_the_choice_is_bold() -> None:
    row = {"lam": 3.0, "final_fit": "train", "validation": 0.25, "scaled_test_mse": 0.5}
    rows = [
        {"forecaster": "gru", "scaled_test_mae": 0.4, "chosen": True, **row},
        {"forecaster": "ar", "scaled_test_mae": 0.6, "chosen": False, **row, "lam": float("nan")},
    ]
    lines = table({"s": pd.DataFrame(rows)}).splitlines()
    assert lines[2].startswith("| **s** | **gru** | **3** | **train** | **0.2500** |")
    assert lines[3] == "| s | ar | – | train | 0.2500 | 0.5000 | 0.6000 |"


@pytest.mark.slow
def test_studies_run_as_experiments_and_the_workspace_stays(tmp_path: Path) -> None:
    folder = small_repository(tmp_path / "repository")
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    data = (folder / params["prepare"]["path"]).read_bytes()
    (folder / "data" / "raw" / "mine's.csv").write_bytes(data)  # neither git nor DVC tracks it
    params["prepare"]["path"] = "data/raw/mine's.csv"
    params["train"] |= {"cells": ["rnn"], "penalty": {"lambdas": [0, 1]}}
    studies = {"plain": None, "late": {"train.epochs": 2}}
    path = written(tmp_path, {"params": params, "studies": studies})
    arguments = ("make", "-o", ".venv/installed", "preset", f"PRESET={path}")
    before = run(folder, "git", "status", "--porcelain")
    out = run(folder, *arguments, RIDGELINE_TRACKING="off")
    assert run(folder, "git", "status", "--porcelain") == before
    rows = [line for line in out.splitlines() if line.startswith("| ")]
    names = [line.split(" | ")[0] for line in rows[2:]]
    assert {name.strip("|* ") for name in names} == {"plain", "late"}
    again = run(folder, *arguments, RIDGELINE_TRACKING="off")
    assert "presets: plain is there" in again
    assert [line for line in again.splitlines() if line.startswith("| ")] == rows
    ref = run(folder, "git", "for-each-ref", "--format=%(refname)", "refs/exps/**/late").strip()
    read = yaml.safe_load(run(folder, "git", "show", f"{ref}:params.yaml"))
    assert read["train"]["epochs"] == 2
    assert read["train"]["penalty"] == {"lambdas": [0, 1]}
    # Other parameters under the same name: both stay.
    path = written(tmp_path, {"params": params, "studies": {"plain": {"train.epochs": 1}}})
    assert "presets: plain-2" in run(folder, *arguments, RIDGELINE_TRACKING="off")
