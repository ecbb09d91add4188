"""Forecasts in the data's units: windows through networks, and every transform undone.

Letters as in artifacts/windows.py; K networks of n parameters each, O = H·C outputs of a window.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from stages.artifacts.linear_map import LinearMap
from stages.artifacts.windows import Layout
from stages.forecast.scaled import scaled
from stages.networks.kernels.evaluation import forecasts, windows
from stages.networks.kernels.workspace import plan_of, workspace_of
from stages.networks.module.source import Source
from stages.networks.shape import Network
from stages.transform import restored, transformed

GRID = -24  # networks compute in float32: what lies below 2^-24 of the scale is noise
LARGEST = 2.0**126  # the difference of two smaller values is a finite float32


@dataclass(frozen=True)
class Scaled:
    """A part of the data as the forecasters of one fold see it, and the way back to the data's units.

    Attributes:
        layout: how its windows are cut.
        series: (V + H, F) scaled. The last H rows are zeros: the kernels read a window's targets, which an
            origin at the end of the data does not have.
        levels: (V, C) in the data's units. starts: (G + 1,). center, scale: (G, F) of the fold's scaler.
    """

    layout: Layout
    series: np.ndarray
    levels: np.ndarray
    starts: np.ndarray
    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(
        cls, layout: Layout, values: np.ndarray, levels: np.ndarray, starts: np.ndarray,
        center: np.ndarray, scale: np.ndarray, dtype: Any = np.float32,
    ) -> Scaled:  # fmt: skip
        """Scale values (V, F); networks take float32."""
        lines = {group: slice(*ends) for group, ends in enumerate(pairwise(starts.tolist()))}
        with np.errstate(over="ignore", invalid="ignore"):  # `forecast` leaves such windows out
            series = scaled(values, lines, center, scale, dtype, layout.horizon)
        return cls(layout, series, levels, starts, center, scale)

    def windows(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x (N, L·F + H·k), y (N, O), units (N, 2, C): scaled, then normalised; each shift and spread.

        x is the whole window, then what is known over the horizon.
        """
        layout, channels = self.layout, self.levels.shape[1]
        network = Network(
            "linear", self.series.shape[1], layout.horizon * channels, layout.lookback, channels, 1,
            normalise=layout.normalise, future=layout.known,
        )  # fmt: skip
        sizes = network.step_inputs + network.known, network.outputs, 2 * channels
        x, y, units = (np.empty((len(rows), size), self.series.dtype) for size in sizes)
        plan, workspace = plan_of(network, len(rows)), workspace_of(network, len(rows), x.dtype)
        windows(plan, workspace, self.series, rows.astype(np.int64), x, y, units)
        return x, y, units.reshape(-1, 2, channels)

    def undo(self, rows: np.ndarray, y_hat: np.ndarray, units: np.ndarray) -> np.ndarray:
        """Forecasts (N, O) of scaled and normalised values → (N, H, C) in the data's units.

        The window's normalisation, the scaler, the difference and the transform are undone, in this order.
        """
        return restored(self.layout.transform, self.undo_to_transform(rows, y_hat, units))

    def undo_to_transform(
        self, rows: np.ndarray, y_hat: np.ndarray, units: np.ndarray
    ) -> np.ndarray:
        """As `undo`, of transformed levels: the transform itself is left."""
        channels = self.levels.shape[1]
        y = np.asarray(y_hat, float).reshape(len(rows), -1, channels)
        y = y * units[:, None, 1] + units[:, None, 0]
        group = self.groups(rows)
        y = y * self.scale[group, None, :channels] + self.center[group, None, :channels]
        if self.layout.difference["order"] == 0:
            return y
        lag = self.layout.difference["lag"]
        known = self.levels[rows[:, None] + np.arange(1 - lag, 1)]  # (N, lag, C)
        known = transformed(self.layout.transform, known)
        for h in range(y.shape[1]):  # y_t = w_t + y_{t−lag}, the latter known or forecast before
            y[:, h] += known[:, h] if h < lag else y[:, h - lag]
        return y

    def groups(self, rows: np.ndarray) -> np.ndarray:
        """(N,) the group of each row."""
        return np.searchsorted(self.starts, rows, side="right") - 1


def forecast_linear(linear: LinearMap, data: Scaled, rows: np.ndarray) -> np.ndarray:
    """(N, H, C): a linear map's forecasts in the data's units, of data in double precision."""
    x, _, units = data.windows(rows)
    return data.undo(rows, linear.predict(x), units)


def network_of(config: dict[str, Any]) -> Network:
    """The architecture that travels with the weights (`Fit.config`), of a module with its code."""
    values = config["network"]
    module = values.get("module")
    return Network(**values | {"module": Source.of(module) if module else None})


def _outputs(
    network: Network, weights: np.ndarray, data: Scaled, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(K, N, O) float32 in normalised units, and the windows' shift and spread (N, 2, C)."""
    k, n, channels = len(weights), len(rows), data.levels.shape[1]
    if network.module is not None:
        from stages.networks.module import build  # torch, for those alone that need it

        x, _, units = data.windows(rows)
        return build.outputs(network, weights, x), units.astype(float)
    raw, units = (np.empty(s, np.float32) for s in ((k, n, network.outputs), (n, 2 * channels)))
    plan, workspace = plan_of(network, n), workspace_of(network, n, "float32")
    origins = rows.astype(np.int64)
    forecasts(plan, workspace, data.series, origins, np.ascontiguousarray(weights), raw, units)
    return raw, units.reshape(n, 2, channels).astype(float)


def forecast(network: Network, weights: np.ndarray, data: Scaled, rows: np.ndarray) -> np.ndarray:
    """(K, N, H, C): the forecasts of K networks in the data's units.

    Before the transform is undone they are put on a grid of 2^-24 of the scale, which is in its units.
    They are NaN where a window, or what is known over its horizon, holds an input that float32 does not.

    Args:
        weights: (K, n) float32. rows: (N,) of the windows' origins, each with L rows of its group.
    """
    k, n, channels = len(weights), len(rows), data.levels.shape[1]
    raw, units = _outputs(network, weights, data, rows)
    y_hat = np.empty((k, n, data.layout.horizon, channels))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # where one diverged
        size = units[:, 1] * data.scale[data.groups(rows), :channels]
        step = np.exp2(np.ceil(np.log2(size)) + GRID)[:, None]
        for outputs, y in zip(raw, y_hat, strict=True):
            levels = np.rint(data.undo_to_transform(rows, outputs, units) / step) * step
            y[:] = restored(data.layout.transform, levels)
    seen = data.series[rows[:, None] + np.arange(1 - data.layout.lookback, 1)]
    known = data.series.shape[1] - network.future
    ahead = data.series[rows[:, None] + np.arange(1, data.layout.horizon + 1), known:]
    within = (np.abs(seen) < LARGEST).all((1, 2)) & (np.abs(ahead) < LARGEST).all((1, 2))
    y_hat[:, ~within] = np.nan
    return y_hat
