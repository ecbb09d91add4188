"""Training of a chunk: some members of one cell and one fold, side by side on one thread.

A member's weights, curves and losses are a function of its recipe, λ, seed and data alone: not of the
other members of the chunk, of the moment it was interrupted, or of the worker that trains it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from stages.losses import LOSSES
from stages.train.engines.cpu import CompiledEngine
from stages.train.engines.engine import Engine, FoldData, Part, State
from stages.train.engines.penalty import terms
from stages.train.engines.state_gradients import start_and_end
from stages.train.planning.members import Member, Recipe

SLICE_SECONDS = 0.5  # of a compiled call at most: checkpoints and progress wait for its end


@dataclass
class Outcome:
    """A finished member: weights (n,), curves (E, 4), M measures of its validation windows (M, N) and of all
    training windows (M,), epochs, and the gradients of its hidden states at start and end (2, layers, S)."""

    weights: np.ndarray
    curves: np.ndarray
    window_losses: np.ndarray
    train_losses: np.ndarray
    epochs: int
    state_gradients: np.ndarray


def engine_for(recipe: Recipe, data: FoldData) -> Engine:
    """The engine of the recipe's device; torch is imported only where it trains."""
    if recipe.engine == "cpu":
        return CompiledEngine(recipe, data)
    if recipe.engine == "module":
        from stages.train.engines.module import ModuleEngine

        return ModuleEngine(recipe, data)
    from stages.train.engines.cuda import StackedEngine

    return StackedEngine(recipe, data, recipe.device)


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
        self.engine = engine_for(self.recipe, self.data)
        self.losses, self.trained = self.engine.losses, list(LOSSES).index(self.recipe.loss)
        self.rates = self.recipe.rates(-(-len(self.data.train) // self.recipe.batch_size))
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

    def _hand_over(self, indices: np.ndarray) -> None:
        state, stopping = self.state, bool(self.recipe.patience)
        weights = (state.best if stopping else state.weights)[indices]
        validation = self.losses(weights, self.data.validation)
        seeds = [self.members[k].seed for k in indices]
        data = self.data
        traces = start_and_end(
            self.recipe.network,
            data.series,
            data.train,
            weights,
            seeds,
            self.recipe.loss,
            self.recipe.init,
        )
        for w, losses, trace, k in zip(weights, validation, traces, indices, strict=True):
            # One member at a time: the losses of all training windows could be large.
            train = self.losses(w[None], self.data.train)[0].mean(1)
            epochs = int(state.best_epoch[k]) if stopping else state.epoch
            outcome = Outcome(w, state.curves[k], losses, train, epochs, trace)
            self.on_finish(self.members[k], outcome)

    def _keep(self, mask: np.ndarray) -> None:
        self.members = [m for m, keep in zip(self.members, mask, strict=True) if keep]
        self.terms.keep(mask)
        for name in State.ARRAYS:
            setattr(self.state, name, getattr(self.state, name)[mask])

    def _epoch(self) -> None:
        """Train the rest of the current epoch, then write its curves."""
        recipe, state = self.recipe, self.state
        count = len(self.data.train)
        batches = -(-count // recipe.batch_size)
        lines = np.array([[self.seeds.index(m.seed), m.seed] for m in self.members], np.int64)
        while state.batch < batches:
            stop = min(batches, state.batch + self._batches_a_call)
            began = time.perf_counter()
            part = Part(
                state.batch, stop, self._order(), lines, self.terms,
                self.rates[state.epoch], state.epoch * batches,
            )  # fmt: skip
            self.engine.train(state, part)
            spent = max(time.perf_counter() - began, 1e-6)
            self._batches_a_call = max(1, int((stop - state.batch) * SLICE_SECONDS / spent))
            state.batch = stop
            if stop < batches:
                self.on_pause(self)
        self._close_epoch(count, batches)
        self.on_pause(self)

    def _order(self) -> np.ndarray:
        """(U, N): this epoch's order of the training windows for each seed, the same for every λ.

        Without shuffling it is that of the rows: by series, then time.
        """
        if self._orders[0] != self.state.epoch:
            rows = self.data.train
            orders = np.empty((len(self.seeds), len(rows)), np.int64)
            for line, seed in enumerate(self.seeds):
                entropy = np.random.SeedSequence([seed, 1, self.state.epoch])
                generator = np.random.Generator(np.random.PCG64(entropy))
                orders[line] = rows
                if self.recipe.shuffle:
                    generator.shuffle(orders[line])  # in place: a permuted copy could be large
            self._orders = (self.state.epoch, orders)
        return self._orders[1]

    def _close_epoch(self, count: int, batches: int) -> None:
        state, curves = self.state, self.state.curves[:, self.state.epoch]
        curves[:, 0] = state.sums[:, 0] / (count * self.recipe.network.outputs)
        curves[:, 2] = state.sums[:, 1] / batches
        curves[:, 3] = state.sums[:, 2] / batches
        if len(self.data.validation):
            curves[:, 1] = self.losses(state.weights, self.data.validation)[:, self.trained].mean(1)
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
