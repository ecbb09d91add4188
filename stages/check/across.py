"""Rules that hold between sections of params.yaml, as far as the parameters alone decide them."""

from __future__ import annotations

from collections.abc import Mapping

from stages.evaluate.params import EvaluateParams
from stages.params import Section
from stages.prepare.params import PrepareParams
from stages.season import infer_season
from stages.train.params import TrainParams
from stages.window.params import WindowParams


def problems_across(sections: Mapping[str, Section]) -> list[str]:
    """A sentence for each broken rule; a section that is wrong itself is not there, and breaks none."""
    prepare, window = sections.get("prepare"), sections.get("window")
    train, evaluate = sections.get("train"), sections.get("evaluate")
    problems = []
    if isinstance(window, WindowParams) and isinstance(train, TrainParams):
        problems += _segment(window, train)
    if isinstance(prepare, PrepareParams) and isinstance(evaluate, EvaluateParams):
        problems += _season(prepare, window, evaluate)
    return problems


def _segment(window: WindowParams, train: TrainParams) -> list[str]:
    recurrent = [cell for cell in train.cells if cell != "linear"]
    if not recurrent or window.lookback % train.segment == 0:
        return []
    return [
        f"train.segment = {train.segment} does not divide window.lookback = {window.lookback}, so that a "
        f"step of {', '.join(recurrent)} would see less than a segment; choose a divisor, or another lookback"
    ]


def _season(prepare: PrepareParams, window: Section | None, evaluate: EvaluateParams) -> list[str]:
    """Where the frequency is recognised from the file, the stage `window` decides the same."""
    needs: list[str] = [name for name in evaluate.baselines if name == "seasonal_repeat"]
    needs += ["mase"] if "mase" in evaluate.metrics else []
    if isinstance(window, WindowParams) and window.difference == "seasonal":
        needs.append("window.difference = seasonal")
    recognised = prepare.frequency in ("infer", "rows")
    if evaluate.season or recognised or not needs or infer_season(prepare.frequency):
        return []
    return [
        f"evaluate.season is null, but {' and '.join(needs)} need a season, and prepare.frequency = "
        f"{prepare.frequency!r} tells none; set evaluate.season to the steps of one cycle (11 for yearly "
        "sunspots, 1 if there is none)"
    ]
