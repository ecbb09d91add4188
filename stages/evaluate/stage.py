"""Forecasts and scores of every network and baseline, on the test part and on the validation windows."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from stages.artifacts import intervals as interval_file
from stages.artifacts.fits import Fit
from stages.artifacts.forecasts import VALIDATION, ForecastWriter, Key
from stages.artifacts.intervals import Both, Name
from stages.artifacts.linear_map import LINEAR, RIDGE, mean_name
from stages.artifacts.scores import BASELINES, EARLY_STOPPED, Index, Scores, save_index
from stages.artifacts.windows import Windows
from stages.artifacts.yardstick import Yardstick, unranked, without_mase, yardstick
from stages.evaluate.baselines.part import History, Part
from stages.evaluate.baselines.season import season_of
from stages.evaluate.intervals import Calibrator, name_of, of_forecasters
from stages.evaluate.kept import kept_lambdas
from stages.evaluate.mean import Means
from stages.evaluate.members import (
    Forecaster,
    early_stopped_of,
    fitted_baselines,
    networks_of,
)
from stages.evaluate.metrics import Errors
from stages.evaluate.params import EvaluateParams
from stages.forecast.networks import Scaled
from stages.params import ParameterError


@dataclass(frozen=True)
class Output:
    """The files of one name in data/scores and data/forecasts.

    tested, validated: writers of the forecasts of the test part and of validation windows; None where no
    forecast is kept. whole: forecasters that are one object and forecast validation windows.
    """

    scores: Scores
    tested: ForecastWriter | None = None
    validated: ForecastWriter | None = None
    whole: dict[Name, Key] = field(default_factory=dict)


def score(
    forecasters: Iterable[Forecaster],
    yard: Yardstick,
    metrics: tuple[str, ...],
    outputs: Mapping[str, Output],
) -> None:
    """Score each forecaster's forecasts of every window of its part, and write those that are kept.

    Losses by window are of ranked series alone. A network that diverged scores NaN or infinity, and is named
    on stderr: the others still count.

    Args:
        outputs: by `Forecaster.file`.
    """
    for forecaster in forecasters:
        windows, key, output = forecaster.part.windows, forecaster.key, outputs[forecaster.file]
        writer = output.validated if forecaster.part.validates else output.tested
        errors, finite = Errors(yard, windows.layout.horizon), True
        for rows, y_hat in forecaster.forecasts:
            series = windows.series_of(rows)
            finite = finite and bool(np.isfinite(y_hat).all())
            losses = errors.add(windows.targets(rows), y_hat, series)
            if forecaster.written:
                assert writer is not None, "it has a file"
                writer.add(windows, rows, key, y_hat)
            ranked = yard.ranked[series].any(axis=1)
            output.scores.add_losses(windows, rows[ranked], key, losses[:, ranked])
        if forecaster.part.validates and forecaster.whole:
            output.whole.setdefault(name_of(key), key._replace(fold=None))
        if not forecaster.part.validates:
            output.scores.add(key, list(errors.rows(metrics, windows.layout.series)))
        # An ensemble's seed that diverged, and the network of a mean, were named before.
        if not finite and forecaster.seed >= 0 and not forecaster.mean:
            print(_not_finite(forecaster), file=sys.stderr, flush=True)


def _not_finite(network: Forecaster) -> str:
    where = f", {network.part.fold.name}" if network.part.validates else ""
    where += ", stopped early" if network.stopped else ""
    return (
        f"evaluate: {network.cell} at λ = {network.lam:g} (seed {network.seed}{where}) forecasts values that "
        "are not finite: it diverged; lower train.learning_rate, set train.clip_norm, or leave it out"
    )


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
    history = History(development, test, season, yard.ranked)
    for folder in (forecasts / VALIDATION, scores):
        folder.mkdir(parents=True, exist_ok=True)
    absent: dict[str, str] = {}
    unvalidated: dict[str, str] = {}
    seen = _seen(history.tested)
    calibrator = Calibrator.of(development, test, yard, params.levels)
    intervals: dict[Name, Both] = {}

    def write(forecasters: Iterable[Forecaster], *names: str) -> None:
        intervals.update(_write(forecasters, names, calibrator, params.metrics, forecasts, scores))

    with ExitStack() as lasting:
        means = Means()
        baselines = fitted_baselines(params, history, absent, unvalidated, forecasts, lasting)
        write(means.remember(baselines), BASELINES)
        ridge = means.tested
        averaged = params.mean and ridge is not None and RIDGE not in unvalidated
        if averaged and ridge is not None and ridge.linear is not None:
            ridge.linear.save(scores / LINEAR)
        for fit in fits:
            networks = _of_cell(fit, history, seen, params, forecasts)
            if averaged:
                write(means.add(networks), fit.cell, mean_name(fit.cell))
            else:
                write(networks, fit.cell)
    gathered = Output(Scores(test.layout))
    stopped = (early_stopped_of(fit, history.tested, seen, forecasts) for fit in fits)
    score(chain.from_iterable(stopped), yard, params.metrics, {EARLY_STOPPED: gathered})
    gathered.scores.save(scores, EARLY_STOPPED, validated=False)
    undefined = {}
    if "mase" in params.metrics:
        assert season is not None, "season_of asks the user for it"
        undefined["mase"] = without_mase(development, test, yard, season)
    index = Index(
        cells=[fit.cell for fit in fits],
        baselines=[name for name in params.baselines if name not in absent],
        means=[fit.cell for fit in fits] if averaged else [],
        details={RIDGE: ridge.detail} if ridge is not None and ridge.detail else {},
        edges={RIDGE: ridge.edge} if ridge is not None and ridge.edge else {},
        absent=absent,
        unvalidated=unvalidated,
        unranked=unranked(development, test, yard),
        undefined={name: series for name, series in undefined.items() if series},
    )
    save_index(scores, index)
    interval_file.save(scores, intervals)


def _write(
    forecasters: Iterable[Forecaster], names: Sequence[str], calibrator: Calibrator,
    metrics: tuple[str, ...], forecasts: Path, scores: Path,
) -> dict[Name, Both]:  # fmt: skip
    """Score the forecasters of the files of these names, and write the files; their intervals."""
    layout = calibrator.layout
    intervals: dict[Name, Both] = {}
    with ExitStack() as stack:

        def writer(folder: Path, name: str, folds: bool) -> ForecastWriter:
            return stack.enter_context(ForecastWriter(folder / f"{name}.parquet", layout, folds))

        outputs = {
            name: Output(
                Scores(layout),
                writer(forecasts, name, False),
                writer(forecasts / VALIDATION, name, True),
            )
            for name in names
        }
        score(forecasters, calibrator.yard, metrics, outputs)
    for name, output in outputs.items():
        keys = output.whole.values()
        intervals |= of_forecasters(calibrator, keys, forecasts, name, output.scores)
        output.scores.save(scores, name)
    return intervals


def _kept(fit: Fit, history: History, params: EvaluateParams) -> set[float]:
    """The λ's whose networks' forecasts are written."""
    every = params.forecasts == "all"
    return set(fit.lambdas) if every else kept_lambdas(fit, history.development)


def _of_cell(
    fit: Fit, history: History, seen: Scaled, params: EvaluateParams, folder: Path
) -> Iterator[Forecaster]:
    kept, ensembles = _kept(fit, history, params), params.forecasts == "ensembles"
    yield from networks_of(fit, history.tested, seen, kept, ensembles, folder)
    for part in history.validation:
        yield from networks_of(fit, part, _seen(part), kept, ensembles, folder)


def _seen(part: Part) -> Scaled:
    """The file of a part as the networks of its fold see it."""
    w, fold = part.windows, part.fold
    return Scaled.of(w.layout, w.values, w.levels, w.starts, fold.center, fold.scale)


def _need_ranked(test: Windows, yard: Yardstick) -> None:
    if not yard.ranked[test.series_of(test.rows)].any():
        raise ParameterError(
            "no series that can be ranked has a window in the test part: each either has too few values "
            "before the validation part, or has ended before the test part; choose other dates or counts in "
            "window.split, or other series in prepare.targets"
        )
