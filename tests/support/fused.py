"""The CPU kernels' passes, part by part: forecasts, targets and gradients of some windows."""

from __future__ import annotations

import numpy as np

from stages.networks.kernels.gather import gather
from stages.networks.kernels.recurrence import backward, forward, load_weights, prepare_workspace
from stages.networks.kernels.workspace import plan_of, workspace_of
from stages.networks.shape import Network

# The parts of the kernels are called one by one here, so they are cached like whole kernels.
for part in (gather, prepare_workspace, load_weights, forward, backward):
    part.enable_caching()


def evaluate(network: Network, weights: np.ndarray, series: np.ndarray, rows: np.ndarray):
    """Forecasts (N, O), targets (N, O) and the gradient of ½ Σ‖ŷ − y‖² by the fused code."""
    plan, ws = plan_of(network, len(rows)), workspace_of(network, len(rows), series.dtype)
    prepare_workspace(plan, ws)
    b, grad, w = (
        int(plan.sizes.columns),
        np.zeros(network.parameters, series.dtype),
        weights.astype(series.dtype),
    )
    outs, targets = [], []
    for begin in range(0, len(rows), b):
        wide = min(b, len(rows) - begin)
        gather(plan, ws, series, rows, begin, wide)
        load_weights(plan, w, ws, True)
        forward(plan, w, ws, False)
        out = ws[plan.sizes.out :][: network.outputs * b].reshape(network.outputs, b)
        target = ws[plan.sizes.target :][: network.outputs * b].reshape(network.outputs, b)
        outs.append(out[:, :wide].T.copy())
        targets.append(target[:, :wide].T.copy())
        out -= target
        out[:, wide:] = 0
        backward(plan, w, ws, grad)
    return np.concatenate(outs), np.concatenate(targets), grad
