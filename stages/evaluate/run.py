"""Forecasts and scores of every member and baseline on every window of the test part."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stages.artifacts.fits import Fit
from stages.artifacts.forecasts import ForecastWriter
from stages.artifacts.scores import BASELINE, ENSEMBLE, Index, Scores, save_index
from stages.artifacts.scores import BASELINES as BASELINES_FILE
from stages.artifacts.windows import Windows
from stages.evaluate.baselines import BASELINES
from stages.evaluate.metrics import Errors
from stages.evaluate.params import EvaluateParams
from stages.evaluate.past import AbsentError, Baseline, Forecast, Past
from stages.evaluate.season import season_of
from stages.evaluate.yardstick import Yardstick, unranked, without_mase, yardstick
from stages.networks.forecast import forecast as network_forecast
from stages.params import ParameterError

BLOCK = 1 << 20  # forecasts, or numbers of inputs, that are held at a time
GRID = -24  # networks compute in float32: what lies below 2^-24 of the scale is noise


@dataclass(frozen=True)
class Member:
    """One forecaster of the test part: a network (lam, seed), an ensemble or a baseline.

    covers: (n,) bool, the series that it forecasts; None: all.
    """

    cell: str
    lam: float
    seed: int
    forecast: Forecast
    covers: np.ndarray | None = None

    def of(self, test: Windows, rows: np.ndarray) -> np.ndarray:
        """Those of the test windows `rows` that it forecasts."""
        if self.covers is None:
            return rows
        return rows[self.covers[test.series_of(rows)].all(axis=1)]


def network_members(fit: Fit, test: Windows, past: Past) -> Iterator[Member]:
    """The members of a cell, one at a time: λ ascending, then seed, after several their ensemble."""
    for i, lam in enumerate(fit.lambdas):
        members = []
        for seed in range(fit.seeds):
            weights = fit.weights[i : i + 1, seed : seed + 1]
            alone = replace(fit, lambdas=(lam,), seeds=1, weights=weights)
            members.append(Member(fit.cell, lam, seed, _network(alone, test, past)))
        yield from members
        if len(members) > 1:
            yield Member(fit.cell, lam, ENSEMBLE, _mean([one.forecast for one in members]))


def _mean(forecasts: list[Forecast]) -> Forecast:
    """The mean forecast; made anew block by block, so that memory does not grow with the test part."""

    def forecast(rows: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):  # of a seed that diverged
            return np.asarray(sum(one(rows) for one in forecasts) / len(forecasts))

    return forecast


def _network(alone: Fit, test: Windows, past: Past) -> Forecast:
    center, scale = past.final.center, past.final.scale

    def forecast(rows: np.ndarray) -> np.ndarray:
        y = np.asarray(network_forecast(alone, test, rows, center, scale)[0, 0], np.float64)
        _, _, shift, spread = test.batch(rows, center, scale)
        group, _ = test.group_origin(rows)
        size = spread * scale[group, : y.shape[2]]  # (N, C)
        unit = np.exp2(np.ceil(np.log2(size)) + GRID)[:, None, :]
        return np.rint(test.undo(rows, y, center, scale, shift, spread) / unit) * unit

    return forecast


def baseline_members(names: Iterable[str], past: Past, absent: dict[str, str]) -> Iterator[Member]:
    """The baselines, each fitted when its turn comes; `absent` gets those that cannot be made, and why."""
    for name in names:
        try:
            baseline = BASELINES[name](past)
            _check_finite(baseline, past)
        except AbsentError as reason:
            absent[name] = str(reason)
            print(f"evaluate: no {name}: {reason}", file=sys.stderr, flush=True)
            continue
        yield Member(name, baseline.lam, BASELINE, baseline.forecast, baseline.covers)


def _check_finite(baseline: Baseline, past: Past) -> None:
    """Refuse forecasts that no comparison could use.

    Raises:
        AbsentError: one of them is not a finite number; names its series.
    """
    test = past.test
    for rows in _blocks(test):
        series = test.series_of(rows)
        kept = past.ranked[series].any(axis=1)
        with np.errstate(over="ignore", invalid="ignore"):
            lost = ~np.isfinite(baseline.forecast(rows[kept])).all(axis=1)  # (N, C)
        if lost.any():
            name = test.layout.series[int(series[kept][lost][0])]
            raise AbsentError(f"its forecasts are not finite (series {name!r})")


def score(
    members: Iterable[Member],
    past: Past,
    yard: Yardstick,
    metrics: tuple[str, ...],
    writer: ForecastWriter,
    scores: Scores,
) -> None:
    """Forecast, score and write each member on every test window.

    Losses by window are of ranked series alone. A member that diverged scores NaN or infinity, and is named
    on stderr: the others still count.
    """
    test = past.test
    for member in members:
        errors, finite = Errors(yard, test.layout.horizon), True
        key = (member.cell, member.lam, member.seed)
        for block in _blocks(test):
            rows = member.of(test, block)
            if not len(rows):
                continue
            y_hat, series = member.forecast(rows), test.series_of(rows)
            finite = finite and bool(np.isfinite(y_hat).all())
            loss = errors.add(test.targets(rows), y_hat, series)
            writer.add(test, rows, *key, y_hat)
            ranked = yard.ranked[series].any(axis=1)
            scores.add_losses(test, rows[ranked], *key, loss[ranked])
        scores.add(*key, list(errors.rows(metrics, test.layout.series)))
        if not finite and member.seed >= 0:  # an ensemble's seed that diverged was named before
            print(_not_finite(member), file=sys.stderr, flush=True)


def _not_finite(member: Member) -> str:
    return (
        f"evaluate: {member.cell} at λ = {member.lam:g} (seed {member.seed}) forecasts values that are not "
        "finite: it diverged; lower train.learning_rate, set train.clip_norm, or leave it out"
    )


def _blocks(test: Windows) -> Iterator[np.ndarray]:
    layout = test.layout
    outputs = layout.horizon * test.levels.shape[1]
    inputs = layout.lookback * test.values.shape[1]
    step = max(1, BLOCK // max(outputs, inputs))
    for start in range(0, len(test.rows), step):
        yield np.asarray(test.rows[start : start + step])


def run(
    development: Windows,
    test: Windows,
    fits: list[Fit],
    params: EvaluateParams,
    forecasts: Path,
    scores: Path,
) -> None:
    """Write the folders data/forecasts and data/scores.

    Raises:
        ParameterError: a season is needed and unknown, or no series that is ranked has a test window.
    """
    season = season_of(params, test.layout.calendar)
    yard = yardstick(development, season)
    _need_ranked(test, yard)
    past = Past(development, test, season, yard.ranked)
    for folder in (forecasts, scores):
        folder.mkdir(parents=True, exist_ok=True)
    absent: dict[str, str] = {}
    files: list[tuple[str, Iterator[Member]]] = [
        (fit.cell, network_members(fit, test, past)) for fit in fits
    ]
    files.append((BASELINES_FILE, baseline_members(params.baselines, past, absent)))
    for name, members in files:
        gathered = Scores(test.layout)
        with ForecastWriter(forecasts / f"{name}.parquet", test.layout) as writer:
            score(members, past, yard, params.metrics, writer, gathered)
        gathered.save(scores, name)
    undefined = {}
    if "mase" in params.metrics:
        assert season is not None, "season_of asks the user for it"
        undefined["mase"] = without_mase(development, test, yard, season)
    index = Index(
        cells=[fit.cell for fit in fits],
        baselines=[name for name in params.baselines if name not in absent],
        absent=absent,
        unranked=unranked(development, test, yard),
        undefined={name: series for name, series in undefined.items() if series},
    )
    save_index(scores, index)


def _need_ranked(test: Windows, yard: Yardstick) -> None:
    if not yard.ranked[test.series_of(test.rows)].any():
        raise ParameterError(
            "no series that can be ranked has a window in the test part: each either has too few values "
            "before the validation part, or has ended before the test part; choose other dates or counts in "
            "window.split, or other series in prepare.targets"
        )
