"""Forward pass and backpropagation through time of one member on one tile of windows.

All buffers lie in one workspace `ws` at the offsets of `Network.plan`; a tile's activations are
(row, column) with the columns, the batch, innermost.
"""

from __future__ import annotations

from numba import njit

from stages.networks.equations import (
    gru_backward,
    gru_forward,
    lstm_backward,
    lstm_forward,
    rnn_backward,
    rnn_forward,
)
from stages.networks.gemm import pack, panel_product, product, weight_gradient
from stages.networks.vector import pointwise

# Places in the plan.
CELL, LAYERS, D, STEPS, OUTPUTS, COLUMNS, STEP_INPUTS, TOP, HEAD, LOOKBACK, CHANNELS, NORM = range(
    12
)
HEAD_IN, TRANSPOSED, OUT, TARGET, DH, DC, DSEQ, UNITS = range(12, 20)
FIRST_LAYER, LAYER_SIZE = 20, 16
INPUTS, W0, W1, W2, Z, GATES, C, SQUASHED, MASK = range(9)
P0, P1, P2, R0, R1, X0, X2 = range(9, 16)  # panels: forward, transposed recurrent, onto the inputs
LINEAR, RNN, GRU, LSTM = range(4)

_rnn_forward = pointwise(rnn_forward, 1)
_rnn_backward = pointwise(rnn_backward, 2)
_lstm_forward = pointwise(lstm_forward, 5)
_lstm_backward = pointwise(lstm_backward, 8)
_gru_forward = pointwise(gru_forward, 5)
_gru_backward = pointwise(gru_backward, 6)


@njit
def prepare_workspace(plan, ws):  # type: ignore[no-untyped-def]
    """Write what never changes: the rows of ones, h_0 = 0 and c_0 = 0."""
    b, d = plan[COLUMNS], plan[D]
    _fill(ws, 0, ws.shape[0], 0)
    _fill(ws, plan[HEAD_IN], b, 1)
    for layer in range(plan[LAYERS]):
        at = FIRST_LAYER + layer * LAYER_SIZE
        i = plan[at + INPUTS]
        for t in range(plan[STEPS]):
            _fill(ws, plan[at + Z] + (t * (i + 1 + d) + i) * b, b, 1)


@njit
def _fill(ws, start, count, value):  # type: ignore[no-untyped-def]
    for e in range(start, start + count):
        ws[e] = value


@njit
def load_weights(plan, w, ws, training):  # type: ignore[no-untyped-def]
    """Lay the layers' matrices out as panels, for all the steps and tiles that follow."""
    cell, d = plan[CELL], plan[D]
    for layer in range(plan[LAYERS]):
        at = FIRST_LAYER + layer * LAYER_SIZE
        i, w0, w1, w2 = plan[at + INPUTS], plan[at + W0], plan[at + W1], plan[at + W2]
        width = i + 1 + d
        rows = 4 * d if cell == LSTM else 2 * d if cell == GRU else d
        pack(w, w0, width, 1, ws, plan[at + P0], rows, width)
        if cell == GRU:
            pack(w, w1, 1 + d, 1, ws, plan[at + P1], d, 1 + d)
            pack(w, w2, i + 1, 1, ws, plan[at + P2], d, i + 1)
        if training:
            pack(w, w0 + i + 1, 1, width, ws, plan[at + R0], d, rows)
            if cell == GRU:
                pack(w, w1 + 1, 1, 1 + d, ws, plan[at + R1], d, d)
            if layer > 0:
                pack(w, w0, 1, width, ws, plan[at + X0], i, rows)
                if cell == GRU:
                    pack(w, w2, 1, i + 1, ws, plan[at + X2], i, d)


@njit
def forward(plan, w, ws, training):  # type: ignore[no-untyped-def]
    """From the first layer's inputs in `ws` to the forecast at OUT (normalised units).

    `load_weights` comes before.
    """
    cell, d, b, steps = plan[CELL], plan[D], plan[COLUMNS], plan[STEPS]
    db = d * b
    for layer in range(plan[LAYERS]):
        at = FIRST_LAYER + layer * LAYER_SIZE
        i = plan[at + INPUTS]
        z, gates, p0 = plan[at + Z], plan[at + GATES], plan[at + P0]
        width = i + 1 + d
        for t in range(steps):
            zt = z + t * width * b
            h, h_next = zt + (i + 1) * b, zt + (width + i + 1) * b
            if cell == LSTM:
                g = gates + t * 4 * db
                c = plan[at + C] + t * db
                panel_product(ws, p0, zt, g, 4 * d, width, b, 0)
                a = (g, g + db, g + 2 * db, g + 3 * db)
                _lstm_forward(ws, db, (*a, c, *a, c + db, plan[at + SQUASHED] + t * db, h_next))
            elif cell == GRU:
                g = gates + t * 4 * db
                panel_product(ws, p0, zt, g, 2 * d, width, b, 0)
                panel_product(ws, plan[at + P1], zt + i * b, g + 2 * db, d, 1 + d, b, 0)
                panel_product(ws, plan[at + P2], zt, g + 3 * db, d, i + 1, b, 0)
                a = (g, g + db, g + 2 * db, g + 3 * db)
                _gru_forward(ws, db, (*a, h, g, g + db, g + 3 * db, h_next))
            else:
                panel_product(ws, p0, zt, h_next, d, width, b, 0)
                _rnn_forward(ws, db, (h_next, h_next))
        mask = plan[at + MASK]
        if layer + 1 < plan[LAYERS]:  # h of this layer is x of the next
            above = plan[at + LAYER_SIZE + Z]
            for t in range(steps):
                source, target = z + ((t + 1) * width + i + 1) * b, above + t * (2 * d + 1) * b
                _pass_on(ws, source, target, mask + t * db, db, training and mask > 0)
        else:
            source = z + (steps * width + i + 1) * b
            _pass_on(
                ws, source, plan[HEAD_IN] + b, mask + (steps - 1) * db, db, training and mask > 0
            )
    top = plan[TOP]
    product(
        w, plan[HEAD], 1 + top, 1, ws, plan[HEAD_IN], ws, plan[OUT], plan[OUTPUTS], 1 + top, b, 0
    )


@njit
def _pass_on(ws, source, target, mask, count, masked):  # type: ignore[no-untyped-def]
    """Copy, times the dropout mask in training."""
    if masked:
        for e in range(count):
            ws[target + e] = ws[source + e] * ws[mask + e]
    else:
        for e in range(count):
            ws[target + e] = ws[source + e]


@njit
def backward(plan, w, ws, grad, squares=None):  # type: ignore[no-untyped-def]
    """Add the gradient of every parameter to `grad` (n,); OUT holds ∂loss/∂forecast.

    `squares` (layers, S) double: added to, Σ (∂loss/∂h)² over the hidden state after each step.
    """
    d, b, steps, top = plan[D], plan[COLUMNS], plan[STEPS], plan[TOP]
    db = d * b
    out, outputs, dh, sequence = plan[OUT], plan[OUTPUTS], plan[DH], plan[DSEQ]
    room = plan[TRANSPOSED]
    weight_gradient(ws, out, 0, plan[HEAD_IN], 0, room, grad, plan[HEAD], outputs, 1 + top, 1, b)
    if plan[LAYERS] == 0:
        return
    product(w, plan[HEAD] + 1, 1, 1 + top, ws, out, ws, dh, d, outputs, b, 0)
    for layer in range(plan[LAYERS] - 1, -1, -1):
        at = FIRST_LAYER + layer * LAYER_SIZE
        mask = plan[at + MASK]
        last = layer == plan[LAYERS] - 1
        if mask > 0 and last:
            for e in range(db):
                ws[dh + e] *= ws[mask + (steps - 1) * db + e]
        if mask > 0 and not last:
            for e in range(steps * db):
                ws[sequence + e] *= ws[mask + e]
        if not last:
            _fill(ws, dh, db, 0)
        _fill(ws, plan[DC], db, 0)
        for t in range(steps - 1, -1, -1):
            if not last:
                for e in range(db):
                    ws[dh + e] += ws[sequence + t * db + e]
            if squares is not None:
                squares[layer, t] += _sum_of_squares(ws, dh, db)
            _step_back(plan, at, ws, t, layer > 0)
        _weight_gradients(plan, at, ws, grad)


@njit
def _sum_of_squares(ws, start, count):  # type: ignore[no-untyped-def]
    total = 0.0
    for e in range(start, start + count):
        total += float(ws[e]) * float(ws[e])
    return total


@njit
def _step_back(plan, at, ws, t, below):  # type: ignore[no-untyped-def]
    """One step of backpropagation: gates become their gradients, DH becomes that of h_{t−1}."""
    cell, d, b = plan[CELL], plan[D], plan[COLUMNS]
    i, db = plan[at + INPUTS], plan[D] * plan[COLUMNS]
    width = i + 1 + d
    zt = plan[at + Z] + t * width * b
    h, h_next = zt + (i + 1) * b, zt + (width + i + 1) * b
    dh, dc, dx = plan[DH], plan[DC], plan[DSEQ] + t * db
    if cell == LSTM:
        g = plan[at + GATES] + t * 4 * db
        a = (g, g + db, g + 2 * db, g + 3 * db)
        c, squashed = plan[at + C] + t * db, plan[at + SQUASHED] + t * db
        _lstm_backward(ws, db, (*a, c, squashed, dh, dc, *a, dc))
        rows = 4 * d
    elif cell == GRU:
        g = plan[at + GATES] + t * 4 * db
        a = (g, g + db, g + 2 * db, g + 3 * db)
        _gru_backward(ws, db, (*a, h, dh, *a, dh))
        rows = 2 * d
    else:
        g = plan[at + GATES] + t * db
        _rnn_backward(ws, db, (h_next, dh, g))
        rows = d
    if below:
        panel_product(ws, plan[at + X0], g, dx, i, rows, b, 0)
        if cell == GRU:
            panel_product(ws, plan[at + X2], g + 3 * db, dx, i, d, b, 1)
    if t > 0:
        panel_product(ws, plan[at + R0], g, dh, d, rows, b, 1 if cell == GRU else 0)
        if cell == GRU:
            panel_product(ws, plan[at + R1], g + 2 * db, dh, d, d, b, 1)


@njit
def _weight_gradients(plan, at, ws, grad):  # type: ignore[no-untyped-def]
    """∂loss/∂W = Σ_t (gradient of the pre-activations)_t z_tᵀ, in one pass over all steps."""
    cell, d, b, steps = plan[CELL], plan[D], plan[COLUMNS], plan[STEPS]
    i, g, z, db = plan[at + INPUTS], plan[at + GATES], plan[at + Z], plan[D] * plan[COLUMNS]
    width, room = i + 1 + d, plan[TRANSPOSED]
    zt, w0, w1, w2 = width * b, plan[at + W0], plan[at + W1], plan[at + W2]
    if cell == GRU:
        gt, recurrent, onto_x = 4 * db, g + 2 * db, g + 3 * db
        weight_gradient(ws, g, gt, z, zt, room, grad, w0, 2 * d, width, steps, b)
        weight_gradient(ws, recurrent, gt, z + i * b, zt, room, grad, w1, d, 1 + d, steps, b)
        weight_gradient(ws, onto_x, gt, z, zt, room, grad, w2, d, i + 1, steps, b)
    else:
        rows = 4 * d if cell == LSTM else d
        weight_gradient(ws, g, rows * b, z, zt, room, grad, w0, rows, width, steps, b)
