"""What a baseline may look at: the levels of the whole time line, and where its fit must end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from stages.artifacts.windows import Fold, Windows

T = TypeVar("T")
Forecast = Callable[[np.ndarray], np.ndarray]  # test rows (N,) -> the data's units (N, H, C)


class AbsentError(Exception):
    """A baseline cannot be made, or not of one series; the message is the reason, after its name."""


@dataclass(frozen=True)
class Lines:
    """The levels of n series one behind another, each on its own span of the whole time line.

    levels: (V,) in the data's units, NaN at gaps. starts: (n + 1,) where each begins in them. first: (n,) the
    step of the whole time line at which it begins.
    """

    levels: np.ndarray
    starts: np.ndarray
    first: np.ndarray

    @classmethod
    def of(cls, lines: list[np.ndarray], first: np.ndarray) -> Lines:
        starts = np.concatenate([[0], np.cumsum([len(line) for line in lines])])
        return cls(np.concatenate(lines), starts, np.asarray(first))

    def __getitem__(self, series: int) -> np.ndarray:
        """(T,) the levels of one series."""
        return self.levels[self.starts[series] : self.starts[series + 1]]

    def __len__(self) -> int:
        return len(self.first)

    def at(self, series: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Levels of series at steps of the whole time line (arrays of one shape); NaN outside their spans."""
        local = steps - self.first[series]
        inside = (local >= 0) & (local < np.diff(self.starts)[series])
        found = self.levels[np.where(inside, self.starts[series] + local, 0)]
        return np.where(inside, found, np.nan)

    def until(self, series: int, step: int) -> np.ndarray:
        """The levels of one series before a step of the whole time line."""
        return self[series][: max(0, step - int(self.first[series]))]

    def filled(self, every: int = 1) -> Lines:
        """Each gap takes the value `every`, 2 `every`, … steps before it, if there is one."""
        lines = [fill(self[series], every) for series in range(len(self))]
        return Lines.of(lines, self.first)


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline: lam is its λ (NaN if it has none), forecast reads test rows.

    covers: (n,) bool, the series that it can forecast; None: all.
    """

    name: str
    lam: float
    forecast: Forecast
    covers: np.ndarray | None = None


@dataclass(frozen=True)
class Past:
    """The data as baselines see them: one time line, cut by no file.

    ranked: (n,) bool, the series that comparisons are about (see metrics.py).
    """

    development: Windows
    test: Windows
    season: int | None
    ranked: np.ndarray

    @property
    def final(self) -> Fold:
        """The fold whose networks are tested."""
        return self.development.folds[-1]

    @cached_property
    def fit_end(self) -> int:
        """Steps that a baseline is fitted on: what the final fold's networks were trained on."""
        w = self.development
        _, origins = w.group_origin(self.final.train)
        last = int(origins.max()) + w.layout.horizon + 1
        return len(w.time) if last > w.train_end else w.train_end

    @cached_property
    def lines(self) -> Lines:
        """Every channel of every group over development and test."""
        w, test = self.development, self.test
        lines, channels = [], w.levels.shape[1]
        begins = (
            test.first + test.offset
        )  # of each group's rows of the test part, on the whole time line
        for known, late, begin in zip(w.lines(), test.lines(), begins.tolist(), strict=True):
            tail = test.levels[late][max(0, len(w.time) - begin) :]
            lines += list(np.concatenate([w.levels[known], tail]).T)
        return Lines.of(lines, np.repeat(w.first, channels))

    @cached_property
    def filled(self) -> Lines:
        """The lines, each gap filled with the last level before it."""
        return self.lines.filled()

    @cached_property
    def first_origin(self) -> dict[int, int]:
        """Series that has test windows → step of the whole time line at which its first one begins."""
        series, t = self.origins(self.test.rows)
        first = np.full(len(self.lines), np.iinfo(np.int64).max)
        np.minimum.at(first, series, t[:, None])
        return {s: int(first[s]) for s in np.unique(series).tolist()}

    def needs(self, series: int) -> bool:
        """Whether comparisons need a baseline's forecasts of a series; they need all channels of a group."""
        channels = self.test.levels.shape[1]
        group = series // channels * channels
        return bool(self.ranked[group : group + channels].any())

    def origins(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Index into lines (N, C) and origin on the whole time line (N,) of test rows."""
        _, t = self.test.group_origin(rows)
        return self.test.series_of(rows), t + self.test.offset


def of_each(past: Past, fit: Callable[[int], T]) -> tuple[dict[int, T], np.ndarray]:
    """`fit` of every series that has test windows, and (n,) bool which of them it could be made of.

    Raises:
        AbsentError: it cannot be made of a series that comparisons need; the message names the series.
    """
    fits, covers = {}, np.zeros(len(past.lines), bool)
    for series in past.first_origin:
        try:
            fits[series] = fit(series)
        except AbsentError as reason:
            if past.needs(series):
                name = past.test.layout.series[series]
                raise AbsentError(f"{reason} (series {name!r})") from None
        else:
            covers[series] = True
    return fits, covers


def fill(line: np.ndarray, every: int = 1) -> np.ndarray:
    """Each NaN of a line (T,) becomes the value `every`, 2 `every`, … steps before, if there is one."""
    cycles = np.concatenate([line, np.full(-len(line) % every, np.nan)]).reshape(-1, every)
    index = np.where(np.isfinite(cycles), np.arange(len(cycles))[:, None], 0)
    index = np.maximum.accumulate(index, 0)  # (cycles, phase)
    return np.take_along_axis(cycles, index, 0).ravel()[: len(line)]
