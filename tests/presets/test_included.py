"""The included presets are valid, and those of included series cut windows as their comments say."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.prepare.params import PrepareParams
from stages.prepare.stage import prepare
from stages.presets.preset import Preset
from stages.window.params import WindowParams
from stages.window.stage import make_windows
from tests.support.closure import ROOT

PRESETS = sorted((ROOT / "presets").glob("*.yaml"))


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_an_included_preset_is_valid(path: Path):
    assert Preset.load(path).studies


@pytest.mark.parametrize(("name", "horizons"), [("sunspots", 10), ("co2", 39)])
def test_the_test_part_of_an_included_series_holds_so_many_horizons(name, horizons):
    (study,) = Preset.load(ROOT / "presets" / f"{name}.yaml").studies.values()
    prepared = PrepareParams.model_validate(study["prepare"])
    window = WindowParams.model_validate(study["window"])
    series = prepare(ROOT / prepared.path, prepared)
    _, tested = make_windows(series, window, study["evaluate"]["season"])
    assert len(tested.rows) // window.horizon == horizons
