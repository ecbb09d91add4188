"""Which series a fold admits, and their scalers: from the fold's training part, on observed values alone."""

from __future__ import annotations

import numpy as np

from stages.scale import deviation, largest, varies
from stages.transform import transformed
from stages.window.panel import Panel


def refusals(panel: Panel, least: int) -> dict[int, str]:
    """Group → why a training part does not admit it: fewer than `least` observed values, or no variation.

    With joint channels that must hold for each of them.

    Args:
        panel: the training part, steps 0 … stop − 1 of the time line.
    """
    reasons, what = {}, "differences" if panel.lag else "values"
    for group, line in enumerate(panel.lines()):
        for channel in range(panel.levels.shape[1]):
            seen = panel.scored[line, channel]
            values = panel.values[line, channel][seen]
            if len(values) < least:
                reasons[group] = f"{len(values)} {what}, fewer than {least}"
            elif not varies(deviation(values), _size(panel, line, channel)):
                reasons[group] = f"{len(values)} {what} that do not vary"
            else:
                continue
            if panel.levels.shape[1] > 1:
                reasons[group] = f"{panel.names[channel]} has {reasons[group]}"
            break
    return reasons


def _size(panel: Panel, line: slice, channel: int) -> float:
    """The largest value before the difference, whose rounding its spread must exceed."""
    levels = panel.levels[line, channel][panel.scored[line, channel]]
    return largest(transformed(panel.transform, levels))


def fit_scaler(
    kind: str, bounds: tuple[float, float], panel: Panel, admitted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Center and scale (G, F) of a training part; NaN for groups that are not admitted (G,).

    standard: mean and standard deviation (1/N); none: 0 and 1; minmax: such that (value − center) / scale
    takes the minimum to the first of `bounds` and the maximum to the second. A covariate that does not vary
    has an infinite scale: the network sees 0 whatever it does later, since its unit is unknown. Sine and
    cosine of the calendar stay as they are.
    """
    features, channels = panel.values.shape[1], panel.levels.shape[1]
    center = np.full((len(panel.first), features), np.nan)
    scale = center.copy()
    scaled = features - panel.cyclic
    center[admitted, scaled:], scale[admitted, scaled:] = 0.0, 1.0
    for group, line in enumerate(panel.lines()):
        for feature in range(scaled) if admitted[group] else ():
            values = panel.values[line, feature]
            seen = np.isfinite(values)
            if feature < channels:
                seen &= panel.scored[line, feature]
            location, width = location_and_width(kind, values[seen])
            flat = feature >= channels and not varies(width, largest(values[seen]))
            if kind == "minmax":
                width /= bounds[1] - bounds[0]
                location -= bounds[0] * width
            center[group, feature] = location
            scale[group, feature] = np.inf if flat and kind != "none" else width
    return center, scale


def location_and_width(kind: str, values: np.ndarray) -> tuple[float, float]:
    """Mean and deviation, minimum and range, or 0 and 1; 0 and 0 where there are no values."""
    if kind == "none":
        return 0.0, 1.0
    if not len(values):
        return 0.0, 0.0
    if kind == "standard":
        return float(values.mean()), deviation(values)
    return float(values.min()), float(values.max() - values.min())
