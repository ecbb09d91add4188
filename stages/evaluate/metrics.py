"""Errors of forecasts, summed window by window so that memory does not grow with their number.

With e = ŷ − y over every window of a part (the test part, or a fold's validation windows), horizon step and
channel of the ranked series (each weighs the same):

    mse = mean e²      mae = mean |e|      rmse = √mse      smape = mean |e| / (|ŷ| + |y|), 0/0 := 0
    mase = mean |e| / q_s           q_s: mean absolute error of the seasonal repeat, one season ahead,
                                    within series s's training part (Hyndman & Koehler 2006)
    scaled_mse = mean (e / σ_s)²    σ_s: standard deviation (ddof 0) of series s's observed levels in
    scaled_mae = mean |e| / σ_s     the training part

smape lies in [0, 1], as in utilsforecast. σ_s is of levels also where networks learn transformed levels or
differences (`window.transform`, `window.difference`), so that scaled errors of all mean the same. A series
that is not ranked (see yardstick.py) has errors in the data's units only and is in no mean over series. A
series for which a metric has no meaning (mase without a seasonal step) is left out of that metric; where none
is left, the metric has no rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from stages.artifacts.yardstick import Yardstick
from stages.losses import MEASURES

ALWAYS = ("scaled_mse", "scaled_mae")
RELATIVE = ("mase", *ALWAYS)  # to a yardstick: of ranked series alone
POWERS = {
    "mse": 2,
    "rmse": 2,
    "mae": 1,
}  # of the units in which errors are summed; the others have none


class Errors:
    """Sums of one forecaster's errors by series and step; `add` windows, then read `values`."""

    def __init__(self, yard: Yardstick, horizon: int) -> None:
        self.yard = yard
        n = len(yard.sigma)
        # In the yardstick's units: e² as multiples of unit².
        self.square, self.absolute, self.symmetric = np.zeros((3, n, horizon))
        self.windows = np.zeros(n, np.int64)

    def add(self, y: np.ndarray, y_hat: np.ndarray, series: np.ndarray) -> np.ndarray:
        """Add y and y_hat (N, H, C) of series (N, C).

        Returns:
            (M, N) each measure of MEASURES of each window, as scaled_mse and scaled_mae, over its ranked
            channels; NaN where none is ranked.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # of a network that diverged
            return self._add(y, y_hat, series)

    def _add(self, y: np.ndarray, y_hat: np.ndarray, series: np.ndarray) -> np.ndarray:
        unit = self.yard.unit[series][:, None]  # (N, 1, C)
        y, y_hat = y / unit, y_hat / unit
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
        sigma = (self.yard.sigma / self.yard.unit)[series]  # (N, C)
        scaled = {"mse": square.mean(1) / sigma**2, "mae": size.mean(1) / sigma}
        ranked = self.yard.ranked[series]
        return np.stack([_over_channels(scaled[measure], ranked) for measure in MEASURES])

    def included(self, metric: str) -> np.ndarray:
        """(n,) bool: the series with windows that are in the metric's mean."""
        ranked = self.yard.ranked & (self.windows > 0)
        return ranked & np.isfinite(self.yard.naive) if metric == "mase" else ranked

    def listed(self, metric: str) -> np.ndarray:
        """(n,) bool: the series that get a value each."""
        return self.included(metric) if metric in RELATIVE else self.windows > 0

    def values(self, metric: str) -> np.ndarray:
        """(1 + H + n,): overall, by step, by series; NaN where there is none."""
        sums, units = self._sums(metric), self.yard.unit
        included, listed = self.included(metric), self.listed(metric)
        horizon = sums.shape[1]
        result = np.full(1 + horizon + len(sums), np.nan)
        with np.errstate(over="ignore", invalid="ignore"):  # of a network that diverged
            if included.any():
                overall, common = over_series(
                    sums, self.windows, included, units, POWERS.get(metric, 0)
                )
                result[: 1 + horizon] = _in_units(metric, overall, common)
            mean = sums[listed].sum(1) / (self.windows[listed] * horizon)
            result[1 + horizon :][listed] = _in_units(metric, mean, units[listed])
        return result

    def _sums(self, metric: str) -> np.ndarray:
        """(n, H) in units to the power of the metric."""
        sigma, naive = (
            (values / self.yard.unit)[:, None] for values in (self.yard.sigma, self.yard.naive)
        )
        table: dict[str, Callable[[], np.ndarray]] = {
            "mse": lambda: self.square,
            "rmse": lambda: self.square,
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
        """(unique_id, step, metric, value) of what has a meaning: "" means all series, step 0 all steps."""
        horizon = self.square.shape[1]
        keys = [("", step) for step in range(horizon + 1)] + [(name, 0) for name in names]
        for metric in (*metrics, *ALWAYS):
            over_all = np.full(horizon + 1, self.included(metric).any())
            shown = np.concatenate([over_all, self.listed(metric)])
            for (name, step), value, is_shown in zip(keys, self.values(metric), shown, strict=True):
                if is_shown:
                    yield name, step, metric, float(value)


def over_series(
    sums: np.ndarray, windows: np.ndarray, included: np.ndarray, units: np.ndarray, power: int
) -> tuple[np.ndarray, np.ndarray]:
    """Means over the included series' windows, overall and by step (1 + H,), in multiples of a unit.

    Args:
        sums: (n, H) over each series' windows (n,), in its own unit (n,) to this power.

    Returns:
        The means in the largest unit to that power, and that unit.
    """
    common = units[included].max()
    shares = (units[included, None] / common) ** power
    by_step = (sums[included] * shares).sum(0) / windows[included].sum()
    return np.concatenate([[by_step.mean()], by_step]), common


def _over_channels(values: np.ndarray, ranked: np.ndarray) -> np.ndarray:
    """(N,) the mean of values (N, C) over the channels that are ranked; NaN where none is."""
    if ranked.all():
        return np.asarray(values.mean(1))
    count = ranked.sum(1)
    total = np.where(ranked, values, 0.0).sum(1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def _in_units(metric: str, values: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Values in multiples of `unit`, or of its square, in the data's units."""
    if metric == "rmse":
        return np.asarray(np.sqrt(values) * unit)
    if metric == "mse":
        return np.asarray(values * unit * unit)  # the square alone could overflow
    return np.asarray(values * unit) if metric == "mae" else values
