"""Windows as a network sees them, in plain numpy: what the compiled pass is tested against."""

from __future__ import annotations

from typing import Any

import numpy as np

from stages.artifacts.windows import Windows
from stages.forecast.networks import Scaled

EPSILON = 1e-5  # RevIN's, added to a window's variance (Kim et al. 2022)


def shift_and_spread(seen: np.ndarray, normalise: str) -> tuple[np.ndarray, np.ndarray]:
    """Of the values (L, ...) that a window sees; (value − shift) / spread is what a network sees."""
    zero, one = np.zeros_like(seen[0]), np.ones_like(seen[0])
    return {
        "none": (zero, one),
        "last": (seen[-1].copy(), one),
        "mean": (seen.mean(0), one),
        "instance": (seen.mean(0), np.sqrt(seen.var(0) + EPSILON)),
    }[normalise]


def known_of(
    windows: Windows, rows: np.ndarray, center: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """(N, H·k) of the last k = layout.known features over the horizon of rows, scaled."""
    k, group = windows.layout.known, windows.group_origin(rows)[0]
    features = windows.values.shape[1]
    at = np.asarray(rows)[:, None] + np.arange(1, windows.layout.horizon + 1)
    values = (windows.values[at] - center[group][:, None]) / scale[group][:, None]
    return values[..., features - k :].reshape(len(rows), -1)


def batch(
    windows: Windows, rows: np.ndarray, center: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x (N, L, F) and y (N, H, C), scaled, then normalised by window; shift, spread (N, C) in scaled units.

    Covariates are scaled only. center, scale: (G, F).
    """
    layout, channels = windows.layout, windows.levels.shape[1]
    group, origins = windows.group_origin(rows)[0], np.asarray(rows)[:, None]
    mean, width = center[group][:, None], scale[group][:, None]  # (N, 1, F)
    x = (windows.values[origins + np.arange(1 - layout.lookback, 1)] - mean) / width
    y = (windows.values[origins + np.arange(1, layout.horizon + 1)] - mean) / width
    seen = x[..., :channels]
    shift, spread = shift_and_spread(seen.swapaxes(0, 1), layout.normalise)
    x[..., :channels] = (seen - shift[:, None]) / spread[:, None]
    return x, (y[..., :channels] - shift[:, None]) / spread[:, None], shift, spread


def scaled(
    windows: Windows, center: np.ndarray, scale: np.ndarray, dtype: Any = np.float32
) -> Scaled:
    """A whole file of windows, scaled."""
    w = windows
    return Scaled.of(w.layout, w.values, w.levels, w.starts, center, scale, dtype)
