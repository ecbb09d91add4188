"""The forecasters of a part: the networks of its fold, their ensembles, and the baselines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.artifacts.fits import Fit
from stages.artifacts.forecasts import Key
from stages.artifacts.linear_map import RIDGE
from stages.artifacts.scores import BASELINE, BASELINES, EARLY_STOPPED, ENSEMBLE
from stages.evaluate.baselines.part import AbsentError, Baseline, History, Part
from stages.evaluate.baselines.table import BASELINES as MAKERS
from stages.evaluate.params import EvaluateParams
from stages.evaluate.spool import Spool, spooled
from stages.forecast.networks import Scaled, forecast, network_of

Blocks = Iterable[tuple[np.ndarray, np.ndarray]]  # rows (N,) and their forecasts (N, H, C)
BLOCK = 1 << 20  # forecasts, or numbers of inputs, that are held at a time


@dataclass(frozen=True)
class Forecaster:
    """One forecaster of one part: a network (lam, seed), an ensemble or a baseline.

    written: whether its forecasts are, as its scores always are. averaged: whether it has a mean with ridge.
    whole: whether it is one object, as it would be served: not one of several seeds. mean: whether it is the
    mean with ridge. stopped: whether it is an early-stopped network of λ = 0, or the ensemble of those.
    baseline: what was fitted; None for networks.
    """

    part: Part
    cell: str
    lam: float
    seed: int
    forecasts: Blocks
    written: bool = True
    averaged: bool = False
    whole: bool = False
    mean: bool = False
    stopped: bool = False
    baseline: Baseline | None = None

    @property
    def key(self) -> Key:
        fold = self.part.fold.name if self.part.validates else None
        return Key(self.cell, self.lam, self.seed, fold)

    @property
    def file(self) -> str:
        """The name of the file of data/scores that its errors go to."""
        if self.stopped:
            return EARLY_STOPPED
        return BASELINES if self.seed == BASELINE else self.cell


def networks_of(
    fit: Fit, part: Part, data: Scaled, kept: Container[float], ensembles: bool, folder: Path
) -> Iterator[Forecaster]:
    """The forecasters of a cell: λ ascending, then seed, after several seeds their ensemble.

    Every network forecasts each block of windows once, together with the other seeds of its λ. Only the
    kept λ's forecast validation windows.

    Args:
        data: the part as its fold's networks see it. kept: the λ's whose networks' forecasts are written;
            of the other λ's those of ensembles are. ensembles: whether only the ensembles of the kept λ's are
            written. folder: for temporary files.
    """
    fold_weights = fit.weights[fit.folds.index(part.fold.name)]
    for lam, weights in zip(fit.lambdas, fold_weights, strict=True):
        if part.validates and lam not in kept:
            continue
        for seed, spool in _by_seed(fit, weights, part, data, folder):
            averaged = lam in kept or seed == ENSEMBLE
            whole = lam in kept and (seed == ENSEMBLE or fit.seeds == 1)
            written = whole if ensembles else averaged
            yield Forecaster(part, fit.cell, lam, seed, spool, written, averaged, whole)


def early_stopped_of(fit: Fit, part: Part, data: Scaled, folder: Path) -> Iterator[Forecaster]:
    """A cell's early-stopped networks of λ = 0, if it has them, and after several seeds their ensemble.

    Args:
        part: the test part; the rest as of `networks_of`.
    """
    if fit.stopped_epochs:
        for seed, spool in _by_seed(fit, fit.stopped_weights, part, data, folder):
            yield Forecaster(part, fit.cell, 0.0, seed, spool, written=False, stopped=True)


def _by_seed(
    fit: Fit, weights: np.ndarray, part: Part, data: Scaled, folder: Path
) -> Iterator[tuple[int, Spool]]:
    """The forecasts of each seed's network of weights (S, n), and of several seeds their ensemble's."""
    network = network_of(fit.config)
    seeds = [*range(fit.seeds), *([ENSEMBLE] if fit.seeds > 1 else [])]
    with ExitStack() as stack:
        spools = [stack.enter_context(spooled(folder)) for _ in seeds]
        for rows in _blocks(part):
            y_hat = forecast(network, weights, data, rows)
            for spool, y in zip(spools, _with_ensemble(y_hat), strict=True):
                spool.add(rows, y)
        yield from zip(seeds, spools, strict=True)


def _with_ensemble(y_hat: np.ndarray) -> list[np.ndarray]:
    """The forecasts (S, N, H, C) of each seed and, of several seeds, their mean."""
    with np.errstate(over="ignore", invalid="ignore"):  # of a seed that diverged
        return [*y_hat, y_hat.mean(0)] if len(y_hat) > 1 else [*y_hat]


def fitted_baselines(
    params: EvaluateParams,
    history: History,
    absent: dict[str, str],
    unvalidated: dict[str, str],
    folder: Path,
    lasting: ExitStack,
) -> Iterator[Forecaster]:
    """The baselines, each fitted when its turn comes: of the test part, then of every fold or of none.

    Those that cannot be computed go with the reason into `absent` (the test part) or `unvalidated` (a fold).

    Args:
        lasting: closes the files of ridge's forecasts, which the means with ridge read too.
    """
    for name in params.baselines:
        with ExitStack() as closing:
            stack = lasting if name == RIDGE else closing
            try:
                make = MAKERS[name](history, params)
                tested = _fitted_baseline(make, history.tested, stack, folder)
            except AbsentError as reason:
                absent[name] = str(reason)
                print(f"evaluate: no {name}: {reason}", file=sys.stderr, flush=True)
                continue
            yield tested
            try:
                validated = [
                    _fitted_baseline(make, part, stack, folder) for part in history.validation
                ]
            except AbsentError as reason:
                unvalidated[name] = str(reason)
                text = f"evaluate: no validation errors of {name}: {reason}"
                print(text, file=sys.stderr, flush=True)
                continue
            yield from validated


def _fitted_baseline(
    make: Callable[[Part], Baseline], part: Part, stack: ExitStack, folder: Path
) -> Forecaster:
    """A baseline of one part, its forecasts in a file that `stack` closes.

    Raises:
        AbsentError: it cannot be computed; of a validation part the message names the fold.
    """
    spool = stack.enter_context(spooled(folder))
    try:
        baseline = make(part)
        for rows in _blocks(part):
            _add(spool, baseline, rows, part)
    except AbsentError as reason:
        where = f"in {part.fold.name}: " if part.validates else ""
        raise AbsentError(f"{where}{reason}") from None
    return Forecaster(
        part, baseline.name, baseline.lam, BASELINE, spool, whole=True, baseline=baseline
    )


def _add(spool: Spool, baseline: Baseline, rows: np.ndarray, part: Part) -> None:
    """Forecast those of the windows `rows` that the baseline covers.

    Raises:
        AbsentError: a forecast that comparisons need is not a finite number; names its series.
    """
    windows = part.windows
    if baseline.covers is not None:
        rows = rows[baseline.covers[windows.series_of(rows)].all(axis=1)]
    if not len(rows):
        return
    with np.errstate(over="ignore", invalid="ignore"):
        y_hat = baseline.forecast(rows)
    series = windows.series_of(rows)
    ranked = part.history.ranked[series].any(axis=1)
    lost = ~np.isfinite(y_hat).all(axis=1) & ranked[:, None]  # (N, C)
    if lost.any():
        name = windows.layout.series[int(series[lost][0])]
        raise AbsentError(f"its forecasts are not finite (series {name!r})")
    spool.add(rows, y_hat)


def _blocks(part: Part) -> Iterator[np.ndarray]:
    windows = part.windows
    outputs = part.horizon * windows.levels.shape[1]
    inputs = windows.layout.lookback * windows.values.shape[1]
    step = max(1, BLOCK // max(outputs, inputs))
    for start in range(0, len(part.rows), step):
        yield np.asarray(part.rows[start : start + step])
