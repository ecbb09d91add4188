"""Scalers: fitted on one fold's training part, on observed values alone."""

from __future__ import annotations

import numpy as np

from stages.window.panel import Panel


def fit_scaler(kind: str, panel: Panel, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Center and scale (G, F) from the first `stop` steps; a constant feature has scale 1.

    standard: mean and standard deviation (1/N); minmax: minimum and range; none: 0 and 1.
    """
    groups, _, features = panel.values.shape
    center, scale = np.zeros((groups, features)), np.ones((groups, features))
    if kind == "none":
        return center, scale
    channels = panel.levels.shape[2]
    for g in range(groups):
        for f in range(features):
            column = panel.values[g, :stop, f]
            seen = np.isfinite(column)
            if f < channels:
                seen &= panel.observed[g, :stop, f]
            column = column[seen]
            if not len(column):
                continue  # a fold without a window of this series: no row refers to it
            if kind == "standard":
                center[g, f], width = column.mean(), column.std()
            else:
                center[g, f], width = column.min(), column.max() - column.min()
            scale[g, f] = width if width > 1e-12 * max(1.0, abs(center[g, f])) else 1.0
    return center, scale
