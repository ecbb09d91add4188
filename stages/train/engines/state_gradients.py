"""How far back a network learns: the size of ∂ℓ/∂h_t by step t, ℓ the data's loss of one window.

Where it falls towards the first steps gradients vanish, where it grows they explode (Bengio, Simard &
Frasconi 1994; Pascanu, Mikolov & Bengio 2013). It is taken from a few windows by one backward pass at the
start and one at the end of training: the training itself is not touched.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stages.losses import LOSSES
from stages.networks.initial import initial_weights
from stages.networks.kernels.evaluation import state_squares
from stages.networks.kernels.workspace import plan_of, workspace_of
from stages.networks.shape import Network

WINDOWS = 32  # spread evenly over the training windows; one tile


def start_and_end(
    network: Network, series: np.ndarray, rows: np.ndarray, weights: np.ndarray, seeds: list[int],
    loss: str = "squared", init: str = "glorot",
) -> np.ndarray:  # fmt: skip
    """(K, 2, layers, S): `state_gradients` of the initial weights of each seed, and of weights (K, n)."""
    if not network.depth:
        return np.zeros((len(weights), 2, 0, network.steps))
    distinct = sorted(set(seeds))
    drawn = [initial_weights(network, seed, init) for seed in distinct]
    initial = np.stack(drawn).astype(weights.dtype)
    start = state_gradients(network, series, rows, initial, loss)[
        [distinct.index(seed) for seed in seeds]
    ]
    return np.stack([start, state_gradients(network, series, rows, weights, loss)], axis=1)


def state_gradients(
    network: Network,
    series: np.ndarray,
    rows: np.ndarray,
    weights: np.ndarray,
    loss: str = "squared",
) -> np.ndarray:
    """Root mean square over some windows of ‖∂ℓ/∂h_t‖, the data's part of the loss alone.

    Args:
        series (V, F): scaled. rows (N,): training windows. weights (K, n), in the series' precision.

    Returns:
        (K, layers, S): of the hidden state of each layer after each step, without dropout, ℓ in scaled
        units; (K, 0, 1) for a linear network, which has none.
    """
    if not network.depth:
        return np.zeros((len(weights), 0, network.steps))
    positions = np.linspace(0, len(rows) - 1, min(WINDOWS, len(rows))).round().astype(int)
    chosen = np.ascontiguousarray(rows[positions], np.int64)
    plain = replace(network, dropout=0.0)  # no masks; the weights are laid out alike
    squares = np.zeros((len(weights), network.layers, network.steps))
    state_squares(
        plan_of(plain, len(chosen)), workspace_of(plain, len(chosen), weights.dtype), series, chosen,
        np.ascontiguousarray(weights), list(LOSSES).index(loss),
        np.zeros(network.parameters, weights.dtype), squares,
    )  # fmt: skip
    return np.sqrt(squares / len(chosen))
