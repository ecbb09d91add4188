"""A forecaster built of torch's nn.RNN, nn.GRU, nn.LSTM and nn.Linear, with given flat weights."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from stages.networks.shape import Network

KINDS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class Forecaster(nn.Module):
    """x (N, L, F) and what is known over the horizon (N, H·k) → (N, O).

    The parameters are copies of a flat vector in this project's order.
    """

    def __init__(self, network: Network, weights: np.ndarray, dtype: torch.dtype = torch.float64):
        super().__init__()
        self.network, d = network, network.hidden
        blocks = [
            torch.tensor(weights[m.offset : m.offset + m.size], dtype=dtype).reshape(
                m.rows, m.columns
            )
            for m in network.matrices
        ]
        self.head = nn.Linear(network.matrices[-1].columns - 1, network.outputs, dtype=dtype)
        if network.cell != "linear":
            self.body = KINDS[network.cell](
                network.step_inputs, d, network.layers, batch_first=True, dtype=dtype
            )
        with torch.no_grad():
            self.head.bias.copy_(blocks[-1][:, 0])
            self.head.weight.copy_(blocks[-1][:, 1:])
            for layer in range(network.layers if network.cell != "linear" else 0):
                pairs = zip(blocks, network.matrices, strict=True)
                parts = [block for block, matrix in pairs if matrix.layer == layer]
                self._copy(layer, parts, network.step_inputs if layer == 0 else d)

    def _copy(self, layer: int, blocks: list[torch.Tensor], i: int) -> None:
        if self.network.cell == "gru":
            gates, recurrent, onto = blocks
            w_ih = torch.cat([gates[:, :i], onto[:, :i]])
            w_hh = torch.cat([gates[:, i + 1 :], recurrent[:, 1:]])
            b_ih = torch.cat([gates[:, i], onto[:, i]])
            b_hh = torch.cat([torch.zeros_like(gates[:, i]), recurrent[:, 0]])
        else:
            block = blocks[0]
            w_ih, w_hh, b_ih = block[:, :i], block[:, i + 1 :], block[:, i]
            b_hh = torch.zeros_like(b_ih)
        values = {"weight_ih": w_ih, "weight_hh": w_hh, "bias_ih": b_ih, "bias_hh": b_hh}
        for name, value in values.items():
            getattr(self.body, f"{name}_l{layer}").copy_(value)

    def forward(self, x: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        top = x.reshape(x.shape[0], -1)
        if self.network.cell != "linear":
            h, _ = self.body(x.reshape(-1, self.network.steps, self.network.step_inputs))
            top = h[:, -1]
        return self.head(top if known is None else torch.cat([top, known], 1))
