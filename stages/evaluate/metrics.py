"""Errors of forecasts, summed window by window so that memory does not grow with the test part.

With e = ŷ − y over every test window, horizon step and channel (each weighs the same):

    mse = mean e²      mae = mean |e|      rmse = √mse      smape = mean |e| / (|ŷ| + |y|), 0/0 := 0
    mase = mean |e| / q_s           q_s: mean absolute error of the seasonal repeat, one season ahead,
                                    within series s's training part (Hyndman & Koehler 2006)
    scaled_mse = mean (e / σ_s)²    σ_s: standard deviation (ddof 0) of series s's observed levels in
    scaled_mae = mean |e| / σ_s     the training part; 1 for a constant series

smape lies in [0, 1], as in utilsforecast. σ_s is of levels also where `window.difference` makes the
networks learn differences, so that scaled errors of both mean the same. Where q_s is 0 or unknown
(a training part without two observations one season apart), mase is NaN: it has no meaning there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stages.artifacts.windows import Windows

ALWAYS = ("scaled_mse", "scaled_mae")


@dataclass(frozen=True)
class Yardstick:
    """What errors are measured against: sigma and naive (n,), one per series, in the data's units."""

    sigma: np.ndarray
    naive: np.ndarray


def yardstick(development: Windows, season: int | None) -> Yardstick:
    """The yardstick of the split's training part; naive is NaN where season is None."""
    end = development.train_end
    levels = np.where(development.observed[:, :end], development.levels[:, :end], np.nan)
    lines = levels.transpose(0, 2, 1).reshape(-1, end)  # (n, T): index g C + c
    sigma = np.array([_deviation(line[np.isfinite(line)]) for line in lines])
    if season is None or season >= end:
        return Yardstick(sigma, np.full(len(lines), np.nan))
    steps = np.abs(lines[:, season:] - lines[:, :-season])
    naive = np.array([_mean(step[np.isfinite(step)]) for step in steps])
    return Yardstick(sigma, np.where(naive > 0, naive, np.nan))


def _deviation(values: np.ndarray) -> float:
    if values.size == 0 or np.ptp(values) == 0:
        return 1.0
    return float(values.std())


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else np.nan


class Errors:
    """Sums of one member's errors by series and step; `add` windows, then read `values`."""

    def __init__(self, yard: Yardstick, horizon: int) -> None:
        self.yard = yard
        n = len(yard.sigma)
        self.square, self.absolute, self.symmetric = np.zeros((3, n, horizon))
        self.windows = np.zeros(n, np.int64)

    def add(self, y: np.ndarray, y_hat: np.ndarray, series: np.ndarray) -> np.ndarray:
        """Add y and y_hat (N, H, C) of series (N, C); returns scaled_mse of each window (N,)."""
        with np.errstate(over="ignore", invalid="ignore"):  # of a member that diverged
            return self._add(y, y_hat, series)

    def _add(self, y: np.ndarray, y_hat: np.ndarray, series: np.ndarray) -> np.ndarray:
        error = y_hat - y
        size = np.abs(error)
        whole = np.abs(y) + np.abs(y_hat)
        ratio = np.divide(size, whole, out=np.zeros_like(size), where=whole != 0)
        square = error * error
        for s in np.unique(series):
            n, c = np.nonzero(series == s)
            self.square[s] += square[n, :, c].sum(0)
            self.absolute[s] += size[n, :, c].sum(0)
            self.symmetric[s] += ratio[n, :, c].sum(0)
            self.windows[s] += len(n)
        variance = self.yard.sigma[series] ** 2  # (N, C)
        loss: np.ndarray = (square.mean(1) / variance).mean(1)
        return loss

    def values(self, metric: str) -> np.ndarray:
        """(1 + H + n,): overall, by step, by series (NaN for a series without test windows)."""
        if metric == "rmse":
            return np.sqrt(self.values("mse"))
        sums = self._sums(metric)
        seen = self.windows > 0
        horizon = sums.shape[1]
        by_step = sums[seen].sum(0) / self.windows.sum()
        by_series = np.full(len(sums), np.nan)
        by_series[seen] = sums[seen].sum(1) / (self.windows[seen] * horizon)
        return np.concatenate([[by_step.mean()], by_step, by_series])

    def _sums(self, metric: str) -> np.ndarray:
        sigma, naive = self.yard.sigma[:, None], self.yard.naive[:, None]
        table: dict[str, Callable[[], np.ndarray]] = {
            "mse": lambda: self.square,
            "mae": lambda: self.absolute,
            "smape": lambda: self.symmetric,
            "mase": lambda: self.absolute / naive,
            "scaled_mse": lambda: self.square / sigma**2,
            "scaled_mae": lambda: self.absolute / sigma,
        }
        sums: np.ndarray = table[metric]()
        return sums

    def rows(
        self, metrics: Sequence[str], names: Sequence[str]
    ) -> Iterator[tuple[str, int, str, float]]:
        """(unique_id, step, metric, value): "" means all series, step 0 all steps."""
        horizon = self.square.shape[1]
        keys = [("", step) for step in range(horizon + 1)] + [(name, 0) for name in names]
        seen = np.concatenate([np.ones(horizon + 1, bool), self.windows > 0])
        for metric in (*metrics, *ALWAYS):
            for (name, step), value, is_seen in zip(keys, self.values(metric), seen, strict=True):
                if is_seen:
                    yield name, step, metric, float(value)
