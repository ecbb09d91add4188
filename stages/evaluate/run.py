"""Forecasts and scores of every member and baseline on every window of the test part."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stages.artifacts.fits import Fit
from stages.artifacts.forecasts import ForecastWriter
from stages.artifacts.scores import BASELINE, ENSEMBLE, Scores, save_index
from stages.artifacts.scores import BASELINES as BASELINES_FILE
from stages.artifacts.windows import Layout, Windows
from stages.evaluate.baselines import BASELINES
from stages.evaluate.metrics import Errors, yardstick
from stages.evaluate.params import EvaluateParams
from stages.evaluate.past import Forecast, Past
from stages.networks.forecast import forecast as network_forecast
from stages.params import ParameterError
from stages.season import infer_season

BLOCK = 1 << 20  # forecasts, or numbers of inputs, that are held at a time
GRID = -24  # networks compute in float32: what lies below 2^-24 of the scale is noise


@dataclass(frozen=True)
class Member:
    """One forecaster of the test part: a network (lam, seed), an ensemble or a baseline."""

    cell: str
    lam: float
    seed: int
    forecast: Forecast


def season_of(params: EvaluateParams, layout: Layout) -> int | None:
    """Steps of one season: the user's, else what the frequency tells.

    Raises:
        ParameterError: there is none, and something that was asked for needs it.
    """
    season = params.season if params.season is not None else infer_season(layout.frequency)
    needs = [name for name in ("seasonal_repeat",) if name in params.baselines]
    needs += [name for name in ("mase",) if name in params.metrics]
    if season is None and needs:
        raise ParameterError(
            f"evaluate.season is null, but {' and '.join(needs)} need a season and the frequency "
            f"{layout.frequency!r} tells none; set evaluate.season to the steps of one cycle (11 for "
            "yearly sunspots, 12 for monthly data with a yearly cycle, 1 if there is none)"
        )
    return season


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


def baseline_members(names: Iterable[str], past: Past) -> Iterator[Member]:
    """The baselines, each fitted when its turn comes."""
    for name in names:
        baseline = BASELINES[name](past)
        yield Member(name, baseline.lam, BASELINE, baseline.forecast)


def score(
    members: Iterable[Member],
    past: Past,
    params: EvaluateParams,
    writer: ForecastWriter,
    scores: Scores,
) -> None:
    """Forecast, score and write each member on every test window.

    A member that diverged scores NaN or infinity, and is named on stderr: the others still count.
    """
    test, yard = past.test, yardstick(past.development, past.season)
    for member in members:
        errors, finite = Errors(yard, test.layout.horizon), True
        key = (member.cell, member.lam, member.seed)
        for rows in _blocks(test):
            y_hat = member.forecast(rows)
            finite = finite and bool(np.isfinite(y_hat).all())
            loss = errors.add(test.targets(rows), y_hat, test.series_of(rows))
            writer.add(test, rows, *key, y_hat)
            scores.add_losses(test, rows, *key, loss)
        scores.add(*key, list(errors.rows(params.metrics, test.layout.series)))
        if not finite and member.seed != ENSEMBLE:  # whose seed that diverged was named before
            print(_not_finite(member), file=sys.stderr, flush=True)


def _not_finite(member: Member) -> str:
    lam = "" if np.isnan(member.lam) else f" at λ = {member.lam:g}"
    seed = "" if member.seed < 0 else f" (seed {member.seed})"
    return (
        f"evaluate: {member.cell}{lam}{seed} forecasts values that are not finite: it diverged; "
        "lower train.learning_rate, set train.clip_norm, or leave it out"
    )


def _blocks(test: Windows) -> Iterator[np.ndarray]:
    layout = test.layout
    outputs = layout.horizon * test.levels.shape[2]
    inputs = layout.lookback * test.values.shape[2]
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
        ParameterError: a season is needed and unknown.
    """
    past = Past(development, test, season_of(params, test.layout))
    for folder in (forecasts, scores):
        folder.mkdir(parents=True, exist_ok=True)
    files: list[tuple[str, Iterator[Member]]] = [
        (fit.cell, network_members(fit, test, past)) for fit in fits
    ]
    files.append((BASELINES_FILE, baseline_members(params.baselines, past)))
    for name, members in files:
        gathered = Scores(test.layout)
        with ForecastWriter(forecasts / f"{name}.parquet", test.layout) as writer:
            score(members, past, params, writer, gathered)
        gathered.save(scores, name)
    save_index(scores, [fit.cell for fit in fits], list(params.baselines))
