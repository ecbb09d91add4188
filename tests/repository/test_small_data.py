"""Less training data and nothing else; docs/small_data.md and its figure have the committed numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks import documents, small_data
from benchmarks.small_data_figure import draw, gains
from stages.artifacts.windows import Windows

RESULTS = json.loads(small_data.RESULTS.read_text(encoding="utf-8"))
EL_NINO = small_data.PLANS[0]


def test_the_page_has_the_committed_numbers():
    page = small_data.PAGE.read_text(encoding="utf-8")
    assert documents.with_part(page, "numbers", small_data.page(RESULTS)) == page


def test_the_page_names_the_settings():
    text = " ".join(small_data.PAGE.read_text(encoding="utf-8").split())
    for plan, unit in zip(small_data.PLANS, ("lookback 24, horizon 12", "lookback 96, horizon 24")):
        assert unit == f"lookback {plan.lookback}, horizon {plan.horizon}"
        assert unit in text
        assert f"{plan.epochs} epochs with all data, batches of {plan.batch}" in text


def test_the_figure_has_the_committed_numbers(tmp_path):
    draw(RESULTS["data"], tmp_path / "small_data.svg")
    assert (tmp_path / "small_data.svg").read_bytes() == small_data.FIGURE.read_bytes()


def test_a_gain_is_a_difference_with_its_sign_turned():
    worse = {"cell": "gru", "percent": 10.0, "low": -5.0, "high": 30.0}
    shares: list[dict[str, Any]] = [
        {"cells": [worse]},
        {"cells": [{"cell": "gru", "lam": 0.0}, {"cell": "rnn"}]},
    ]
    assert gains(shares, "gru") == ([-10, 0], [20, 0], [15, 0])


def test_a_verdict_in_the_table():
    row = {"cell": "gru", "best": True, "lam": 10.0, "test_mse": 1.0, "test_mse_at_0": 1.25}
    judged = row | {"percent": -20.0, "low": -30.0, "high": 1.0, "word": "open"}
    assert small_data.cells_of(row)[-3:] == ["0", "–", "λ = 0 chosen"]
    assert small_data.cells_of(judged) == [
        "**gru**", "10", "1", "1.25", "−20.0", "−30.0 to +1.0", "open",
    ]  # fmt: skip


def test_networks_of_all_shares_take_about_as_many_steps():
    for share in small_data.SHARES:
        epochs = EL_NINO.changes(share)["train"]["epochs"]
        steps = epochs * EL_NINO.steps(share)
        assert steps == pytest.approx(EL_NINO.epochs * EL_NINO.steps(1.0), rel=0.05)


@pytest.mark.slow
def test_a_share_leaves_validation_and_test_as_they_are(tmp_path):
    whole, part = tmp_path / "whole", tmp_path / "part"
    for folder, share in ((whole, 1.0), (part, 0.1)):
        EL_NINO.series.write_study(folder, EL_NINO.changes(share), EL_NINO.left_out(share))
    everything, less = (Windows.load(f / "development.safetensors") for f in (whole, part))
    assert less.folds[-1].m == 48 - 24 - 12 + 1
    first, second = (w.targets(w.folds[0].validation) for w in (everything, less))
    np.testing.assert_array_equal(first, second)
    latest = everything.folds[-1].train[-less.folds[-1].m :]
    np.testing.assert_array_equal(everything.targets(latest), less.targets(less.folds[-1].train))
    tests = [Windows.load(f / "test.safetensors") for f in (whole, part)]
    first, second = (test.targets(test.rows) for test in tests)
    np.testing.assert_array_equal(first, second)


@pytest.mark.slow
def test_a_study_gives_a_row_for_each_cell(tmp_path):
    train = {"cells": ["gru"], "hidden": 4, "seeds": 3, "penalty": small_data.grid(1, 10, 2)}
    plan = replace(EL_NINO, epochs=1, train=train)
    got = small_data.measured(plan, 1.0, tmp_path / "study")
    (row,) = got["cells"]
    assert row["cell"] == "gru"
    if row["lam"]:
        assert row["low"] < row["percent"] < row["high"]
        change = 100 * (row["test_mse"] / row["test_mse_at_0"] - 1)
        assert row["percent"] == pytest.approx(change, abs=1e-3)
