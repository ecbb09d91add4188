"""Initial weights: a function of the architecture and the seed alone, so common to every λ and fold.

glorot   input and head weights uniform (Glorot & Bengio 2010), recurrent weights orthogonal for each gate
         (Saxe et al. 2014), biases zero except for the gates that `Cell.biases` names
torch    as torch's nn.RNN, nn.GRU, nn.LSTM and nn.Linear start: all uniform within 1/√D in a layer of D
         units, within 1/√inputs in the head; the one bias here is the sum of their two
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stages.networks.cells import CELLS
from stages.networks.shape import Matrix, Network

Fill = Callable[[Network, Matrix, np.ndarray, np.random.Generator], None]


def initial_weights(network: Network, seed: int, init: str = "glorot") -> np.ndarray:
    """(n,) float64; the caller rounds to its precision. init: a row of INITS, not of a module."""
    if network.module is not None:
        from stages.networks.module import build  # torch, for those alone that need it

        return build.initial_weights(network, seed)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 0])))
    weights = np.zeros(network.parameters)
    for matrix in network.matrices:
        block = weights[matrix.offset : matrix.offset + matrix.size]
        INITS[init](network, matrix, block.reshape(matrix.rows, matrix.columns), rng)
    return weights


def _glorot(network: Network, matrix: Matrix, block: np.ndarray, rng: np.random.Generator) -> None:
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


def _torch(network: Network, matrix: Matrix, block: np.ndarray, rng: np.random.Generator) -> None:
    inputs = matrix.columns - 1 if matrix.layer < 0 else network.hidden
    bound = 1 / np.sqrt(inputs)
    block[:] = rng.uniform(-bound, bound, block.shape)
    if matrix.layer >= 0 and matrix.inputs and matrix.recurrent:  # torch has a bias for each
        block[:, matrix.inputs] += rng.uniform(-bound, bound, matrix.rows)


def _orthogonal(d: int, rng: np.random.Generator) -> np.ndarray:
    """A random orthogonal (d, d) matrix, uniform by the sign rule of Mezzadri (2007)."""
    q, r = np.linalg.qr(rng.standard_normal((d, d)))
    return np.asarray(q * np.sign(np.diag(r)))


INITS: dict[str, Fill] = {"glorot": _glorot, "torch": _torch}
