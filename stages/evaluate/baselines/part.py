"""What a baseline may look at: the levels up to the origins of a part, and where its fit must end.

A part is what the forecasters of one fold forecast: the test part for the final fold, for each other fold its
validation windows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from stages.artifacts.linear_map import LinearMap
from stages.artifacts.windows import Fold, Windows
from stages.evaluate.baselines.lines import Lines

T = TypeVar("T")
Forecast = Callable[[np.ndarray], np.ndarray]  # rows (N,) of a part -> the data's units (N, H, C)


class AbsentError(Exception):
    """A baseline cannot be computed, or not for one series; the message is the reason, to follow its name."""


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline: lam is its λ (NaN if it has none), forecast reads rows of its part.

    covers: (n,) bool, the series that it can forecast; None: all. detail: what else was chosen, to follow its
    name; empty where nothing was. linear: ridge's fit, which the mean with it needs to be served. edge: where
    its λ lies at an edge of those that were tried; else empty.
    """

    name: str
    lam: float
    forecast: Forecast
    covers: np.ndarray | None = None
    detail: str = ""
    linear: LinearMap | None = None
    edge: str = ""


@dataclass(frozen=True)
class History:
    """The data of a study, which its parts share.

    ranked: (n,) bool, the series that comparisons are about (see metrics.py).
    """

    development: Windows
    test: Windows
    season: int | None
    ranked: np.ndarray

    @cached_property
    def lines(self) -> Lines:
        """The levels over development and test."""
        return Lines.joined(self.development, self.test)

    @cached_property
    def filled(self) -> Lines:
        """The lines, each gap filled with the last level before it."""
        return self.lines.filled()

    @cached_property
    def validation(self) -> tuple[Part, ...]:
        """The validation windows of each fold; a fit ends before the first target among them."""
        w = self.development
        parts = []
        for fold in w.folds:
            if len(fold.validation):
                fit_end = int(w.group_origin(fold.validation)[1].min()) + 1
                parts.append(Part(self, fold, w, fold.validation, fit_end))
        return tuple(parts)

    @cached_property
    def tested(self) -> Part:
        """The test part; a fit ends where the training part of the final fold's networks does."""
        w, final = self.development, self.development.folds[-1]
        fit_end = len(w.time) if w.reach(final.train) > w.train_end else w.train_end
        return Part(self, final, self.test, self.test.rows, fit_end)


@dataclass(frozen=True)
class Part:
    """One part as the baselines of its fold see it.

    Attributes:
        fold: whose networks forecast this part.
        windows, rows: the file of the part's windows, and their rows (N,) in it.
        fit_end: steps of the whole time line that a baseline is fitted on.
    """

    history: History
    fold: Fold
    windows: Windows
    rows: np.ndarray
    fit_end: int

    @property
    def validates(self) -> bool:
        """Whether this is a fold's validation part, and not the test part."""
        return self.windows is self.history.development

    @property
    def season(self) -> int | None:
        return self.history.season

    @property
    def horizon(self) -> int:
        return self.windows.layout.horizon

    @cached_property
    def _stop(self) -> int:
        """Nothing after the last origin can be seen."""
        return int(self.origins(self.rows)[1].max()) + 1

    @property
    def lines(self) -> Lines:
        """Every series up to the part's last origin."""
        return self.history.lines.before(self._stop)

    @property
    def filled(self) -> Lines:
        """The lines, each gap filled with the last level before it."""
        return self.history.filled.before(self._stop)

    def known(self, series: int) -> np.ndarray:
        """The filled levels that a baseline of one series is fitted on."""
        return self.history.filled.before(self.fit_end)[series]

    @cached_property
    def first_origin(self) -> dict[int, int]:
        """Series that has windows → origin of its first one, as a step of the whole time line."""
        series, t = self.origins(self.rows)
        first = np.full(len(self.history.ranked), np.iinfo(np.int64).max)
        np.minimum.at(first, series, t[:, None])
        return {s: int(first[s]) for s in np.unique(series).tolist()}

    def needs(self, series: int) -> bool:
        """Whether comparisons need a baseline's forecasts of a series; they need all channels of a group."""
        channels = self.windows.levels.shape[1]
        group = series // channels * channels
        return bool(self.history.ranked[group : group + channels].any())

    def origins(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Index into lines (N, C) and origin on the whole time line (N,) of rows."""
        _, t = self.windows.group_origin(rows)
        return self.windows.series_of(rows), t + self.windows.offset


def of_each(part: Part, fit: Callable[[int], T]) -> tuple[dict[int, T], np.ndarray]:
    """`fit` of every series that has windows, and (n,) bool the series for which it succeeded.

    Raises:
        AbsentError: it fails for a series that comparisons need; the message names the series.
    """
    fits, covers = {}, np.zeros(len(part.history.ranked), bool)
    for series in part.first_origin:
        try:
            fits[series] = fit(series)
        except AbsentError as reason:
            if part.needs(series):
                name = part.windows.layout.series[series]
                raise AbsentError(f"{reason} (series {name!r})") from None
        else:
            covers[series] = True
    return fits, covers


def of_series(
    name: str, part: Part, fit: Callable[[int], T],
    forecast: Callable[[T, int, np.ndarray], np.ndarray],
) -> Baseline:  # fmt: skip
    """A baseline with a model of each series.

    Args:
        fit: series -> its model. forecast: a model, its series and origins (N,) on the whole time line
            -> (N, H).

    Raises:
        AbsentError: as `of_each`.
    """
    fits, covers = of_each(part, fit)

    def of_rows(rows: np.ndarray) -> np.ndarray:
        series, t = part.origins(rows)
        y = np.empty((len(rows), part.horizon, series.shape[1]))
        for s in np.unique(series).tolist():
            n, c = np.nonzero(series == s)
            y[n, :, c] = forecast(fits[s], s, t[n])
        return y

    return Baseline(name, np.nan, of_rows, covers)
