"""The networks of `benchmarks.shampoo` in plain torch, whose state can also be carried as published.

The published LSTM is stateful: row r of a batch begins with the state that row r of the batch before it ended
with, which is that of the window four months earlier; gradients end at the batch. The state is zero where an
epoch begins, and where the test part does.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from benchmarks.shampoo_study import BATCH, L2, RATE, SALES, TEST, UNITS, WINDOWS
from stages.networks.initial import initial_weights
from stages.networks.shape import GROUPS, Network

NETWORK = Network("lstm", features=1, outputs=1, lookback=1, channels=1, hidden=UNITS)
EPSILON = 2e-8  # the pipeline's 1e-8 is of the half sum of squares


def errors(group: str | None, carried: bool, epochs: int, seeds: int) -> np.ndarray:
    """(S,) test RMSE after training with Keras's l2 on a group of GROUPS, or on none."""
    levels = torch.tensor(SALES, dtype=torch.float64)
    differences = levels.diff()
    low, high = differences[:-TEST].min(), differences[:-TEST].max()
    scaled = 2 * (differences - low) / (high - low) - 1
    x, y = scaled[:-1], scaled[1:]
    training = slice(-TEST - WINDOWS, -TEST)
    weights = trained(x[training], y[training], group, carried, epochs, seeds)
    with torch.no_grad():
        forecast = torch.cat(list(outputs(weights, x[-TEST:], carried)), 1)  # (S, N)
    change = (forecast + 1) / 2 * (high - low) + low
    wrong_by = levels[-TEST - 1 : -1] + change - levels[-TEST:]
    return (wrong_by**2).mean(1).sqrt().numpy()


def trained(
    x: torch.Tensor, y: torch.Tensor, group: str | None, carried: bool, epochs: int, seeds: int
) -> torch.Tensor:
    """(S, n) weights in the pipeline's order, from its initial weights."""
    start = np.stack([initial_weights(NETWORK, seed) for seed in range(seeds)])
    weights = torch.tensor(start, requires_grad=True)
    chosen = -1 if group is None else GROUPS.index(group)
    penalised = torch.tensor(NETWORK.groups == chosen).double()  # (n,)
    optimizer = torch.optim.Adam([weights], lr=RATE, eps=EPSILON)
    for _ in range(epochs):
        for y_hat, target in zip(outputs(weights, x, carried), torch.split(y, BATCH), strict=True):
            losses = ((y_hat - target) ** 2).mean(1) + L2 * (penalised * weights**2).sum(1)
            (weights.grad,) = torch.autograd.grad(losses.sum(), [weights])
            optimizer.step()
    return weights


def outputs(weights: torch.Tensor, x: torch.Tensor, carried: bool) -> Iterator[torch.Tensor]:
    """(S, B) forecasts of batch after batch of x (N,), each by the weights at that time."""
    h = c = torch.zeros(len(weights), BATCH, UNITS, dtype=weights.dtype)
    for batch in torch.split(x, BATCH):
        columns = batch.expand(len(weights), -1)[..., None]  # (S, B, 1)
        if not carried:
            h, c = torch.zeros_like(h), torch.zeros_like(c)
        z = torch.cat([columns, torch.ones_like(columns), h.detach()], 2)
        body, head = (
            weights[:, m.offset : m.offset + m.size].view(-1, m.rows, m.columns)
            for m in NETWORK.matrices
        )
        i, f, g, o = (z @ body.mT).chunk(4, 2)  # (S, B, D)
        c = f.sigmoid() * c.detach() + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        yield head[:, 0, :1] + (h @ head[:, 0, 1:, None])[..., 0]
