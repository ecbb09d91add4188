"""Forecasts and scores of every member and baseline on every window of the test part."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from stages.artifacts.fits import Fit
from stages.artifacts.forecasts import ForecastWriter
from stages.artifacts.scores import BASELINE, ENSEMBLE, Index, Scores, save_index
from stages.artifacts.scores import BASELINES as BASELINES_FILE
from stages.artifacts.windows import Windows
from stages.evaluate.baselines import BASELINES
from stages.evaluate.kept import kept_lambdas
from stages.evaluate.metrics import Errors
from stages.evaluate.params import EvaluateParams
from stages.evaluate.past import AbsentError, Baseline, Past
from stages.evaluate.season import season_of
from stages.evaluate.spool import Spool
from stages.evaluate.yardstick import Yardstick, unranked, without_mase, yardstick
from stages.networks.forecast import Scaled, forecast, network_of
from stages.params import ParameterError

BLOCK = 1 << 20  # forecasts, or numbers of inputs, that are held at a time


@dataclass(frozen=True)
class Member:
    """One forecaster of the test part: a network (lam, seed), an ensemble or a baseline.

    kept: whether its forecasts are written; its scores are in any case.
    """

    cell: str
    lam: float
    seed: int
    forecasts: Spool
    kept: bool = True


def network_members(
    fit: Fit, test: Windows, data: Scaled, kept: Container[float], folder: Path
) -> Iterator[Member]:
    """The members of a cell: λ ascending, then seed, after several their ensemble.

    Every network forecasts each block of windows once, together with the other seeds of its λ.

    Args:
        data: the test part as the final fold's networks see it. kept: the λ's whose networks' forecasts are
            written; those of ensembles are in any case. folder: where temporary files may lie.
    """
    network = network_of(fit.config)
    seeds = [*range(fit.seeds), *([ENSEMBLE] if fit.seeds > 1 else [])]
    for lam, weights in zip(fit.lambdas, fit.weights[-1], strict=True):
        with ExitStack() as stack:
            files = [stack.enter_context(TemporaryFile(dir=folder)) for _ in seeds]
            spools = [Spool(file) for file in files]
            for rows in _blocks(test):
                y_hat = forecast(network, weights, data, rows)
                for spool, y in zip(spools, _with_ensemble(y_hat), strict=True):
                    spool.add(rows, y)
            for seed, spool in zip(seeds, spools, strict=True):
                yield Member(fit.cell, lam, seed, spool, lam in kept or seed == ENSEMBLE)


def _with_ensemble(y_hat: np.ndarray) -> list[np.ndarray]:
    """The forecasts (S, N, H, C) of each seed and, after several, their mean."""
    with np.errstate(over="ignore", invalid="ignore"):  # of a seed that diverged
        return [*y_hat, y_hat.mean(0)] if len(y_hat) > 1 else [*y_hat]


def baseline_members(
    names: Iterable[str], past: Past, absent: dict[str, str], folder: Path
) -> Iterator[Member]:
    """The baselines, each fitted when its turn comes; `absent` gets those that cannot be made, and why."""
    for name in names:
        with TemporaryFile(dir=folder) as file:
            spool = Spool(file)
            try:
                baseline = BASELINES[name](past)
                for rows in _blocks(past.test):
                    _add(spool, baseline, rows, past)
            except AbsentError as reason:
                absent[name] = str(reason)
                print(f"evaluate: no {name}: {reason}", file=sys.stderr, flush=True)
                continue
            yield Member(name, baseline.lam, BASELINE, spool)


def _add(spool: Spool, baseline: Baseline, rows: np.ndarray, past: Past) -> None:
    """Forecast those of the test windows `rows` that the baseline covers.

    Raises:
        AbsentError: a forecast that comparisons need is not a finite number; names its series.
    """
    test = past.test
    if baseline.covers is not None:
        rows = rows[baseline.covers[test.series_of(rows)].all(axis=1)]
    if not len(rows):
        return
    with np.errstate(over="ignore", invalid="ignore"):
        y_hat = baseline.forecast(rows)
    series = test.series_of(rows)
    lost = ~np.isfinite(y_hat).all(axis=1) & past.ranked[series].any(axis=1)[:, None]  # (N, C)
    if lost.any():
        name = test.layout.series[int(series[lost][0])]
        raise AbsentError(f"its forecasts are not finite (series {name!r})")
    spool.add(rows, y_hat)


def score(
    members: Iterable[Member],
    past: Past,
    yard: Yardstick,
    metrics: tuple[str, ...],
    writer: ForecastWriter,
    scores: Scores,
) -> None:
    """Score each member's forecasts of every test window, and write them where they are kept.

    Losses by window are of ranked series alone. A member that diverged scores NaN or infinity, and is named
    on stderr: the others still count.
    """
    test = past.test
    for member in members:
        errors, finite = Errors(yard, test.layout.horizon), True
        key = (member.cell, member.lam, member.seed)
        for rows, y_hat in member.forecasts:
            series = test.series_of(rows)
            finite = finite and bool(np.isfinite(y_hat).all())
            losses = errors.add(test.targets(rows), y_hat, series)
            if member.kept:
                writer.add(test, rows, *key, y_hat)
            ranked = yard.ranked[series].any(axis=1)
            scores.add_losses(test, rows[ranked], *key, losses[:, ranked])
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
        ValueError: every λ of a cell has a member that diverged.
    """
    season = season_of(params, test.layout.calendar)
    yard = yardstick(development, season)
    _need_ranked(test, yard)
    past = Past(development, test, season, yard.ranked)
    for folder in (forecasts, scores):
        folder.mkdir(parents=True, exist_ok=True)
    absent: dict[str, str] = {}
    center, scale = past.final.center, past.final.scale
    data = Scaled.of(test.layout, test.values, test.levels, test.starts, center, scale)
    files: list[tuple[str, Iterator[Member]]] = []
    for fit in fits:
        kept = fit.lambdas if params.forecasts == "all" else kept_lambdas(fit, development)
        files.append((fit.cell, network_members(fit, test, data, kept, forecasts)))
    files.append((BASELINES_FILE, baseline_members(params.baselines, past, absent, forecasts)))
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
