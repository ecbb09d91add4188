"""Initial weights: a function of the architecture and the seed alone, so common to every λ and fold.

Input and head weights are uniform (Glorot & Bengio 2010), recurrent weights orthogonal for each gate
(Saxe et al. 2014), biases zero except for the gates that `Cell.biases` names.
"""

from __future__ import annotations

import numpy as np

from stages.networks.cells import CELLS
from stages.networks.shape import Matrix, Network


def initial_weights(network: Network, seed: int) -> np.ndarray:
    """(n,) float64; the caller rounds to its precision."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 0])))
    weights = np.zeros(network.parameters)
    for matrix in network.matrices:
        block = weights[matrix.offset : matrix.offset + matrix.size]
        _fill(network, matrix, block.reshape(matrix.rows, matrix.columns), rng)
    return weights


def _fill(network: Network, matrix: Matrix, block: np.ndarray, rng: np.random.Generator) -> None:
    d, i = network.hidden, matrix.inputs
    if matrix.layer < 0:
        bound = np.sqrt(6 / (matrix.rows + matrix.columns - 1))
        block[:, 1:] = rng.uniform(-bound, bound, block[:, 1:].shape)
        return
    for gate, name in enumerate(matrix.gates):
        rows = block[gate * d : (gate + 1) * d]
        if i:
            bound = np.sqrt(6 / (i + d))
            rows[:, :i] = rng.uniform(-bound, bound, (d, i))
        if matrix.recurrent:
            rows[:, i + 1 :] = _orthogonal(d, rng)
        rows[:, i] = CELLS[network.cell].biases.get(name, 0.0)


def _orthogonal(d: int, rng: np.random.Generator) -> np.ndarray:
    """A random orthogonal (d, d) matrix, uniform by the sign rule of Mezzadri (2007)."""
    q, r = np.linalg.qr(rng.standard_normal((d, d)))
    return np.asarray(q * np.sign(np.diag(r)))
