"""A temporal convolution (Bai, Kolter & Koltun 2018, in small): each layer looks twice as far back."""

from typing import Any

import torch
from torch import nn


class Convolution(nn.Module):
    """Windows (batch, lookback, features) to forecasts (batch, horizon × channels)."""

    def __init__(
        self,
        features: int,
        horizon: int,
        channels: int,
        hidden: int,
        layers: int,
        dropout: float,
        **_: Any,
    ) -> None:
        super().__init__()
        sizes = [features] + [hidden] * layers
        self.layers = nn.ModuleList(
            nn.Conv1d(sizes[i], hidden, 3, dilation=2**i) for i in range(layers)
        )
        self.dropout, self.head = nn.Dropout(dropout), nn.Linear(hidden, horizon * channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = x.transpose(1, 2)  # (batch, features, lookback)
        for layer in self.layers:
            past = nn.functional.pad(h, (2 * layer.dilation[0], 0))  # only the past is seen
            h = self.dropout(torch.relu(layer(past)))
        return self.head(h[:, :, -1])
