"""Training of a chunk: some members of one cell and one fold, side by side on one thread.

A member's weights, curves and losses are a function of its recipe, λ, seed and data alone: not of the
members beside it, of the moment it was interrupted, or of the worker that trains it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from stages.artifacts.windows import Fold, Windows
from stages.networks.initial import initial_weights
from stages.networks.passes import window_losses
from stages.train.kernel import train_batches
from stages.train.members import Member, Recipe
from stages.train.penalty import terms
from stages.train.state_gradients import start_and_end
from stages.train.update import ADAM, SGD

CURVES = ("train_loss", "validation_loss", "gradient_norm", "clipped")
SLICE_SECONDS = (
    0.5  # a compiled call is bounded, so that checkpoints and progress are never far away
)


@dataclass(frozen=True)
class FoldData:
    """One fold, ready to be trained on: series (G, T, F) scaled, rows of its windows (int64)."""

    series: np.ndarray
    train: np.ndarray
    validation: np.ndarray


def fold_data(windows: Windows, fold: Fold, precision: str) -> FoldData:
    """The fold's part of the series, scaled: (G, T, F) in the working precision."""
    rows = np.concatenate([fold.train, fold.validation])
    length = windows.values.shape[1]
    stop = int((rows % length).max()) + windows.layout.horizon + 1
    series = np.empty((windows.values.shape[0], stop, windows.values.shape[2]), precision)
    for begin in range(0, stop, 1 << 18):  # slabs: no second copy in double precision
        part = windows.values[:, begin : min(begin + (1 << 18), stop)]
        series[:, begin : begin + part.shape[1]] = (part - fold.center[:, None]) / fold.scale[
            :, None
        ]
    return FoldData(
        series, _rebase(fold.train, length, stop), _rebase(fold.validation, length, stop)
    )


def _rebase(rows: np.ndarray, length: int, stop: int) -> np.ndarray:
    """Rows g·length + t of the whole series as rows of its first `stop` steps."""
    groups, origins = np.divmod(rows, length)
    return np.asarray(groups * stop + origins, np.int64)


@dataclass
class State:
    """Where a group of K members stands; all of them at the same batch of the same epoch."""

    epoch: int
    batch: int
    weights: np.ndarray  # (K, n)
    first: np.ndarray  # (K, n) moments of the optimiser
    second: np.ndarray
    sums: np.ndarray  # (K, 3) of the epoch that runs
    curves: np.ndarray  # (K, E, 4)
    best: np.ndarray  # (K, n) weights of the best validation loss; empty without early stopping
    best_loss: np.ndarray  # (K,)
    best_epoch: np.ndarray  # (K,) epochs trained at the best

    ARRAYS = ("weights", "first", "second", "sums", "curves", "best", "best_loss", "best_epoch")


@dataclass
class Outcome:
    """A finished member: weights (n,), curves (E, 4), validation losses (N,), train loss, epochs, and
    the gradients of its hidden states at start and end (2, layers, S)."""

    weights: np.ndarray
    curves: np.ndarray
    window_losses: np.ndarray
    train_mse: float
    epochs: int
    state_gradients: np.ndarray


def start_state(recipe: Recipe, members: list[Member]) -> State:
    """K members before their first step."""
    dtype, k = np.dtype(recipe.precision), len(members)
    weights = np.stack([initial_weights(recipe.network, m.seed) for m in members]).astype(dtype)
    best = weights.copy() if recipe.patience else weights[:, :0]
    return State(
        0, 0, weights, np.zeros_like(weights), np.zeros_like(weights), np.zeros((k, 3)),
        np.full((k, recipe.epochs, len(CURVES)), np.nan), best,
        np.full(k, np.inf), np.zeros(k, np.int64),
    )  # fmt: skip


@dataclass
class Chunk:
    """Trains the members of one group; `on_pause(chunk)` is called between compiled calls."""

    recipe: Recipe
    data: FoldData
    members: list[Member]
    state: State
    on_finish: Callable[[Member, Outcome], None]
    on_pause: Callable[[Chunk], None] = lambda chunk: None
    _batches_a_call: int = 1
    _orders: tuple[int, np.ndarray] = field(default=(-1, np.empty(0)))

    def __post_init__(self) -> None:
        network, dtype = self.recipe.network, np.dtype(self.recipe.precision)
        self.plan, size = network.plan(self.recipe.batch_size)
        self.workspace = np.zeros(size, dtype)
        self.grad = np.zeros(network.parameters, dtype)
        self.terms = terms(self.recipe, self.members, len(self.data.train))
        self.seeds = sorted({m.seed for m in self.members})

    def run(self) -> None:
        """Train all to their end; `on_finish(member, outcome)` is called for each as it ends."""
        while self.members:
            over = self._finished()  # first: a checkpoint may have been the last epoch's
            if over.any():
                self._hand_over(np.flatnonzero(over))
                self._keep(~over)
            else:
                self._epoch()

    def _hand_over(self, places: np.ndarray) -> None:
        state, stopping = self.state, bool(self.recipe.patience)
        weights = (state.best if stopping else state.weights)[places]
        validation = self.losses(weights, self.data.validation)
        seeds = [self.members[place].seed for place in places]
        data = self.data
        traces = start_and_end(self.recipe.network, data.series, data.train, weights, seeds)
        for w, losses, trace, place in zip(weights, validation, traces, places, strict=True):
            # One member at a time: the losses of all training windows could be large.
            train = float(self.losses(w[None], self.data.train).mean())
            epochs = int(state.best_epoch[place]) if stopping else state.epoch
            outcome = Outcome(w, state.curves[place], losses, train, epochs, trace)
            self.on_finish(self.members[place], outcome)

    def _keep(self, mask: np.ndarray) -> None:
        self.members = [m for m, kept in zip(self.members, mask, strict=True) if kept]
        self.terms.keep(mask)
        for name in State.ARRAYS:
            setattr(self.state, name, getattr(self.state, name)[mask])

    def _epoch(self) -> None:
        """The rest of the epoch that the state stands in, then its curves."""
        recipe, state, own = self.recipe, self.state, self.terms
        count = len(self.data.train)
        batches = -(-count // recipe.batch_size)
        lines = np.array([[self.seeds.index(m.seed), m.seed] for m in self.members], np.int64)
        while state.batch < batches:
            stop = min(batches, state.batch + self._batches_a_call)
            began = time.perf_counter()
            train_batches(
                self.plan, self.workspace, self.data.series, self._order(), state.batch, stop,
                recipe.batch_size, state.weights, state.first, state.second, self.grad,
                own.gradient, own.decay, own.threshold, own.forecast,
                lines, recipe.network.dropout,
                ADAM if recipe.optimizer == "adam" else SGD, float(recipe.rates()[state.epoch]),
                recipe.momentum, recipe.clip_norm or 0.0, state.epoch * batches, state.sums,
            )  # fmt: skip
            spent = max(time.perf_counter() - began, 1e-6)
            self._batches_a_call = max(1, int((stop - state.batch) * SLICE_SECONDS / spent))
            state.batch = stop
            if stop < batches:
                self.on_pause(self)
        self._close_epoch(count, batches)
        self.on_pause(self)

    def _order(self) -> np.ndarray:
        """(U, N): this epoch's order of the training windows for each seed, the same for every λ."""
        if self._orders[0] != self.state.epoch:
            rows = self.data.train
            orders = np.empty((len(self.seeds), len(rows)), np.int64)
            for line, seed in enumerate(self.seeds):
                entropy = np.random.SeedSequence([seed, 1, self.state.epoch])
                generator = np.random.Generator(np.random.PCG64(entropy))
                orders[line] = generator.permutation(rows)
            self._orders = (self.state.epoch, orders)
        return self._orders[1]

    def _close_epoch(self, count: int, batches: int) -> None:
        state, curves = self.state, self.state.curves[:, self.state.epoch]
        curves[:, 0] = state.sums[:, 0] / (count * self.recipe.network.outputs)
        curves[:, 2] = state.sums[:, 1] / batches
        curves[:, 3] = state.sums[:, 2] / batches
        if len(self.data.validation):
            curves[:, 1] = self.losses(state.weights, self.data.validation).mean(1)
        state.epoch, state.batch = state.epoch + 1, 0
        state.sums[:] = 0
        if self.recipe.patience:
            better = curves[:, 1] < state.best_loss
            state.best[better], state.best_loss[better] = state.weights[better], curves[better, 1]
            state.best_epoch[better] = state.epoch

    def _finished(self) -> np.ndarray:
        """(K,) bool."""
        over = np.array([self.state.epoch >= m.epochs for m in self.members])
        if self.recipe.patience:
            over |= self.state.epoch - self.state.best_epoch >= self.recipe.patience
        return over

    def losses(self, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(K, N) mean squared error of each window in scaled units."""
        result = np.empty((len(weights), len(rows)))
        window_losses(self.plan, self.workspace, self.data.series, rows, weights, result)
        return result
