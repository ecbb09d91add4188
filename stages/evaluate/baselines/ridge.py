"""Closed-form ridge on the same windows that the networks see.

    min over W, b of  1/(2m) Σ_i ‖s_i (y_i − Wᵀx_i − b)‖² + λ/(2m) ‖W‖²

x is the whole window (lookback × features) and what is known over the horizon, y all targets of it, both
scaled and normalised as for a network; s is the spread of each target's channel, which gives back scaled
units, and is 1 unless each window is divided by its deviation. b is free or 0, so this is scikit-learn's
`Ridge(alpha=λ)`, fitted to each channel with sample_weight s², and the λ of the linear cell. One
eigendecomposition XᵀX = V diag(d) Vᵀ of the windows, centred by their weighted mean and multiplied by s,
gives the whole path, W(λ) = V (d + λ)⁻¹ Vᵀ XᵀY (Hastie, Tibshirani & Friedman 2009, section 3.4.1). Windows
are built block by block; only XᵀX and XᵀY are kept. λ is chosen by the error of the rolling-origin folds in
scaled units of the split's training part, the per-window normalisation undone, all windows of equal weight.
Each fold's windows are forecast by the ridge of its training part at that λ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stages.artifacts.linear_map import LinearMap
from stages.artifacts.windows import Fold, Windows
from stages.evaluate.baselines.part import AbsentError, Baseline, History, Part
from stages.evaluate.params import RidgeParams
from stages.forecast.networks import Scaled, forecast_linear
from stages.losses import BY_MEASURE
from stages.normalise import NORMALISE

BLOCK = 1 << 22  # numbers of one block of windows: 32 MB
KEPT = 1 << 25  # numbers of all folds' paths, above which each is fitted again: 256 MB


@dataclass(frozen=True)
class Path:
    """Every λ's ridge: coefficients(λ) (P, Q) and intercept come from one eigendecomposition.

    It is one for each of G weightings of the windows: one for each channel where each has its spread, else 1.
    Outputs g, g + G, g + 2G, … are of weighting g; of the Q outputs, the channels of a step lie side by side.
    """

    values: np.ndarray  # d (G, P)
    vectors: np.ndarray  # V (G, P, P)
    rotated: np.ndarray  # Vᵀ XᵀY (G, P, Q/G)
    centre: np.ndarray  # weighted mean of x (G, P)
    level: np.ndarray  # weighted mean of y (G, Q/G)

    @property
    def size(self) -> int:
        return self.vectors.size + self.rotated.size

    def coefficients(self, lam: float) -> np.ndarray:
        """W(λ) (P, Q); directions that the windows do not have get no weight at λ = 0."""
        floor = self.values[:, -1:] * self.values.shape[1] * np.finfo(float).eps
        weight = np.where(self.values > floor, 1.0, 0.0) / (np.maximum(self.values, floor) + lam)
        each = self.vectors @ (weight[..., None] * self.rotated)  # (G, P, Q/G)
        return np.asarray(each.transpose(1, 2, 0).reshape(each.shape[1], -1))

    def at(self, lam: float) -> LinearMap:
        """The ridge of one λ."""
        return LinearMap(self.coefficients(lam), self.centre, self.level)


def scaled(windows: Windows, fold: Fold) -> Scaled:
    """A part as the fold's networks see it, in double precision."""
    w = windows
    return Scaled.of(w.layout, w.values, w.levels, w.starts, fold.center, fold.scale, np.float64)


def _matrices(data: Scaled, rows: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Runs of `rows` whose windows hold about BLOCK numbers: the rows, their x (N, P), y (N, Q) and units."""
    layout = data.layout
    width = layout.lookback * data.series.shape[1]
    width += layout.horizon * (data.levels.shape[1] + layout.known)
    step = max(1, BLOCK // width)
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        yield some, *data.windows(some)


def fit(data: Scaled, fold: Fold, free: bool = True) -> Path:
    """The path of one fold's training windows; free: whether there is an intercept.

    Raises:
        AbsentError: products of their inputs overflow.
    """
    weighted = NORMALISE[data.layout.normalise].deviation
    groups = data.levels.shape[1] if weighted else 1
    fits = [_weighting(data, fold, free, g, groups) for g in range(groups)]
    return Path(*(np.stack(parts) for parts in zip(*fits, strict=True)))


def _weighting(data: Scaled, fold: Fold, free: bool, g: int, groups: int) -> tuple[np.ndarray, ...]:
    """The arrays of a `Path` for outputs g, g + groups, …; windows weigh as channel g's squared spread."""
    with np.errstate(over="ignore", invalid="ignore"):  # of an input without a scale
        totals = [0.0, 0.0, 0.0]
        for _, x, y, units in _matrices(data, fold.train):
            weight = np.square(units[:, 1, g, None])  # (N, 1)
            parts = weight, weight * x, weight * y[:, g::groups]
            totals = [total + part.sum(0) for total, part in zip(totals, parts, strict=True)]
        centre, level = (np.asarray(total) / totals[0] * free for total in totals[1:])
        gram = np.zeros((len(centre), len(centre)))
        cross = np.zeros((len(centre), len(level)))
        for _, x, y, units in _matrices(data, fold.train):
            spread = units[:, 1, g, None]
            x = spread * (x - centre)  # before the product: XᵀX − m x̄x̄ᵀ loses digits
            gram += x.T @ x
            cross += x.T @ (spread * (y[:, g::groups] - level))
    if not (np.isfinite(gram).all() and np.isfinite(cross).all()):
        raise AbsentError(f"products of the inputs of {fold.name}'s training windows overflow")
    values, vectors = np.linalg.eigh(gram)
    return np.maximum(values, 0), vectors, vectors.T @ cross, centre, level


def validation_error(
    path: Path, data: Scaled, windows: Windows, fold: Fold, lambdas: Sequence[float], measure: str
) -> np.ndarray:
    """Σ of a measure of the errors over the fold's validation windows, for every λ.

    Errors are in scaled units of the split's training part, as those of networks.

    Args:
        data: the windows as the fold's networks see them.
    """
    rescale = windows.rescale(fold)
    maps = [path.at(lam) for lam in lambdas]
    value = BY_MEASURE[measure].value
    total = np.zeros(len(lambdas))
    for rows, x, y, units in _matrices(data, fold.validation):
        factor = units[:, 1] * rescale[data.groups(rows)]
        size = np.tile(factor, data.layout.horizon)
        for k, linear in enumerate(maps):
            total[k] += value((linear.predict(x) - y) * size).sum()
    return total


def ridge(history: History, params: RidgeParams) -> Callable[[Part], Baseline]:
    """Ridge of a part's fold, at the λ with the smallest validation error (of equals the largest).

    Where `params.intercept` asks for both, that with and that without an intercept are one choice with λ.

    Raises:
        AbsentError: numbers overflow on the way.
    """
    w, lambdas = history.development, params.path
    folds = [fold for fold in w.folds if len(fold.validation)]
    totals, paths = [], {}
    for free in params.intercepts:
        total = np.zeros(len(lambdas))
        for fold in folds:
            data = scaled(w, fold)
            path = fit(data, fold, free)
            total += validation_error(path, data, w, fold, lambdas, params.measure)
            if path.size * len(folds) * len(params.intercepts) <= KEPT:
                paths[fold.name, free] = path
        totals.append(total)
    if not np.isfinite(totals).all():
        raise AbsentError("its validation errors are not finite")
    best = int(np.argmin([total.min() for total in totals]))
    free, total = params.intercepts[best], totals[best]
    at = len(lambdas) - 1 - int(np.argmin(total[::-1]))
    lam, edge = lambdas[at], _edge(lambdas, at)

    def of_part(part: Part) -> Baseline:
        fold, data = part.fold, scaled(part.windows, part.fold)
        path = paths.get((fold.name, free)) or fit(scaled(w, fold), fold, free)
        linear = path.at(lam)
        return Baseline(
            "ridge", lam, lambda rows: forecast_linear(linear, data, rows), None,
            "" if free else "no intercept", linear, edge,
        )  # fmt: skip

    return of_part


def _edge(lambdas: Sequence[float], at: int) -> str:
    """Where the chosen λ lies at an edge of several, beyond which none was tried; else empty."""
    if len(lambdas) == 1 or not (at == len(lambdas) - 1 or (at == 0 and lambdas[0] > 0)):
        return ""
    return f"its λ = {lambdas[at]:g} is the {'largest' if at else 'smallest'} that was tried"
