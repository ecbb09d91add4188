"""What finished weights show: norms, zeros, and how the recurrence stretches a state."""

from __future__ import annotations

import numpy as np

from stages.networks.cells import CELLS
from stages.networks.shape import GROUPS, MULTIPLIED, Network


def groups_of(network: Network) -> tuple[str, ...]:
    """The groups of weights that are looked at: input, recurrent, head; of a module all its matrices."""
    return MULTIPLIED if network.module is None else ("weights",)


def norms(network: Network, weights: np.ndarray) -> list[float]:
    """L2 norms of each of the `groups_of` one member, weights (n,)."""
    return [float(np.linalg.norm(part)) for part in _parts(network, weights)]


def zeros(network: Network, weights: np.ndarray) -> list[float]:
    """Shares of each of the `groups_of` a network that are exactly 0; NaN for an empty group."""
    return [float(np.mean(part == 0)) if part.size else np.nan for part in _parts(network, weights)]


def _parts(network: Network, weights: np.ndarray) -> list[np.ndarray]:
    groups = [network.groups == GROUPS.index(name) for name in groups_of(network)]
    return [weights[group].astype(float) for group in groups]


def recurrences(network: Network) -> tuple[int, int]:
    """(layers, gates): the recurrent matrices of a network, see `Cell.recurrences`."""
    if network.module is not None:
        return (0, 0)
    return (network.depth, len(CELLS[network.cell].recurrences()))


def spectral_radii(network: Network, weights: np.ndarray) -> np.ndarray:
    """(layers, gates): the largest |eigenvalue| of the recurrent matrix (D, D) of each gate.

    Above 1 the linear part of a plain recurrence grows a state, below 1 it forgets it; every gate starts
    at 1 (orthogonal matrices). NaN for a member that diverged.
    """
    d, radii = network.hidden, np.full(recurrences(network), np.nan)
    if not np.isfinite(weights).all():  # LAPACK takes finite numbers only
        return radii
    for layer in range(len(radii)):
        blocks = []
        for matrix in network.matrices:
            if matrix.layer == layer and matrix.recurrent:
                block = weights[matrix.offset : matrix.offset + matrix.size]
                recurrent = block.reshape(matrix.rows, -1)[:, matrix.inputs + 1 :]
                blocks.append(recurrent.reshape(-1, d, d))
        stacked = np.concatenate(blocks).astype(float)  # (gates, D, D)
        radii[layer] = np.abs(np.linalg.eigvals(stacked)).max(1)
    return radii
