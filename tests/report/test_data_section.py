"""The page's section on data: how it says that time was cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.report.drawing.plot import Chart
from stages.report.page import data
from stages.report.page.parts import Sources
from tests.support.damped_study import damped, waves

PLAIN = "m counts training windows."
IDLE = f"{PLAIN} The validation part is in no fold's block: it chooses no λ, and "


@pytest.mark.parametrize(
    ("window", "end"),
    [
        ({}, PLAIN),
        ({"folds_end": "validation"}, f"{IDLE}the final fit is trained on it."),
        ({"validation_stride": 4}, f"{PLAIN} Origins of validation windows lie 4 steps apart."),
        (
            {"folds_end": "validation", "final_fit": "train"},
            f"{IDLE}no network is trained on it.",
        ),
    ],
)
def test_the_figure_of_folds_says_what_the_validation_part_is_for(
    window: dict[str, Any], end: str, tmp_path: Path
) -> None:
    result = damped(tmp_path, waves(), window)
    sources = Sources(result.study, result.windows, result.series, result.paths)
    charts = [block for block in data.section(sources).blocks if isinstance(block, Chart)]
    (folds,) = (chart for chart in charts if chart.name == "folds")
    assert folds.caption.endswith(end)
