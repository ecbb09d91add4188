"""What a chunk of members is trained on, and its state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from stages.artifacts.windows import Fold, Windows
from stages.forecast.scaled import scaled
from stages.networks.initial import initial_weights
from stages.train.engines.penalty import Terms
from stages.train.planning.members import Member, Recipe, rebased

CURVES = ("train_loss", "validation_loss", "gradient_norm", "clipped")


@dataclass(frozen=True)
class FoldData:
    """One fold, ready to be trained on.

    series: (V, F), scaled. train, validation: rows of its windows (int64). rescale: (V, C), what turns errors
    in the fold's scaled units into those of the split's training part, in which losses are reported.
    """

    series: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    rescale: np.ndarray


def fold_data(windows: Windows, fold: Fold, precision: str) -> FoldData:
    """What the fold's windows touch of the series, scaled, in the working precision."""
    lines = windows.touched(fold)
    series = scaled(windows.values, lines, fold.center, fold.scale, precision)
    groups, sizes = list(lines), [line.stop - line.start for line in lines.values()]
    rescale = np.repeat(windows.rescale(fold)[groups].astype(precision), sizes, axis=0)
    train, validation = (rebased(windows, lines, r) for r in (fold.train, fold.validation))
    return FoldData(series, train, validation, rescale)


@dataclass
class State:
    """The state of a group of K members, all of them at the same batch of the same epoch."""

    epoch: int
    batch: int
    weights: np.ndarray  # (K, n)
    first: np.ndarray  # (K, n) moments of the optimiser
    second: np.ndarray
    sums: np.ndarray  # (K, 3) of the current epoch
    curves: np.ndarray  # (K, E, 4)
    best: np.ndarray  # (K, n) weights of the best validation loss; empty without early stopping
    best_loss: np.ndarray  # (K,)
    best_epoch: np.ndarray  # (K,) epochs trained at the best

    ARRAYS = ("weights", "first", "second", "sums", "curves", "best", "best_loss", "best_epoch")


def start_state(recipe: Recipe, members: list[Member]) -> State:
    """K members before their first step."""
    dtype, k = np.dtype(recipe.precision), len(members)
    weights = np.stack(
        [initial_weights(recipe.network, m.seed, recipe.init) for m in members]
    ).astype(dtype)
    best = weights.copy() if recipe.patience else weights[:, :0]
    return State(
        0, 0, weights, np.zeros_like(weights), np.zeros_like(weights), np.zeros((k, 3)),
        np.full((k, recipe.epochs, len(CURVES)), np.nan), best,
        np.full(k, np.inf), np.zeros(k, np.int64),
    )  # fmt: skip


@dataclass(frozen=True)
class Part:
    """Batches start … stop−1 of an epoch, for K members.

    orders (U, N): the epoch's order of training windows for each of U seeds. lines (K, 2) int64: a member's
    line of `orders`, and its seed. terms: the members' penalty. rates: (batches,) of the epoch, the learning
    rate of each. before: optimiser steps taken before batch 0.
    """

    start: int
    stop: int
    orders: np.ndarray
    lines: np.ndarray
    terms: Terms
    rates: np.ndarray
    before: int


class Engine(Protocol):
    """Trains and evaluates members of one recipe on one fold: in `cpu.py`, `cuda.py`, `module.py`."""

    def train(self, state: State, part: Part) -> None:
        """Update weights and moments over the part's batches, and add to `state.sums`."""

    def losses(self, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(K, M, N) each measure of LOSSES of each window, in scaled units of the split's training part."""
