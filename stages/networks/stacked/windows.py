"""Windows and dropout masks for `network.py`: the numbers of `kernels/gather.py`, as torch operations.

A row is that of a window's origin. No window is ever stored: each batch is read through an index.
"""

from __future__ import annotations

import torch

from stages.networks.shape import Network
from stages.normalise import EPSILON, LAST, MEAN, NORMALISE

Tensor = torch.Tensor


def windows(
    network: Network, series: Tensor, rows: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Inputs (S, K, I, B), targets (K, O, B), and the spread (K, O, B) that gives back scaled units.

    Last what is known over the horizon, (K, H·k, B).

    Args:
        series: (V, F), scaled. rows: (K, B) int64.
    """
    lookback, channels = network.lookback, network.channels
    k, b = rows.shape
    past = torch.arange(1 - lookback, 1, device=rows.device)
    future = torch.arange(1, network.outputs // channels + 1, device=rows.device)
    x = series[rows[:, None] + past[:, None]]  # (K, L, B, F)
    ahead = series[rows[:, None] + future[:, None]]  # (K, H, B, F)
    known = ahead[..., x.shape[-1] - network.future :].permute(0, 1, 3, 2)
    y = ahead[..., :channels]
    shift, spread = _units(network.normalise, x[..., :channels])  # (K, 1, B, C)
    x = torch.cat([(x[..., :channels] - shift) / spread, x[..., channels:]], -1)
    y = ((y - shift) / spread).permute(0, 1, 3, 2).reshape(k, network.outputs, b)
    spread = spread.expand(k, len(future), b, channels).permute(0, 1, 3, 2)
    steps = x.permute(1, 0, 3, 2).reshape(
        network.steps, -1, k, x.shape[-1], b
    )  # (S, segment, K, F, B)
    inputs = steps.transpose(1, 2).reshape(network.steps, k, network.step_inputs, b)
    return inputs, y, spread.reshape(k, network.outputs, b), known.reshape(k, network.known, b)


def _units(normalise: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """Shift and spread of each window's channels, summed in double precision."""
    kind, deviation = NORMALISE[normalise]
    last, mean = x[:, -1:], x.double().mean(1, keepdim=True)
    shift = last if kind == LAST else mean.to(x.dtype) if kind == MEAN else torch.zeros_like(last)
    if not deviation:
        return shift, torch.ones_like(last)
    variance = (x.double() - mean).square().mean(1, keepdim=True)
    return shift, (variance + EPSILON).sqrt().to(x.dtype)


def _mix(x: Tensor) -> Tensor:
    """The finaliser of SplitMix64, as in `kernels/gather.py`: torch's int64 wraps around as numba's does."""
    x = (x ^ ((x >> 30) & 0x3FFFFFFFF)) * -4658895280553007687
    x = (x ^ ((x >> 27) & 0x1FFFFFFFFF)) * -7723592293110705685
    return x ^ ((x >> 31) & 0x1FFFFFFFF)


def masks(network: Network, seeds: Tensor, step: int, batch: int, like: Tensor) -> list[Tensor]:
    """For each layer (S, K, D, B): 0 or 1/(1 − dropout), the draws of `gather.draw_masks`.

    Args:
        seeds: (K,) int64 of the members. step: optimiser steps taken so far.
    """
    s, d = network.steps, network.hidden
    key = _mix(_mix(seeds + 1) ^ (step + 1))[None, :, None, None]
    row = torch.arange(s * d, device=seeds.device).view(s, 1, d, 1)
    column = torch.arange(batch, device=seeds.device)
    result = []
    for layer in range(network.layers):
        element = (layer * s * d + row) * batch + column
        draw = ((_mix(key ^ (element + 1)) >> 11) & 0x1FFFFFFFFFFFFF).double() / 9007199254740992.0
        result.append((draw >= network.dropout).to(like.dtype) / (1 - network.dropout))
    return result
