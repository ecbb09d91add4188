"""The programs that measure still call what they measure, and both sides of a row do the same work."""

from __future__ import annotations

import pytest

from benchmarks import kernels, trainer
from stages.networks.shape import Network


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_profile_times_a_whole_step_and_its_parts(cell):
    step = kernels.profile(cell, 4, 8, 16)
    work = kernels.flops(Network(cell, 1, kernels.HORIZON, 8, 1, 4), 16)
    assert step["gflops"] == pytest.approx(work / step["microseconds"] / 1e3, rel=0.1)
    assert all(0 < share < 1 for share in step["parts"].values())
    assert step["gflops_of_products"] > step["gflops"]


@pytest.mark.slow
def test_a_row_is_the_same_study_on_both_sides(tmp_path):
    row = trainer.Row("gru", 4, 8, 8)
    got = trainer.measured(row, tmp_path / row.name, 1)
    assert 0 < got["relative_difference_of_validation_losses"] < 1e-3
    assert got["ratio"] == pytest.approx(got["by_hand_seconds"] / got["seconds"], abs=0.05)
