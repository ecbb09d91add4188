"""One step of each cell in plain torch, from the papers' equations: what both engines are tested against.

A weight matrix (rows, columns) reads [x | 1 | h], [x | 1] or [1 | h]; its rows are blocks of D, a gate each.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from stages.networks.shape import Network

Tensor = torch.Tensor
Weights = list[Tensor]
State = tuple[Tensor, ...]  # h (N, D) first, then the other states of a step


def on_both(weight: Tensor, x: Tensor, h: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1]), h], 1) @ weight.T


def on_x(weight: Tensor, x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1])], 1) @ weight.T


def on_h(weight: Tensor, h: Tensor) -> Tensor:
    return torch.cat([torch.ones_like(h[:, :1]), h], 1) @ weight.T


def rnn(weights: Weights, x: Tensor, state: State) -> State:
    return (torch.tanh(on_both(weights[0], x, state[0])),)


def gru(weights: Weights, x: Tensor, state: State) -> State:
    gates, recurrent, onto = weights
    h = state[0]
    r, z = torch.sigmoid(on_both(gates, x, h)).chunk(2, 1)
    n = torch.tanh(on_x(onto, x) + r * on_h(recurrent, h))
    return ((1 - z) * n + z * h,)


def lstm(weights: Weights, x: Tensor, state: State) -> State:
    i, f, g, o = on_both(weights[0], x, state[0]).chunk(4, 1)
    c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


Rule = tuple[
    Callable[[Weights, Tensor, State], State], int
]  # a step, and how many values it hands on
EQUATIONS: dict[str, Rule] = {
    "rnn": (rnn, 1),
    "gru": (gru, 1),
    "lstm": (lstm, 2),
}


def forecast(network: Network, flat: Tensor, x: Tensor) -> Tensor:
    """(N, O) of windows x (N, L, F), flat (n,) being all weights; differentiable in both."""
    blocks = [flat[m.offset : m.offset + m.size].view(m.rows, m.columns) for m in network.matrices]
    inputs = x.reshape(len(x), network.steps, network.step_inputs)
    steps = [inputs[:, t] for t in range(network.steps)]
    for layer in range(network.depth):
        step, count = EQUATIONS[network.cell]
        matrices = [w for w, m in zip(blocks, network.matrices, strict=True) if m.layer == layer]
        state: State = tuple(x.new_zeros(len(x), network.hidden) for _ in range(count))
        above = []
        for inputs in steps:
            state = step(matrices, inputs, state)
            above.append(state[0])
        steps = above
    return on_h(blocks[-1], steps[-1])
