"""What `window` hands on: values and the rows of windows in them, never a copied window.

Letters: T time steps, G groups, C target channels and F input features of a group, N windows, L lookback,
H horizon. With independent channels each series is a group (C = 1); with joint channels all series are
one group (C of them). The first C features are the targets, then come covariates. A window is a row
g·T + t: group g, origin t; it sees steps t−L+1 … t and forecasts t+1 … t+H.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from stages.artifacts import container

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
    frequency: str
    time: str  # datetime or integer


@dataclass(frozen=True)
class Fold:
    """One rolling-origin split; `final` has no validation part.

    train, validation: int64 rows, ascending. center, scale (G, F): fitted on this fold's training part.
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
        values: (G, T, F) model scale (gaps filled, differenced); NaN where unusable.
        levels: (G, T, C) in the data's units, filled. observed: (G, T, C) really observed.
        time: (T,) microseconds since 1970, or the integer index.
        folds: of the development part; empty for the test part.
        rows: test windows; empty for the development part.
        center, scale: (G, F) of the split's training part, for errors in scaled units.
        train_end: steps of the split's training part on the whole time line.
        offset: position of step 0 on the whole time line.
    """

    layout: Layout
    values: np.ndarray
    levels: np.ndarray
    observed: np.ndarray
    time: np.ndarray
    folds: tuple[Fold, ...]
    rows: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    train_end: int
    offset: int

    _ARRAYS = ("values", "levels", "observed", "time", "rows", "center", "scale")

    def save(self, path: Path) -> None:
        arrays = {name: getattr(self, name) for name in self._ARRAYS}
        for fold in self.folds:
            for field in fields(Fold)[1:]:
                arrays[f"{fold.name}/{field.name}"] = getattr(fold, field.name)
        meta = {
            "layout": asdict(self.layout),
            "folds": [fold.name for fold in self.folds],
            "train_end": self.train_end,
            "offset": self.offset,
        }
        container.save(path, arrays, meta)

    @classmethod
    def load(cls, path: Path) -> Windows:
        """Arrays are memory maps."""
        arrays, meta = container.load(path)
        stored: dict[str, Any] = meta["layout"]
        stored |= {name: tuple(stored[name]) for name in ("series", "covariates")}
        names = [field.name for field in fields(Fold)[1:]]
        folds = tuple(Fold(f, **{n: arrays[f"{f}/{n}"] for n in names}) for f in meta["folds"])
        own = {name: arrays[name] for name in cls._ARRAYS}
        layout = Layout(**stored)
        return cls(layout, **own, folds=folds, train_end=meta["train_end"], offset=meta["offset"])

    def group_origin(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) groups and (N,) origins of rows."""
        group, origin = np.divmod(np.asarray(rows, np.int64), self.values.shape[1])
        return group, origin

    def series_of(self, rows: np.ndarray) -> np.ndarray:
        """(N, C) index into layout.series of each row's channels."""
        channels = self.levels.shape[2]
        return self.group_origin(rows)[0][:, None] * channels + np.arange(channels)

    def _steps(self, rows: np.ndarray, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Index arrays (N, 1) and (N, last − first + 1) of steps relative to the origin."""
        group, origin = self.group_origin(rows)
        return group[:, None], origin[:, None] + np.arange(first, last + 1)

    def batch(
        self, rows: np.ndarray, center: np.ndarray, scale: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Windows as a network sees them, gathered for these rows alone.

        Returns:
            x (N, L, F) and y (N, H, C): scaled, then normalised by window (covariates scaled only);
            shift, spread (N, C): what the normalisation took out, in scaled units.
        """
        group, channels = self.group_origin(rows)[0], self.levels.shape[2]
        mean, width = center[group][:, None], scale[group][:, None]  # (N, 1, F)
        x = (self.values[self._steps(rows, 1 - self.layout.lookback, 0)] - mean) / width
        y = self.values[self._steps(rows, 1, self.layout.horizon)][..., :channels]
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
        group, channels = self.group_origin(rows)[0], self.levels.shape[2]
        y = np.asarray(y_hat, float) * spread[:, None] + shift[:, None]
        y = y * scale[group][:, None, :channels] + center[group][:, None, :channels]
        if self.layout.difference["order"] == 0:
            return y
        lag = self.layout.difference["lag"]
        known = self.levels[self._steps(rows, 1 - lag, 0)]  # (N, lag, C)
        for h in range(y.shape[-2]):  # y_t = w_t + y_{t−lag}, the latter known or forecast before
            y[..., h, :] += known[:, h] if h < lag else y[..., h - lag, :]
        return y

    def targets(self, rows: np.ndarray) -> np.ndarray:
        """(N, H, C) what was observed, in the data's units."""
        return np.asarray(self.levels[self._steps(rows, 1, self.layout.horizon)])

    def times(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) times of the origins and (N, H) times of the targets."""
        steps = self._steps(rows, 0, self.layout.horizon)[1]
        found = np.asarray(self.time)[steps]
        return found[:, 0], found[:, 1:]


def _units(normalise: str, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shift and spread (N, C) of windows (N, L, C)."""
    zero, one = np.zeros_like(own[:, 0]), np.ones_like(own[:, 0])
    if normalise == "last":
        return own[:, -1].copy(), one
    if normalise == "mean":
        return own.mean(1), one
    if normalise == "instance":
        return own.mean(1), np.sqrt(own.var(1) + EPSILON)
    return zero, one
