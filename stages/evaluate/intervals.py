"""Prediction intervals of every forecaster that is one object, and how they hold on the test part.

Calibrated on the forecasts of validation windows alone, whatever the test part says. With bounds l, u of a
level at probabilities τ:

    coverage-95   share of values y with l ≤ y ≤ u; also of levels 10, 20, … 90
    width-95      mean of u − l
    pinball-95    mean over both bounds b of (y − b)(τ − 1{y < b}), which is the interval score
                  of Gneiting & Raftery (2007) times (1 − level)/4
    crps          2 × the mean pinball over τ = .05, .10, … .95, near the continuous ranked probability
                  score; scaled_crps divides it by σ_s
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from stages.artifacts.forecasts import VALIDATION, Key
from stages.artifacts.intervals import MIDDLE, Both, Intervals, Name, tails
from stages.artifacts.scores import BASELINE, Scores
from stages.artifacts.windows import Layout, Windows
from stages.artifacts.yardstick import Yardstick
from stages.evaluate.metrics import over_series
from stages.forecast.calibration import CRPS, calibrated, residuals

BLOCK = 1 << 16  # windows whose bounds are held at a time, of a horizon of one step


@dataclass(frozen=True)
class Forecasts:
    """A forecaster's forecasts of one part: series and cutoff (N,) of each window, y and y_hat (N, H)."""

    series: np.ndarray
    cutoff: pa.ChunkedArray
    y: np.ndarray
    y_hat: np.ndarray

    @classmethod
    def read(cls, path: Path, key: Key, layout: Layout) -> Forecasts:
        """The rows of one forecaster, in the order in which they were written."""
        keep = (ds.field("cell") == key.cell) & (ds.field("seed") == key.seed)
        if key.seed != BASELINE:
            keep &= ds.field("lam") == key.lam
        columns = ["unique_id", "cutoff", "y", "y_hat"]
        table = pq.read_table(path, columns=columns, filters=keep).unify_dictionaries()
        each = slice(None, None, layout.horizon)
        ids = table["unique_id"].combine_chunks()
        index = {name: s for s, name in enumerate(layout.series)}
        listed = np.array([index[name] for name in ids.dictionary.to_pylist()], np.int64)
        codes = ids.indices.to_numpy()[each]
        shape = (-1, layout.horizon)
        y, y_hat = (table[name].to_numpy().reshape(shape) for name in ("y", "y_hat"))
        steps = np.arange(0, len(table), layout.horizon)
        return cls(listed[codes], table["cutoff"].take(steps), y, y_hat)


@dataclass(frozen=True)
class Calibrator:
    """What the intervals of a study's forecasters have in common.

    scale: (n,) of the final fold's scaler. validated, tested: independent horizons of the validation windows,
    and of the test windows.
    """

    layout: Layout
    yard: Yardstick
    levels: tuple[float, ...]
    scale: np.ndarray
    validated: float
    tested: float

    @classmethod
    def of(
        cls, development: Windows, test: Windows, yard: Yardstick, levels: Sequence[float]
    ) -> Calibrator:
        channels, horizon = development.levels.shape[1], development.layout.horizon
        spacing = development.validation_spacing
        origins = [
            np.unique(development.group_origin(fold.validation)[1]).size
            for fold in development.folds
        ]
        tested = np.unique(test.group_origin(test.rows)[1]).size / horizon
        scale = np.asarray(development.folds[-1].scale[:, :channels], float).ravel()
        return cls(
            development.layout, yard, tuple(levels), scale,
            sum(origins) * spacing / horizon, tested,
        )  # fmt: skip

    def intervals(self, parts: Sequence[Forecasts], horizons: float) -> Intervals | None:
        """From the residuals of all parts."""
        transform = self.layout.transform
        with np.errstate(over="ignore", invalid="ignore"):  # of a network that diverged
            errors = [residuals(transform, part.y, part.y_hat) for part in parts]
        series = np.concatenate([part.series for part in parts])
        return calibrated(
            transform, self.levels, np.concatenate(errors), series, self.scale, horizons
        )


def name_of(key: Key) -> Name:
    """Under which a forecaster's intervals are kept."""
    return key.cell, None if key.seed == BASELINE else key.lam


def of_forecasters(
    calibrator: Calibrator, keys: Iterable[Key], folder: Path, file: str, scores: Scores
) -> dict[Name, Both]:
    """The intervals of forecasters, and into `scores` how they hold; without those that diverged.

    Args:
        folder: of forecasts. file: whose forecasts of both parts hold their rows.
    """
    intervals: dict[Name, Both] = {}
    for key in keys if calibrator.levels else ():
        layout, name = calibrator.layout, f"{file}.parquet"
        validated = Forecasts.read(folder / VALIDATION / name, key, layout)
        tested = Forecasts.read(folder / name, key, layout)
        horizons = calibrator.validated + calibrator.tested
        first = calibrator.intervals([validated], calibrator.validated)
        second = calibrator.intervals([validated, tested], horizons)
        if first is not None and second is not None:
            intervals[name_of(key)] = first, second
            held = IntervalScores.of(first, tested, calibrator.yard)
            scores.add_intervals(key, list(held.rows(layout.series)))
            scores.add_covered(key, held.series, held.cutoff, held.by_window)
    return intervals


@dataclass(frozen=True)
class IntervalScores:
    """How a forecaster's intervals hold on the test part.

    Attributes:
        sums: metric → (n, H) over a series' windows; with units those are the yardstick's.
        windows: (n,) of each series. by_window: coverage of each level → (N,) its mean over the steps of a
            window; of ranked series alone. series, cutoff: (N,) of those windows.
    """

    yard: Yardstick
    sums: dict[str, np.ndarray]
    windows: np.ndarray
    by_window: dict[str, np.ndarray]
    series: np.ndarray
    cutoff: pa.ChunkedArray

    @classmethod
    def of(cls, intervals: Intervals, tested: Forecasts, yard: Yardstick) -> IntervalScores:
        """Score every window of the series that have a size."""
        known = np.isfinite(intervals.size[tested.series])
        horizon = tested.y.shape[1]
        step = max(1, BLOCK // horizon)
        names = metrics(intervals.levels)
        sums = {name: np.zeros((len(yard.sigma), horizon)) for name in names}
        rows = np.flatnonzero(known)
        means = {f"coverage-{level:g}": np.empty(len(rows)) for level in intervals.levels}
        for begin in range(0, len(rows), step):
            block = rows[begin : begin + step]
            series = tested.series[block]
            values = _scored(intervals, tested.y[block], tested.y_hat[block], series, yard)
            for name, value in values.items():
                for s in np.unique(series):
                    sums[name][s] += value[series == s].sum(0)
            for name, mean in means.items():
                mean[begin : begin + step] = values[name].mean(1)
        count = np.bincount(tested.series[rows], minlength=len(yard.sigma))
        ranked = yard.ranked[tested.series[rows]]
        kept = rows[ranked]
        by_window = {name: value[ranked] for name, value in means.items()}
        return cls(yard, sums, count, by_window, tested.series[kept], tested.cutoff.take(kept))

    def rows(self, names: Sequence[str]) -> Iterator[tuple[str, int, str, float]]:
        """(unique_id, step, metric, value), as `Errors.rows`; of the series of these names."""
        yard, horizon = self.yard, self.sums["crps"].shape[1]
        scaled = self.sums["crps"] / (yard.sigma / yard.unit)[:, None]
        has = self.windows > 0
        ranked = has & yard.ranked
        for metric, sums in (self.sums | {"scaled_crps": scaled}).items():
            power = 0 if metric.startswith(("coverage", "scaled")) else 1
            if ranked.any():
                overall, common = over_series(sums, self.windows, ranked, yard.unit, power)
                for step, value in enumerate(overall * common**power):
                    yield "", step, metric, float(value)
            for s in np.flatnonzero(ranked if metric == "scaled_crps" else has).tolist():
                mean = sums[s].sum() / (self.windows[s] * horizon)
                yield names[s], 0, metric, float(mean * yard.unit[s] ** power)


def scored_levels(levels: Sequence[float]) -> list[float]:
    """The study's levels and those that CRPS's probabilities bound, whose coverage is measured."""
    central = {round(100 * (1 - 2 * tau), 6) for tau in CRPS if tau < MIDDLE}
    return sorted({float(level) for level in levels} | central)


def metrics(levels: Sequence[float]) -> list[str]:
    """The names of what is measured."""
    measured = [f"{kind}-{level:g}" for level in levels for kind in ("width", "pinball")]
    return [*(f"coverage-{level:g}" for level in scored_levels(levels)), *measured, "crps"]


def _scored(
    intervals: Intervals, y: np.ndarray, y_hat: np.ndarray, series: np.ndarray, yard: Yardstick
) -> dict[str, np.ndarray]:
    """metric → (N, H), in multiples of the yardstick's unit."""
    unit, size = yard.unit[series][:, None], intervals.size[series]
    bounds = {tau: intervals.at(tau, y_hat, size) for tau in intervals.taus.tolist()}

    def pinball(tau: float) -> np.ndarray:
        error = (y - bounds[tau]) / unit
        return np.maximum(tau * error, (tau - 1) * error)

    values = {"crps": 2 * np.mean([pinball(tau) for tau in CRPS], axis=0)}
    for level in scored_levels(intervals.levels):
        low, high = (bounds[tau] for tau in tails(level))
        values[f"coverage-{level:g}"] = ((low <= y) & (y <= high)).astype(float)
    for level in intervals.levels:
        below, above = tails(level)
        values[f"width-{level:g}"] = (bounds[above] - bounds[below]) / unit
        values[f"pinball-{level:g}"] = (pinball(below) + pinball(above)) / 2
    return values
