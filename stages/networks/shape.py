"""Where every number of a network lies: parameters in one flat vector, activations in one workspace.

Letters: L lookback, S = L / segment steps of the recurrence, F input features, I inputs of a layer,
D hidden units, O = H·C outputs, Z = I + 1 + D, b columns of a tile (the batch, innermost).

Parameters of one member, in order: for each layer its matrices on z = [x | 1 | h] (so input weights,
bias and recurrent weights are one product), then the head (O, 1 + D) on [1 | h_S].

    rnn   (D, I+1+D)
    lstm  (4D, I+1+D), gates i, f, g, o
    gru   (2D, I+1+D) gates r, z;  (D, 1+D) on [1 | h];  (D, I+1) on [x | 1]
    linear  the head alone, (O, 1 + L·F) on [1 | the whole window]
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

CELLS = {"linear": 0, "rnn": 1, "gru": 2, "lstm": 3}
NORMALISE = {"none": 0, "last": 1, "mean": 2, "instance": 3}
GROUPS = ("bias", "input", "recurrent", "head")  # what a multiplier of the penalty can name
LINE = 16  # buffers start at multiples of it: at cache lines, where the workspace does
TILE = 32  # columns that pass through the network together: activations stay in the L2 cache


@dataclass(frozen=True)
class Matrix:
    """One weight matrix: where it starts, its size, and which columns are what."""

    layer: int  # −1: the head
    offset: int
    rows: int
    columns: int
    inputs: int  # leading columns that multiply x (0 for the head and for [1 | h])
    gates: int  # how many gates of D rows it holds

    @property
    def size(self) -> int:
        return self.rows * self.columns


@dataclass(frozen=True)
class Network:
    """The architecture of a cell's members; everything but the weights.

    Args:
        cell: linear, rnn, gru or lstm.
        features: F, input features of a time step.
        outputs: H·C, the forecast.
        lookback: L, time steps a window sees.
        channels: C, target channels among the features (the first C).
        hidden: D; layers; segment: time steps that one step of the recurrence takes in.
        dropout: share of hidden outputs set to zero between layers and before the head.
        normalise: per-window normalisation: none, last, mean or instance.
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

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ValueError(f"cell {self.cell!r} is not known; choose one of {', '.join(CELLS)}")
        if self.cell != "linear" and self.lookback % self.segment:
            raise ValueError(
                f"train.segment = {self.segment} does not divide window.lookback = {self.lookback}; "
                "choose a divisor, so that every step of the recurrence sees a whole segment"
            )

    @property
    def steps(self) -> int:
        """S."""
        return 1 if self.cell == "linear" else self.lookback // self.segment

    @property
    def step_inputs(self) -> int:
        """I of the first layer."""
        return self.lookback * self.features // self.steps

    @cached_property
    def matrices(self) -> tuple[Matrix, ...]:
        d, found, offset = self.hidden, [], 0

        def add(layer: int, rows: int, columns: int, inputs: int, gates: int) -> None:
            nonlocal offset
            found.append(Matrix(layer, offset, rows, columns, inputs, gates))
            offset += rows * columns

        for layer in range(0 if self.cell == "linear" else self.layers):
            i = self.step_inputs if layer == 0 else d
            if self.cell == "gru":
                add(layer, 2 * d, i + 1 + d, i, 2)
                add(layer, d, 1 + d, 0, 1)
                add(layer, d, i + 1, i, 1)
            else:
                gates = 4 if self.cell == "lstm" else 1
                add(layer, gates * d, i + 1 + d, i, gates)
        add(-1, self.outputs, 1 + (self.step_inputs if self.cell == "linear" else d), 0, 0)
        return tuple(found)

    @property
    def parameters(self) -> int:
        """n, the length of a member's flat vector."""
        return self.matrices[-1].offset + self.matrices[-1].size

    @cached_property
    def groups(self) -> np.ndarray:
        """(n,) int8: index into GROUPS of every parameter; biases are never penalised."""
        parts = []
        for matrix in self.matrices:
            kind = np.full(
                matrix.columns, GROUPS.index("recurrent" if matrix.layer >= 0 else "head")
            )
            kind[: matrix.inputs] = GROUPS.index("input")
            kind[matrix.inputs] = GROUPS.index("bias")
            parts.append(np.tile(kind, matrix.rows))
        return np.concatenate(parts).astype(np.int8)

    def tile(self, batch: int) -> int:
        """Columns of a tile: the batch padded to a multiple of 16, at most TILE."""
        return min(TILE, -(-batch // 16) * 16)

    def workspace(self, batch: int, dtype: str | np.dtype[Any]) -> np.ndarray:
        """Room for the activations of a tile, zeros, from a cache line on; see `plan`."""
        size, kind = self.plan(batch)[1], np.dtype(dtype)
        raw = np.zeros(size * kind.itemsize + 64, np.uint8)
        start = -raw.ctypes.data % 64
        return raw[start : start + size * kind.itemsize].view(kind)

    def plan(self, batch: int) -> tuple[np.ndarray, int]:
        """What the kernels need to know, as integers, and the elements of the workspace.

        Returns:
            plan (int64): the sizes, then for each layer I, the offsets of its weights (three for gru), of
            their panels (forward, transposed recurrent and input parts) and of its buffers z, gates, c,
            squashed, mask in the workspace; `recurrence.py` names the places.
            elements: the length of the workspace; it does not depend on the number of members.
        """
        b, d, s = self.tile(batch), self.hidden, self.steps
        linear = self.cell == "linear"
        layers = 0 if linear else self.layers
        top = self.step_inputs if linear else d
        used = 0

        def take(count: int) -> int:
            nonlocal used
            start, used = used, used + -(-count // LINE) * LINE
            return start

        widest = max(m.columns for m in self.matrices)
        head = [take(r * b) for r in (1 + top, widest, self.outputs, self.outputs)]
        carry = [take(d * b), take(d * b), take(s * d * b), take(2 * self.channels * b)]
        rows: list[int] = []
        for layer in range(layers):
            weights = [m for m in self.matrices if m.layer == layer]
            i = weights[0].inputs
            gates = 1 if self.cell == "rnn" else 4
            offsets = [m.offset for m in weights] + [0] * (3 - len(weights))
            buffers = [take((s + 1) * (i + 1 + d) * b), take(s * gates * d * b)]
            cell_state = [take((s + 1) * d * b), take(s * d * b)] if self.cell == "lstm" else [0, 0]
            mask = take(s * d * b) if self.dropout else 0
            panels = [take(m.size) for m in weights] + [0] * (3 - len(weights))
            transposed = [take(d * (gates if self.cell != "gru" else 2) * d), take(d * d)]
            onto_inputs = [take(i * m.rows) if m.inputs else 0 for m in (weights[0], weights[-1])]
            rows += [
                i, *offsets, *buffers, *cell_state, mask, *panels, *transposed, *onto_inputs
            ]  # fmt: skip
        sizes = [
            CELLS[self.cell], layers, d, s, self.outputs, b, self.step_inputs, top,
            self.matrices[-1].offset, self.lookback, self.channels, NORMALISE[self.normalise],
            *head, *carry,
        ]  # fmt: skip
        return np.array(sizes + rows, dtype=np.int64), used
