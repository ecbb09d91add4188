"""Windows from a series into the workspace of a tile: no window is ever stored.

A row is that of the window's origin, the last step it sees. The series (V, F) is scaled already; the
per-window normalisation of the target channels happens here, on inputs and targets alike.
"""

from __future__ import annotations

import math

from numba import njit

from stages.networks.recurrence import (
    CELL,
    CHANNELS,
    COLUMNS,
    FIRST_LAYER,
    HEAD_IN,
    LAYER_SIZE,
    LAYERS,
    LINEAR,
    LOOKBACK,
    MASK,
    NORM,
    OUTPUTS,
    STEP_INPUTS,
    STEPS,
    TARGET,
    UNITS,
    D,
    Z,
)

NONE, LAST, MEAN, INSTANCE = range(4)
EPSILON = 1e-5  # added to a window's variance under `instance`, as RevIN does


@njit
def gather(plan, ws, series, rows, first, count):  # type: ignore[no-untyped-def]
    """Fill the inputs and targets of a tile with windows rows[first : first + count].

    Columns from `count` on are set to zero. UNITS holds (2, C, b): each window's shift and spread.
    """
    b, lookback, channels, features = plan[COLUMNS], plan[LOOKBACK], plan[CHANNELS], series.shape[1]
    outputs = plan[OUTPUTS]
    if plan[CELL] == LINEAR:
        x, stride = plan[HEAD_IN] + b, 0
    else:
        x, stride = plan[FIRST_LAYER + Z], (plan[STEP_INPUTS] + 1 + plan[D]) * b
    segment = lookback // plan[STEPS]
    target, units = plan[TARGET], plan[UNITS]
    one = ws[plan[HEAD_IN]]  # in the working precision; a value of the series could be a gap
    for column in range(b):
        if column >= count:
            for step in range(plan[STEPS]):
                for e in range(plan[STEP_INPUTS]):
                    ws[x + step * stride + e * b + column] = 0
            for o in range(outputs):
                ws[target + o * b + column] = 0
            continue
        origin = rows[first + column]
        start = origin - lookback + 1
        for f in range(features):
            shift, spread = one - one, one
            if f < channels:
                shift, spread = _units(plan[NORM], one, series, start, lookback, f)
                ws[units + f * b + column] = shift
                ws[units + (channels + f) * b + column] = spread
            for step in range(plan[STEPS]):
                for s in range(segment):
                    value = series[start + step * segment + s, f]
                    place = x + step * stride + (s * features + f) * b + column
                    ws[place] = (value - shift) / spread
            if f < channels:
                for h in range(outputs // channels):
                    value = series[origin + 1 + h, f]
                    ws[target + (h * channels + f) * b + column] = (value - shift) / spread


@njit
def _units(norm, one, series, start, lookback, f):  # type: ignore[no-untyped-def]
    """Shift and spread of one window's channel, summed in double precision."""
    zero = one - one
    if norm == NONE:
        return zero, one
    if norm == LAST:
        return series[start + lookback - 1, f], one
    total = 0.0
    for s in range(lookback):
        total += series[start + s, f]
    mean = total / lookback
    if norm == MEAN:
        return zero + mean, one
    squares = 0.0
    for s in range(lookback):
        squares += (series[start + s, f] - mean) ** 2
    return zero + mean, zero + math.sqrt(squares / lookback + EPSILON)


@njit
def _mix(x):  # type: ignore[no-untyped-def]
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014) on 64-bit integers."""
    x = (x ^ ((x >> 30) & 0x3FFFFFFFF)) * -4658895280553007687
    x = (x ^ ((x >> 27) & 0x1FFFFFFFFF)) * -7723592293110705685
    return x ^ ((x >> 31) & 0x1FFFFFFFF)


@njit
def draw_masks(plan, ws, dropout, seed, step, first, batch_size):  # type: ignore[no-untyped-def]
    """Dropout masks (0 or 1/(1−p)) of a tile whose first column is the batch's column `first`.

    An element's draw is a function of the seed, the training step and its own place alone, so a
    member's masks do not depend on tiles or company, and are the same for every λ.
    """
    b, d, steps = plan[COLUMNS], plan[D], plan[STEPS]
    key = _mix(_mix(seed + 1) ^ (step + 1))
    keep = ws[0] * 0 + 1.0 / (1.0 - dropout)
    for layer in range(plan[LAYERS]):
        mask = plan[FIRST_LAYER + layer * LAYER_SIZE + MASK]
        for row in range(steps * d):
            for column in range(b):
                place = (layer * steps * d + row) * batch_size + first + column
                draw = ((_mix(key ^ (place + 1)) >> 11) & 0x1FFFFFFFFFFFFF) / 9007199254740992.0
                ws[mask + row * b + column] = keep if draw >= dropout else keep * 0
