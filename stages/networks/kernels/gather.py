"""Windows from a series into the workspace of a tile: no window is ever stored.

A row is that of the window's origin, the last step it sees. The series (V, F) is scaled already; the
per-window normalisation of the target channels happens here, on inputs and targets alike. The last features
may be known over the horizon: of these the H steps after the origin go to the head's input as well.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from stages.networks.kernels.workspace import Plan
from stages.normalise import EPSILON, LAST, MEAN


@njit
def gather(
    plan: Plan, ws: np.ndarray, series: np.ndarray, rows: np.ndarray, first: int, count: int
) -> None:
    """Fill the inputs, targets and known values of a tile with windows rows[first : first + count].

    Columns from `count` on are set to zero. `units` holds (2, C, b): each window's shift and spread.
    """
    sizes = plan.sizes
    b, lookback, channels, features = sizes.columns, sizes.lookback, sizes.channels, series.shape[1]
    outputs, steps, inputs = sizes.outputs, sizes.steps, sizes.step_inputs
    x, stride = sizes.inputs, sizes.stride
    target, units, segment = sizes.target, sizes.units, lookback // steps
    future, known, horizon = sizes.future, sizes.known, outputs // channels
    one = ws[sizes.head_in]  # in the working precision; a value of the series could be a gap
    for column in range(b):
        if column >= count:
            for step in range(steps):
                for e in range(inputs):
                    ws[x + step * stride + e * b + column] = 0
            for o in range(outputs):
                ws[target + o * b + column] = 0
            for e in range(horizon * future):
                ws[known + e * b + column] = 0
            continue
        origin = rows[first + column]
        start = origin - lookback + 1
        for f in range(features):
            shift, spread = one - one, one
            if f < channels:
                shift, spread = _units(
                    sizes.shift, sizes.deviation, one, series, start, lookback, f
                )
                ws[units + f * b + column] = shift
                ws[units + (channels + f) * b + column] = spread
            for step in range(steps):
                for s in range(segment):
                    value = series[start + step * segment + s, f]
                    at = x + step * stride + (s * features + f) * b + column
                    ws[at] = (value - shift) / spread
            if f < channels:
                for h in range(horizon):
                    value = series[origin + 1 + h, f]
                    ws[target + (h * channels + f) * b + column] = (value - shift) / spread
        for j in range(future):
            for h in range(horizon):
                value = series[origin + 1 + h, features - future + j]
                ws[known + (h * future + j) * b + column] = value


@njit
def _units(
    kind: int, deviation: int, one: float, series: np.ndarray, start: int, lookback: int, f: int
) -> tuple[float, float]:
    """Shift and spread of one window's channel, summed in double precision."""
    zero, mean = one - one, 0.0
    if kind == MEAN or deviation:
        for s in range(lookback):
            mean += series[start + s, f]
        mean /= lookback
    shift = (
        series[start + lookback - 1, f] if kind == LAST else zero + mean if kind == MEAN else zero
    )
    if not deviation:
        return shift, one
    squares = 0.0
    for s in range(lookback):
        squares += (series[start + s, f] - mean) ** 2
    return shift, zero + math.sqrt(squares / lookback + EPSILON)


@njit
def _mix(x: int) -> int:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014) on 64-bit integers."""
    x = (x ^ ((x >> 30) & 0x3FFFFFFFF)) * -4658895280553007687
    x = (x ^ ((x >> 27) & 0x1FFFFFFFFF)) * -7723592293110705685
    return x ^ ((x >> 31) & 0x1FFFFFFFF)


@njit
def draw_masks(
    plan: Plan, ws: np.ndarray, dropout: float, seed: int, step: int, first: int, batch_size: int
) -> None:
    """Dropout masks (0 or 1/(1−p)) of a tile whose first column is the batch's column `first`.

    An element's draw is a function of the seed, the training step and the element's number alone, so a
    member's masks depend neither on tiles nor on other members, and are the same for every λ.
    """
    b, d, steps = plan.sizes.columns, plan.sizes.hidden, plan.sizes.steps
    key = _mix(_mix(seed + 1) ^ (step + 1))
    keep = ws[0] * 0 + 1.0 / (1.0 - dropout)
    for layer in range(plan.sizes.layers):
        mask = plan.layers[layer].mask
        for row in range(steps * d):
            for column in range(b):
                element = (layer * steps * d + row) * batch_size + first + column
                draw = ((_mix(key ^ (element + 1)) >> 11) & 0x1FFFFFFFFFFFFF) / 9007199254740992.0
                ws[mask + row * b + column] = keep if draw >= dropout else keep * 0
