"""K members of a cell as one stacked program of torch operations: what runs on CUDA, in float32 or float64.

Each step of the recurrence is one batched product for all members. Backpropagation through time is written
out by hand over buffers that are allocated once; the gates' equations are those of `equations.py`, with
torch's tanh. On the CPU it is the reference that the fused kernels (`recurrence.py`) are tested against.

Shapes: a buffer is (S, K, rows, B), the batch innermost; z = [x | 1 | h], as in `shape.py`.
"""

from __future__ import annotations

from typing import Any

import torch

from stages.networks import equations
from stages.networks.shape import Network

Tensor = torch.Tensor
GATES = {"rnn": 1, "gru": 4, "lstm": 4}  # pre-activations that a step keeps, in units of D rows


class _Layer:
    """Buffers of one layer, and its places in the flat parameter vector."""

    def __init__(self, network: Network, layer: int, shape: tuple[int, int], like: Tensor) -> None:
        self.matrices = [m for m in network.matrices if m.layer == layer]
        self.inputs = self.matrices[0].inputs
        d, s, (k, b) = network.hidden, network.steps, shape
        self.z = like.new_zeros(s + 1, k, self.inputs + 1 + d, b)
        self.z[:, :, self.inputs] = 1
        self.gates = like.new_zeros(s, k, GATES[network.cell], d, b)
        self.c = like.new_zeros(s + 1, k, d, b) if network.cell == "lstm" else None
        self.squashed = like.new_zeros(s, k, d, b) if network.cell == "lstm" else None
        self.x, self.h = self.z[:, :, : self.inputs], self.z[:, :, self.inputs + 1 :]

    def weights(self, flat: Tensor) -> list[Tensor]:
        """Views (K, rows, columns) of a flat (K, n) tensor: weights or their gradients."""
        return [
            flat[:, m.offset : m.offset + m.size].view(len(flat), m.rows, m.columns)
            for m in self.matrices
        ]


class Stacked:
    """Buffers for K members and batches of B windows, and both passes over them.

    Args:
        network: the architecture (linear, too).
        members, batch: K, B. like: a tensor with the precision and device to work in.
    """

    def __init__(self, network: Network, members: int, batch: int, like: Tensor) -> None:
        self.network, self.cell = network, network.cell
        count = 0 if network.cell == "linear" else network.layers
        self.layers = [_Layer(network, i, (members, batch), like) for i in range(count)]
        head = network.matrices[-1]
        self.head = slice(head.offset, head.offset + head.size)
        self.head_in = like.new_ones(members, head.columns, batch)

    def forward(self, w: Tensor, x: Tensor, masks: list[Tensor] | None = None) -> Tensor:
        """Forecasts (K, O, B) in normalised units.

        Args:
            w: (K, n) weights. x: (S, K, I, B) inputs.
            masks: for each layer (S, K, D, B), what its outputs are multiplied by on their way up.
        """
        top = x[0]
        for place, layer in enumerate(self.layers):
            layer.x[:-1] = x
            own = layer.weights(w)
            for t in range(self.network.steps):
                getattr(self, f"_{self.cell}_forward")(layer, own, t)
            x = layer.h[1:] * masks[place] if masks else layer.h[1:]
            top = x[-1]
        self.head_in[:, 1:] = top
        return torch.bmm(self._head(w), self.head_in)

    def backward(
        self, w: Tensor, error: Tensor, grad: Tensor, masks: list[Tensor] | None = None
    ) -> None:
        """Write the gradient of every parameter to `grad` (K, n); error (K, O, B) = ∂loss/∂forecast."""
        grad.zero_()
        self._head(grad)[:] = torch.bmm(error, self.head_in.mT)
        if not self.layers:
            return
        onto = torch.bmm(self._head(w)[:, :, 1:].mT, error)  # (K, D, B), of the last step's output
        sequence = torch.zeros_like(self.layers[-1].h[1:])
        sequence[-1] = onto
        for place in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[place]
            own, grads = layer.weights(w), layer.weights(grad)
            if masks:
                sequence = sequence * masks[place]
            dx = torch.zeros_like(layer.x[1:]) if place else None
            dh, carry = torch.zeros_like(sequence[0]), torch.zeros_like(sequence[0])
            for t in range(self.network.steps - 1, -1, -1):
                dh = dh + sequence[t]
                step = getattr(self, f"_{self.cell}_backward")
                dh, carry = step(layer, own, grads, t, dh, carry, dx)
            if dx is not None:
                sequence = dx

    def _head(self, flat: Tensor) -> Tensor:
        return flat[:, self.head].view(len(flat), self.network.outputs, -1)

    def _rnn_forward(self, layer: _Layer, own: list[Tensor], t: int) -> None:
        (layer.h[t + 1],) = equations.rnn_forward(torch.tanh, torch.bmm(own[0], layer.z[t]))

    def _rnn_backward(
        self, layer: _Layer, own: list[Tensor], grads: list[Tensor], t: int, dh: Tensor, carry: Tensor,
        dx: Tensor | None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        (da,) = equations.rnn_backward(torch.tanh, layer.h[t + 1], dh)
        return _through(layer, own[0], grads[0], t, da, dx), carry

    def _lstm_forward(self, layer: _Layer, own: list[Tensor], t: int) -> None:
        assert layer.c is not None, "an LSTM has a cell state"
        assert layer.squashed is not None, "and keeps its tanh"
        a_i, a_f, a_g, a_o = self._split(torch.bmm(own[0], layer.z[t]))
        *gates, layer.c[t + 1], layer.squashed[t], layer.h[t + 1] = equations.lstm_forward(
            torch.tanh, a_i, a_f, a_g, a_o, layer.c[t]
        )
        torch.stack(gates, 1, out=layer.gates[t])

    def _lstm_backward(
        self, layer: _Layer, own: list[Tensor], grads: list[Tensor], t: int, dh: Tensor, carry: Tensor,
        dx: Tensor | None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        assert layer.c is not None, "an LSTM has a cell state"
        assert layer.squashed is not None, "and keeps its tanh"
        i, f, g, o = layer.gates[t].unbind(1)
        *da, carry = equations.lstm_backward(
            torch.tanh, i, f, g, o, layer.c[t], layer.squashed[t], dh, carry
        )
        return _through(layer, own[0], grads[0], t, torch.cat(da, 1), dx), carry

    def _gru_forward(self, layer: _Layer, own: list[Tensor], t: int) -> None:
        i, z = layer.inputs, layer.z[t]
        a_r, a_z = self._split(torch.bmm(own[0], z))
        recurrent, a_n = torch.bmm(own[1], z[:, i:]), torch.bmm(own[2], z[:, : i + 1])
        r, u, n, layer.h[t + 1] = equations.gru_forward(
            torch.tanh, a_r, a_z, recurrent, a_n, layer.h[t]
        )
        torch.stack((r, u, recurrent, n), 1, out=layer.gates[t])

    def _gru_backward(
        self, layer: _Layer, own: list[Tensor], grads: list[Tensor], t: int, dh: Tensor, carry: Tensor,
        dx: Tensor | None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        i, z = layer.inputs, layer.z[t]
        r, u, recurrent, n = layer.gates[t].unbind(1)
        da_r, da_z, d_recurrent, da_n, skipped = equations.gru_backward(
            torch.tanh, r, u, recurrent, n, layer.h[t], dh
        )
        grads[1].baddbmm_(d_recurrent, z[:, i:].mT)
        grads[2].baddbmm_(da_n, z[:, : i + 1].mT)
        dh = _through(layer, own[0], grads[0], t, torch.cat((da_r, da_z), 1), dx)
        if dx is not None:
            dx[t] += torch.bmm(own[2][:, :, :i].mT, da_n)
        return dh + torch.bmm(own[1][:, :, 1:].mT, d_recurrent) + skipped, carry

    def _split(self, a: Tensor) -> tuple[Any, ...]:
        """Pre-activations (K, gates · D, B) by gate."""
        return a.split(self.network.hidden, 1)


def _through(
    layer: _Layer, own: Tensor, grad: Tensor, t: int, da: Tensor, dx: Tensor | None
) -> Tensor:
    """Past the matrix on z: adds to its gradient, sets dx[t], and gives ∂loss/∂h_{t−1}."""
    i = layer.inputs
    grad.baddbmm_(da, layer.z[t].mT)
    back = torch.bmm(own.mT, da)  # (K, I + 1 + D, B)
    if dx is not None:
        dx[t] = back[:, :i]
    return back[:, i + 1 :]
