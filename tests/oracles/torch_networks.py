"""torch's forecaster with its weights and gradients in this project's order."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.torch_forecaster import Forecaster


class Oracle(Forecaster):
    """x (N, L, F), known values (N, H·k) → (N, O), in float64 unless another type is given."""

    def flat_gradient(self) -> np.ndarray:
        """The gradients of all parameters in this project's order, (n,)."""
        gradients = {name: p.grad for name, p in self.named_parameters() if p.grad is not None}
        return self._flat(gradients)

    def flat_weights(self) -> np.ndarray:
        """All parameters in this project's order, (n,); a second bias counts where it is not redundant."""
        return self._flat({name: p.detach() for name, p in self.named_parameters()})

    def _flat(self, values: dict[str, torch.Tensor]) -> np.ndarray:
        parts = []
        for layer in range(self.network.layers if self.network.cell != "linear" else 0):
            wi, wh, bi, bh = (
                values[f"body.{name}_l{layer}"]
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            bi, bh = bi[:, None], bh[:, None]
            if self.network.cell == "gru":
                two = 2 * self.network.hidden
                parts += [
                    torch.cat([wi[:two], bi[:two], wh[:two]], 1),
                    torch.cat([bh[two:], wh[two:]], 1),
                    torch.cat([wi[two:], bi[two:]], 1),
                ]
            else:
                parts.append(torch.cat([wi, bi, wh], 1))
        parts.append(torch.cat([values["head.bias"][:, None], values["head.weight"]], 1))
        return torch.cat([p.reshape(-1) for p in parts]).numpy()
