"""How prediction intervals hold on the test part: the share of values inside, and whether that is the level.

The share of a window's steps inside an interval is a number per window like its loss, and depends on its
neighbours in the same way; so the interval of its mean is that of the verdicts (see intervals.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stages.artifacts.intervals import Intervals, load
from stages.artifacts.scores import BASELINES
from stages.report.judging.contenders import WindowLosses
from stages.report.judging.intervals import Interval, by_origin, two_way
from stages.report.params import ReportParams

SURPRISE = 0.025  # what is less likely than this is not taken as chance


@dataclass(frozen=True)
class Coverage:
    """The intervals of one forecaster on the test part.

    Attributes:
        name, lam: of the forecaster; lam is NaN for a baseline. intervals: as they were scored.
        overall: metric → its value over all ranked series, as in data/scores.
        shares: level → the mean share inside, with its interval. horizons: how many independent ones the test
            part holds.
    """

    name: str
    lam: float
    intervals: Intervals
    overall: Mapping[str, float]
    shares: Mapping[float, Interval]
    horizons: float

    def off(self, level: float) -> str:
        """Whether intervals are "narrow" or "wide": the share p̂ is not the level p by more than chance.

        As Wilson's (1927) test of a share, with the standard error that it had if p were true:
        |p̂ − p| > t √(p (1 − p) / (p̂ (1 − p̂))) se. Where all or no values lie inside there is no spread to
        judge by: so many horizons must make that a surprise. Empty where the difference may be chance.
        """
        share, wanted = self.shares[level], level / 100
        if share.mean >= 1:
            surprising = wanted**self.horizons < SURPRISE
        elif share.mean <= 0:
            surprising = (1 - wanted) ** self.horizons < SURPRISE
        else:
            ratio = wanted * (1 - wanted) / (share.mean * (1 - share.mean))
            surprising = abs(share.mean - wanted) > (share.high - share.mean) * math.sqrt(ratio)
        if not surprising:
            return ""
        return "narrow" if share.mean < wanted else "wide"


def coverages(
    scores: Path, asked: Mapping[str, float | None], horizon: int, params: ReportParams
) -> dict[str, Coverage]:
    """Those of the forecasters of these names that have intervals.

    Args:
        asked: name → its λ; None for a baseline.
    """
    result = {}
    for (name, lam), (intervals, _) in load(scores).items():
        if name in asked and asked[name] == lam:
            file = BASELINES if lam is None else name
            overall = _rows(scores / f"intervals_{file}.parquet", name, lam)
            overall = overall[(overall["unique_id"] == "") & (overall["step"] == 0)]
            windows = _rows(scores / f"covered_{file}.parquet", name, lam)
            shares = {
                level: _share(windows, f"coverage-{level:g}", horizon, params.confidence)
                for level in intervals.levels
            }
            values = dict(zip(overall["metric"], overall["value"], strict=True))
            count = windows["cutoff"].nunique() / horizon
            shown = math.nan if lam is None else lam
            result[name] = Coverage(name, shown, intervals, values, shares, count)
    return {name: result[name] for name in asked if name in result}


def _rows(path: Path, name: str, lam: float | None) -> pd.DataFrame:
    """The rows of one forecaster."""
    rows = pd.read_parquet(path, filters=[("cell", "==", name)])
    return rows if lam is None else rows[rows["lam"] == lam]


def _share(windows: pd.DataFrame, column: str, horizon: int, confidence: float) -> Interval:
    losses = WindowLosses.of(windows, column)
    values, _ = by_origin(losses.loss, losses.cutoff)
    return two_way([values[None]], horizon, confidence)
