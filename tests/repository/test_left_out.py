"""Rules for the forecaster, on blocks left out, with made-up losses whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.left_out import blocks_of, choice, left_out
from stages.artifacts.scores import BASELINE, ENSEMBLE

NOISE = np.tile([0.5, -0.5, 0.2, -0.2], 30)


def blocks(gap: float) -> dict[str, dict[str, np.ndarray]]:
    """Ridge has the lowest loss on blocks a and b, the mean with it on block c; `gap` apart."""
    ridge, mean = 1.0 + 0 * NOISE, 1.0 + gap + NOISE
    return {
        "a": {"ridge": ridge, "gru+ridge": mean, "gru": ridge + 1},
        "b": {"ridge": ridge, "gru+ridge": mean, "gru": ridge + 1},
        "c": {"ridge": ridge + 2 * gap, "gru+ridge": mean, "gru": ridge + 1},
    }


def test_the_lowest_and_the_mean_within_one_standard_error() -> None:
    near, far = blocks(0.001), blocks(0.3)
    for data in (near, far):
        assert choice({k: data[k] for k in "ab"}, "lowest", 4) == "ridge"
    assert choice({k: near[k] for k in "ab"}, "one_error", 4) == "gru+ridge"
    assert choice({k: far[k] for k in "ab"}, "one_error", 4) == "ridge"
    result = left_out(far, 4)
    assert result["lowest"]["c"] == ["ridge", pytest.approx(1.6 / 1.3, abs=1e-4)]
    assert result["lowest"]["a"] == [
        "ridge",
        1.0,
    ]  # both are equal on b and c together: the first one


def test_blocks_are_of_ensembles_at_their_choice_and_of_baselines(tmp_path: Path) -> None:
    rows = [
        {"cell": cell, "lam": lam, "seed": seed, "fold": "a", "cutoff": cutoff, "mse": value + cutoff}
        for cell, lam, seed, value in (
            ("gru", 3.0, ENSEMBLE, 1.0), ("gru", 0.0, ENSEMBLE, 9.0), ("gru", 3.0, 0, 9.0),
        )
        for cutoff in (0, 1)
    ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "validation_gru.parquet")
    ridge = [{**row, "cell": "ridge", "lam": 7.0, "seed": BASELINE} for row in rows[:2]]
    pd.DataFrame(ridge).to_parquet(tmp_path / "validation_baselines.parquet")
    data = blocks_of(tmp_path, {"gru": 3.0}, "mse")
    assert set(data) == {"a"}
    assert {name: losses.tolist() for name, losses in data["a"].items()} == {
        "gru": [1, 2],
        "ridge": [1, 2],
    }
