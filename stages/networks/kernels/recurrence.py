"""Forward pass and backpropagation through time of one member on one tile of windows.

All buffers lie in one workspace `ws` at the offsets of its plan (`workspace.py`); a tile's activations are
(row, column) with the columns, the batch, innermost.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from stages.networks.cells import CELLS, Cell, Step
from stages.networks.kernels.gemm import pack, panel_product, product, weight_gradient
from stages.networks.kernels.vector import Equation, Read, Write, pointwise, tanh
from stages.networks.kernels.workspace import Plan


def _forward_of(cell: type[Cell]) -> Equation:
    gates, h, h_next, states, states_next, kept = range(6)

    def equation(read: Read, write: Write) -> None:
        if not cell.products:
            return
        a = [read(gates, j) for j in range(cell.gates())]
        step = cell.forward(tanh, a, read(h, 0), [read(states, j) for j in range(cell.states)])
        for j, value in enumerate(step.gates):
            if value is not a[j]:
                write(gates, j, value)
        for buffer, values in ((states_next, step.states), (kept, step.kept)):
            for j, value in enumerate(values):
                write(buffer, j, value)
        write(h_next, 0, step.h)

    return equation


def _backward_of(cell: type[Cell]) -> Equation:
    gates, h, h_next, states, kept, dh, dstates = range(7)

    def equation(read: Read, write: Write) -> None:
        if not cell.products:
            return
        step = Step(
            [read(gates, j) for j in range(cell.gates())],
            [read(states, j) for j in range(cell.states)],
            [read(kept, j) for j in range(cell.kept)],
            read(h, 0), read(h_next, 0),
        )  # fmt: skip
        grad = cell.backward(step, read(dh, 0), [read(dstates, j) for j in range(cell.states)])
        for buffer, values in ((gates, grad.gates), (dstates, grad.states)):
            for j, value in enumerate(values):
                write(buffer, j, value)
        if grad.h is not None:
            write(dh, 0, grad.h)

    return equation


step_forward = pointwise("forward", [_forward_of(cell) for cell in CELLS.values()], 6)
step_backward = pointwise("backward", [_backward_of(cell) for cell in CELLS.values()], 7)


@njit
def prepare_workspace(plan: Plan, ws: np.ndarray) -> None:
    """Write what never changes: the rows of ones, h_0 = 0 and the other states' 0."""
    sizes = plan.sizes
    b = sizes.columns
    _fill(ws, 0, ws.shape[0], 0)
    _fill(ws, sizes.head_in, b, 1)
    for layer in range(sizes.layers):
        buffers = plan.layers[layer]
        for t in range(sizes.steps):
            row = t * (buffers.inputs + 1 + sizes.hidden) + buffers.inputs
            _fill(ws, buffers.z + row * b, b, 1)


@njit
def _fill(ws: np.ndarray, start: int, count: int, value: int) -> None:
    for e in range(start, start + count):
        ws[e] = value


@njit
def load_weights(plan: Plan, w: np.ndarray, ws: np.ndarray, training: bool) -> None:
    """Lay the layers' matrices out as panels, for all the steps and tiles that follow."""
    d = plan.sizes.hidden
    for layer in range(plan.sizes.layers):
        for p in range(plan.products.shape[1]):
            matrix = plan.products[layer, p]
            width = matrix.columns
            pack(w, matrix.weights, width, 1, ws, matrix.panel, matrix.rows, width)
            if training and matrix.h:
                pack(w, matrix.weights + width - d, 1, width, ws, matrix.onto_h, d, matrix.rows)
            if training and matrix.x and layer > 0:
                pack(w, matrix.weights, 1, width, ws, matrix.onto_x, d, matrix.rows)


@njit
def forward(plan: Plan, w: np.ndarray, ws: np.ndarray, training: bool) -> None:
    """From the first layer's inputs in `ws` to the forecast at `out` (normalised units).

    `load_weights` must come first.
    """
    sizes = plan.sizes
    d, b, steps = sizes.hidden, sizes.columns, sizes.steps
    db = d * b
    for layer in range(sizes.layers):
        buffers = plan.layers[layer]
        i, width = buffers.inputs, buffers.inputs + 1 + d
        for t in range(steps):
            z, gates = buffers.z + t * width * b, buffers.gates + t * sizes.gates * db
            for p in range(plan.products.shape[1]):
                matrix = plan.products[layer, p]
                onto = gates + matrix.gate * db
                panel_product(
                    ws, matrix.panel, z + matrix.first * b, onto, matrix.rows, matrix.columns, b, 0
                )
            h, states = z + (i + 1) * b, buffers.states + t * sizes.states * db
            kept = buffers.kept + t * sizes.kept * db
            h_next, states_next = h + width * b, states + sizes.states * db
            step_forward(ws, sizes.cell, db, (gates, h, h_next, states, states_next, kept))
        masked = training and buffers.mask > 0
        if layer + 1 < sizes.layers:  # h of this layer is x of the next
            above = plan.layers[layer + 1].z
            for t in range(steps):
                source, target = (
                    buffers.z + ((t + 1) * width + i + 1) * b,
                    above + t * (2 * d + 1) * b,
                )
                _pass_on(ws, source, target, buffers.mask + t * db, db, masked)
        else:
            source, mask = buffers.z + (steps * width + i + 1) * b, buffers.mask + (steps - 1) * db
            _pass_on(ws, source, sizes.head_in + b, mask, db, masked)
    columns = sizes.head_columns
    product(
        w, sizes.head, columns, 1, ws, sizes.head_in, ws, sizes.out, sizes.outputs, columns, b, 0
    )


@njit
def _pass_on(ws: np.ndarray, source: int, target: int, mask: int, count: int, masked: bool) -> None:
    """Copy, times the dropout mask in training."""
    if masked:
        for e in range(count):
            ws[target + e] = ws[source + e] * ws[mask + e]
    else:
        for e in range(count):
            ws[target + e] = ws[source + e]


@njit
def backward(
    plan: Plan, w: np.ndarray, ws: np.ndarray, grad: np.ndarray, squares: np.ndarray | None = None
) -> None:
    """Add the gradient of every parameter to `grad` (n,); `out` holds ∂loss/∂forecast.

    `squares` (layers, S) double: added to, Σ (∂loss/∂h)² over the hidden state after each step.
    """
    sizes = plan.sizes
    d, b, steps, columns = sizes.hidden, sizes.columns, sizes.steps, sizes.head_columns
    db, dh = d * b, sizes.dh
    weight_gradient(
        ws, sizes.out, 0, sizes.head_in, 0, sizes.transposed, grad, sizes.head, sizes.outputs,
        columns, 1, b,
    )  # fmt: skip
    if sizes.layers == 0:
        return
    product(w, sizes.head + 1, 1, columns, ws, sizes.out, ws, dh, d, sizes.outputs, b, 0)
    for layer in range(sizes.layers - 1, -1, -1):
        mask = plan.layers[layer].mask
        last = layer == sizes.layers - 1
        if mask > 0 and last:
            for e in range(db):
                ws[dh + e] *= ws[mask + (steps - 1) * db + e]
        if mask > 0 and not last:
            for e in range(steps * db):
                ws[sizes.dx + e] *= ws[mask + e]
        if not last:
            _fill(ws, dh, db, 0)
        _fill(ws, sizes.dstates, sizes.states * db, 0)
        for t in range(steps - 1, -1, -1):
            if not last:
                for e in range(db):
                    ws[dh + e] += ws[sizes.dx + t * db + e]
            if squares is not None:
                squares[layer, t] += _sum_of_squares(ws, dh, db)
            _step_back(plan, layer, ws, t)
        weight_gradients(plan, layer, ws, grad)


@njit
def _sum_of_squares(ws: np.ndarray, start: int, count: int) -> float:
    total = 0.0
    for e in range(start, start + count):
        total += float(ws[e]) * float(ws[e])
    return total


@njit
def _step_back(plan: Plan, layer: int, ws: np.ndarray, t: int) -> None:
    """One step of backpropagation: gates become their gradients, `dh` becomes that of h_{t−1}."""
    sizes, buffers = plan.sizes, plan.layers[layer]
    d, b = sizes.hidden, sizes.columns
    db, width = d * b, buffers.inputs + 1 + d
    gates = buffers.gates + t * sizes.gates * db
    h = buffers.z + (t * width + buffers.inputs + 1) * b
    states, kept = buffers.states + t * sizes.states * db, buffers.kept + t * sizes.kept * db
    step_backward(
        ws, sizes.cell, db, (gates, h, h + width * b, states, kept, sizes.dh, sizes.dstates)
    )
    dx, add_x, add_h = sizes.dx + t * db, 0, sizes.skips
    for p in range(plan.products.shape[1]):
        matrix = plan.products[layer, p]
        gate = gates + matrix.gate * db
        if layer > 0 and matrix.x:
            panel_product(ws, matrix.onto_x, gate, dx, d, matrix.rows, b, add_x)
            add_x = 1
        if t > 0 and matrix.h:
            panel_product(ws, matrix.onto_h, gate, sizes.dh, d, matrix.rows, b, add_h)
            add_h = 1


@njit
def weight_gradients(plan: Plan, layer: int, ws: np.ndarray, grad: np.ndarray) -> None:
    """∂loss/∂W = Σ_t (gradient of the pre-activations)_t z_tᵀ, in one pass over all steps."""
    sizes, buffers = plan.sizes, plan.layers[layer]
    b, db = sizes.columns, sizes.hidden * sizes.columns
    z_step, gate_step = (buffers.inputs + 1 + sizes.hidden) * b, sizes.gates * db
    for p in range(plan.products.shape[1]):
        matrix = plan.products[layer, p]
        weight_gradient(
            ws, buffers.gates + matrix.gate * db, gate_step, buffers.z + matrix.first * b, z_step,
            sizes.transposed, grad, matrix.weights, matrix.rows, matrix.columns, sizes.steps, b,
        )  # fmt: skip
