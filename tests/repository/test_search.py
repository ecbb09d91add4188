"""The search for ETTh1's settings: nothing of the test part is seen, and the best of each axis is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks import search
from stages.presets.preset import Preset
from tests.support.closure import ROOT


def test_it_cuts_the_file_and_keeps_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lengths, seen = set(), []

    def judged(
        known: Path, params: dict[str, Any], setting: dict[str, Any], horizon: int
    ) -> dict[str, dict[str, float]]:
        lengths.add(len(pd.read_csv(known)))
        seen.append(setting)
        # absolute helps once the batch is small, which an earlier axis tries it without
        error = 1.0 + (setting["train.batch_size"] == 256)
        better = 0.1 if setting["train.batch_size"] == 64 else -0.1
        error -= better * (setting["train.loss"] == "absolute")
        return {"mean": {"fold0": error, "validation part": 2 * error}}

    monkeypatch.setattr(search, "study", judged)
    file, results = tmp_path / "whole.csv", tmp_path / "results.json"
    pd.DataFrame({"date": range(14400), "OT": range(14400)}).to_csv(file, index=False)
    search.main([str(file), "--results", str(results)])
    assert lengths == {search.END}
    best = {"train.loss": "absolute", "train.batch_size": 64, "train.init": "glorot"}
    assert best.items() <= min(json.loads(results.read_text()), key=_first_error)["setting"].items()
    assert "loss: absolute" in capsys.readouterr().out
    done = len(seen)
    search.main([str(file), "--results", str(results)])
    assert len(seen) == done  # what is there is not run again


def _first_error(done: dict[str, Any]) -> float:
    return float(done["errors"]["96"]["mean"]["fold0"])


def test_the_preset_has_the_best_setting_that_was_tried() -> None:
    known = json.loads(search.RESULTS.read_text(encoding="utf-8"))
    best = min(known, key=lambda done: search.relative(done, known[0]))["setting"]
    params = Preset.load(ROOT / "presets" / "etth1.yaml").studies["etth1-96"]
    preset = {key: params[key.split(".")[0]][key.split(".")[1]] for key in best}
    assert preset == best
