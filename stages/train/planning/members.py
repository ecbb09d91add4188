"""Members of a study: what each is, and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from stages.artifacts.windows import Windows
from stages.networks.shape import Network

PenaltyKind = Literal["l2", "decoupled", "l1", "elastic_net", "predictions"]


@dataclass(frozen=True)
class Recipe:
    """How a cell's members are trained; the same for all of them except for λ, seed and fold.

    `epochs` is the schedule's length; a member may stop earlier (`Member.epochs`).
    """

    network: Network
    epochs: int
    batch_size: int
    optimizer: Literal["adam", "sgd"]
    momentum: float
    learning_rate: float
    schedule: Literal["constant", "cosine"]
    clip_norm: float | None
    patience: int | None
    multipliers: tuple[float, float, float]  # input, recurrent, head
    precision: Literal["float32", "float64"] = "float32"
    penalty: PenaltyKind = "l2"  # see `penalty.py`
    ratio: float | None = None  # ρ of an elastic net
    device: Literal["cpu", "cuda"] = "cpu"
    loss: str = "squared"  # a row of LOSSES
    warmup: float = 0.0  # share of the steps over which the rate rises
    init: str = "glorot"  # a row of INITS
    shuffle: bool = True  # each epoch's order of windows is drawn anew; else that of the rows

    @property
    def engine(self) -> str:
        """What trains it: cpu, cuda, or module, which is torch on one thread of the CPU."""
        return "module" if self.network.module is not None else self.device

    def rates(self, batches: int) -> np.ndarray:
        """(E, batches) the learning rate of each of the optimiser's steps, t = 0 … T − 1, T = E · batches.

            η_t = η (t + 1)/(w + 1)                              the warm-up, t < w = ⌊warmup · T⌋
            η_t = η   or   η/2 (1 + cos π (t − w)/(T − w))       constant or cosine from then on

        As torch's LinearLR(1/(w + 1), total_iters=w), then CosineAnnealingLR(T_max=T − w), stepped after each
        batch (Loshchilov & Hutter 2017).
        """
        total = self.epochs * batches
        warm, steps = int(self.warmup * total + 1e-9), np.arange(total)
        rates = np.full(total, self.learning_rate)
        if self.schedule == "cosine":
            rates *= (1 + np.cos(np.pi * (steps - warm) / max(1, total - warm))) / 2
        rates[:warm] = self.learning_rate * (steps[:warm] + 1) / (warm + 1)
        return rates.reshape(self.epochs, batches)


@dataclass(frozen=True)
class Member:
    """One network: (λ, seed, fold), trained for `epochs` epochs."""

    lam: float
    seed: int
    fold: str
    epochs: int


def rebased(windows: Windows, lines: dict[int, slice], rows: np.ndarray) -> np.ndarray:
    """Rows of windows, counted as if the rows of `lines` (group → rows) followed one another."""
    shift, total = np.zeros(len(windows.first), np.int64), 0
    for group, line in lines.items():
        shift[group] = total - line.start
        total += line.stop - line.start
    if not shift.any():
        return np.array(rows, np.int64)
    return np.asarray(rows + shift[windows.group_origin(rows)[0]], np.int64)
