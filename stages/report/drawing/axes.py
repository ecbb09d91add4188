"""Scales and ticks of panels: one range of y for several, and the axis of λ."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import NullLocator

from stages.lambda_scale import on_axis
from stages.report.drawing.plot import Panel
from stages.report.drawing.style import EDGE
from stages.report.judging.intervals import Array

BLOW_UP = 5  # upper quartiles above which a common scale cuts a line off
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def common_scale(panels: Sequence[Panel], values: Sequence[Array]) -> None:
    """One range of y for all panels: room for finite values, with a blow-up cut off."""
    pooled = np.concatenate([np.ravel(one) for one in values])
    finite = pooled[np.isfinite(pooled)]
    if not finite.size:
        return
    low, high = float(finite.min()), float(finite.max())
    if low >= 0:
        usual = float(np.quantile(finite, 0.75, method="lower"))
        high = min(high, BLOW_UP * usual or high)
    margin = 0.08 * (high - low)
    if margin <= 1e-9 * abs(high):  # a flat line
        margin = 0.1 * abs(high) or 1.0
    bottom = max(0.0, low - margin) if low >= 0 else low - margin
    for panel in panels:
        panel.ax.set_ylim(bottom, high + margin)


def same_range(panels: Sequence[Panel]) -> None:
    """The same range of y for all panels: the widest that any has."""
    ranges = [panel.ax.get_ylim() for panel in panels]
    for panel in panels:
        panel.ax.set_ylim(min(low for low, _ in ranges), max(high for _, high in ranges))


def lambda_axis(panel: Panel, lambdas: Sequence[float]) -> None:
    """A log axis on which λ = 0 has a separate tick, left of a dotted break."""
    ax, x = panel.ax, on_axis(lambdas)
    ax.set_xscale("log")
    positive = [lam for lam in lambdas if lam > 0]
    ticks, labels = [], []
    if 0.0 in lambdas:
        ticks, labels = [float(x[0])], ["0"]
    if 0.0 in lambdas and positive:
        ax.axvline(np.sqrt(x[0] * positive[0]), color=EDGE, lw=0.8, ls=(0, (1, 3)))
    if positive:
        low, high = np.log10(positive[0]), np.log10(positive[-1])
        decades = [10.0**k for k in range(int(np.ceil(low - 1e-9)), int(np.floor(high + 1e-9)) + 1)]
        shown = decades if len(decades) > 1 else sorted({positive[0], positive[-1]})
        shown = shown[:: (len(shown) - 1) // 6 + 1]
        ticks, labels = ticks + shown, labels + [power(lam) for lam in shown]
    ax.set_xticks(ticks, labels)
    ax.xaxis.set_minor_locator(NullLocator())


def power(value: float) -> str:
    """A positive number at an axis: 0.01, 1000, 10⁻⁵, 2·10⁴."""
    exponent = math.floor(math.log10(value) + 1e-9)
    if -3 <= exponent <= 3:
        return f"{value:.4g}"
    digits = f"{value / 10**exponent:.3g}"
    return ("" if digits == "1" else digits + "·") + "10" + str(exponent).translate(_RAISED)
