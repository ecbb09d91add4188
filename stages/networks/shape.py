"""The architecture of a network, and where its weights lie in one flat vector.

Letters: L lookback, S = L / segment steps of the recurrence, F input features, I inputs of a layer,
D hidden units, O = H·C outputs.

Parameters of one member, in order: for each layer the matrices of its cell on columns of z = [x | 1 | h] (so
input weights, bias and recurrent weights are one product), then the head (O, 1 + D + H·k) on [1 | h_S | f],
f being the values of the k features that are known over the horizon (k = 0: none), step by step.

    rnn   (D, I+1+D)
    lstm  (4D, I+1+D), gates i, f, g, o
    gru   (2D, I+1+D) gates r, z;  (D, 1+D) on [1 | h];  (D, I+1) on [x | 1]
    linear  the head alone, (O, 1 + L·F + H·k) on [1 | the whole window | f]
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from stages.networks.cells import CELLS
from stages.networks.module.source import Source

MULTIPLIED = ("input", "recurrent", "head")  # what a multiplier of the penalty can name
GROUPS = ("bias", *MULTIPLIED, "weights")  # the last: all matrices of a module


@dataclass(frozen=True)
class Matrix:
    """One weight matrix: where it starts, its size, and which columns are what."""

    layer: int  # −1: the head
    offset: int
    rows: int
    columns: int
    inputs: int  # leading columns that multiply x (0 for the head and for [1 | h])
    gate: int = 0  # the first of its gates among those of a step
    gates: tuple[str, ...] = ()  # of D rows each
    recurrent: bool = False  # whether its last D columns multiply h

    @property
    def size(self) -> int:
        return self.rows * self.columns


@dataclass(frozen=True)
class Network:
    """The architecture of a cell's members; everything but the weights.

    Args:
        cell: a name in CELLS, or of a module its label.
        features: F, input features of a time step.
        outputs: H·C, the forecast.
        lookback: L, time steps a window sees.
        channels: C, target channels among the features (the first C).
        hidden: D; layers; segment: time steps that one step of the recurrence takes in.
        dropout: share of hidden outputs set to zero between layers and before the head.
        normalise: per-window normalisation: none, last, mean or instance.
        module: the user's network, which reads whole windows; hidden, layers and dropout are its arguments.
        future: k, how many of the features, the last ones, are known over the horizon.
    """

    cell: str
    features: int
    outputs: int
    lookback: int
    channels: int
    hidden: int
    layers: int = 1
    segment: int = 1
    dropout: float = 0.0
    normalise: str = "none"
    module: Source | None = None
    future: int = 0

    def __post_init__(self) -> None:
        if self.module is None and self.cell not in CELLS:
            raise ValueError(f"cell {self.cell!r} is not known; choose one of {', '.join(CELLS)}")
        if self.depth and self.lookback % self.segment:
            raise ValueError(
                f"train.segment = {self.segment} does not divide window.lookback = {self.lookback}; "
                "choose a divisor, so that every step of the recurrence sees a whole segment"
            )

    @property
    def depth(self) -> int:
        """Layers of the recurrence; 0 for a network without one."""
        return self.layers if self.module is None and CELLS[self.cell].products else 0

    @property
    def steps(self) -> int:
        """S."""
        return self.lookback // self.segment if self.depth else 1

    @property
    def step_inputs(self) -> int:
        """I of the first layer."""
        return self.lookback * self.features // self.steps

    @property
    def known(self) -> int:
        """H·k: values of f, which the head reads."""
        return self.outputs // self.channels * self.future

    def inputs_of(self, layer: int) -> int:
        """I of a layer."""
        return self.hidden if layer else self.step_inputs

    @cached_property
    def matrices(self) -> tuple[Matrix, ...]:
        d, result, offset = self.hidden, [], 0
        for layer in range(self.depth):
            gate = 0
            for gates, x, h in CELLS[self.cell].products:
                inputs = self.inputs_of(layer) if x else 0
                rows, columns = len(gates) * d, inputs + 1 + (d if h else 0)
                result.append(Matrix(layer, offset, rows, columns, inputs, gate, gates, h))
                offset, gate = offset + rows * columns, gate + len(gates)
        columns = 1 + (d if self.depth else self.step_inputs) + self.known
        return (*result, Matrix(-1, offset, self.outputs, columns, 0))

    @property
    def parameters(self) -> int:
        """n, the length of a member's flat vector."""
        if self.module is not None:
            return sum(prod(shape) for shape in self.module.shapes)
        return self.matrices[-1].offset + self.matrices[-1].size

    @cached_property
    def groups(self) -> np.ndarray:
        """(n,) int8: index into GROUPS of every parameter; biases are never penalised.

        Of a module, parameters of fewer than two axes count as biases: biases, scales of norms.
        """
        if self.module is not None:
            weights, bias = GROUPS.index("weights"), GROUPS.index("bias")
            kinds = [weights if len(shape) > 1 else bias for shape in self.module.shapes]
            return np.repeat(kinds, [prod(s) for s in self.module.shapes]).astype(np.int8)
        parts = []
        for matrix in self.matrices:
            kind = np.full(
                matrix.columns, GROUPS.index("recurrent" if matrix.layer >= 0 else "head")
            )
            kind[: matrix.inputs] = GROUPS.index("input")
            kind[matrix.inputs] = GROUPS.index("bias")
            parts.append(np.tile(kind, matrix.rows))
        return np.concatenate(parts).astype(np.int8)
