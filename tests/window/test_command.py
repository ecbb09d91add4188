"""`python -m stages.window` by itself, without the check before it: what it reads of `evaluate`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages.evaluate.params import EvaluateParams
from stages.failure import ParameterError
from stages.params import check_section
from stages.window.__main__ import main
from tests.check.test_params import GOOD, written
from tests.support.closure import ROOT
from tests.support.synthetic_series import synthetic_series

FILES = ("series", "development", "test", "summary")
BAD = [0, -3, "x", 1.5, True, [7], 10_000_000]


def arguments(folder: Path) -> list[str]:
    return [text for name in FILES for text in (f"--{name}", str(folder / name))]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A daily series of noise, in a folder of its params.yaml."""
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).normal(size=800)
    synthetic_series({"a": (0, values)}).save(tmp_path / "series")
    return tmp_path


@pytest.mark.parametrize("season", BAD)
def test_a_season_is_refused_as_evaluate_refuses_it(folder, season):
    written(folder, "evaluate.season", season)
    with pytest.raises(ParameterError) as by_evaluate:
        check_section("evaluate", GOOD["evaluate"] | {"season": season}, EvaluateParams)
    with pytest.raises(ParameterError) as by_window:
        main(arguments(folder))
    assert str(by_window.value) == str(by_evaluate.value)
    assert str(by_window.value).startswith("evaluate.season = ")
    assert str(by_window.value).endswith("; change it in params.yaml")


def test_a_bad_season_ends_the_command_before_it_reads_the_series(tmp_path):
    written(tmp_path, "evaluate.season", 0)
    command = [sys.executable, "-m", "stages.window", *arguments(tmp_path)]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == (
        "error: evaluate.season = 0: input should be greater than or equal to 1; change it in params.yaml\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


def test_keys_that_the_stage_does_not_declare_do_not_stop_it(folder):
    written(folder, "evaluate.forecasts", "none of the known ones")
    main(arguments(folder))
    assert (folder / "development").is_file()
    assert (folder / "test").is_file()
