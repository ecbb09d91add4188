"""The textbook's listing runs at the λ that its coefficient is; L2 on predictions is no L2 on weights."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import quick, textbook

CHANGES: dict[str, dict[str, Any]] = {
    "train": {"epochs": 1500, "seeds": 1, "learning_rate": 0.003},
    "window": {
        "folds": 1
    },  # the effects are those of the final fold, which the others do not touch
}


@pytest.mark.slow
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


def test_the_docs_name_the_committed_changes():
    results = json.loads(textbook.RESULTS.read_text(encoding="utf-8"))
    soon, late = ([textbook.Effect(**effect) for effect in results[n]] for n in ("100", "3000"))
    written, meant = late
    text = " ".join((quick.ROOT / "docs" / "lambda.md").read_text(encoding="utf-8").split())
    assert f"λ = 0.001·m·H·C = {written.lam:.3g}" in text
    assert f"makes forecasts {1 - written.forecasts:.0%} smaller".replace("%", " %") in text
    assert f"the test error {written.test_mse - 1:.0%} larger".replace("%", " %") in text
    assert f"makes the test error {1 - meant.test_mse:.0%} smaller".replace("%", " %") in text
    assert written.weights > 0.99  # "no weight smaller"
    assert meant.weights == pytest.approx(0.5, abs=0.03)  # "halves the weights"
    assert meant.forecasts > 0.97  # "keeps the forecasts"
    shares = [share for e in soon for share in (e.weights, e.forecasts, e.test_mse)]
    assert all(abs(share - 1) < 0.04 for share in shares)  # "In 100 steps neither …"
