"""K members of a cell as one stacked program of torch operations: what runs on CUDA, in float32 or float64.

Each step of the recurrence is one batched product of each weight matrix for all members. Backpropagation
through time is written out by hand over buffers that are allocated once; the gates' equations are those of
`cells.py`, with torch's tanh. On the CPU it is the reference that the fused kernels (`recurrence.py`) are
tested against.

Shapes: a buffer is (S, K, rows, B), the batch innermost; z = [x | 1 | h], as in `shape.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from stages.networks.cells import CELLS, Step
from stages.networks.shape import Matrix, Network

Tensor = torch.Tensor


class _Layer:
    """Buffers of one layer, and its weight matrices."""

    def __init__(self, network: Network, layer: int, shape: tuple[int, int], like: Tensor) -> None:
        self.matrices = [m for m in network.matrices if m.layer == layer]
        cell, i = CELLS[network.cell], network.inputs_of(layer)
        d, s, (k, b) = network.hidden, network.steps, shape
        self.z = like.new_zeros(s + 1, k, i + 1 + d, b)
        self.z[:, :, i] = 1
        self.x, self.h = self.z[:, :, :i], self.z[:, :, i + 1 :]
        self.gates = like.new_zeros(s, k, cell.gates(), d, b)
        self.states = like.new_zeros(s + 1, k, cell.states, d, b)
        self.kept = like.new_zeros(s, k, cell.kept, d, b)

    def products(self, flat: Tensor, t: int) -> Iterator[tuple[Matrix, Tensor, Tensor]]:
        """Each matrix with its view (K, rows, columns) of a flat (K, n) tensor, and what it reads of z_t."""
        inputs = self.x.shape[2]
        for m in self.matrices:
            view = flat[:, m.offset : m.offset + m.size].view(len(flat), m.rows, m.columns)
            first = inputs - m.inputs
            yield m, view, self.z[t, :, first : first + m.columns]


class Stacked:
    """Buffers for K members and batches of B windows, and both passes over them.

    Args:
        network: the architecture (linear, too).
        members, batch: K, B. like: a tensor with the precision and device to work in.
    """

    def __init__(self, network: Network, members: int, batch: int, like: Tensor) -> None:
        self.network, self.cell = network, CELLS[network.cell]
        self.layers = [_Layer(network, i, (members, batch), like) for i in range(network.depth)]
        head = network.matrices[-1]
        self.head = slice(head.offset, head.offset + head.size)
        self.head_in = like.new_ones(members, head.columns, batch)

    def forward(
        self, w: Tensor, x: Tensor, masks: list[Tensor] | None = None, future: Tensor | None = None
    ) -> Tensor:
        """Forecasts (K, O, B) in normalised units.

        Args:
            w: (K, n) weights. x: (S, K, I, B) inputs.
            masks: for each layer (S, K, D, B), what its outputs are multiplied by on their way up.
            future: (K, H·k, B) of the features that are known over the horizon; None: there are none.
        """
        top = x[0]
        for index, layer in enumerate(self.layers):
            layer.x[:-1] = x
            for t in range(self.network.steps):
                self._step(layer, w, t)
            x = layer.h[1:] * masks[index] if masks else layer.h[1:]
            top = x[-1]
        end = 1 + top.shape[1]
        self.head_in[:, 1:end] = top
        if future is not None:
            self.head_in[:, end:] = future
        return torch.bmm(self._head(w), self.head_in)

    def _step(self, layer: _Layer, w: Tensor, t: int) -> None:
        d = self.network.hidden
        a = [
            gate
            for _, weight, z in layer.products(w, t)
            for gate in torch.bmm(weight, z).split(d, 1)
        ]
        step = self.cell.forward(torch.tanh, a, layer.h[t], layer.states[t].unbind(1))
        layer.h[t + 1] = step.h
        torch.stack(list(step.gates), 1, out=layer.gates[t])
        if step.states:
            layer.states[t + 1] = torch.stack(list(step.states), 1)
        if step.kept:
            layer.kept[t] = torch.stack(list(step.kept), 1)

    def backward(
        self, w: Tensor, error: Tensor, grad: Tensor, masks: list[Tensor] | None = None
    ) -> None:
        """Write the gradient of every parameter to `grad` (K, n); error (K, O, B) = ∂loss/∂forecast."""
        grad.zero_()
        self._head(grad)[:] = torch.bmm(error, self.head_in.mT)
        if not self.layers:
            return
        of_h = self._head(w)[:, :, 1 : 1 + self.network.hidden]
        onto = torch.bmm(of_h.mT, error)  # (K, D, B), of the last step's output
        sequence = torch.zeros_like(self.layers[-1].h[1:])
        sequence[-1] = onto
        for index in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[index]
            if masks:
                sequence = sequence * masks[index]
            dx = torch.zeros_like(layer.x[1:]) if index else None
            dh, dstates = torch.zeros_like(sequence[0]), torch.zeros_like(layer.states[0])
            for t in range(self.network.steps - 1, -1, -1):
                dh, dstates = self._step_back(layer, w, grad, t, dh + sequence[t], dstates, dx)
            if dx is not None:
                sequence = dx

    def _step_back(
        self, layer: _Layer, w: Tensor, grad: Tensor, t: int, dh: Tensor, dstates: Tensor,
        dx: Tensor | None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Add to the weights' gradients, set dx[t]; return those of h and of the states before the step."""
        step = Step(
            layer.gates[t].unbind(1), layer.states[t].unbind(1), layer.kept[t].unbind(1),
            layer.h[t], layer.h[t + 1],
        )  # fmt: skip
        back = self.cell.backward(step, dh, dstates.unbind(1))
        before = torch.zeros_like(dh) if back.h is None else back.h
        grads = (view for _, view, _ in layer.products(grad, t))
        for (m, weight, z), onto in zip(layer.products(w, t), grads, strict=True):
            da = torch.cat(list(back.gates[m.gate : m.gate + len(m.gates)]), 1)
            onto.baddbmm_(da, z.mT)
            through = torch.bmm(weight.mT, da)  # (K, columns, B)
            if m.inputs and dx is not None:
                dx[t] += through[:, : m.inputs]
            if m.recurrent:
                before = before + through[:, m.inputs + 1 :]
        return before, torch.stack(list(back.states), 1) if back.states else dstates

    def _head(self, flat: Tensor) -> Tensor:
        return flat[:, self.head].view(len(flat), self.network.outputs, -1)
