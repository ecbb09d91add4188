"""Forecasts of a cell's members for windows of the series."""

from __future__ import annotations

from typing import Any

import numpy as np

from stages.artifacts.fits import Fit
from stages.artifacts.windows import Windows
from stages.networks.passes import forecasts
from stages.networks.scaled import scaled
from stages.networks.shape import Network


def network_of(config: dict[str, Any]) -> Network:
    """The architecture that travels with the weights (`Fit.config`)."""
    return Network(**config["network"])


def forecast(
    fit: Fit, windows: Windows, rows: np.ndarray, center: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """(Λ, S, N, H, C) float32 as the networks give them; `Windows.undo` brings them to the data's units.

    Args:
        windows: holds the inputs of `rows` (int64, N); center, scale (G, F): the final fold's scaler.
    """
    lambdas, seeds, parameters = fit.weights.shape
    weights = fit.weights.reshape(-1, parameters)
    result = forecasts_of(weights, network_of(fit.config), windows, rows, center, scale)
    return result.reshape(lambdas, seeds, *result.shape[1:])


def forecasts_of(
    weights: np.ndarray, network: Network, windows: Windows, rows: np.ndarray, center: np.ndarray,
    scale: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """(K, N, H, C) float32: the forecasts of K networks with weights (K, n); the rest as in `forecast`."""
    series = scaled(windows, center, scale, np.float32)
    plan, workspace = network.plan(len(rows)), network.workspace(len(rows), "float32")
    result = np.empty((len(weights), len(rows), network.outputs), np.float32)
    origins = np.ascontiguousarray(rows, np.int64)
    forecasts(plan, workspace, series, origins, np.ascontiguousarray(weights), result)
    return result.reshape(len(weights), len(rows), windows.layout.horizon, -1)
