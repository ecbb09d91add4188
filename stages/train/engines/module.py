"""The engine of the user's networks: one member after another by torch's autograd, on one thread of the CPU.

A member's numbers are the same whatever else is trained, and wherever it is interrupted: what dropout draws
depends on seed and step alone, and penalty and optimiser are the functions of the compiled kernel.
"""

from __future__ import annotations

import numpy as np
import torch

from stages.losses import LOSSES
from stages.networks.module.build import DROPOUT, Built, one_thread, seed_torch
from stages.networks.stacked.windows import windows
from stages.train.engines.engine import FoldData, Part, State
from stages.train.engines.kernel import CLIPPED, ERRORS, NORM
from stages.train.engines.update import ADAM, SGD, advance
from stages.train.planning.members import Recipe

Tensor = torch.Tensor


class ModuleEngine:
    """See `Engine`."""

    def __init__(self, recipe: Recipe, data: FoldData) -> None:
        self.recipe, self.loss = recipe, LOSSES[recipe.loss]
        self.series, self.rescale = torch.from_numpy(data.series), torch.from_numpy(data.rescale)
        self.built = Built(recipe.network, recipe.precision)

    def train(self, state: State, part: Part) -> None:
        self.built.module.train()
        with one_thread():
            for k in range(len(state.weights)):
                for batch in range(part.start, part.stop):
                    self._batch(state, part, k, batch)

    def _batch(self, state: State, part: Part, k: int, batch: int) -> None:
        """Train member k on one batch."""
        recipe, terms, size = self.recipe, part.terms, self.recipe.batch_size
        line, seed = part.lines[k]
        rows = part.orders[line, batch * size : (batch + 1) * size]
        taken, w = part.before + batch, state.weights[k]
        self.built.set(w)
        seed_torch(int(seed), DROPOUT, taken)
        x, y, spread = self._windows(rows)
        out = self.built.forward(x)
        forecast = out.detach() * spread
        error = (out.detach() - y) * spread  # in scaled units, as in `kernel.py`
        slope = spread * (self.loss.slope(error) + float(terms.forecast[k]) * forecast) / size
        grad = self.built.gradient(out, slope.to(out.dtype))
        state.sums[k, ERRORS] += float(self.loss.value(self._reported(error, rows)).sum())
        norm = advance(
            ADAM if recipe.optimizer == "adam" else SGD, w, grad, state.first[k], state.second[k],
            terms.gradient[k], terms.decay[k], terms.threshold[k], len(rows) / size,
            recipe.clip_norm or 0.0, taken + 1, float(part.rates[batch]), recipe.momentum,
        )  # fmt: skip
        state.sums[k, NORM] += norm
        state.sums[k, CLIPPED] += 0 < (recipe.clip_norm or 0.0) < norm

    def _windows(self, rows: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs (B, L, F), targets (B, O) and the spread (B, O) of the windows at `rows`."""
        network = self.recipe.network
        x, y, spread, _ = windows(network, self.series, torch.from_numpy(rows)[None])
        inputs = x[0, 0].T.reshape(len(rows), network.lookback, network.features)
        return inputs.contiguous(), y[0].T.contiguous(), spread[0].T.contiguous()

    def _reported(self, error: Tensor, rows: np.ndarray) -> Tensor:
        """Errors (B, O) in double precision, times the rescale of their rows."""
        factor = self.rescale[torch.from_numpy(rows)].double()  # (B, C)
        return error.double() * factor.repeat(1, error.shape[1] // factor.shape[1])

    def losses(self, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
        result, size = np.empty((len(weights), len(LOSSES), len(rows))), self.recipe.batch_size
        self.built.module.eval()
        with one_thread(), torch.no_grad():
            for w, of_member in zip(weights, result, strict=True):
                self.built.set(w)
                for begin in range(0, len(rows), size):
                    some = rows[begin : begin + size]
                    x, y, spread = self._windows(some)
                    error = self._reported((self.built.forward(x) - y) * spread, some)
                    for line, loss in zip(of_member, LOSSES.values(), strict=True):
                        line[begin : begin + size] = loss.value(error).mean(1).numpy()
        return result
