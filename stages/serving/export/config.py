"""config.json of an export: all that turns a window in the data's units into a forecast, but the weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from stages.artifacts.chosen import Chosen
from stages.forecast.networks import network_of
from stages.serving.input.table import column_of


def config_of(chosen: Chosen) -> dict[str, Any]:
    """JSON has neither NaN nor infinity: null stands for them, and series without a scale are left out."""
    layout, network = chosen.layout, network_of(chosen.config)
    return {
        "forecaster": chosen.name,
        "lam": chosen.lam,
        "cell": network.cell,
        "hidden": network.hidden,
        "layers": network.layers,
        "segment": network.segment,
        "seeds": len(chosen.weights),
        "ridge": chosen.ridge is not None,
        "lookback": layout.lookback,
        "horizon": layout.horizon,
        "steps": chosen.steps,
        "frequency": layout.calendar.frequency,
        "channels": layout.channels,
        "transform": layout.transform,
        "difference": chosen.lag,
        "normalise": layout.normalise,
        "features": _features(chosen),
        "groups": _groups(chosen),
        "intervals": _intervals(chosen),
    }


def _features(chosen: Chosen) -> list[str]:
    """The names of F features: `y` or, with joint channels, each series; then the covariates."""
    layout = chosen.layout
    covariates = [column_of(name) for name in layout.covariates]
    if layout.channels != "joint":
        return ["y", *covariates]
    if chosen.center.shape[1] == len(layout.series) + len(covariates):  # shared by all series
        return [*layout.series, *covariates]
    return [*layout.series, *(f"{one}/{name}" for one in layout.series for name in covariates)]


def _groups(chosen: Chosen) -> list[dict[str, Any]]:
    """For each group its series, its scaler by feature, and by series the size of its intervals."""
    channels = len(chosen.layout.series) // len(chosen.center)
    series = np.array(chosen.layout.series, dtype=object).reshape(-1, channels)
    size = _sizes(chosen).reshape(-1, channels)
    return [
        {
            "series": series[group].tolist(),
            "center": _numbers(chosen.center[group]),
            "scale": _numbers(chosen.scale[group]),
            "size": _numbers(size[group]),
        }
        for group in np.flatnonzero(np.isfinite(chosen.center).all(1))
    ]


def _sizes(chosen: Chosen) -> np.ndarray:
    """(n,) of each series; one without residuals has the others', by its scale."""
    one = chosen.intervals
    scale = chosen.scale[:, : len(chosen.layout.series) // len(chosen.scale)].ravel()
    if one is None:
        return np.full(len(scale), np.nan)
    return one.sizes(one.size, scale)


def _intervals(chosen: Chosen) -> dict[str, list[float | None]]:
    """Column of a bound → its quantile at each step of the horizon, to be multiplied by a series' size."""
    one = chosen.intervals
    if one is None:
        return {}
    rows = dict(zip(one.taus.tolist(), one.quantiles, strict=True))
    return {column: _numbers(rows[tau]) for column, tau in one.bounds.items()}


def _numbers(values: np.ndarray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
