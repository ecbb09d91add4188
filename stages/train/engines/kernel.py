"""The compiled loop over batches and members: training."""

from __future__ import annotations

import numpy as np
from numba import njit

from stages.networks.kernels.denormals import flush_denormals, restore_denormals
from stages.networks.kernels.evaluation import slope, value
from stages.networks.kernels.gather import draw_masks, gather
from stages.networks.kernels.recurrence import backward, forward, load_weights, prepare_workspace
from stages.networks.kernels.workspace import Plan
from stages.train.engines.update import advance

ERRORS, NORM, CLIPPED = range(3)  # columns of `sums`


@njit(cache=True, nogil=True)
def train_batches(
    plan: Plan, ws: np.ndarray, series: np.ndarray, rescale: np.ndarray, rows: np.ndarray,
    start: int, stop: int, batch_size: int, w: np.ndarray, first: np.ndarray, second: np.ndarray,
    grad: np.ndarray, in_gradient: np.ndarray, in_decay: np.ndarray, in_threshold: np.ndarray,
    in_forecast: np.ndarray, seeds: np.ndarray, dropout: float, loss: int, kind: int,
    rates: np.ndarray, momentum: float, limit: float, steps_before: int, sums: np.ndarray,
) -> None:  # fmt: skip
    """Train K members on batches start … stop−1 of one epoch.

    Args:
        plan, ws: `Network.plan` and its workspace.
        series (V, F): scaled. rescale (V, C): see `FoldData`.
        rows (U, N): the epoch's order of windows, one line for each seed.
        w, first, second (K, n): weights, moments. grad (n,): scratch.
        in_gradient, in_decay, in_threshold (K, n or 0), in_forecast (K,): `penalty.Terms`.
        seeds (K, 2) int64: line of `rows`, and the seed itself (for dropout).
        loss: index into LOSSES.
        kind, momentum, limit: optimiser, SGD's momentum, clipping norm (0: none).
        rates (batches,): the learning rate of each batch of the epoch.
        steps_before: optimiser steps taken before batch 0 of this epoch.
        sums (K, 3) double: added to: losses of all outputs in reported units, gradient norms, clipped steps.
    """
    flags = flush_denormals()
    prepare_workspace(plan, ws)
    columns, count = plan.sizes.columns, rows.shape[1]
    for batch in range(start, stop):
        begin = batch * batch_size
        size = min(batch_size, count - begin)
        for k in range(w.shape[0]):
            grad[:] = 0
            load_weights(plan, w[k], ws, True)
            for done in range(0, size, columns):
                wide = min(columns, size - done)
                gather(plan, ws, series, rows[seeds[k, 0]], begin + done, wide)
                if dropout > 0:
                    draw_masks(
                        plan, ws, dropout, seeds[k, 1], steps_before + batch, done, batch_size
                    )
                forward(plan, w[k], ws, True)
                seen = rows[seeds[k, 0], begin + done : begin + done + wide]
                sums[k, ERRORS] += _errors(
                    plan, ws, rescale, seen, batch_size, loss, in_forecast[k]
                )
                backward(plan, w[k], ws, grad)
            weight = w[k, 0] * 0 + size / batch_size
            norm = advance(
                kind, w[k], grad, first[k], second[k], in_gradient[k], in_decay[k], in_threshold[k],
                weight, limit, steps_before + batch + 1, rates[batch], momentum,
            )  # fmt: skip
            sums[k, NORM] += norm
            sums[k, CLIPPED] += 1.0 if 0 < limit < norm else 0.0
    restore_denormals(flags)


@njit
def _errors(
    plan: Plan, ws: np.ndarray, rescale: np.ndarray, rows: np.ndarray, batch_size: int, loss: int,
    shrinkage: float,
) -> float:  # fmt: skip
    """`out` o becomes ∂loss/∂o = s (ℓ'(e) + λ ŷ)/b, and the sum of the losses of e · rescale is returned.

    s is the window's spread, e = s (o − target) the error and ŷ = s o the forecast less the window's shift,
    in scaled units; λ is that of a penalty on predictions, else 0.
    """
    sizes = plan.sizes
    b, channels, out, target = sizes.columns, sizes.channels, sizes.out, sizes.target
    spreads = sizes.units + channels * b
    share = ws[out] * 0 + 1.0 / batch_size
    total = 0.0
    for o in range(sizes.outputs):
        for column in range(b):
            at = o * b + column
            if column < rows.shape[0]:
                spread = ws[spreads + (o % channels) * b + column]
                forecast = ws[out + at] * spread
                error = (ws[out + at] - ws[target + at]) * spread
                total += value(loss, float(error) * rescale[rows[column], o % channels])
                ws[out + at] = slope(loss, error)  # in the working precision from here on
                ws[out + at] = (ws[out + at] + shrinkage * forecast) * share * spread
            else:
                ws[out + at] = 0
    return total
