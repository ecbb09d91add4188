"""What `window` hands on: values and the rows of windows in them, never a copied window.

Letters: V values, T time steps, G groups, C target channels and F input features of a group, N windows, L
lookback, H horizon. With independent channels each series is a group (C = 1); with joint channels all
series are one group (C of them). The first C features are the targets, then come covariates. Groups lie one
behind another in the same arrays, each from its first to its last step: no step is stored through which a
series does not live. A window is the row of its origin in these arrays; it sees rows r−L+1 … r and forecasts
r+1 … r+H.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from stages.artifacts import container
from stages.artifacts.calendar import Calendar

EPSILON = 1e-5  # added to a window's variance under `instance`, as RevIN does (Kim et al. 2022)


@dataclass(frozen=True)
class Layout:
    """How windows are cut and what they are made of; nothing that changes no number."""

    lookback: int
    horizon: int
    normalise: str
    channels: str
    series: tuple[str, ...]
    covariates: tuple[str, ...]
    difference: Mapping[str, int]  # order (0 or 1) and lag
    fill: int  # steps over which a gap takes the value before it; 0: gaps stay
    scaler: str
    calendar: Calendar

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Layout:
        """From what `asdict` gives, read back from JSON."""
        values = dict(stored) | {n: tuple(stored[n]) for n in ("series", "covariates")}
        return cls(**values | {"calendar": Calendar(**stored["calendar"])})


@dataclass(frozen=True)
class Fold:
    """One rolling-origin split; `final` has no validation part.

    train, validation: int64 rows, ascending. center, scale (G, F): fitted on this fold's training part; NaN
    for a group that the fold does not admit, which has no rows in it. A covariate that does not vary there
    has an infinite scale: the network sees 0.
    """

    name: str
    train: np.ndarray
    validation: np.ndarray
    center: np.ndarray
    scale: np.ndarray

    @property
    def m(self) -> int:
        """Rows of the minimised sum."""
        return len(self.train)


@dataclass(frozen=True)
class Windows:
    """The development part, or the test part with the context that its first windows see.

    Attributes:
        values: (V, F) model scale (gaps filled, differenced); NaN where unusable.
        levels: (V, C) in the data's units, filled. observed: (V, C) whether a level stands in the file.
        starts: (G + 1,) rows at which groups begin; group g has rows starts[g] … starts[g + 1] − 1.
        first: (G,) the step of the time line at which each group begins.
        time: (T,) the time line: microseconds since 1970, or whole numbers.
        folds: of the development part; empty for the test part.
        rows: test windows; empty for the development part.
        center, scale: (G, F) of the split's training part, for errors in scaled units; NaN where it does not
            admit the group.
        train_end: steps of the split's training part on the whole time line.
        offset: position of step 0 on the whole time line.
        left_out: name → reason, of series of the file that no fold takes.
    """

    layout: Layout
    values: np.ndarray
    levels: np.ndarray
    observed: np.ndarray
    starts: np.ndarray
    first: np.ndarray
    time: np.ndarray
    folds: tuple[Fold, ...]
    rows: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    train_end: int
    offset: int
    left_out: Mapping[str, str] = field(default_factory=dict)

    _ARRAYS = (
        "values", "levels", "observed", "starts", "first", "time", "rows", "center", "scale",
    )  # fmt: skip

    def save(self, path: Path) -> None:
        arrays = {name: getattr(self, name) for name in self._ARRAYS}
        for fold in self.folds:
            for part in fields(Fold)[1:]:
                arrays[f"{fold.name}/{part.name}"] = getattr(fold, part.name)
        meta = {
            "layout": asdict(self.layout),
            "folds": [fold.name for fold in self.folds],
            "train_end": self.train_end,
            "offset": self.offset,
            "left_out": dict(self.left_out),
        }
        container.save(path, arrays, meta)

    @classmethod
    def load(cls, path: Path) -> Windows:
        """Arrays are memory maps."""
        arrays, meta = container.load(path)
        names = [part.name for part in fields(Fold)[1:]]
        folds = tuple(Fold(f, **{n: arrays[f"{f}/{n}"] for n in names}) for f in meta["folds"])
        return cls(
            Layout.of(meta["layout"]), **{name: arrays[name] for name in cls._ARRAYS}, folds=folds,
            train_end=meta["train_end"], offset=meta["offset"], left_out=meta["left_out"],
        )  # fmt: skip

    def group_origin(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) groups of rows, and (N,) their origins as steps of this file's time line."""
        rows = np.asarray(rows, np.int64)
        group = np.searchsorted(self.starts, rows, side="right") - 1
        return group, np.asarray(self.first)[group] + rows - np.asarray(self.starts)[group]

    def lines(self) -> list[slice]:
        """The rows of each group."""
        ends = self.starts.tolist()
        return [slice(begin, end) for begin, end in pairwise(ends)]

    def series_of(self, rows: np.ndarray) -> np.ndarray:
        """(N, C) index into layout.series of each row's channels."""
        channels = self.levels.shape[1]
        return self.group_origin(rows)[0][:, None] * channels + np.arange(channels)

    def touched(self, fold: Fold) -> dict[int, slice]:
        """Group → its leading rows that a fold's windows touch, targets included."""
        last = np.full(len(self.first), -1, np.int64)
        for rows in (fold.train, fold.validation):  # ascending
            ends = np.searchsorted(rows, self.starts)
            some = np.flatnonzero(ends[1:] > ends[:-1])
            last[some] = np.maximum(last[some], rows[ends[some + 1] - 1])
        begin, reach = self.starts.tolist(), self.layout.horizon + 1
        return {int(g): slice(begin[g], int(last[g]) + reach) for g in np.flatnonzero(last >= 0)}

    def batch(
        self, rows: np.ndarray, center: np.ndarray, scale: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Windows as a network sees them, gathered for these rows alone.

        Returns:
            x (N, L, F) and y (N, H, C): scaled, then normalised by window (covariates scaled only);
            shift, spread (N, C): what the normalisation took out, in scaled units.
        """
        group, channels = self.group_origin(rows)[0], self.levels.shape[1]
        mean, width = center[group][:, None], scale[group][:, None]  # (N, 1, F)
        x = (self.values[_steps(rows, 1 - self.layout.lookback, 0)] - mean) / width
        y = self.values[_steps(rows, 1, self.layout.horizon)][..., :channels]
        y = (y - mean[..., :channels]) / width[..., :channels]
        shift, spread = _units(self.layout.normalise, x[..., :channels])
        x[..., :channels] = (x[..., :channels] - shift[:, None]) / spread[:, None]
        return x, (y - shift[:, None]) / spread[:, None], shift, spread

    def undo(
        self, rows: np.ndarray, y_hat: np.ndarray, center: np.ndarray, scale: np.ndarray,
        shift: np.ndarray, spread: np.ndarray,
    ) -> np.ndarray:  # fmt: skip
        """Forecasts (…, N, H, C) as the network gives them → in the data's units.

        The window's normalisation, the scaler and the difference are undone, in this order.
        """
        group, channels = self.group_origin(rows)[0], self.levels.shape[1]
        y = np.asarray(y_hat, float) * spread[:, None] + shift[:, None]
        y = y * scale[group][:, None, :channels] + center[group][:, None, :channels]
        if self.layout.difference["order"] == 0:
            return y
        lag = self.layout.difference["lag"]
        known = self.levels[_steps(rows, 1 - lag, 0)]  # (N, lag, C)
        for h in range(y.shape[-2]):  # y_t = w_t + y_{t−lag}, the latter known or forecast before
            y[..., h, :] += known[:, h] if h < lag else y[..., h - lag, :]
        return y

    def targets(self, rows: np.ndarray) -> np.ndarray:
        """(N, H, C) what was observed, in the data's units."""
        return np.asarray(self.levels[_steps(rows, 1, self.layout.horizon)])

    def times(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) times of the origins and (N, H) times of the targets."""
        steps = self.group_origin(rows)[1][:, None] + np.arange(self.layout.horizon + 1)
        stamps = np.asarray(self.time)[steps]
        return stamps[:, 0], stamps[:, 1:]


def _steps(rows: np.ndarray, first: int, last: int) -> np.ndarray:
    """(N, last − first + 1) rows of the steps `first` … `last` relative to each origin."""
    return np.asarray(rows, np.int64)[:, None] + np.arange(first, last + 1)


def _units(normalise: str, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shift and spread (N, C) of windows (N, L, C)."""
    zero, one = np.zeros_like(targets[:, 0]), np.ones_like(targets[:, 0])
    if normalise == "last":
        return targets[:, -1].copy(), one
    if normalise == "mean":
        return targets.mean(1), one
    if normalise == "instance":
        return targets.mean(1), np.sqrt(targets.var(1) + EPSILON)
    return zero, one
