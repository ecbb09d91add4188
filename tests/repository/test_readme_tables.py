"""The tables of docs/reference.md, and the command line that the README names, are those of the code."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd

from stages import equivalents
from stages.artifacts.forecasts import ForecastWriter
from stages.artifacts.scores import BASELINE, ENSEMBLE, Scores
from stages.environment import store_bytes
from tests.support.readme import README, ROOT
from tests.support.synthetic_windows import synthetic_windows

TEXT = README.read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs/reference.md").read_text(encoding="utf-8")
MLFLOW = (ROOT / "mlflow/README.md").read_text(encoding="utf-8")


def columns(start: str) -> list[str]:
    """The names that the row of a file gives in its longest pair of back quotes."""
    (row,) = [line for line in REFERENCE.splitlines() if line.startswith(f"| `{start}`")]
    return max(re.findall(r"`([^`]+)`", row.split("|")[2]), key=len).split(", ")


def test_the_columns_of_the_files(tmp_path: Path) -> None:
    layout = synthetic_windows().layout
    with ForecastWriter(tmp_path / "rnn.parquet", layout) as writer:
        assert columns("data/forecasts/<cell>.parquet") == writer.schema.names
    Scores(layout).save(tmp_path, "rnn")
    for name in ("", "losses_"):
        scores = pd.read_parquet(tmp_path / f"{name}rnn.parquet")
        assert columns(f"data/scores/{name}<cell>.parquet") == list(scores.columns)
    with (ROOT / "data/report/lambda_path.csv").open(encoding="utf-8") as file:
        assert columns("data/report/lambda_path.csv") == next(csv.reader(file))
    assert f"seed {ENSEMBLE} is the ensemble".replace("-", "−") in REFERENCE
    assert np.sign([BASELINE, ENSEMBLE]).tolist() == [-1, -1]  # no seed of a network


def test_every_variable_of_the_project_is_named() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "stages").rglob("*.py"))
    read = re.findall(r"\"(RIDGELINE_[A-Z_]+)\"", code)
    assert set(read) == set(re.findall(r"\bRIDGELINE_[A-Z_]+", TEXT + REFERENCE + MLFLOW))


def test_the_default_size_of_the_store(monkeypatch) -> None:
    monkeypatch.delenv("RIDGELINE_STORE_GB", raising=False)
    assert f"size of the member store; default {store_bytes() / 1e9:g} |" in REFERENCE


def test_the_command_of_the_conversions_prints_numbers(capsys) -> None:
    document = (ROOT / "docs/lambda.md").read_text(encoding="utf-8")
    for text in (TEXT, document):
        (command,) = re.findall(r"python -m stages\.equivalents (--[^`\n]+)", text)
        assert equivalents.main(shlex.split(command)) == 0
        assert "alpha = 5 |" in capsys.readouterr().out
