"""The chosen networks under torch's names of parameters, and ridge as a linear layer."""

from __future__ import annotations

import numpy as np

from stages.artifacts.linear_map import LinearMap
from stages.networks.shape import Matrix, Network

# Cells that are a module of torch with the same equations and order of gates; load.py has the modules.
CELLS_OF_TORCH = ("linear", "rnn", "gru", "lstm")


def state_of(network: Network, weights: np.ndarray) -> dict[str, np.ndarray]:
    """A member's flat weights (n,) as the state of load.py's Network.

    torch has two biases for each gate: one with the inputs and one with the hidden state. A gate with one
    product has one bias here, which becomes the first; the second is then 0.
    """
    state: dict[str, np.ndarray] = {}
    blocks = [
        weights[matrix.offset : matrix.offset + matrix.size].reshape(matrix.rows, -1)
        for matrix in network.matrices
    ]
    pairs = list(zip(network.matrices, blocks, strict=True))
    for layer in range(network.depth):
        for name, array in _layer([pair for pair in pairs if pair[0].layer == layer]).items():
            state[f"recurrence.{name}_l{layer}"] = array
    state["head.weight"], state["head.bias"] = blocks[-1][:, 1:], blocks[-1][:, 0]
    return state


def _layer(pairs: list[tuple[Matrix, np.ndarray]]) -> dict[str, np.ndarray]:
    """The matrices of a layer, whose columns are [x | 1 | h], by torch's names."""
    parts: dict[str, list[np.ndarray]] = {
        name: [] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    for matrix, block in pairs:
        bias = block[:, matrix.inputs]
        if matrix.inputs:
            parts["weight_ih"].append(block[:, : matrix.inputs])
            parts["bias_ih"].append(bias)
        if matrix.recurrent:
            parts["weight_hh"].append(block[:, matrix.inputs + 1 :])
            parts["bias_hh"].append(np.zeros_like(bias) if matrix.inputs else bias)
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def state_of_ridge(ridge: LinearMap) -> dict[str, np.ndarray]:
    """weight (Q, P) and bias (Q,) of ŷ = W x + b, in double precision."""
    return {"weight": ridge.weights.T, "bias": ridge.predict(np.zeros((1, len(ridge.weights))))[0]}
