"""Both tools see the same windows, λ means the same in both, and docs/peers.md has the committed numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import documents, peers
from benchmarks.both_sides import Parts
from benchmarks.real_series import ETTH1, SUNSPOTS

RESULTS = json.loads(peers.RESULTS.read_text(encoding="utf-8"))
RAW = np.arange(20.0) ** 1.5
FUTURE = np.arange(1, 4)
ORIGINS = np.array([12, 13])
PARTS = Parts(
    raw=RAW,
    stop=10,
    origins=ORIGINS,
    targets=RAW[ORIGINS[:, None] + FUTURE],
    training_targets=(RAW[np.arange(2, 7)[:, None] + FUTURE] - 3) / 2,
    center=3.0,
    scale=2.0,
    unit=4.0,
)
THEIRS = {"training_targets": PARTS.training_targets[::-1], "steps": ORIGINS[:, None] + FUTURE}


def test_the_page_has_the_committed_numbers():
    page = peers.PAGE.read_text(encoding="utf-8")
    assert documents.with_part(page, "numbers", peers.page(RESULTS)) == page


def test_the_committed_ratio_is_that_of_the_seconds():
    for data in RESULTS["data"]:
        for cell in data["cells"]:
            here, there = cell["cpu_seconds"]["pipeline"], cell["cpu_seconds"]["neuralforecast"]
            assert cell["ratio"] == pytest.approx(there / here, rel=2e-3)


def test_the_decay_is_that_of_a_mean_over_windows_and_steps():
    """½ Σ‖e‖² + λ/2 Σw² over m windows, times 2/(mP), is the mean of squares + λ/(mP) Σw²."""
    decays, eps = peers.equivalents((0.0, 10.0), windows=157, outputs=11)
    assert decays == pytest.approx([0, 2 * 10 / (157 * 11)])
    assert eps == pytest.approx(1e-8 * 2 / 11)


def test_the_same_windows_pass_in_any_order():
    PARTS.check_same_windows(THEIRS)


@pytest.mark.parametrize(
    "other",
    [
        {"training_targets": PARTS.training_targets[1:]},
        {"training_targets": PARTS.training_targets + 0.01},
        {"steps": THEIRS["steps"] + 1},
    ],
)
def test_other_windows_do_not(other):
    with pytest.raises(AssertionError):
        PARTS.check_same_windows(THEIRS | other)


def test_a_file_with_other_values_does_not():
    with pytest.raises(AssertionError):
        replace(PARTS, raw=RAW + 1).check_same_windows(THEIRS)


def test_errors_are_in_units_of_the_training_part():
    """A forecast that is 1 too high in a scale of 2 is wrong by 2, half of the unit 4."""
    truth = (PARTS.targets - PARTS.center) / PARTS.scale
    of_seeds = np.stack([truth + 1, truth - 1])[None]
    (numbers,) = peers.errors_there(PARTS, of_seeds)
    assert numbers == {"mse": 0.25, "mse_sd": 0.0, "mae": 0.5, "mae_sd": 0.0}


def test_a_series_that_is_not_included_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("RIDGELINE_BENCHMARK_DATA", str(tmp_path))
    assert "set RIDGELINE_BENCHMARK_DATA" in ETTH1.absent
    (tmp_path / "ETTh1.csv").write_text("date,OT\n2016-07-01 00:00:00,1\n")
    assert not ETTH1.absent
    assert not SUNSPOTS.absent


@pytest.mark.slow
@pytest.mark.skipif(
    not peers.PYTHON.is_file(), reason="`make peers` has not installed its packages"
)
@pytest.mark.parametrize("cell", peers.CELLS)
def test_both_tools_run_on_the_same_windows(tmp_path, cell):
    study = replace(peers.STUDIES[0], hidden=4, epochs=1, lambdas=(0.0, 10.0))
    row = peers.measured(study, cell, tmp_path / cell)["row"]
    assert [at["lam"] for at in row["path"]] == [0, 10]
    assert all(at[tool]["mse"] > 0 for at in row["path"] for tool in peers.TOOLS)
