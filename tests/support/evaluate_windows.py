"""Small windows files built by hand, for the tests of `evaluate`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.artifacts.calendar import Calendar
from stages.artifacts.windows import Fold, Layout, Windows
from stages.artifacts.yardstick import yardstick
from stages.evaluate.baselines.part import Baseline, History
from stages.evaluate.baselines.table import BASELINES
from stages.evaluate.params import EvaluateParams

HOUR = 3_600_000_000  # µs


def waves(steps: int, series: int, season: int = 6) -> np.ndarray:
    """(T, n) positive levels with a season, a slow wander and noise."""
    rng = np.random.default_rng(3)
    t = np.arange(steps)[:, None] + np.arange(series)
    wander = rng.normal(size=(steps, series)).cumsum(0) * 0.3
    noise = rng.normal(size=(steps, series))
    return 40 + 10 * np.sin(2 * np.pi * t / season) * (1 + np.arange(series)) + wander + noise


@dataclass(frozen=True)
class Group:
    """A group as it lies on the whole time line: levels (T, C) filled, NaN outside its life span."""

    levels: np.ndarray
    observed: np.ndarray
    values: np.ndarray
    first: int
    stop: int

    def length(self, begin: int, end: int) -> int:
        """Its steps among begin … end − 1."""
        return max(0, min(self.stop, end) - max(self.first, begin))


def groups_of(levels: np.ndarray, channels: str, covariates: np.ndarray) -> list[Group]:
    """Each series from its first to its last value, or all as channels of one group."""
    seen = np.isfinite(levels)
    filled = levels.copy()
    for t in range(1, len(levels)):
        filled[t] = np.where(seen[t], filled[t], filled[t - 1])
    groups = []
    for columns in (
        [[g] for g in range(levels.shape[1])] if channels == "independent" else [slice(None)]
    ):
        lived = np.flatnonzero(seen[:, columns].any(1))
        span = int(lived[0]), int(lived[-1]) + 1
        values = np.concatenate([filled[:, columns], covariates], 1)
        groups.append(Group(filled[:, columns], seen[:, columns], values, *span))
    return groups


def make(
    levels: np.ndarray,
    *,
    ends: tuple[int, int],
    lookback: int = 8,
    horizon: int = 3,
    normalise: str = "last",
    channels: str = "independent",
    covariates: np.ndarray | None = None,
    folds: int = 2,
    final: str = "train_and_validation",
    zone: str | None = None,
) -> tuple[Windows, Windows]:
    """Development and test windows of levels (T, n), NaN at gaps, which are filled from the past.

    A series lives from its first to its last value; it is in a fold where it has lookback + 2 · horizon
    values that vary before it, and begins before the validation part. `ends` are the ends of train and
    validation. covariates (T, k) are the same for every group.
    """
    steps, n = levels.shape
    train, validation = ends
    covariates = np.zeros((steps, 0)) if covariates is None else covariates
    groups = groups_of(levels, channels, covariates)
    offset = validation - lookback - 1

    def admits(group: Group, end: int) -> bool:
        known = [
            line[seen]
            for line, seen in zip(group.levels[:end].T, group.observed[:end].T, strict=True)
        ]
        return all(len(line) >= lookback + 2 * horizon and np.ptp(line) > 0 for line in known)

    def rows(part: tuple[int, int], first: int, last: int, admitted: list[bool]) -> np.ndarray:
        """Rows of windows in the file of steps `part` with observed targets in [first, last)."""
        origin_rows, start = [], 0
        for group, admit in zip(groups, admitted, strict=True):
            begin = max(group.first, part[0])
            origins = range(max(first - 1, begin + lookback - 1), min(last, group.stop) - horizon)
            origin_rows += [
                start + t - begin
                for t in origins
                if admit and group.observed[t + 1 : t + 1 + horizon].all()
            ]
            start += group.length(*part)
        return np.array(origin_rows, np.int64)

    def scaler(end: int, admitted: list[bool]) -> tuple[np.ndarray, np.ndarray]:
        size = groups[0].values.shape[1]
        pairs = np.full((len(groups), 2, size), np.nan)
        for pair, group, admit in zip(pairs, groups, admitted, strict=True):
            if admit:
                known = group.values[group.first : min(end, group.stop)]
                pair[:] = known.mean(0), known.std(0)
        return pairs[:, 0], pairs[:, 1]

    block, whole = (validation - train) // folds, (0, validation)
    cut = []
    for k in range(folds):
        begin, end = train + k * block, train + (k + 1) * block
        admitted = [admits(group, begin) and group.first < train for group in groups]
        parts = rows(whole, 0, begin, admitted), rows(whole, begin, end, admitted)
        cut.append(Fold(f"fold{k}", *parts, *scaler(begin, admitted)))
    last = validation if final == "train_and_validation" else train
    admitted = [admits(group, last) for group in groups]
    none = np.zeros(0, np.int64)
    cut.append(Fold("final", rows(whole, 0, last, admitted), none, *scaler(last, admitted)))
    layout = Layout(
        lookback=lookback,
        horizon=horizon,
        normalise=normalise,
        channels=channels,
        series=tuple(f"s{i}" for i in range(n)),
        covariates=tuple(f"x{i}" for i in range(covariates.shape[1])),
        difference={"order": 0, "lag": 1},
        fill=3,
        scaler="standard",
        calendar=Calendar("h", "datetime", zone),
    )
    time = np.arange(steps, dtype=np.int64) * HOUR
    files = []
    for part, part_folds, part_rows in (
        (whole, tuple(cut), none),
        ((offset, steps), (), rows((offset, steps), validation, steps, admitted)),
    ):
        spans = [
            slice(max(g.first, part[0]), max(g.first, part[0]) + g.length(*part)) for g in groups
        ]
        lengths = [group.length(*part) for group in groups]
        files.append(
            Windows(
                layout=layout,
                values=np.concatenate([g.values[s] for g, s in zip(groups, spans, strict=True)]),
                levels=np.concatenate([g.levels[s] for g, s in zip(groups, spans, strict=True)]),
                observed=np.concatenate(
                    [g.observed[s] for g, s in zip(groups, spans, strict=True)]
                ),
                starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
                first=np.clip([g.first - part[0] for g in groups], 0, part[1] - part[0]),
                time=time[slice(*part)],
                folds=part_folds,
                rows=part_rows,
                center=cut[0].center,
                scale=cut[0].scale,
                train_end=train,
                offset=part[0],
            )
        )
    return files[0], files[1]


def history_of(development: Windows, test: Windows, season: int | None = 6) -> History:
    """What baselines see of the files."""
    return History(development, test, season, yardstick(development, season).ranked)


def of_test(name: str, history: History, **params: object) -> Baseline:
    """A baseline that forecasts the test part, under parameters of section `evaluate`."""
    return BASELINES[name](history, EvaluateParams.model_validate(params))(history.tested)
