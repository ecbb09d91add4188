"""Compiled passes without learning: windows; their losses, forecasts and gradients of states of K members."""

from __future__ import annotations

from numba import njit

from stages.networks.denormals import flush_denormals, restore_denormals
from stages.networks.gather import gather
from stages.networks.recurrence import (
    CHANNELS,
    COLUMNS,
    HEAD_IN,
    OUT,
    OUTPUTS,
    TARGET,
    UNITS,
    backward,
    forward,
    load_weights,
    prepare_workspace,
)


@njit(cache=True, nogil=True)
def window_losses(plan, ws, series, rows, w, losses):  # type: ignore[no-untyped-def]
    """losses (K, N) double: each member's mean squared error of each window, in scaled units."""
    flags = flush_denormals()
    prepare_workspace(plan, ws)
    b, channels, out, target = plan[COLUMNS], plan[CHANNELS], plan[OUT], plan[TARGET]
    spread = plan[UNITS] + channels * b
    for begin in range(0, rows.shape[0], b):
        wide = min(b, rows.shape[0] - begin)
        gather(plan, ws, series, rows, begin, wide)
        for k in range(w.shape[0]):
            load_weights(plan, w[k], ws, False)
            forward(plan, w[k], ws, False)
            for column in range(wide):
                total = 0.0
                for o in range(plan[OUTPUTS]):
                    at = o * b + column
                    error = ws[out + at] - ws[target + at]
                    scaled = float(error * ws[spread + (o % channels) * b + column])
                    total += scaled * scaled
                losses[k, begin + column] = total / plan[OUTPUTS]
    restore_denormals(flags)


@njit
def _copy(ws, start, b, wide, result, begin):  # type: ignore[no-untyped-def]
    """result (N, X): the X rows of b columns from `start` on, as lines begin … begin + wide − 1."""
    for column in range(wide):
        for e in range(result.shape[1]):
            result[begin + column, e] = ws[start + e * b + column]


@njit(cache=True, nogil=True)
def windows(plan, ws, series, rows, x, y, units):  # type: ignore[no-untyped-def]
    """x (N, I), y (N, O), units (N, 2 C): windows as a linear network sees them, their shift and spread."""
    prepare_workspace(plan, ws)
    b = plan[COLUMNS]
    for begin in range(0, rows.shape[0], b):
        wide = min(b, rows.shape[0] - begin)
        gather(plan, ws, series, rows, begin, wide)
        _copy(ws, plan[HEAD_IN] + b, b, wide, x, begin)  # behind the row of ones
        _copy(ws, plan[TARGET], b, wide, y, begin)
        _copy(ws, plan[UNITS], b, wide, units, begin)


@njit(cache=True, nogil=True)
def forecasts(plan, ws, series, rows, w, result, units):  # type: ignore[no-untyped-def]
    """result (K, N, O): forecasts in normalised units; units (N, 2 C): the windows' shift and spread."""
    flags = flush_denormals()
    prepare_workspace(plan, ws)
    b = plan[COLUMNS]
    for begin in range(0, rows.shape[0], b):
        wide = min(b, rows.shape[0] - begin)
        gather(plan, ws, series, rows, begin, wide)
        _copy(ws, plan[UNITS], b, wide, units, begin)
        for k in range(w.shape[0]):
            load_weights(plan, w[k], ws, False)
            forward(plan, w[k], ws, False)
            _copy(ws, plan[OUT], b, wide, result[k], begin)
    restore_denormals(flags)


@njit(cache=True, nogil=True)
def state_squares(plan, ws, series, rows, w, grad, squares):  # type: ignore[no-untyped-def]
    """squares (K, layers, S) double: Σ over windows of ‖∂ℓ/∂h_t‖², ℓ = ½‖y − ŷ‖² of a window.

    The plan is one without dropout; grad (n,) is scratch.
    """
    flags = flush_denormals()
    prepare_workspace(plan, ws)
    squares[:] = 0
    b, out, target = plan[COLUMNS], plan[OUT], plan[TARGET]
    for begin in range(0, rows.shape[0], b):
        wide = min(b, rows.shape[0] - begin)
        gather(plan, ws, series, rows, begin, wide)
        for k in range(w.shape[0]):
            load_weights(plan, w[k], ws, True)
            forward(plan, w[k], ws, False)
            zero = w[k, 0] * 0  # of this member: another may have diverged
            for o in range(plan[OUTPUTS]):
                for column in range(b):
                    at = o * b + column
                    ws[out + at] = ws[out + at] - ws[target + at] if column < wide else zero
            backward(plan, w[k], ws, grad, squares[k])
    restore_denormals(flags)
