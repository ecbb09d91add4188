"""The table of baselines: a name of `evaluate.baselines` to what fits it."""

from __future__ import annotations

from collections.abc import Callable

from stages.evaluate.autoregressive import ar
from stages.evaluate.exponential import auto_ets
from stages.evaluate.naive import repeat_last, seasonal_repeat
from stages.evaluate.past import Baseline, Past
from stages.evaluate.ridge import ridge

BASELINES: dict[str, Callable[[Past], Baseline]] = {
    "repeat_last": repeat_last,
    "seasonal_repeat": seasonal_repeat,
    "ridge": ridge,
    "ar": ar,
    "auto_ets": auto_ets,
}
