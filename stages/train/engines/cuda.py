"""The engine for CUDA: all members of a chunk as one stacked program of torch operations.

A member's numbers agree with the CPU's to rounding; on one GPU and one version of its libraries they are
the same from run to run, but a library may choose another product for another number of members.
"""

from __future__ import annotations

import numpy as np
import torch

from stages.losses import LOSSES
from stages.networks.stacked.network import Stacked
from stages.networks.stacked.windows import masks, windows
from stages.train.engines.engine import FoldData, Part, State
from stages.train.engines.update import BETA1, BETA2, EPSILON
from stages.train.planning.members import Recipe

Tensor = torch.Tensor


def check_device(device: str) -> None:
    """Refuse a device that is not there.

    Raises:
        ValueError: torch finds no CUDA device.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            "train.device = 'cuda': torch finds no CUDA device on this machine; "
            "set train.device to cpu, or install a CUDA build of torch and its driver"
        )


class StackedEngine:
    """See `Engine`; raises what `check_device` does."""

    def __init__(self, recipe: Recipe, data: FoldData, device: str) -> None:
        check_device(device)
        self.recipe, self.loss = recipe, LOSSES[recipe.loss]
        self.series = torch.from_numpy(data.series).to(device)
        self.rescale = torch.from_numpy(data.rescale).to(device)
        self.networks: dict[int, Stacked] = {}

    def _network(self, members: int) -> Stacked:
        """Buffers for this many members; those for other counts, except one member, are freed."""
        if members not in self.networks:
            self.networks = {k: n for k, n in self.networks.items() if k == 1}
            network, batch = self.recipe.network, self.recipe.batch_size
            self.networks[members] = Stacked(network, members, batch, self.series)
        return self.networks[members]

    def train(self, state: State, part: Part) -> None:
        recipe, device = self.recipe, self.series.device
        arrays = (state.weights, state.first, state.second, state.sums)
        w, first, second, sums = (torch.from_numpy(a).to(device) for a in arrays)
        terms = part.terms
        penalty = (terms.gradient, terms.decay, terms.threshold, terms.forecast)
        in_gradient, decay, threshold, in_forecast = (
            torch.from_numpy(a).to(device) for a in penalty
        )
        orders = torch.from_numpy(part.orders).to(device)
        lines, seeds = torch.from_numpy(part.lines).to(device).unbind(1)
        network, grad = self._network(len(w)), torch.empty_like(w)
        size = recipe.batch_size
        for batch in range(part.start, part.stop):
            rows = orders[lines, batch * size : (batch + 1) * size]
            count = rows.shape[1]
            rows = _padded(rows, size)
            x, y, spread, known = windows(recipe.network, self.series, rows)
            dropout = None
            if recipe.network.dropout > 0:
                dropout = masks(recipe.network, seeds, part.before + batch, size, self.series)
            out = network.forward(w, x, dropout, known)
            error, forecast = (out - y) * spread, out * spread  # in scaled units, as in `kernel.py`
            slope = spread * (self.loss.slope(error) + in_forecast[:, None, None] * forecast)
            error[:, :, count:] = slope[:, :, count:] = 0
            sums[:, 0] += self.loss.value(self._reported(error, rows)).sum((1, 2))
            network.backward(w, slope / size, grad, dropout)
            if in_gradient.shape[1]:
                grad += (count / size) * in_gradient * w
            self._clip(grad, sums)
            taken, rate = part.before + batch + 1, float(part.rates[batch])
            if decay.shape[1]:
                w *= 1 - rate * decay
            self._step(w, grad, first, second, taken, rate)
            if threshold.shape[1]:
                self._shrink(w, second, count / size * threshold, taken, rate)
        moved = (state.weights, state.first, state.second)
        for target, value in zip((*moved, state.sums), (w, first, second, sums), strict=True):
            target[:] = value.cpu().numpy()

    def _clip(self, grad: Tensor, sums: Tensor) -> None:
        """Each member's gradient to norm `clip_norm` where it is longer, as in `update.clip`."""
        norm, limit = grad.double().norm(dim=1), self.recipe.clip_norm
        sums[:, 1] += norm
        if limit:
            longer = norm > limit
            sums[:, 2] += longer
            factor = torch.where(longer, limit / (norm + 1e-6), 1.0)
            grad *= factor[:, None].to(grad.dtype)

    def _step(
        self, w: Tensor, grad: Tensor, first: Tensor, second: Tensor, count: int, rate: float
    ) -> None:
        """One step of the optimiser for all members; equations in `update.step`."""
        if self.recipe.optimizer == "adam":
            first.mul_(BETA1).add_(grad, alpha=1 - BETA1)
            second.mul_(BETA2).addcmul_(grad, grad, value=1 - BETA2)
            root = (1 - BETA2**count) ** 0.5
            denominator = second.sqrt().div_(root).add_(EPSILON)
            w.addcdiv_(first, denominator, value=-rate / (1 - BETA1**count))
        else:
            first.mul_(self.recipe.momentum if count > 1 else 0.0).add_(grad)
            w.add_(first, alpha=-rate)

    def _shrink(self, w: Tensor, second: Tensor, strength: Tensor, count: int, rate: float) -> None:
        """The proximal step of L1 with the length of the optimiser's step, as `update.shrink`."""
        limit = rate * strength
        if self.recipe.optimizer == "adam":
            limit = limit / (second.sqrt() / (1 - BETA2**count) ** 0.5 + EPSILON)
        w.copy_((w.abs() - limit).relu() * w.sign())

    def _reported(self, error: Tensor, rows: Tensor) -> Tensor:
        """Errors (K, O, B) of windows (K, B) in double precision, times the rescale of their rows."""
        factor = self.rescale[rows].double().transpose(1, 2)  # (K, C, B)
        return error.double() * factor.repeat(1, error.shape[1] // factor.shape[1], 1)

    def losses(self, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
        size, origins = self.recipe.batch_size, torch.from_numpy(rows).to(self.series.device)
        w = torch.from_numpy(np.ascontiguousarray(weights)).to(self.series.device)
        network = self._network(len(w))
        result = np.empty((len(w), len(LOSSES), len(rows)))
        for begin in range(0, len(rows), size):
            part = origins[begin : begin + size].expand(len(w), -1)
            padded = _padded(part, size)
            x, y, spread, known = windows(self.recipe.network, self.series, padded)
            y_hat = network.forward(w, x, future=known)
            error = self._reported((y_hat - y) * spread, padded)
            for index, loss in enumerate(LOSSES.values()):
                mean = loss.value(error).mean(1)[:, : part.shape[1]]
                result[:, index, begin : begin + size] = mean.cpu().numpy()
        return result


def _padded(rows: Tensor, size: int) -> Tensor:
    """(K, size): a short batch filled up with its first window, whose errors are then not counted."""
    missing = size - rows.shape[1]
    return torch.cat([rows, rows[:, :1].expand(-1, missing)], 1) if missing else rows
