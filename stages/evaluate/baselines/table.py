"""The table of baselines: each name of `evaluate.baselines` with its function.

A row is called with the study's history and parameters once, for what its folds share, then with each part.
"""

from __future__ import annotations

from collections.abc import Callable

from stages.evaluate.baselines.autoregressive import ar
from stages.evaluate.baselines.exponential import auto_ets
from stages.evaluate.baselines.naive import repeat_last, seasonal_repeat
from stages.evaluate.baselines.part import Baseline, History, Part
from stages.evaluate.baselines.ridge import ridge
from stages.evaluate.params import EvaluateParams

BASELINES: dict[str, Callable[[History, EvaluateParams], Callable[[Part], Baseline]]] = {
    "repeat_last": lambda *_: repeat_last,
    "seasonal_repeat": lambda *_: seasonal_repeat,
    "ridge": lambda history, params: ridge(history, params.ridge),
    "ar": lambda *_: ar,
    "auto_ets": lambda *_: auto_ets,
}
