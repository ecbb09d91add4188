"""Compiled passes without learning: windows; their losses, forecasts and gradients of states of K members."""

from __future__ import annotations

import numpy as np
from numba import njit

from stages.losses import LOSSES
from stages.networks.kernels.denormals import flush_denormals, restore_denormals
from stages.networks.kernels.gather import gather
from stages.networks.kernels.recurrence import backward, forward, load_weights, prepare_workspace
from stages.networks.kernels.vector import by_index
from stages.networks.kernels.workspace import Plan

value = by_index([loss.value for loss in LOSSES.values()])
slope = by_index([loss.slope for loss in LOSSES.values()])


@njit(cache=True, nogil=True)
def window_losses(
    plan: Plan, ws: np.ndarray, series: np.ndarray, rescale: np.ndarray, rows: np.ndarray,
    w: np.ndarray, losses: np.ndarray,
) -> None:  # fmt: skip
    """losses (K, M, N) double: each measure of each member's forecast of each window.

    Errors in scaled units, times rescale (V, C) of the window's row.
    """
    flags = flush_denormals()
    prepare_workspace(plan, ws)
    sizes = plan.sizes
    b, channels, out, target = sizes.columns, sizes.channels, sizes.out, sizes.target
    spread = sizes.units + channels * b
    for begin in range(0, rows.shape[0], b):
        wide = min(b, rows.shape[0] - begin)
        gather(plan, ws, series, rows, begin, wide)
        for k in range(w.shape[0]):
            load_weights(plan, w[k], ws, False)
            forward(plan, w[k], ws, False)
            for loss in range(losses.shape[1]):
                for column in range(wide):
                    total, row = 0.0, rows[begin + column]
                    for o in range(sizes.outputs):
                        at = o * b + column
                        error = ws[out + at] - ws[target + at]
                        scaled = error * ws[spread + (o % channels) * b + column]
                        total += value(loss, float(scaled) * rescale[row, o % channels])
                    losses[k, loss, begin + column] = total / sizes.outputs
    restore_denormals(flags)


@njit
def _copy(ws: np.ndarray, start: int, b: int, wide: int, result: np.ndarray, begin: int) -> None:
    """result (N, X): the X rows of b columns from `start` on, as lines begin … begin + wide − 1."""
    for column in range(wide):
        for e in range(result.shape[1]):
            result[begin + column, e] = ws[start + e * b + column]


@njit(cache=True, nogil=True)
def windows(
    plan: Plan, ws: np.ndarray, series: np.ndarray, rows: np.ndarray, x: np.ndarray, y: np.ndarray,
    units: np.ndarray,
) -> None:  # fmt: skip
    """x (N, I + H·k), y (N, O), units (N, 2 C): windows as a linear network sees them, shift and spread."""
    prepare_workspace(plan, ws)
    sizes = plan.sizes
    b = sizes.columns
    for begin in range(0, rows.shape[0], b):
        wide = min(b, rows.shape[0] - begin)
        gather(plan, ws, series, rows, begin, wide)
        _copy(ws, sizes.inputs, b, wide, x, begin)
        _copy(ws, sizes.target, b, wide, y, begin)
        _copy(ws, sizes.units, b, wide, units, begin)


@njit(cache=True, nogil=True)
def forecasts(
    plan: Plan, ws: np.ndarray, series: np.ndarray, rows: np.ndarray, w: np.ndarray,
    result: np.ndarray, units: np.ndarray,
) -> None:  # fmt: skip
    """result (K, N, O): forecasts in normalised units; units (N, 2 C): the windows' shift and spread."""
    flags = flush_denormals()
    prepare_workspace(plan, ws)
    sizes = plan.sizes
    b = sizes.columns
    for begin in range(0, rows.shape[0], b):
        wide = min(b, rows.shape[0] - begin)
        gather(plan, ws, series, rows, begin, wide)
        _copy(ws, sizes.units, b, wide, units, begin)
        for k in range(w.shape[0]):
            load_weights(plan, w[k], ws, False)
            forward(plan, w[k], ws, False)
            _copy(ws, sizes.out, b, wide, result[k], begin)
    restore_denormals(flags)


@njit(cache=True, nogil=True)
def state_squares(
    plan: Plan, ws: np.ndarray, series: np.ndarray, rows: np.ndarray, w: np.ndarray,
    loss: int, grad: np.ndarray, squares: np.ndarray,
) -> None:  # fmt: skip
    """squares (K, layers, S) double: Σ over windows of ‖∂ℓ/∂h_t‖², ℓ the loss of a window as it is minimised.

    ℓ is in scaled units, as training takes it. The plan is one without dropout; grad (n,) is scratch.
    """
    flags = flush_denormals()
    prepare_workspace(plan, ws)
    squares[:] = 0
    sizes = plan.sizes
    b, channels, out, target = sizes.columns, sizes.channels, sizes.out, sizes.target
    spreads = sizes.units + channels * b
    for begin in range(0, rows.shape[0], b):
        wide = min(b, rows.shape[0] - begin)
        gather(plan, ws, series, rows, begin, wide)
        for k in range(w.shape[0]):
            load_weights(plan, w[k], ws, True)
            forward(plan, w[k], ws, False)
            zero = w[k, 0] * 0  # of this member: another may have diverged
            for o in range(sizes.outputs):
                for column in range(b):
                    at = o * b + column
                    spread = ws[spreads + (o % channels) * b + column]
                    error = (ws[out + at] - ws[target + at]) * spread
                    ws[out + at] = slope(loss, error) * spread if column < wide else zero
            backward(plan, w[k], ws, grad, squares[k])
    restore_denormals(flags)
