"""Where every number of a pass lies: what the compiled kernels know of a network, by name.

Each record's fields are int64: sizes, or offsets (in elements) in the workspace and in a member's flat
weights. One compiled kernel serves every cell and any number of layers.

Letters: S steps of the recurrence, I inputs of a layer, D hidden units, O = H·C outputs, b columns of a tile
(the batch, innermost), Z = I + 1 + D rows of z = [x | 1 | h], G gates of a step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from stages.networks.cells import CELLS
from stages.networks.shape import Network
from stages.normalise import NORMALISE

TILE = 32  # columns that pass through the network together: activations stay in the L2 cache
LINE = 16  # buffers start at multiples of it: at cache lines, where the workspace does


def _record(names: str) -> np.dtype[Any]:
    return np.dtype([(name, np.int64) for name in names.split()])


SIZES = _record(
    "cell layers hidden steps outputs columns lookback channels shift deviation "
    "gates states kept skips "  # of a step, see `Cell`
    "step_inputs inputs stride "  # I of the first layer; where its x lies, step to step
    "head head_columns "  # the head's weights, its columns [1 | h_S | f], linear: [1 | window | f]
    "head_in future known "  # its input; k features that are known over the horizon, where f lies
    "transposed out target units "  # a transposed step, …, shift and spread
    "dh dstates dx"  # gradients of h, of the other states, and of all steps' inputs
)
LAYER = _record("inputs z gates states kept mask")  # buffers of all steps; mask 0: no dropout
PRODUCT = _record(  # a weight matrix of a layer
    "weights rows columns "
    "first gate "  # the first row of z that it reads, the first gate that it writes
    "x h "  # whether it reads these
    "panel onto_h onto_x"  # laid out for reading: forward, and transposed for ∂loss/∂h and ∂loss/∂x
)


class Plan(NamedTuple):
    """sizes: a record of SIZES. layers (layers,), products (layers, P): arrays of LAYER and PRODUCT.

    elements: the length of the workspace; it does not depend on the number of members.
    """

    sizes: Any
    layers: np.ndarray
    products: np.ndarray
    elements: int


class _Room:
    """Offsets of buffers in one workspace."""

    def __init__(self) -> None:
        self.used = 0

    def take(self, count: int) -> int:
        start, self.used = self.used, self.used + -(-count // LINE) * LINE
        return start


def plan_of(network: Network, batch: int) -> Plan:
    """The plan of a network for batches of `batch` windows, padded to a multiple of 16, at most TILE."""
    cell, room = CELLS[network.cell], _Room()
    b, d, s = min(TILE, -(-batch // 16) * 16), network.hidden, network.steps
    head = network.matrices[-1]
    sizes, layers = np.zeros(1, SIZES), np.zeros(network.depth, LAYER)
    products = np.zeros((network.depth, len(cell.products)), PRODUCT)
    widest = max(matrix.columns for matrix in network.matrices)
    values: dict[str, int] = {
        "cell": list(CELLS).index(network.cell), "layers": network.depth, "hidden": d, "steps": s,
        "outputs": network.outputs, "columns": b, "lookback": network.lookback,
        "channels": network.channels, **NORMALISE[network.normalise]._asdict(),
        "gates": cell.gates(), "states": cell.states, "kept": cell.kept, "skips": cell.skips,
        "step_inputs": network.step_inputs, "head": head.offset, "head_columns": head.columns,
        "head_in": room.take(head.columns * b), "transposed": room.take(widest * b),
        "out": room.take(network.outputs * b), "target": room.take(network.outputs * b),
        "units": room.take(2 * network.channels * b), "dh": room.take(d * b),
        "dstates": room.take(cell.states * d * b), "dx": room.take(s * d * b),
    }  # fmt: skip
    for layer in range(network.depth):
        matrices = [matrix for matrix in network.matrices if matrix.layer == layer]
        i = network.inputs_of(layer)
        layers[layer] = (
            i, room.take((s + 1) * (i + 1 + d) * b), room.take(s * cell.gates() * d * b),
            room.take((s + 1) * cell.states * d * b), room.take(s * cell.kept * d * b),
            room.take(s * d * b) if network.dropout else 0,
        )  # fmt: skip
        for index, matrix in enumerate(matrices):
            products[layer, index] = (
                matrix.offset, matrix.rows, matrix.columns, i - matrix.inputs, matrix.gate,
                matrix.inputs > 0, matrix.recurrent, room.take(matrix.size),
                room.take(d * matrix.rows) if matrix.recurrent else 0,
                room.take(matrix.inputs * matrix.rows),
            )  # fmt: skip
    values["future"] = network.future
    values["known"] = values["head_in"] + (head.columns - network.known) * b
    if network.depth:
        values["inputs"], values["stride"] = layers[0]["z"], (network.step_inputs + 1 + d) * b
    else:
        values["inputs"] = values["head_in"] + b
    sizes[0] = tuple(values.get(name, 0) for name in SIZES.names or ())
    return Plan(sizes.view(np.recarray)[0], layers, products, room.used)


def workspace_of(network: Network, batch: int, dtype: str | np.dtype[Any]) -> np.ndarray:
    """Room for the activations of a tile, zeros, from a cache line on."""
    size, kind = plan_of(network, batch).elements, np.dtype(dtype)
    raw = np.zeros(size * kind.itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size * kind.itemsize].view(kind)
