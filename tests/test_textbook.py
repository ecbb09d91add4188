"""The textbook's listing runs at the λ that its coefficient is; L2 on predictions is no L2 on weights."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks import textbook

CHANGES = {"train": {"epochs": 1500, "seeds": 1, "learning_rate": 0.003}}


def test_both_readings_of_the_listing(monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    written, meant = textbook.compare(CHANGES)
    # 189 steps of the sunspots' training and validation part see 10 values and forecast 1: m = 179.
    assert (written.kind, meant.kind) == ("predictions", "l2")
    assert written.lam == meant.lam == pytest.approx(0.001 * 179, rel=1e-12)
    # As written the forecast is shrunk by about 1/(1 + λ) and the weights are not; as meant they are.
    assert written.forecasts == pytest.approx(1 / 1.179, abs=0.05)
    assert 0.9 < written.weights < 1.1
    assert meant.forecasts > 0.93
    assert meant.weights < 0.8
    text = textbook.table([written, meant])
    assert text.splitlines()[2].startswith("| the predictions, as written | 0.179 | ")
    assert text.splitlines()[3].startswith("| the weights, as meant | 0.179 | ")
